#!/usr/bin/python3
"""An HTTPS server that tells about its connection: tls_server.py ADDRESS PORT CERT KEY [CLIENT-CA]. Answers JSON: TLS version,
whether the session was resumed, the name asked for, the subject of the client's certificate, the number of its connection."""
import itertools
import json
import socketserver
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

numbers = itertools.count(1)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        self.request.do_handshake()
        self.number = next(numbers)
        super().setup()

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        cert = self.connection.getpeercert()
        text = json.dumps({
            "version": self.connection.version(), "resumed": self.connection.session_reused, "sni": names.get(self.connection),
            "client": dict(pair[0] for pair in cert["subject"]) if cert else None, "connection": self.number, "received": len(body),
            "host": self.headers.get("Host"),
        }).encode()
        if "size=" in self.path:
            text = b"x" * int(self.path.split("size=")[1])
        if "late" in self.path:
            threading.Event().wait(1)
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        if "close" in self.path:
            self.send_header("Connection", "close")
        self.end_headers()
        if "slow" in self.path:
            threading.Event().wait(1)
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def server_bind(self):  # without a look-up of the host's name
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address):
        pass


names = {}


def remember(sock, name, _):
    names[sock] = name


address, port, cert, key = sys.argv[1:5]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
context.sni_callback = remember
if len(sys.argv) > 5:
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(sys.argv[5])
server = Server((address, int(port)), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
