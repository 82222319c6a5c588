"""Messages to addresses that people type in. They never lead into the own network.

A host is resolved once, in bounded time. Everything it resolves to is looked at, and the connection is made to an
address that was looked at: a name that means something else a moment later is not asked again. Redirects are not
followed, proxies of the environment are not used.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

SECONDS = 15
# How long a name is looked up, and how many at once: one that nobody answers lasts for as long as the C library waits.
LOOKUP_SECONDS, MOST_LOOKUPS = 10, 20
_lookups = threading.BoundedSemaphore(MOST_LOOKUPS)
# How much of an answer is read, and how much of that is kept.
MOST_BYTES, MOST_KEPT = 4096, 500
MOST_CHARACTERS = 2000
# Printable ASCII without blanks and backslashes, which programs read in more than one way.
PLAIN = re.compile(r"[!-\[\]-~]+")
LOWEST_PORT = 1024

# What is reached inside some network, or by nobody: the special-purpose registries of IANA, whichever version of Python
# knows of what; and where a cloud tells its machines their keys under a public address.
CLOSED = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
        "2001::/23", "2001:db8::/32", "3fff::/20",
    )
]  # fmt: skip
# Of IPv6 only what is given out to the world; and what stands for an IPv4 address, which is looked at instead.
GLOBAL_6 = ipaddress.ip_network("2000::/3")
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Unreachable(Exception):
    """An address that nothing is sent to; ``explain`` says why and what to do."""

    def __init__(self, sentence):
        super().__init__(str(sentence))
        self.sentence = sentence

    def explain(self, env):
        return env._(self.sentence)


class NotFoundInTime(Unreachable):
    """A host of which the resolver has said nothing in time; it may answer later."""


class Target(NamedTuple):
    """Where a message goes; ``addresses`` were looked at."""

    scheme: str
    host: str
    port: int
    path: str
    addresses: list


class Answer(NamedTuple):
    """What came of a message: the status, or the ``problem`` because of which there is none.

    ``problem``: ``address``, ``timeout``, ``tls`` or ``connection``. ``retry_after`` is how long to wait at least.
    """

    status: int = None
    text: str = ""
    problem: str = None
    retry_after: timedelta = None

    @property
    def is_accepted(self):
        return self.status is not None and 200 <= self.status < 300


# === ADDRESSES === #


def find_target(url, allowed=(), seconds=LOOKUP_SECONDS):
    """Return the ``Target`` of a URL, its host resolved.

    :param allowed: ``host:port`` of receivers in the own network that may be reached, and without TLS
    :param seconds: how long to wait for the resolver
    :raise NotFoundInTime: no answer from it
    :raise Unreachable: not a URL that messages are sent to, an unknown host, or an address in some network
    """
    if not PLAIN.fullmatch(url or "") or len(url) > MOST_CHARACTERS:
        raise Unreachable(_lt("Address: write it like https://platform.example/hook, without blanks or accents."))
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or "%" in host or "#" in url:
        raise Unreachable(_lt("Address: write it like https://platform.example/hook."))
    if "@" in parts.netloc:
        raise Unreachable(_lt("Address: leave user and password out; messages are signed instead."))
    port = port or (443 if parts.scheme == "https" else 80)
    is_allowed = f"{host}:{port}" in allowed
    if parts.scheme != "https" and not (is_allowed and parts.scheme == "http"):
        raise Unreachable(_lt("Address: it begins with https://."))
    if not is_allowed and port != 443 and port < LOWEST_PORT:
        raise Unreachable(_lt("Address: port %s is another service's; use 443, or one from 1024.", port))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path, _resolve(host, port, is_allowed, seconds))


def _resolve(host, port, is_allowed, seconds):
    try:
        found = _look_up(host, port, seconds)
    except TimeoutError:
        raise NotFoundInTime(
            _lt("Address: the name server has not answered for %s in time; try again in a minute.", host)
        ) from None
    except (OSError, UnicodeError):
        raise Unreachable(_lt("Address: there is no host %s; look for a mistyped letter.", host)) from None
    addresses = list(dict.fromkeys(entry[4][0] for entry in found))
    if not is_allowed and not all(map(is_public, addresses)):
        raise Unreachable(_lt("Address: %s is inside a network; messages are sent to public addresses only.", host))
    return addresses


def _look_up(host, port, seconds):
    """Return what ``getaddrinfo`` finds. It has no timeout of its own, so it works in a thread that nobody waits for.

    :raise TimeoutError: nothing within ``seconds``
    """
    if not _lookups.acquire(timeout=seconds):
        raise TimeoutError
    found = Future()

    def ask():
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:
            found.set_exception(error)
        finally:
            _lookups.release()

    try:
        threading.Thread(target=ask, name=f"look-up of {host}", daemon=True).start()
    except RuntimeError:  # the process may have no more threads
        _lookups.release()
        raise TimeoutError from None
    return found.result(seconds)


def is_public(address):
    """Tell whether an IP address (text) is somewhere in the world, and not in a network of somebody's."""
    address = ipaddress.ip_address(address.partition("%")[0])
    if address.version == 6:
        last = ipaddress.IPv4Address(address.packed[-4:])
        inside = last if address in NAT64 else address.ipv4_mapped or address.sixtofour
        if inside:
            return is_public(str(inside))
        if address not in GLOBAL_6:
            return False
    return not any(address in network for network in CLOSED if network.version == address.version)


# === SENDING === #


def post(url, body, headers, allowed=(), seconds=SECONDS):
    """Post ``body``; return the ``Answer`` within ``seconds`` from the connection on, however slowly it comes.

    Before it the host is looked up, for as long at most, and no longer than ``LOOKUP_SECONDS``.
    """
    try:
        target = find_target(url, allowed, min(seconds, LOOKUP_SECONDS))
    except NotFoundInTime as error:
        return Answer(problem="timeout", text=str(error))
    except Unreachable as error:
        return Answer(problem="address", text=str(error))
    connection = _Connection(target, seconds)
    watchdog = threading.Timer(seconds, connection.abort)
    watchdog.daemon = True
    watchdog.start()
    try:
        return _exchange(connection, target, body, headers)
    except ssl.SSLError as error:
        problem, text = "tls", str(error)
    except (OSError, http.client.HTTPException) as error:
        problem, text = "connection", getattr(error, "strerror", None) or str(error)
    finally:
        watchdog.cancel()
        connection.close()
    if connection.is_late():
        return Answer(problem="timeout")
    return Answer(problem=problem, text=to_text(text.encode()))


def _exchange(connection, target, body, headers):
    connection.request("POST", target.path, body, headers)
    response = connection.getresponse()
    if connection.is_late():
        return Answer(problem="timeout")  # cut off in the middle of the headers, which is read as their end
    try:
        text = to_text(response.read(MOST_BYTES))
    except (OSError, http.client.HTTPException):
        text = ""  # the status counts
    return Answer(response.status, text, retry_after=_read_pause(response.headers.get("Retry-After")))


def to_text(answer):
    """Return the beginning of an answer as text that can be kept and shown."""
    text = "".join(sign if sign.isprintable() else " " for sign in answer.decode("utf-8", "replace"))
    return " ".join(text.split())[:MOST_KEPT]


def _read_pause(header):
    """Return how long a receiver asks to wait (seconds, or a date), or None."""
    header = (header or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", header):
        return timedelta(seconds=int(header))
    try:
        until = parsedate_to_datetime(header)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(until - datetime.now(UTC), timedelta())


class _Connection(http.client.HTTPConnection):
    """A connection to the addresses that were looked at; the certificate is that of the host's name."""

    def __init__(self, target, seconds):
        super().__init__(target.host, target.port, timeout=seconds)
        self.target, self.ends_at = target, time.monotonic() + seconds
        self.default_port = 443 if target.scheme == "https" else 80

    def is_late(self):
        return time.monotonic() >= self.ends_at

    def connect(self):
        self.sock = self._open()
        if self.target.scheme == "https":
            # Not in one step: `abort` has to find the socket that waits.
            self.sock = _trusted().wrap_socket(
                self.sock, server_hostname=self.target.host, do_handshake_on_connect=False
            )
            self.sock.do_handshake()

    def _open(self):
        error = None
        for address in self.target.addresses:
            left = self.ends_at - time.monotonic()
            if left <= 0:
                raise TimeoutError
            try:
                return socket.create_connection((address, self.target.port), timeout=left)
            except OSError as found:
                error = found
        raise error

    def abort(self):
        """End whatever is being waited for: each byte of an answer may come just in time, and all of them too late."""
        try:
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
        except (OSError, TypeError):
            pass  # there is none any more, or none yet, which has its own timeout


def _trusted():
    context = ssl.create_default_context()
    # A bare machine may have no certificates of its own.
    context.load_verify_locations(requests.certs.where())
    return context
