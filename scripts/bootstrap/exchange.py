"""A small telephone exchange on this machine: Asterisk with the connector's own examples, telephones, and callers.

Who calls is an account of the wallet; what is called decides what the telephone does: +331... answers, +332... is
engaged, +333... rings and rings, +334... rings for two seconds and answers.
"""

import csv
import io
import os
import re
import secrets
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from . import paths, telephony
from .console import StepError, tail

CONNECTOR = paths.REPO / "connectors/asterisk"
EXAMPLES = CONNECTOR / "examples"
SCENARIOS = Path(__file__).with_name("sipp")
START_TIMEOUT = 30
FOREVER_MS = 600_000

PJSIP = """[transport]
type = transport
protocol = udp
bind = 127.0.0.1:{sip}

[local]
type = endpoint
context = callers
disallow = all
allow = ulaw
direct_media = no
aors = local

[local]
type = aor
contact = sip:127.0.0.1:{answers}

[local]
type = identify
endpoint = local
match = 127.0.0.1
"""
EXTENSIONS = """[globals]
WALLET_SERVICE = 127.0.0.1:{agi}
WALLET_OPEN_SECONDS = {open_seconds}
WALLET_RING_SECONDS = 20
ANSWERS = {answers}
SLOW = {slow}

[callers]
exten => _[+0-9].,1,Set(WALLET_ACCOUNT=${{CALLERID(num)}})
 same => n,Set(WALLET_NUMBER=${{EXTEN}})
 same => n,Set(WALLET_CAMPAIGN=Winter sale)
 same => n,Set(WALLET_MANAGER=anna@example.com)
 same => n,Set(WALLET_APPLICATION=dialler-7)
 same => n,Gosub(call-wallet,ask,1)
 same => n,Set(PORT={answers})
 same => n,ExecIf($["${{EXTEN:0:4}}" = "+332"]?Set(PORT={busy}))
 same => n,ExecIf($["${{EXTEN:0:4}}" = "+333"]?Set(PORT={rings}))
 same => n,ExecIf($["${{EXTEN:0:4}}" = "+334"]?Set(PORT={slow}))
 same => n,Set(WHOM=PJSIP/local/sip:${{EXTEN}}@127.0.0.1:${{PORT}})
 same => n,Dial(${{WHOM}},{ring_seconds},TU(call-wallet-answered^${{WALLET_SECONDS}}))
 same => n,Hangup(${{HANGUPCAUSE}})
{more}
#include call_wallet.conf
"""


@dataclass(frozen=True)
class Placed:
    """What a caller's telephone has seen of one call."""

    account: str
    number: str
    status: int  # of SIP
    seconds: float  # between the answer and the end
    was_cut: bool
    rang_after: float | None  # seconds; what the question to the wallet takes is a part of it


class Exchange:
    """Asterisk, its telephones, and the service that asks the wallet.

    :param url: of the wallet; ``key``, ``database`` likewise
    :param python: that runs the service
    :param folder: for everything that they write
    :param options: of the service, by section: ``{"calls": {"hold_seconds": "4"}}``
    :param dialplan: values of ``EXTENSIONS``
    """

    def __init__(self, programs, python, folder, url, key, database, options=None, dialplan=None):
        self.programs, self.python, self.folder = programs, python, Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.agi_port, self.ami_port = telephony.free_port(), telephony.free_port()
        self.sip_port = telephony.free_port(socket.SOCK_DGRAM)
        self.log = self.folder / "service.log"
        self.service = None
        self.telephones = {}
        for name in ("answers", "busy", "rings", "slow"):
            self.telephones[name] = telephony.free_port(socket.SOCK_DGRAM)
        self._ami_secret = secrets.token_hex(16)
        self.options = {"hold_seconds": "10", "extend_before": "3", "cut_before": "0.5", **(options or {})}
        self.dialplan = {"open_seconds": 0, "ring_seconds": 5, "more": "", **(dialplan or {})}
        self.asterisk = telephony.Asterisk(programs, self._files(), systemname="exchange")
        self.cdr_file = self.asterisk.logs / "cdr-custom/call_wallet.csv"
        self._write_config(url, key, database)
        self._scenarios = []

    # === CONFIGURATION: THE EXAMPLES, WITH THIS MACHINE'S PORTS === #

    def _files(self):
        manager = (EXAMPLES / "manager.conf").read_text()
        manager = manager.replace("port = 5038", f"port = {self.ami_port}").replace("CHANGE-ME", self._ami_secret)
        ports = {"sip": self.sip_port, "agi": self.agi_port, **self.telephones}
        return {
            "pjsip.conf": PJSIP.format(**ports),
            "extensions.conf": EXTENSIONS.format(**ports, **self.dialplan),
            "call_wallet.conf": (EXAMPLES / "call_wallet.conf").read_text(),
            "manager.conf": manager,
            "cdr_custom.conf": (EXAMPLES / "cdr_custom.conf").read_text(),
            "features.conf": "[featuremap]\natxfer = *2\n",
            "cdr.conf": (EXAMPLES / "cdr.conf").read_text(),
        }

    def _write_config(self, url, key, database):
        for name, value in (("key", key), ("ami_secret", self._ami_secret)):
            path = self.folder / name
            path.touch(0o600)
            path.write_text(value)
        text = (EXAMPLES / "call_wallet_asterisk.ini").read_text()
        values = {
            "url": url,
            "port = 5038": f"port = {self.ami_port}",
            "port = 4573": f"port = {self.agi_port}",
            "cdr_file": self.cdr_file,
            "state": self.folder / "state",
            **self.options,
        }
        for name, value in values.items():
            if " = " in name:
                text = text.replace(name, value)
            else:
                text = re.sub(rf"^{name} = .*$", lambda _found, line=f"{name} = {value}": line, text, flags=re.M)
        if database:
            text = text.replace("; database = production", f"database = {database}")
        self.config = self.folder / "service.ini"
        self.config.write_text(text)

    # === THE SERVICE === #

    def start_service(self):
        """Start it and wait until it takes questions; works again after ``kill_service``."""
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(CONNECTOR), str(paths.REPO / "clients/python")]),
            "CREDENTIALS_DIRECTORY": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        with open(self.log, "ab") as log:
            self.service = subprocess.Popen(
                [str(self.python), "-m", "call_wallet_asterisk", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=environment,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.agi_port), 1):
                return
            if self.service.poll() is not None or time.monotonic() > deadline:
                raise StepError(f"the service did not start; the end of {self.log}:\n{tail(self.log)}")
            time.sleep(0.05)

    def kill_service(self):
        """End it at once, as a power cut would."""
        if self.service:
            with suppress(ProcessLookupError):
                os.killpg(self.service.pid, signal.SIGKILL)
            self.service.wait()

    def stop_service(self):
        """End it as systemd would: what can be reported now is reported."""
        if self.service and self.service.poll() is None:
            self.service.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.service.wait(timeout=60)
        self.kill_service()

    def in_progress(self):
        """Return how many calls the service has on disk: not ended, not handed over for recording, or not released."""
        return sum(len(list((self.folder / "state" / name).glob("*.json"))) for name in ("calls", "releases"))

    # === ASTERISK'S MANAGER === #

    def tell(self, action, **fields):
        """Have Asterisk's manager do something."""
        login = {"Action": "Login", "Username": "call_wallet", "Secret": self._ami_secret, "Events": "off"}
        with (
            socket.create_connection(("127.0.0.1", self.ami_port), 10) as connection,
            connection.makefile("rb") as answers,
        ):
            for message in (login, {"Action": action, **fields}, {"Action": "Logoff"}):
                text = "".join(f"{name}: {value}\r\n" for name, value in message.items())
                connection.sendall(f"{text}\r\n".encode())
            said = answers.read().decode()
        if said.count("Response: Success") != 2:
            raise StepError(f"{action}: {said}")

    # === ALL OF IT === #

    def __enter__(self):
        try:
            self.asterisk.start()
            self._telephone("answers", "carrier.xml", "300")
            self._telephone("busy", "busy.xml", "0")
            self._telephone("rings", "carrier.xml", str(FOREVER_MS))
            self._telephone("slow", "carrier.xml", "2000")
            self.start_service()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error):
        self.stop_service()
        self.kill_telephones()
        self.asterisk.close()

    def kill_telephones(self):
        for scenario in self._scenarios:
            scenario.kill()

    def _telephone(self, name, scenario, ring_ms):
        path = self.folder / f"{name}.xml"
        path.write_text((SCENARIOS / scenario).read_text().replace("RING_MS", ring_ms))
        self._scenarios.append(telephony.Scenario(self.programs, name, "-sf", path, "-nd", port=self.telephones[name]))

    # === CALLS === #

    def place(self, calls, seconds=None, rate=20, at_once=100, timeout=120, scenario="caller.xml"):
        """Place calls and wait until they have ended; return what the callers' telephones saw.

        :param calls: (account, number) of each
        :param seconds: when the caller hangs up; None: talks until cut
        :param rate: calls begun in a second
        """
        return self.begin(calls, seconds, rate, at_once, scenario)(timeout)

    def begin(self, calls, seconds=None, rate=20, at_once=100, scenario="caller.xml"):
        """Begin calls; return a function that waits for their end and returns what the telephones saw."""
        calls = list(calls)
        turn = len(list(self.folder.glob("calls*.csv")))
        list_of_calls, play, log = (self.folder / f"calls{turn}.{end}" for end in ("csv", "xml", "log"))
        list_of_calls.write_text("SEQUENTIAL\n" + "".join(f"{account};{number};\n" for account, number in calls))
        talk = FOREVER_MS if seconds is None else int(1000 * seconds)
        play.write_text((SCENARIOS / scenario).read_text().replace("TALK_MS", str(talk)))
        sipp = telephony.Scenario(
            self.programs, f"calls{turn}", f"127.0.0.1:{self.sip_port}", "-sf", play, "-inf", list_of_calls,
            "-m", len(calls), "-r", rate, "-l", at_once, "-trace_logs", "-log_file", log, "-recv_timeout", 60_000,
        )  # fmt: skip
        self._scenarios.append(sipp)

        def finish(timeout=120):
            sipp.wait(timeout)
            return _placed(log.read_text() if log.exists() else "")

        return finish

    def records(self):
        """Return Asterisk's own records: {column: text} of each, of the file that the service reads."""
        columns = [
            "uniqueid", "linkedid", "disposition", "start", "answer", "end", "dstchannel", "account", "call_type",
            "number", "direction", "campaign", "manager", "application", "seconds",
        ]  # fmt: skip
        # Those that were rotated, too.
        text = "".join(path.read_text() for path in sorted(self.cdr_file.parent.glob("call_wallet.csv*")))
        return [dict(zip(columns, row, strict=True)) for row in csv.reader(io.StringIO(text))]


def _placed(log):
    times, found = {}, []
    for line in log.splitlines():
        what, account, number, status, tick, call_id = line.split()
        seen = times.setdefault(call_id, {})
        seen.setdefault(what, int(tick))
        if what in ("refused", "cut", "hungup"):
            seconds = (int(tick) - seen["answered"]) / 1000 if "answered" in seen else 0.0
            rang = (seen["ringing"] - seen["dials"]) / 1000 if {"ringing", "dials"} <= seen.keys() else None
            found.append(
                Placed(account, number, int(status) if what == "refused" else 200, seconds, what == "cut", rang)
            )
    return found
