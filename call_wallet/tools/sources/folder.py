"""A folder from which files of call records are taken: below an allowed root, without following links."""

import errno
import os
import stat
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from odoo.tools.translate import LazyTranslate

_lt = LazyTranslate(__name__)

MAX_FILES = 1_000
# By these parts of what was read a file is known again: it may have been rotated, or begun anew under its name.
HEAD, TAIL = 1 << 16, 1 << 12
FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class FolderProblem(Exception):
    """The folder cannot be read; ``sentence`` says why, for an administrator."""

    def __init__(self, sentence):
        super().__init__(str(sentence))
        self.sentence = sentence


class Found(NamedTuple):
    """A file in the folder. ``modified_at`` is a UNIX time."""

    name: str
    size: int
    modified_at: float


def check_path(path):
    """Return the parts of a path below the root.

    :raise FolderProblem: an absolute path, or one that leads elsewhere
    """
    parts = (path or "").split("/")
    if not all(parts) or any(part in (".", "..") or "\0" in part or "\\" in part for part in parts):
        raise FolderProblem(_lt("Folder: enter its path below the allowed root, such as asterisk/cdr-csv, without .."))
    return parts


@contextmanager
def open_folder(root, path):
    """Open the folder at ``path`` below ``root``; gives a ``Folder``.

    :raise FolderProblem: there is no allowed root, no such folder, or a link on the way
    """
    parts = check_path(path)
    if not root or not Path(root).is_absolute():
        raise FolderProblem(
            _lt("Folder: an administrator first allows a root, by the system parameter "
                "call_wallet.source_folder_root or by call_wallet_source_folder_root in odoo.conf.")
        )  # fmt: skip
    place = None
    try:
        place = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for part in parts:
            below = os.open(part, FLAGS | os.O_DIRECTORY, dir_fd=place)
            os.close(place)
            place = below
        yield Folder(place)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise FolderProblem(_lt("Folder: it is none, or there is a link on the way to it.")) from error
        raise FolderProblem(_lt("Folder: it cannot be read (%s).", error.strerror or "?")) from error
    finally:
        if place is not None:
            os.close(place)


class Folder:
    """A folder that is open; names in it are looked up there, whatever happens to its path meanwhile."""

    def __init__(self, place):
        self.place = place

    def files(self):
        """Return the files, oldest first; no links, no hidden ones, nothing that is no file, at most ``MAX_FILES``."""
        found = []
        with os.scandir(self.place) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False) and _is_text(entry.name):
                    with suppress(OSError):
                        status = entry.stat(follow_symlinks=False)
                        found.append(Found(entry.name, status.st_size, status.st_mtime))
        return sorted(found, key=lambda one: (one.modified_at, one.name))[-MAX_FILES:]

    @contextmanager
    def open(self, name):
        """Open a file of the folder for reading.

        :raise OSError: it has gone, or is none
        """
        place = os.open(name, FLAGS, dir_fd=self.place)
        with os.fdopen(place, "rb") as file:
            if not stat.S_ISREG(os.fstat(place).st_mode):
                raise OSError(errno.EINVAL, "no file")
            yield file


def _is_text(name):
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return len(name) <= 200 and name.isprintable()


def mark_of(file, offset):
    """Return a digest of the beginning and the end of what stands before ``offset`` in an open file."""
    file.seek(0)
    head = file.read(min(offset, HEAD))
    file.seek(max(0, offset - TAIL))
    return sha256(head + b"\0" + file.read(min(offset, TAIL))).hexdigest()


def read_part(file, offset, limit, is_whole):
    """Return the content of an open file from ``offset`` on, at most ``limit`` bytes.

    :param is_whole: False: up to the last end of a line, as somebody may be writing the next one
    """
    file.seek(offset)
    content = file.read(limit)
    if is_whole and not file.read(1):
        return content
    return content[: content.rfind(b"\n") + 1]


def first_line(file):
    """Return the first line of an open file as text; what cannot be read in it is replaced."""
    file.seek(0)
    return file.readline(HEAD).decode("utf-8-sig", errors="replace").rstrip("\r\n")
