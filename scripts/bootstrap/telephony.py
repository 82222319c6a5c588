"""Real telephony: Asterisk, SIPp and FreeRADIUS, Debian's packages unpacked into the cache."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from . import debian
from .console import StepError, capture, log_path, say, tail

PACKAGES = [
    "asterisk",
    "asterisk-config",
    "sip-tester",
    "freeradius",
    "freeradius-rest",
    "freeradius-utils",
]
# What the package's installation would link; without it Asterisk has nothing to say.
SOUNDS = "usr/share/asterisk/sounds/en"
WANTED = ("usr/sbin/asterisk", "usr/bin/sipp", "usr/sbin/freeradius", "usr/bin/radclient", f"{SOUNDS}/beep.gsm")
START_TIMEOUT = 60
STOP_TIMEOUT = 10


class Programs(debian.Programs):
    """The unpacked packages."""

    def asterisk(self, *arguments):
        return self.command("usr/sbin/asterisk", *arguments)

    def sipp(self, *arguments):
        return self.command("usr/bin/sipp", *arguments)

    def freeradius(self, *arguments):
        """FreeRADIUS's server: ``-d`` a folder with its configuration, whose ``libdir`` is ``radius_modules``."""
        return self.command("usr/sbin/freeradius", "-D", self.path / "usr/share/freeradius", *arguments)

    def radclient(self, *arguments):
        return self.command("usr/bin/radclient", "-D", self.path / "usr/share/freeradius", *arguments)

    @property
    def radius_modules(self):
        return self.path / "usr/lib/freeradius"

    @property
    def radius_config(self):
        """Debian's configuration of FreeRADIUS, to be copied and changed."""
        return self.path / "etc/freeradius/3.0"

    @property
    def _libraries(self):
        return f"{super()._libraries}:{self.radius_modules}"


def ensure():
    """Return the programs, fetched on first use."""
    title = "Asterisk, SIPp and FreeRADIUS (101 MB,"
    return Programs(debian.ensure("telephony", title, PACKAGES, WANTED, key=[SOUNDS], finish=_link_sounds))


def _link_sounds(folder):
    (folder / SOUNDS).symlink_to("en_US_f_Allison")


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# === ASTERISK === #


class Asterisk:
    """An Asterisk of one's own, in a folder of its own.

    :param programs: where it is
    :param files: its configuration by name of file, such as ``{"pjsip.conf": "..."}``; these come over ``DEFAULTS``
    :param systemname: the beginning of each call's ``UNIQUEID``
    :param folder: for configuration, logs and call records; by default a new one, which ``close`` removes
    """

    def __init__(self, programs, files, systemname="test", folder=None):
        self.programs = programs
        # A short path: that of a Unix socket may have 107 characters.
        self._made = None if folder else tempfile.mkdtemp(prefix="ast")
        self.folder = Path(folder or self._made)
        self.config, self.logs, self.run = (self.folder / name for name in ("etc", "log", "run"))
        self.output = self.logs / "output"
        self.process = None
        for name in ("etc", "run", "db", "keys", "spool/tmp", "log/cdr-csv", "log/cdr-custom", "varlib"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name, text in {**DEFAULTS, "asterisk.conf": self._main(systemname), **files}.items():
            (self.config / name).write_text(text)

    def _main(self, systemname):
        modules = next(self.programs.path.glob("usr/lib/*/asterisk/modules"))
        folders = {
            "astetcdir": self.config,
            "astmoddir": modules,
            "astvarlibdir": self.folder / "varlib",
            "astdbdir": self.folder / "db",
            "astkeydir": self.folder / "keys",
            "astdatadir": self.programs.path / "usr/share/asterisk",
            "astagidir": self.folder / "varlib",
            "astspooldir": self.folder / "spool",
            "astrundir": self.run,
            "astlogdir": self.logs,
            "astcachedir": self.folder / "varlib",
        }
        lines = ["[directories]", *(f"{name} => {path}" for name, path in folders.items())]
        return "\n".join([*lines, "[options]", f"systemname = {systemname}", "nocolor = yes", ""])

    def __enter__(self):
        return self.start()

    def __exit__(self, *_error):
        self.close()

    def start(self):
        """Start it and wait until it takes calls; works again after ``kill``."""
        command = self.programs.asterisk("-C", self.config / "asterisk.conf", "-f", "-n")
        (self.run / "asterisk.ctl").unlink(missing_ok=True)
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise StepError(f"Asterisk did not start; the end of {self.output}:\n{tail(self.output)}")
            time.sleep(0.1)
        return self

    def _is_ready(self):
        return (self.run / "asterisk.ctl").exists() and "fully booted" in self.ask("core waitfullybooted")

    def ask(self, command):
        """Return what a command of Asterisk's console says; empty where nobody answers."""
        line = self.programs.asterisk("-C", self.config / "asterisk.conf", "-rx", command)
        result = subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=START_TIMEOUT)
        return result.stdout

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        """End it at once, as a power cut would."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self):
        """End it as an administrator would; kill what is left."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=STOP_TIMEOUT)
        self.kill()

    def close(self):
        """End it, and remove the folder unless it was given."""
        self.stop()
        if self._made:
            shutil.rmtree(self._made, ignore_errors=True)


# What a test or a demo need not say again. All modules are loaded but those that want what is not there.
DEFAULTS = {
    "modules.conf": """[modules]
autoload = yes
noload = chan_iax2.so
noload = chan_unistim.so
noload = chan_dahdi.so
noload = chan_console.so
noload = pbx_dundi.so
noload = pbx_ael.so
noload = res_config_ldap.so
noload = res_config_pgsql.so
noload = res_config_odbc.so
noload = cdr_radius.so
noload = cel_radius.so
noload = app_voicemail_imap.so
noload = app_voicemail_odbc.so
""",
    "logger.conf": "[general]\n[logfiles]\nmessages => notice,warning,error\n",
    # A call takes two legs of two ports; several Asterisks at once find free ones among so many.
    "rtp.conf": "[general]\nrtpstart = 10000\nrtpend = 30000\nicesupport = no\n",
    "cdr.conf": "[general]\nenable = yes\nunanswered = yes\ncongestion = yes\n"
    "[csv]\nusegmtime = yes\nloguniqueid = yes\nloguserfield = yes\n",
}


# === SIPP === #


class Scenario:
    """A SIPp that runs beside the program: a telephone that answers, or callers.

    :param name: of its log
    :param arguments: SIPp's, such as ``"-sf", path``; the address that it listens at is added
    """

    def __init__(self, programs, name, *arguments, port=None):
        self.port = port or free_port(socket.SOCK_DGRAM)
        self.log = log_path(f"sipp-{name}-{os.getpid()}")
        command = programs.sipp("-i", "127.0.0.1", "-p", self.port, "-nostdin", *arguments)
        # SIPp writes files beside itself where it fails.
        self._folder = tempfile.mkdtemp(prefix="sipp")
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=self._folder,
                env={**os.environ, "TERM": "dumb"},
            )

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.kill()

    def wait(self, timeout):
        """Return the exit code when it has ended: 0 where all calls went as the scenario says."""
        try:
            return self.process.wait(timeout)
        finally:
            self.kill()

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def summary(programs):
    """Say what there is."""
    say(capture(programs.asterisk("-V")).strip())
