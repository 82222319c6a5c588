"""The Python environment: exactly the packages of the lock file, checked by their hashes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import paths
from .console import StepError, hold, run_logged, step

SUPPORTED = [(3, 11), (3, 12), (3, 13)]  # ours from 3.11, Odoo 19's up to 3.13
FIX = "check the network and run it again; Debian needs the package python3-venv"


def ensure():
    """Return the environment's Python."""
    python = _base_python()
    version = subprocess.run([python, "-V"], capture_output=True, text=True).stdout
    folder = paths.CACHE / "venv" / paths.digest(paths.LOCK_FILE, version, str(python))
    ready = folder / ".complete"
    if not ready.exists():
        with hold("venv"):
            if not ready.exists():
                with step("Python packages (requirements.lock)"):
                    _build(python, folder)
                ready.touch()
    return folder / "bin/python"


def _build(python, folder):
    # Scripts in it hold its path, so it is built in place; the stamp says that it is complete.
    shutil.rmtree(folder, ignore_errors=True)
    run_logged([python, "-m", "venv", folder], "venv", FIX)
    run_logged(
        [
            folder / "bin/pip",
            "install",
            "--disable-pip-version-check",
            "--progress-bar=off",
            "--no-compile",
            "--require-hashes",
            "-r",
            paths.LOCK_FILE,
        ],
        "pip",
        FIX,
        _last_package,
    )


def _last_package(log):
    lines = log.read_text(errors="replace").splitlines()
    lines = [line.strip() for line in lines if line.startswith(("Collecting", "  Downloading", "Install"))]
    return lines[-1][:70] if lines else ""


def _base_python():
    if sys.version_info[:2] in SUPPORTED:
        return Path(sys.executable)
    for major, minor in SUPPORTED:
        found = shutil.which(f"python{major}.{minor}", path=os.environ.get("PATH"))
        if found:
            return Path(found)
    raise StepError(f"Python {sys.version.split()[0]} cannot run this", "install Python 3.11 to 3.13")
