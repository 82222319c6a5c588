"""The description of the platform's API, made from the methods."""

from . import paths
from .console import capture, step

DOCUMENT = paths.REPO / "docs/openapi.json"
TOOL = paths.REPO / "scripts/openapi.py"


def renew(setting, _arguments):
    """Write docs/openapi.json."""
    with step("Renewing docs/openapi.json"):
        DOCUMENT.write_text(made(setting))


def made(setting):
    """Return the document as the present code makes it; no database is needed."""
    return capture([setting.python, TOOL, setting.config], env=setting.environment)


def findings(setting):
    if not DOCUMENT.exists() or DOCUMENT.read_text() != made(setting):
        return [f"{DOCUMENT.relative_to(paths.REPO)} is out of date: make openapi"]
    return []
