"""Packages of npm that the browser tests use: exactly those of npm/package-lock.json, checked by their hashes."""

import os
import shutil

from . import paths, systools
from .console import StepError, hold, run_logged, say, step

FOLDER = paths.REPO / "scripts/bootstrap/npm"
FILES = ("package.json", "package-lock.json")
FIX = "check the network and run it again; Debian needs the package npm"


def ensure_axe():
    """Return the path of axe-core, or None where it cannot be had: its checks are then skipped."""
    try:
        return _ensure() / "node_modules/axe-core/axe.min.js"
    except StepError as error:
        if os.environ.get("CI"):
            raise
        say(f"    {error}\n    Checks of accessibility will be skipped. To run them: {error.fix}")


def _ensure():
    folder = paths.CACHE / "npm" / paths.digest(*(FOLDER / name for name in FILES))
    ready = folder / ".complete"
    if not ready.exists():
        systools.ensure_npm()
        with hold("npm"):
            if not ready.exists():
                with step("Packages of npm (package-lock.json)"):
                    _install(folder)
                ready.touch()
    return folder


def _install(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(FOLDER / name, folder)
    run_logged(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm", FIX, cwd=folder)
