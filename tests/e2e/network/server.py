"""server.py DIR: HTTPS on port 443 of every address: the files below the working
directory; /whoami says which name the client asked for in its TLS hello."""

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

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    request_queue_size = 128

    def get_request(self):
        connection, address = super().get_request()
        # The handshake belongs to the connection's own thread.
        return context.wrap_socket(connection, server_side=True,
                                   do_handshake_on_connect=False), address

    def handle_error(self, request, client_address):
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(directory / "server.pem", directory / "server.key")
server = Server(("::", 443), Handler)
(directory / "listening").touch()
server.serve_forever()
