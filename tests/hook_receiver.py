"""A receiver of webhooks on loopback, that checks signatures by the library of the specification's authors."""

import json
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError


class Receiver:
    """``received``: (headers, body as bytes) of what came; ``accepted``: the contents whose signature was right.

    ``answers``: what to answer next, a status or a function of the request's handler; then 204. ``secret`` is what the
    receiver knows.
    """

    def __init__(self, certificate=None):
        self.received, self.accepted, self.answers, self.secret = [], [], [], None
        self.always = 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver._take(self)

            def log_message(self, *_arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_arguments: None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.names = []
            context.sni_callback = lambda _socket, name, _context: self.names.append(name)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}/hook?of=wallets"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def _take(self, handler):
        body = handler.rfile.read(int(handler.headers["content-length"]))
        self.received.append((dict(handler.headers), body))
        answer = self.answers.pop(0) if self.answers else self.always
        if callable(answer):
            answer = answer(handler)
        if answer is None:
            return
        try:
            content = Webhook(self.secret).verify(body, {k.lower(): v for k, v in handler.headers.items()})
        except (WebhookVerificationError, TypeError):
            answer = 401
        else:
            if 200 <= answer < 300:
                self.accepted.append({"id": handler.headers["webhook-id"], **content})
        handler.send_response(answer)
        text = b"" if answer == 204 else json.dumps({"seen": len(self.received)}).encode()
        if text:
            handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def ids(self):
        return [headers["webhook-id"] for headers, _body in self.received]


def answer_with(status, **headers):
    """An answer with headers of its own."""

    def answer(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def hang_up(handler):
    """No answer at all."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def drip(handler):
    """A byte of a header line now and then, for ever."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _second in range(300):
        handler.wfile.write(b"a")
        handler.wfile.flush()
        time.sleep(0.1)


@contextmanager
def receiving(**values):
    receiver = Receiver(**values)
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
