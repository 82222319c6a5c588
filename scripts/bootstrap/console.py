"""What a person sees: steps, progress, failures that name the fix; and running other programs."""

import contextlib
import fcntl
import os
import subprocess
import sys
import time

from . import paths

TAIL_LINES = 25
HEARTBEAT = 5  # seconds between signs of life of a long command


class StepError(Exception):
    """A step failed; `fix` tells the person what to do about it."""

    def __init__(self, message, fix=None):
        super().__init__(message)
        self.fix = fix
        self.step = None


def say(text):
    # On stderr: the output of `make shell` and `scripts/odoo` belongs to the command itself.
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(name):
    """Announce a step, tell how long it took, and put its name on whatever goes wrong in it."""
    say(f"==> {name}")
    begin = time.monotonic()
    try:
        yield
    except StepError as error:
        error.step = error.step or name
        raise
    except OSError as error:
        wrapped = StepError(str(error), "check free disk space and permissions, then run it again")
        wrapped.step = name
        raise wrapped from error
    say(f"    done in {time.monotonic() - begin:.1f} s")


def report(error):
    say(f"\nFailed at: {error.step or 'setup'}\n{error}")
    if error.fix:
        say(f"Fix: {error.fix}")


@contextlib.contextmanager
def hold(name):
    """Hold a lock of the whole cache, so that two runs at once do not do the same work."""
    with _lock_file(name) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"    waiting for another run that works on: {name}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def use(name):
    """Say that something is in use while the block runs, by as many as there are; ``is_in_use`` tells."""
    with _lock_file(name) as handle:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield


def is_in_use(name):
    with _lock_file(name) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _lock_file(name):
    folder = paths.CACHE / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    return open(folder / name, "w")


def log_path(name):
    paths.LOGS.mkdir(parents=True, exist_ok=True)
    return paths.LOGS / f"{name}.log"


def run_logged(command, name, fix=None, progress=None, **options):
    """Run a long command with its output in a log file, showing now and then that it is alive.

    :param progress: function of the log's path, returning a short text about how far it is
    """
    log = log_path(name)
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=subprocess.STDOUT,
            **{"stdin": subprocess.DEVNULL, **options},
        )
        try:
            _wait(process, log, progress)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        raise StepError(
            f"{os.path.basename(str(command[0]))} ended with {process.returncode}; end of {log}:\n{tail(log)}",
            fix,
        )
    return log


def _wait(process, log, progress):
    begin = time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=HEARTBEAT)
            return
        seconds = time.monotonic() - begin
        say(f"    {seconds:4.0f} s  {progress(log) if progress else ''}")


def tail(log, lines=TAIL_LINES):
    text = log.read_text(errors="replace").splitlines()
    text = [line for line in text if line.strip(" ^~")]  # Python's marks below lines of code
    return "\n".join("    " + line for line in text[-lines:])


def capture(command, **options):
    """Run a short command and return what it printed; raise StepError when it fails."""
    result = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        **options,
    )
    if result.returncode:
        raise StepError(f"{os.path.basename(str(command[0]))}: {result.stderr.strip()}")
    return result.stdout
