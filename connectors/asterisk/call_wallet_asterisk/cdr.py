"""Asterisk's own records of calls, as ``cdr_custom.conf`` writes them: read on from where the last service stopped."""

from __future__ import annotations

import csv
import json
import logging
import os
from pathlib import Path
from typing import IO

from .calls import write

_logger = logging.getLogger(__name__)
# As in examples/cdr_custom.conf. Times are seconds since 1970 with their fractions: no zone, and nothing is rounded.
COLUMNS = (
    "uniqueid", "linkedid", "disposition", "start", "answer", "end", "dstchannel", "account", "call_type", "number",
    "direction", "campaign", "manager", "application_ref", "seconds",
)  # fmt: skip


class CdrFile:
    """Follows a file that grows and is rotated.

    :param path: the file; it need not exist yet
    :param mark: a file of ours that remembers how far it was read
    """

    def __init__(self, path: Path, mark: Path) -> None:
        self._path, self._mark = path, mark
        self._file: IO[bytes] | None = None
        self._saved: list[int] = []

    def begin(self) -> None:
        """Go to where the last service stopped. The first one begins at the end: what was before is none of its."""
        if self._mark.exists():
            inode, offset = json.loads(self._mark.read_text(encoding="utf-8"))
            for path in (self._path, *sorted(self._path.parent.glob(f"{self._path.name}?*"))):
                if path.exists() and path.stat().st_ino == inode:
                    self._file = open(path, "rb")
                    self._file.seek(offset if path.stat().st_size >= offset else 0)
                    return
            if inode:
                _logger.warning("%s was replaced, and the one before is not beside it", self._path)
            return
        if self._path.exists():
            self._file = open(self._path, "rb")
            self._file.seek(0, os.SEEK_END)
        self.save()

    def read(self) -> list[dict[str, str]]:
        """Return the records that are new. ``save`` says that they were dealt with."""
        rows = self._read_on()
        if self._is_another():
            # The rest of the old one has been read.
            if self._file:
                self._file.close()
            self._file = open(self._path, "rb")
            rows += self._read_on()
        return rows

    def save(self) -> None:
        """Remember how far it was read."""
        mark = [os.fstat(self._file.fileno()).st_ino, self._file.tell()] if self._file else [0, 0]
        if mark != self._saved:
            write(self._mark, mark)
            self._saved = mark

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _is_another(self) -> bool:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return False
        return not self._file or os.fstat(self._file.fileno()).st_ino != found.st_ino

    def _read_on(self) -> list[dict[str, str]]:
        if not self._file:
            return []
        place = self._file.tell()
        if os.fstat(self._file.fileno()).st_size < place:
            # Emptied in its place, as logrotate's copytruncate does.
            self._file.seek(0)
            place = 0
        content = self._file.read()
        # A line that is still being written is read when it is complete.
        complete = content[: content.rfind(b"\n") + 1]
        self._file.seek(place + len(complete))
        rows = []
        for values in csv.reader(complete.decode("utf-8", "replace").splitlines()):
            if len(values) == len(COLUMNS):
                rows.append(dict(zip(COLUMNS, values, strict=True)))
            elif values:
                _logger.error("%s: a line has %s columns, not %s", self._path, len(values), len(COLUMNS))
        return rows
