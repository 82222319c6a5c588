"""Where messages go: not into the own network, and no longer than a receiver may take."""

import socket
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .hook_receiver import answer_with, drip, receiving

BODY, HEADERS = b"{}", {"webhook-id": "evt_1"}

CLOSED = """
127.0.0.1 127.8.9.10 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 100.100.100.200
192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
168.63.129.16 :: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 fe80::1 fe80::1%eth0 fec0::1 fc00::1 fd00:ec2::254
ff02::1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::a00:1 2002:7f00:1:: 2002:a00:1:: 2002:a9fe:a9fe::1 2001::1
2001:db8::1 100::1 3fff::1
""".split()
OPEN = """
8.8.8.8 1.1.1.1 172.32.0.1 100.128.0.1 2606:4700:4700::1111 2a00:1450::1 64:ff9b::808:808 2002:808:808::1
""".split()

REFUSED = [
    "http://example.com/hook",
    "ftp://example.com/hook",
    "file:///etc/passwd",
    "https://",
    "https:///hook",
    "//example.com/hook",
    "example.com/hook",
    "",
    "https://user:password@example.com/hook",
    "https://example.com@127.0.0.1/hook",
    "https://127.0.0.1/hook",
    "https://127.0.0.1:8069/hook",
    "https://localhost/hook",
    "https://localhost./hook",
    "https://LOCALHOST/hook",
    "https://127.1/hook",
    "https://2130706433/hook",
    "https://0x7f000001/hook",
    "https://0177.0.0.1/hook",
    "https://0/hook",
    "https://[::1]/hook",
    "https://[::ffff:127.0.0.1]/hook",
    "https://[fe80::1%25eth0]/hook",
    "https://169.254.169.254/latest/meta-data/",
    "https://10.0.0.1/hook",
    "https://8.8.8.8:22/hook",
    "https://8.8.8.8:80/hook",
    "https://8.8.8.8:70000/hook",
    "https://8.8.8.8/hook#part",
    "https://8.8.8.8\\@127.0.0.1/hook",
    "https://8.8.8.8/ho ok",
    "https://8.8.8.8/hook\r\nHost: other",
    "https://\uff11\uff12\uff17.0.0.1/hook",
    "https://no-such-host.invalid/hook",
    "https://8.8.8.8/" + "a" * 3000,
]


@pytest.fixture
def outbound():
    from odoo.addons.call_wallet.tools import outbound

    return outbound


@pytest.mark.parametrize("address", CLOSED)
def test_addresses_inside_some_network_are_told(outbound, address):
    assert not outbound.is_public(address)


@pytest.mark.parametrize("address", OPEN)
def test_public_addresses_are_told(outbound, address):
    assert outbound.is_public(address)


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_that_leads_inside_or_nowhere_is_refused(outbound, url):
    with pytest.raises(outbound.Unreachable):
        outbound.find_target(url)


@pytest.mark.parametrize("url", ["https://8.8.8.8/hook?a=b", "https://8.8.8.8:8443", "https://[2606:4700:4700::1111]/"])
def test_a_public_url_is_a_target(outbound, url):
    target = outbound.find_target(url)
    assert (target.port, target.path) in [(443, "/hook?a=b"), (8443, "/"), (443, "/")]


def test_only_the_named_receiver_in_the_own_network_is_allowed(outbound):
    allowed = frozenset(["127.0.0.1:8123"])
    assert outbound.find_target("http://127.0.0.1:8123/hook", allowed).addresses == ["127.0.0.1"]
    for other in ("http://127.0.0.1:8124/hook", "http://localhost:8123/hook", "gopher://127.0.0.1:8123/hook"):
        with pytest.raises(outbound.Unreachable):
            outbound.find_target(other, allowed)


def test_a_name_that_changes_its_meaning_is_asked_once(outbound, monkeypatch):
    """DNS rebinding: first a public address, then the own machine. The message goes where was looked."""
    asked, connected = [], []

    def resolve(host, port, **_more):
        asked.append(host)
        address = "203.0.114.9" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(address, timeout=None):
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    answer = outbound.post("https://rebound.example/hook", BODY, HEADERS)
    assert (answer.problem, asked, connected) == ("connection", ["rebound.example"], [("203.0.114.9", 443)])
    answer = outbound.post("https://rebound.example/hook", BODY, HEADERS)
    assert (answer.problem, len(connected)) == ("address", 1)


def test_one_bad_address_among_good_ones_is_enough(outbound, monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_more: found)
    with pytest.raises(outbound.Unreachable, match="inside a network"):
        outbound.find_target("https://mixed.example/hook")


@pytest.fixture
def silent_resolver(monkeypatch):
    """A resolver that does not answer until the test is over; the C library's, with nothing of ours in between."""
    over = threading.Event()

    def resolve(*_arguments, **_more):
        over.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    yield
    over.set()


def test_a_resolver_that_never_answers_is_waited_for_as_long_as_a_receiver(outbound, silent_resolver):
    begun = time.monotonic()
    answer = outbound.post("https://slow.example/hook", BODY, HEADERS, seconds=1)
    assert (answer.status, answer.problem) == (None, "timeout")
    assert "slow.example" in answer.text
    assert 0.9 < time.monotonic() - begun < 3
    with pytest.raises(outbound.Unreachable, match="slow.example"):
        outbound.find_target("https://slow.example/hook", seconds=0.1)


def test_look_ups_without_an_answer_do_not_pile_up(outbound, silent_resolver):
    before = threading.active_count()
    begun = time.monotonic()
    for number in range(60):
        assert outbound.post(f"https://slow{number}.example/", BODY, HEADERS, seconds=0.02).problem == "timeout"
    assert threading.active_count() - before <= outbound.MOST_LOOKUPS
    assert time.monotonic() - begun < 10


def test_a_look_up_that_comes_to_an_end_makes_room_again(outbound, monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_more: found)
    for _time in range(outbound.MOST_LOOKUPS * 3):
        assert outbound.find_target("https://quick.example/").addresses == ["8.8.8.8"]


def test_a_redirect_is_an_answer_and_is_not_followed(outbound):
    with receiving() as other, receiving() as receiver:
        receiver.answers = [answer_with(307, Location=other.url)]
        answer = outbound.post(receiver.url, BODY, HEADERS, {receiver.host, other.host})
        assert (answer.status, answer.is_accepted) == (307, False)
        assert not other.received


def test_an_answer_that_never_ends_ends(outbound):
    with receiving() as receiver:
        receiver.answers = [drip]
        begun = time.monotonic()
        answer = outbound.post(receiver.url, BODY, HEADERS, {receiver.host}, seconds=1)
        assert (answer.problem, answer.status) == ("timeout", None)
        assert 0.9 < time.monotonic() - begun < 3


def test_a_receiver_that_is_silent_or_not_there_is_told(outbound):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        answer = outbound.post(f"http://{host}/", BODY, HEADERS, {host}, seconds=1)
        assert answer.problem == "timeout"
        answer = outbound.post(f"https://{host}/", BODY, HEADERS, {host}, seconds=1)  # in the middle of the handshake
        assert answer.problem == "timeout"
    answer = outbound.post(f"http://{host}/", BODY, HEADERS, {host}, seconds=1)
    assert answer.problem == "connection"


def test_little_of_an_answer_is_read(outbound):
    def long(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(10**9))
        handler.end_headers()
        try:
            for _part in range(1000):
                handler.wfile.write(b"\0<b>a\n" * 10_000)
        except OSError:
            pass

    with receiving() as receiver:
        receiver.answers = [long]
        answer = outbound.post(receiver.url, BODY, HEADERS, {receiver.host})
        assert answer.status == 200
        assert answer.text.startswith("<b>a <b>a") and len(answer.text) <= 500 and "\0" not in answer.text


@pytest.mark.parametrize(
    "header, seconds",
    [("120", 120), ("0", 0), ("soon", None), ("-5", None), ("9" * 12, None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_how_long_a_receiver_asks_to_wait(outbound, header, seconds):
    with receiving() as receiver:
        receiver.answers = [answer_with(503, Retry_After=header)]
        pause = outbound.post(receiver.url, BODY, HEADERS, {receiver.host}).retry_after
        assert pause == (None if seconds is None else timedelta(seconds=seconds))


# === TLS === #


def certificate(folder, name):
    """A certificate of its own authority for ``name``; the path of key and certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + cert.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_the_certificate_is_that_of_the_name_and_not_of_the_address(outbound, tmp_path, monkeypatch):
    path = certificate(tmp_path, "hooks.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    resolve = socket.getaddrinfo

    def resolve_ours(host, *arguments, **more):
        return resolve("127.0.0.1" if host.endswith(".example") else host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_ours)
    with receiving(certificate=path) as receiver:
        port = receiver.server.server_port
        receiver.answers = [answer_with(200)] * 3
        host = f"hooks.example:{port}"
        answer = outbound.post(f"https://{host}/hook", BODY, HEADERS, {host})
        assert (answer.status, receiver.names) == (200, ["hooks.example"])
        assert receiver.received[0][0]["Host"] == host
        other = f"other.example:{port}"
        assert outbound.post(f"https://{other}/hook", BODY, HEADERS, {other}).problem == "tls"
        monkeypatch.delenv("SSL_CERT_FILE")
        assert outbound.post(f"https://{host}/hook", BODY, HEADERS, {host}).problem == "tls"
        assert len(receiver.received) == 1
