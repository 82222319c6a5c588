"""One request until it is answered: connections that are kept, and repeating what may be repeated."""

from __future__ import annotations

import http.client
import json
import random
import ssl
import threading
import time
import urllib.parse
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from .errors import NotAllowed, RequestRefused, Unreachable

# A proxy in trouble, a server or a database that restarts. Requests count once, so all of them may be repeated.
PASSING = {429, 500, 502, 503, 504}
BROKEN = (OSError, http.client.HTTPException)
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
MOST_IDLE = 32


class Transport:
    """Posts JSON and returns JSON. For any number of threads."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout: float, context: ssl.SSLContext | None) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address such as https://odoo.example.com")
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path.rstrip("/")
        self._context = (context or ssl.create_default_context()) if parts.scheme == "https" else None
        self._headers, self._timeout = dict(headers), timeout
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def post(self, path: str, body: Any, patience: float) -> Any:
        """Return the answer to a request, repeated until there is one: also while the server's database restarts.

        :param patience: seconds after which no more attempt begins
        :raise NotAllowed: 401 or 403
        :raise RequestRefused: any other status below 500 but 429
        :raise Unreachable: no answer in time
        """
        content = json.dumps(body).encode()
        end = time.monotonic() + patience
        attempt = 0
        while True:
            attempt += 1
            try:
                status, answer, wait = self._once(path, content, max(0.1, min(self._timeout, end - time.monotonic())))
                if status == 200:
                    return json.loads(answer)
                if status not in PASSING and not _has_no_database(status, answer):
                    raise _refusal(status, answer)
                problem = f"status {status}"
            except BROKEN as error:
                problem, wait = f"{type(error).__name__}: {error}", 0.0
            except ValueError as error:
                problem, wait = f"the answer is no JSON: {error}", 0.0
            # Clients that were cut off together must not come back together.
            pause = max(wait, random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))
            if time.monotonic() + pause > end:
                raise Unreachable(f"{path}: no answer after {attempt} attempts in {patience:g} s; the last: {problem}")
            time.sleep(pause)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _once(self, path: str, content: bytes, timeout: float) -> tuple[int, bytes, float]:
        """Send once; return status, body, and for how long the server asks to wait."""
        while True:
            connection, is_fresh = self._connection(timeout)
            try:
                connection.request("POST", self._path + path, content, self._headers)
                response = connection.getresponse()
                answer = response.read()
            except BROKEN as error:
                connection.close()
                # The server has closed a connection that was kept; that says nothing about the server.
                if not is_fresh and isinstance(error, (ConnectionError, http.client.RemoteDisconnected)):
                    continue
                raise
            except BaseException:
                connection.close()
                raise
            self._keep(connection, response)
            return response.status, answer, _wait(response.headers.get("Retry-After"))

    def _connection(self, timeout: float) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        if kept:
            kept.sock.settimeout(timeout)
            return kept, False
        if self._context:
            secure = http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._context)
            return secure, True
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout), True

    def _keep(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        with self._lock:
            if not response.will_close and len(self._idle) < MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()


def _wait(header: str | None) -> float:
    """Return the seconds that a `Retry-After` asks for: a number, or a date."""
    if not header:
        return 0.0
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(timezone.utc)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _has_no_database(status: int, answer: bytes) -> bool:
    """Tell whether Odoo says by this that its PostgreSQL restarts.

    It then finds no database, and answers 404 with a page; what the API does not find it says in JSON. A session
    that ends while the key is looked up it calls "Access Denied", which is neither a wrong key nor a missing right.
    """
    if status not in (403, 404):
        return False
    try:
        body = json.loads(answer)
    except ValueError:
        return status == 404
    name = body.get("name") if isinstance(body, dict) else None
    return status == 403 and name == "odoo.exceptions.AccessDenied"


def _refusal(status: int, answer: bytes) -> RequestRefused:
    try:
        body = json.loads(answer)
        name, message = str(body["name"]), str(body["message"])
    except (ValueError, TypeError, KeyError):
        name, message = "", answer[:200].decode("utf-8", "replace")
    kind = NotAllowed if status in (401, 403) else RequestRefused
    return kind(status, name, message)
