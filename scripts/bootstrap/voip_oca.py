"""OCA's softphone: the addon voip_oca, unpacked from its wheel into the cache."""

import shutil
import zipfile

from . import paths
from .console import StepError, hold, run_logged, step

WHEEL = "odoo-addon-voip-oca==19.*"
MODULE = "voip_oca"
FIX = "check the network and run it again"


def ensure(setting):
    """Return the folder with the addon, for Odoo's addons path; fetched on first use.

    The wheel asks for Odoo as a package, which is here otherwise: it comes without.
    """
    folder = paths.CACHE / "voip_oca" / paths.digest(WHEEL)
    addons = folder / "odoo/addons"
    if not folder.exists():
        with hold(MODULE):
            if not folder.exists():
                with step("OCA's softphone (voip_oca)"):
                    _fetch(setting.python, folder)
    return addons


def _fetch(python, folder):
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    options = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check", "--progress-bar=off"]
    run_logged([python, "-m", "pip", "download", *options, "-d", part, WHEEL], MODULE, FIX)
    [wheel] = part.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(part)
    if not (part / "odoo/addons" / MODULE / "__manifest__.py").exists():
        raise StepError(f"{wheel.name} has no addon {MODULE}", FIX)
    wheel.unlink()
    # Only a complete tree gets the final name.
    part.rename(folder)
