"""Programs of Debian *unstable*, unpacked into the cache. Nothing is installed; root is not needed.

Their C library is newer than the machine's, so each program is started by the packages' own loader.
"""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import paths
from .console import StepError, capture, hold, run_logged, step
from .source import AptArea

SUITE = "unstable"


@dataclass
class Programs:
    """The unpacked packages."""

    path: Path

    def command(self, program, *arguments):
        """Return the command line of a program, named by its path such as ``usr/bin/sipp``."""
        return [
            str(part) for part in (self._loader, "--library-path", self._libraries, self.path / program, *arguments)
        ]

    @property
    def _loader(self):
        return next(iter(sorted(self.path.glob("usr/lib/*/ld-linux*.so.*"))))

    @property
    def _libraries(self):
        return self._loader.parent


def ensure(name, title, packages, wanted, key=(), finish=None):
    """Return the folder with the unpacked packages and all that they depend on, fetched on first use.

    :param name: of the folder in the cache, and of the lock
    :param title: what it is, with its size, such as ``SIPp (20 MB,``
    :param wanted: paths that have to be there, below the folder
    :param key: what else the folder depends on
    :param finish: function of the unpacked folder that does what installing the packages would
    """
    folder = paths.CACHE / name / paths.digest(SUITE, *packages, *key)
    if not folder.exists():
        with hold(name):
            if not folder.exists():
                with step(f"{title} Debian packages)"):
                    _fetch(name, folder, packages, wanted, finish)
    return folder


def _fetch(name, folder, packages, wanted, finish):
    fix = "check the network and run it again; the programs are Debian's packages " + ", ".join(packages)
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise StepError("this machine has no apt-get and dpkg-deb to fetch Debian's packages with", fix)
    folder.parent.mkdir(parents=True, exist_ok=True)
    area = AptArea(paths.CACHE / f"apt-{name}")
    area.update()
    archives = area.folder / "cache/archives"

    def progress(_log):
        return f"{sum(path.stat().st_size for path in archives.rglob('*.deb')) / 1e6:.0f} MB"

    # The area's list of installed packages is empty, so that all that they depend on comes with them. The lock that
    # apt would take is the system's, which stays as it is.
    options = ["-y", "--download-only", "--no-install-recommends", "-t", SUITE, "-o", "Debug::NoLocking=1"]
    run_logged(["apt-get", *area.options, "install", *options, *packages], f"apt-{name}", fix, progress)
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(partial(_unpack, part), sorted(archives.glob("*.deb"))))
    if finish:
        finish(part)
    missing = [path for path in wanted if not (part / path).exists()]
    if missing:
        raise StepError(f"the packages did not have {', '.join(missing)}", fix)
    # Only a complete tree gets the final name.
    part.rename(folder)
    shutil.rmtree(area.folder)


def _unpack(target, package):
    capture(["dpkg-deb", "-x", package, target])
