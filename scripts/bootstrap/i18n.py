"""The translation template, and the translations beside it."""

import subprocess

from . import paths
from .console import hold, run_logged, say, step

FOLDER = paths.ADDON / "i18n"
TEMPLATE = FOLDER / "call_wallet.pot"
TOOL = paths.REPO / "scripts/translations.py"


def renew(setting, _arguments):
    """Export the template, and take its new entries over into the translations."""
    with step("Renewing the translation template"):
        FOLDER.mkdir(exist_ok=True)
        TEMPLATE.write_bytes(export(setting).read_bytes())
        run_logged([setting.python, TOOL, "merge", TEMPLATE, *languages()], "i18n")


def export(setting):
    """Return the file into which Odoo has exported the present addon's template."""
    database = f"cw_lint_{paths.CHECKOUT}"
    exported = paths.BUILD / "call_wallet.pot"
    with hold(database):
        databases = setting.databases
        databases.clone(databases.addon_template(), database)
        try:
            run_logged(
                setting.odoo_command("i18n", "export", "-d", database, "-l", "pot", "-o", exported, "call_wallet"),
                "i18n",
                env=setting.environment,
            )
        finally:
            databases.drop(database)
    return exported


def languages():
    return sorted(FOLDER.glob("*.po"))


def findings(setting):
    """Return what is out of date or not translated, a line each."""
    if not TEMPLATE.exists():
        say("    skipped: there is no template yet")
        return []
    if entries(TEMPLATE) != entries(export(setting)):
        return [f"{TEMPLATE.relative_to(paths.REPO)} is out of date: make pot"]
    result = subprocess.run([setting.python, TOOL, "check", TEMPLATE, *languages()], capture_output=True, text=True)
    return [line for line in (result.stdout + result.stderr).splitlines() if line]


def entries(path):
    """Return a template's content without its header, which holds dates."""
    parts = path.read_text().split("\n\n")
    return [part.strip() for part in parts[1:] if part.strip()]
