"""Programs of the system: wkhtmltopdf makes the invoice's PDF, Chromium drives browser tests, npm fetches axe."""

import os
import shutil

from .console import StepError, hold, run_logged, say, step

CHROMIUM_NAMES = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")


def ensure_wkhtmltopdf():
    """wkhtmltopdf is needed for the invoice: without it nothing goes on."""
    if not shutil.which("wkhtmltopdf"):
        _install("wkhtmltopdf")


def ensure_chromium():
    """Odoo skips browser tests where there is no browser; say so, and insist on it in CI."""
    if any(map(shutil.which, CHROMIUM_NAMES)):
        return
    try:
        _install("chromium")
    except StepError as error:
        if os.environ.get("CI"):
            raise
        say(f"    {error}\n    Browser tests will be skipped. To run them: {error.fix}")


def ensure_npm():
    if not shutil.which("npm"):
        _install("npm")


def _install(package):
    by_hand = f"install the program, on Debian: apt-get install {package}"
    if os.getuid() or not shutil.which("apt-get"):
        raise StepError(f"{package} is not installed, and only root can install it", by_hand)
    with hold("apt"), step(f"Installing {package} (Debian package)"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        options = ["-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"]
        try:
            run_logged(["apt-get", "install", *options, package], "apt-install", env=environment)
        except StepError:
            # The machine's package lists may be missing or old.
            run_logged(["apt-get", "update"], "apt-update", by_hand, env=environment)
            run_logged(["apt-get", "install", *options, package], "apt-install", by_hand, env=environment)
