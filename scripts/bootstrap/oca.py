"""OCA's addons beside which the main flow is run: exactly those of the lock file, unpacked from their wheels."""

import shutil
import zipfile
from pathlib import Path

from . import paths
from .console import StepError, hold, run_logged, step

LOCK_FILE = Path(__file__).with_name("oca.lock")
# What is installed; the others of the lock file come along.
MODULES = [
    "account_reconcile_oca",
    "account_statement_import_camt",
    "account_financial_report",
    "mis_builder",
    "queue_job",
    "auditlog",
    "base_tier_validation",
    "web_responsive",
]
FIX = "check the network and run it again"


def ensure(setting):
    """Return the folder with the addons (``odoo/addons``) and the packages that they need (``lib``)."""
    folder = paths.CACHE / "oca" / paths.digest(LOCK_FILE)
    if not folder.exists():
        with hold("oca"):
            if not folder.exists():
                with step("OCA's addons (oca.lock)"):
                    _fetch(setting.python, folder)
    return folder


def _fetch(python, folder):
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--disable-pip-version-check"]
    run_logged(
        [python, "-m", "pip", "download", *options, "--progress-bar=off", "-d", part, "-r", LOCK_FILE], "oca", FIX
    )
    for wheel in part.glob("*.whl"):
        is_addon = wheel.name.startswith("odoo_addon_")
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(part if is_addon else part / "lib")
        wheel.unlink()
    for name in MODULES:
        if not (part / "odoo/addons" / name / "__manifest__.py").exists():
            raise StepError(f"oca.lock brings no addon {name}", "name it in oca.in, then `make lock`")
    # Only a complete tree gets the final name.
    part.rename(folder)
