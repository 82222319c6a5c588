"""The translation templates of the two addons, and the translations beside them."""

import subprocess

from . import paths
from .console import hold, run_logged, say, step

TOOL = paths.REPO / "scripts/translations.py"
ADDONS = (paths.ADDON, paths.SOFTPHONE)


def renew(setting, _arguments):
    """Export the templates, and take their new entries over into the translations."""
    with step("Renewing the translation templates"):
        for addon in ADDONS:
            template = template_of(addon)
            template.parent.mkdir(exist_ok=True)
            template.write_bytes(export(setting, addon).read_bytes())
            run_logged([setting.python, TOOL, "merge", template, *languages(addon)], "i18n")


def template_of(addon):
    return addon / "i18n" / f"{addon.name}.pot"


def export(setting, addon):
    """Return the file into which Odoo has exported the present addon's template."""
    database = f"cw_lint_{paths.CHECKOUT}"
    exported = paths.BUILD / f"{addon.name}.pot"
    with hold(database):
        databases = setting.databases
        is_softphone = addon == paths.SOFTPHONE
        databases.clone(databases.softphone_template() if is_softphone else databases.addon_template(), database)
        command = setting.odoo_command("i18n", "export", "-d", database, "-l", "pot", "-o", exported, addon.name)
        if is_softphone:
            # Before the name of the command, which has no such option itself.
            command.insert(2, f"--addons-path={databases.addons_path_with_softphone()}")
        try:
            run_logged(command, "i18n", env=setting.environment)
        finally:
            databases.drop(database)
    return exported


def languages(addon):
    return sorted((addon / "i18n").glob("*.po"))


def findings(setting):
    """Return what is out of date or not translated, a line each: first what needs no database."""
    return [*of_translations(setting.python), *(line for addon in ADDONS for line in _of_template(setting, addon))]


def of_translations(python):
    """Return what every language's files lack, a line each; for this no database is needed."""
    everywhere = {file.name for addon in ADDONS for file in languages(addon) if "_" not in file.stem}
    found = []
    for addon in ADDONS:
        template = template_of(addon)
        if not template.exists():
            say(f"    skipped: {addon.name} has no template yet")
            continue
        files = languages(addon)
        found += [f"{addon.name}/i18n/{name} is missing" for name in sorted(everywhere - {file.name for file in files})]
        result = subprocess.run([python, TOOL, "check", template, *files], capture_output=True, text=True)
        found += [line for line in (result.stdout + result.stderr).splitlines() if line]
    return found


def _of_template(setting, addon):
    template = template_of(addon)
    if template.exists() and entries(template) != entries(export(setting, addon)):
        return [f"{template.relative_to(paths.REPO)} is out of date: make pot"]
    return []


def entries(path):
    """Return a template's content without its header, which holds dates."""
    parts = path.read_text().split("\n\n")
    return [part.strip() for part in parts[1:] if part.strip()]
