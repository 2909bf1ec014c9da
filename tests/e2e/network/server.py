"""server.py DIR NAME: HTTPS on port 443 of every address: the files below the working
directory. /whoami says which host was asked for, /server NAME, /endless sends for ever,
/streams says how many of those there are and were, /v1/messages plays a model (DIR/keys has
the keys that it was asked under), /keys gives back every key that came with a POST and what
was posted, and another POST that alone. Who does not begin with TLS is told "plain". Makes
the file DIR/NAME when it listens."""

import http.server
import json
import pathlib
import socket
import ssl
import sys
import threading

sys.dont_write_bytecode = True  # beside the source
import model  # noqa: E402

directory = pathlib.Path(sys.argv[1])


class Streams:
    """Of /endless."""
    lock = threading.Lock()
    open = 0
    begun = 0

    def __enter__(self):
        with self.lock:
            self.open += 1
            self.begun += 1

    def __exit__(self, *failure):
        with self.lock:
            self.open -= 1


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/whoami":
            return self.reply("text/plain", f"{self.headers.get('Host')}\n".encode())
        if self.path == "/server":
            return self.reply("text/plain", f"{sys.argv[2]}\n".encode())
        if self.path == "/streams":
            return self.reply("text/plain", f"{streams.open} {streams.begun}\n".encode())
        if self.path == "/endless":
            return self.send_for_ever()
        return super().do_GET()

    def send_for_ever(self):
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        with streams:
            while True:
                self.wfile.write(b"x" * 65536)

    def do_POST(self):
        sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path.split("?")[0] == "/v1/messages":
            with open(directory / "keys", "a", encoding="utf-8") as keys:
                print(self.headers.get("X-Api-Key"), file=keys)
            return self.reply(*model.answer(json.loads(sent)))
        if self.path.startswith("/keys"):
            shown = [self.headers.get(name) for name in ("Authorization", "X-Api-Key", "Cookie")]
            shown.append(self.path.partition("?")[2])
            return self.reply("text/plain", " ".join(filter(None, shown)).encode() + b"\n" + sent)
        return self.reply("text/plain", b"posted\n" + sent)

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


streams = Streams()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(directory / "server.pem", directory / "server.key")
server = Server(("::", 443), Handler)
(directory / sys.argv[2]).touch()
server.serve_forever()
