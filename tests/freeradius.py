"""A real FreeRADIUS with the files of ``connectors/radius``, and a switch that asks it: ``radclient``."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from .load_site import say

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO / "scripts"))
try:
    from bootstrap import telephony
finally:
    sys.path.remove(str(REPO / "scripts"))


CONNECTOR = REPO / "connectors" / "radius"
START_TIMEOUT = 30
SWITCH_SECRET = "between switch and radius"
# What stands in Debian's radiusd.conf, with folders and ports of one's own; and a site that listens on the ports.
MAIN = """
prefix = {folder}
logdir = {folder}/log
confdir = {folder}/raddb
modconfdir = ${{confdir}}/mods-config
radacctdir = ${{logdir}}/radacct
run_dir = {folder}/run
libdir = {modules}
pidfile = ${{run_dir}}/radiusd.pid
max_request_time = 30
cleanup_delay = 5
log {{
	destination = files
	file = ${{logdir}}/radius.log
}}
security {{
	reject_delay = 0
	status_server = no
}}
thread pool {{
	start_servers = 2
	max_servers = 8
	min_spare_servers = 1
	max_spare_servers = 4
}}
proxy_requests = no
$INCLUDE clients.conf
modules {{
	$INCLUDE mods-enabled/
}}
server default {{
	listen {{
		type = auth
		ipaddr = 127.0.0.1
		port = {auth_port}
	}}
	listen {{
		type = acct
		ipaddr = 127.0.0.1
		port = {acct_port}
	}}
	authorize {{
		reject
	}}
}}
$INCLUDE sites-enabled/
"""


class Answer(NamedTuple):
    """What a switch is answered: ``Access-Accept`` and so on, or ``""`` where nobody answers; {attribute: text}."""

    kind: str
    attributes: dict


class FreeRadius:
    """A FreeRADIUS in a folder of its own.

    :param folder: ``Path``, empty
    :param address: of the call source
    :param secret: the source's
    :param changes: {text in the connector's module or site: what stands there instead}
    """

    def __init__(self, folder, address, secret, changes=None):
        self.folder = folder
        self.programs = telephony.ensure()
        self.ports = {kind: telephony.free_port(socket.SOCK_DGRAM) for kind in ("auth", "acct")}
        self.log = folder / "log" / "radius.log"
        self.waiting = folder / "log" / "radacct" / "call_wallet"
        self.environment = {
            **os.environ,
            "CALL_WALLET_ADDRESS": address,
            "CALL_WALLET_SECRET": secret,
            "CALL_WALLET_SWITCH": "127.0.0.1",
            "CALL_WALLET_SWITCH_SECRET": SWITCH_SECRET,
        }
        self.process = None
        self._configure(changes or {})

    def _configure(self, changes):
        for name in ("raddb/mods-enabled", "raddb/sites-enabled", "raddb/mods-config", "log", "run"):
            (self.folder / name).mkdir(parents=True)
        raddb, debian = self.folder / "raddb", self.programs.radius_config
        shutil.copy(debian / "dictionary", raddb)
        shutil.copytree(debian / "mods-config" / "preprocess", raddb / "mods-config" / "preprocess")
        for name in ("always", "expr", "preprocess"):
            shutil.copy(debian / "mods-available" / name, raddb / "mods-enabled")
        ours = {part: (CONNECTOR / f"{part}-available" / "call_wallet").read_text() for part in ("mods", "sites")}
        assert all(any(old in text for text in ours.values()) for old in changes)
        for part, text in ours.items():
            for old, new in changes.items():
                text = text.replace(old, new)
            (raddb / f"{part}-enabled" / "call_wallet").write_text(text)
        shutil.copy(CONNECTOR / "call_wallet_clients.conf", raddb / "clients.conf")
        main = MAIN.format(
            folder=self.folder,
            modules=self.programs.radius_modules,
            auth_port=self.ports["auth"],
            acct_port=self.ports["acct"],
        )
        (raddb / "radiusd.conf").write_text(main)

    def start(self):
        """Start it and wait until it listens; works again after ``kill``."""
        command = self.programs.freeradius("-d", self.folder / "raddb", "-f")
        start = self.log.stat().st_size if self.log.exists() else 0
        with open(self.folder / "log" / "output", "ab") as output:
            self.process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT
        while not (self.log.exists() and b"Ready to process requests" in self.log.read_bytes()[start:]):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                said = "\n".join(path.read_text(errors="replace")[-3000:] for path in self.log.parent.iterdir())
                raise RuntimeError(f"FreeRADIUS did not start:\n{said}")
            time.sleep(0.05)
        return self

    def kill(self):
        """End it at once, as a power cut would."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def ask(self, **said):
        """Send an Access-Request, signed; ``_`` in a name stands for ``-``."""
        return self._send("auth", said)

    def answers_unsigned(self, login):
        """Tell whether an Access-Request without Message-Authenticator is answered, as an attacker would send it."""
        attribute = bytes([1, len(login) + 2]) + login.encode()
        packet = bytes([1, 7]) + (20 + len(attribute)).to_bytes(2, "big") + os.urandom(16) + attribute
        with socket.socket(type=socket.SOCK_DGRAM) as switch:
            switch.settimeout(2)
            switch.sendto(packet, ("127.0.0.1", self.ports["auth"]))
            try:
                return bool(switch.recv(4096))
            except TimeoutError:
                return False

    def tell(self, kind, **said):
        """Send an Accounting-Request."""
        return self._send("acct", {"Acct_Status_Type": kind, **said})

    def _send(self, kind, said):
        lines = [f"{name.replace('_', '-')} = {_written(value)}" for name, value in said.items() if value is not None]
        address = f"127.0.0.1:{self.ports[kind]}"
        options = ("-d", self.folder / "raddb", "-x", "-r", "2", "-t", "10")
        command = self.programs.radclient(*options, address, kind, SWITCH_SECRET)
        for _attempt in range(5):
            done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60)
            found = re.search(r"Received (\S+) Id.*\n((?:\t.*\n)*)", done.stdout)
            if found:
                pairs = (line.strip().partition(" = ") for line in found[2].splitlines())
                return Answer(found[1], {name: value.strip('"') for name, _equals, value in pairs})
            if done.returncode:
                break
            # On a busy machine radclient now and then ends at once, content, without having waited. Switches repeat.
        say(f"no answer: {done.stdout}{done.stderr}; radclient: {done.returncode}; FreeRADIUS: {self.process.poll()}")
        return Answer("", {})


def _written(value):
    """Return a value as radclient reads it: texts in quotes, bytes as they are."""
    if isinstance(value, str):
        return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
    return value.decode() if isinstance(value, bytes) else str(value)
