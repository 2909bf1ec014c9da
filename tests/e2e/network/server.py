"""server.py DIR NAME: HTTPS on port 443 of every address: the files below the working
directory. /whoami says which host was asked for, a POST gives back what came with it.
Who does not begin with TLS is told "plain". Makes the file DIR/NAME when it listens."""

import http.server
import pathlib
import socket
import ssl
import sys

directory = pathlib.Path(sys.argv[1])


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path != "/whoami":
            return super().do_GET()
        body = f"{self.headers.get('Host')}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = f"{self.headers.get('Authorization')}\n".encode() + sent
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    request_queue_size = 128

    def finish_request(self, request, client_address):
        # In the connection's own thread, as is the handshake.
        if request.recv(1, socket.MSG_PEEK) not in (b"\x16", b""):
            return request.sendall(b"plain\n")
        with context.wrap_socket(request, server_side=True) as connection:
            super().finish_request(connection, client_address)

    def handle_error(self, request, client_address):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(directory / "server.pem", directory / "server.key")
server = Server(("::", 443), Handler)
(directory / sys.argv[2]).touch()
server.serve_forever()
