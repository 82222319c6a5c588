"""Packages of npm: exactly those of a folder's package-lock.json, checked by their hashes."""

import os
import shutil
from pathlib import Path

from . import paths, systools
from .console import StepError, hold, run_logged, say, step

FOLDER = Path(__file__).with_name("npm")
ESLINT = FOLDER.with_name("npm-eslint")
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


def ensure_eslint():
    """Return the folder of eslint's program, or None where it cannot be had: its checks are then skipped."""
    folder = paths.CACHE / "npm-eslint" / key(ESLINT)
    try:
        with hold("npm-eslint"):
            if not folder.exists():
                part = folder.with_suffix(".part")
                with step("eslint (package-lock.json)"):
                    install(ESLINT, part)
                part.rename(folder)
    except StepError as error:
        if os.environ.get("CI"):
            raise
        say(f"    {error}\n    Checks of scripts will be skipped. To run them: {error.fix}")
        return None
    return folder / "node_modules/.bin"


def _ensure():
    folder = paths.CACHE / "npm" / key(FOLDER)
    ready = folder / ".complete"
    if not ready.exists():
        with hold("npm"):
            if not ready.exists():
                with step("Packages of npm (package-lock.json)"):
                    install(FOLDER, folder)
                ready.touch()
    return folder


def key(origin):
    """Return a short key of what `install` would fetch for a folder with the two files of npm."""
    return paths.digest(*(origin / name for name in FILES))


def install(origin, folder, fix=FIX):
    """Install the packages that the two files of npm in ``origin`` name into an empty ``folder``."""
    systools.ensure_npm()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(origin / name, folder)
    run_logged(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], "npm", fix, cwd=folder)
