"""The Odoo 19 source: one that is given, or Debian's package unpacked into the cache.

Debian *unstable* has the package, whatever Debian release the machine runs. A private apt state
(own source list, lists and caches) reaches it without touching the system and without root.
"""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from . import paths
from .console import StepError, capture, hold, log_path, run_logged, say, step, tail

SERIES = "19.0"
PACKAGE = "odoo-19"
# Odoo's web assets link to files of these packages; the last two come from Debian 12, because
# unstable's newer major version of Font Awesome names its files differently.
ASSETS = [
    "libjs-jquery",
    "libjs-jquery-form",
    "libjs-underscore",
    "fonts-roboto-unhinted",
    "fonts-montserrat",
    "fonts-ocr-b",
]
OLD_ASSETS = ["fonts-font-awesome/bookworm", "fonts-inconsolata/bookworm"]
KEYRINGS = ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"]
# Debian leaves out this library of video calls, and every page of the back office then reports a
# missing file as an error, which fails browser tests. The rest does without it.
LEFT_OUT = "odoo/addons/mail/static/lib/selfie_segmentation/selfie_segmentation.js"
FIX = (
    "check the network and run it again, or get Odoo 19.0 otherwise and set "
    "ODOO_SOURCE to the folder that contains its `odoo` package"
)


@dataclass
class Source:
    path: Path  # the folder that contains the `odoo` package
    version: str

    @property
    def addons_paths(self):
        """Return the folders with Odoo's own addons; a Git checkout keeps most of them apart."""
        inner, outer = self.path / "odoo/addons", self.path / "addons"
        complete = (inner / "account/__manifest__.py").exists()
        return [inner] if complete else [inner, outer]


def ensure():
    given = os.environ.get("ODOO_SOURCE")
    if given:
        return _given(Path(given).expanduser().resolve())
    found = _cached()
    if not found:
        with hold("odoo-source"):
            found = _cached()
            if not found:
                with step("Odoo 19 source (123 MB, Debian package)"):
                    _fetch()
                found = _cached()
    return found


def _given(path):
    for folder in (path, path / "usr/lib/python3/dist-packages", path / "odoo"):
        release = folder / "odoo/release.py"
        if release.exists():
            match = re.search(r"version_info = \((\d+), (\d+), (\d+)", release.read_text())
            version = ".".join(match.groups()) if match else "unknown"
            if not version.startswith(SERIES):
                raise StepError(f"ODOO_SOURCE={path} is Odoo {version}", "use Odoo 19.0")
            # A checkout changes under the same version: its path and date are part of the key.
            return Source(folder, f"{version}+{paths.digest(str(folder), release)}")
    raise StepError(
        f"ODOO_SOURCE={path} has no odoo/release.py", "set it to the folder that contains Odoo's `odoo` package"
    )


def _cached():
    for folder in sorted((paths.CACHE / "odoo").glob(f"{SERIES}*"), reverse=True):
        inner = folder / "usr/lib/python3/dist-packages"
        if folder.suffix != ".part" and (inner / "odoo/release.py").exists():
            return Source(inner, folder.name)
    return None


def _fetch():
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise StepError("this machine has no apt-get and dpkg-deb to fetch Odoo with", FIX)
    area = AptArea(paths.CACHE / "apt")
    area.update()
    version = area.candidate(PACKAGE)
    downloads = paths.CACHE / "downloads" / version
    area.download([PACKAGE, *ASSETS, *OLD_ASSETS], downloads)
    _unpack(downloads, paths.CACHE / "odoo" / version)
    shutil.rmtree(paths.CACHE / "downloads")
    shutil.rmtree(paths.CACHE / "apt")


def _unpack(downloads, target):
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for package in sorted(downloads.glob("*.deb")):
        say(f"    unpacking {package.name.split('_')[0]}")
        capture(["dpkg-deb", "-x", package, part])
    dangling = [link for link in part.rglob("*") if link.is_symlink() and not link.exists()]
    if dangling:
        names = "\n".join(f"    {link.relative_to(part)}" for link in dangling[:10])
        raise StepError(f"{len(dangling)} links of Odoo's package point nowhere:\n{names}", FIX)
    left_out = part / "usr/lib/python3/dist-packages" / LEFT_OUT
    if not left_out.exists():
        left_out.parent.mkdir(parents=True, exist_ok=True)
        left_out.write_text("// Not in Debian's package: no blurred background in video calls.\n")
    # Only a complete tree gets the final name.
    part.rename(target)


class AptArea:
    """An apt state of our own in a folder."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()

    @property
    def options(self):
        pairs = {
            "Dir::Etc::sourcelist": self.folder / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::lists": self.folder / "lists",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache": self.folder / "cache",
            "APT::Update::Error-Mode": "any",
            "APT::Update::Post-Invoke-Success": "",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        if not os.getuid():
            pairs["APT::Sandbox::User"] = "root"  # the cache may be closed to apt's own account
        result = []
        for name, value in pairs.items():
            result += ["-o", f"{name}={value}"]
        return result

    def update(self):
        """Fetch the package lists, from the first of the machine's mirrors that has them."""
        mirrors = _mirrors()
        for number, mirror in enumerate(mirrors, 1):
            say(f"    package lists from {mirror}")
            self._write_sources(mirror)
            try:
                run_logged(["apt-get", *self.options, "update"], "apt-update", FIX)
                return
            except StepError:
                if "NO_PUBKEY" in log_path("apt-update").read_text(errors="replace"):
                    raise StepError(
                        "the machine's keys do not know the signature of Debian unstable:\n"
                        + tail(log_path("apt-update")),
                        "install a newer debian-archive-keyring, or allow unsigned packages "
                        "with CALL_WALLET_UNSIGNED=1",
                    ) from None
                if number == len(mirrors):
                    raise
        raise StepError("the machine's apt names no Debian mirror", FIX)

    def _write_sources(self, mirror):
        keyring = next((path for path in KEYRINGS if os.path.exists(path)), None)
        option = f"[signed-by={keyring}] " if keyring else ""
        if os.environ.get("CALL_WALLET_UNSIGNED"):
            option = "[trusted=yes] "
        if not keyring:
            say("    no Debian keyring here: apt's own trusted keys decide")
        lines = [f"deb {option}{mirror} {suite} main\n" for suite in ("unstable", "bookworm")]
        (self.folder / "sources.list").write_text("".join(lines))

    def candidate(self, package, series=SERIES):
        output = capture(["apt-cache", *self.options, "policy", package])
        match = re.search(r"Candidate: (\S+)", output)
        if not match or match.group(1) == "(none)" or not match.group(1).startswith(series):
            raise StepError(f"the mirror has no {package} {series}", FIX)
        return match.group(1)

    def download(self, packages, folder):
        """Download packages; apt checks them against the signed lists and continues partial ones."""
        folder.mkdir(parents=True, exist_ok=True)
        begin = time.monotonic()

        def progress(_log):
            return f"{_size(folder, self.folder / 'cache') / 1e6:.0f} MB"

        run_logged(["apt-get", *self.options, "download", *packages], "apt-download", FIX, progress, cwd=folder)
        say(f"    {_size(folder) / 1e6:.0f} MB in {time.monotonic() - begin:.0f} s")


def _size(*folders):
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*.deb*"))


def _mirrors():
    """Return the addresses of the machine's Debian mirrors, the main archive first."""
    rows = capture(["apt-get", "indextargets", "--format", "$(REPO_URI)|$(LABEL)"]).split("\n")
    found = [row.split("|")[0] for row in rows if row.endswith("|Debian")]
    if not found:
        # A fresh machine has no lists yet, hence no labels; the plan of an update has addresses.
        result = subprocess.run(
            ["apt-get", "update", "--print-uris"], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        addresses = re.findall(r"^'(\S+/)dists/", result.stdout, re.MULTILINE)
        found = [item for item in addresses if item.rstrip("/").endswith("/debian")]
    return list(dict.fromkeys(found))
