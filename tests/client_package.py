"""The client, imported from where it lies in the repository, and a proxy that gets in its way."""

import http.client
import http.server
import socket
import sys
import threading
from collections import deque
from pathlib import Path
from urllib.parse import urlsplit

FOLDER = Path(__file__).resolve().parents[1] / "clients/python"
sys.path.insert(0, str(FOLDER))
import call_wallet_client  # noqa: E402, F401 -- found by the path above; the tests take it from here
from call_wallet_client import *  # noqa: E402, F403 -- likewise all that the package offers
from call_wallet_client import records, transport  # noqa: E402, F401 -- likewise

sys.path.remove(str(FOLDER))

PASS, DROP, HALF, HANG = "pass", "drop", "half", "hang"


class Proxy:
    """Stands between a client and a server, and does with each request what comes next in ``plan``.

    ``PASS``: forward it (also when the plan is over); ``DROP``: forward it and lose the answer; ``HALF``: answer half
    of the answer; ``HANG``: never answer; a number, or (number, headers): answer with this status, forward nothing.
    """

    def __init__(self, url, plan=()):
        self.target, self.plan, self.seen = urlsplit(url), deque(plan), []
        self.lock, self.over = threading.Lock(), threading.Event()
        handler = type("Handler", (_Handler,), {"proxy": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_error):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def next_step(self, path):
        with self.lock:
            self.seen.append(path)
            return self.plan.popleft() if self.plan else PASS


class _Handler(http.server.BaseHTTPRequestHandler):
    proxy = None
    # Connections are kept, as proxies in front of Odoo keep them.
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        step = self.proxy.next_step(self.path)
        if step == HANG:
            self.proxy.over.wait(60)
        elif step in (PASS, DROP, HALF):
            self._forward(body, step)
        else:
            status, headers, *content = step if isinstance(step, tuple) else (step, {})
            self._answer(status, headers, *(content or [b"<html>in the way</html>"]))
        if step in (HANG, DROP, HALF):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _forward(self, body, step):
        target = http.client.HTTPConnection(self.proxy.target.hostname, self.proxy.target.port, timeout=60)
        try:
            target.request("POST", self.path, body, dict(self.headers))
            response = target.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            self._answer(502, {}, b"")
            return
        finally:
            target.close()
        if step != DROP:
            half = len(answer) // 2 if step == HALF else None
            kind = {"Content-Type": response.headers["Content-Type"]}
            self._answer(response.status, kind, answer[:half], len(answer))

    def _answer(self, status, headers, content, length=None):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments):
        pass
