"""A call as the service knows it, and the folder that has the calls in progress."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

# How the wallet calls what Asterisk says: DIALSTATUS, and the disposition of its records.
STATUSES = {
    "ANSWER": "completed",
    "ANSWERED": "completed",
    "BUSY": "busy",
    "NOANSWER": "no_answer",
    "NO ANSWER": "no_answer",
    "CANCEL": "canceled",
}
# An answer that Asterisk's record has so much before the callee's was that of an announcement, or of a menu.
EARLY_ANSWER = 0.1


@dataclass(kw_only=True)
class Call:
    """Times are seconds since 1970, of Asterisk's clock; durations are seconds."""

    ref: str
    account: str
    call_type: str
    number: str | None
    direction: str | None = None
    campaign: str | None = None
    manager: str | None = None
    application_ref: str | None = None
    begun: float = field(default_factory=time.time)
    #: How long it may last; 0: that is not decided yet.
    max_seconds: int = 0
    #: Whether the wallet holds funds for it: it may have been away when the call began.
    is_held: bool = False
    answered: float | None = None
    #: The channel of who answered.
    peer: str | None = None
    #: DIALSTATUS of the last attempt.
    dial_status: str | None = None
    #: Channels that have hung up, and when the last one did.
    gone: list[str] = field(default_factory=list)
    over: float | None = None
    #: Asterisk's records of it.
    rows: list[dict[str, str]] = field(default_factory=list)
    #: What is reported.
    ended: dict[str, Any] | None = None

    @property
    def channels(self) -> list[str]:
        """Return the channels that have not hung up."""
        return [one for one in (self.ref, self.peer) if one and one not in self.gone]

    # === ITS END === #

    def facts(self, last_seen: float | None = None) -> dict[str, Any]:
        """Return what is reported of the ended call.

        :param last_seen: when it was still there, where nobody saw its end
        """
        started, lasted = self._talk(last_seen)
        values = {
            "account": self.account, "call_ref": self.ref, "call_type": self.call_type, "number": self.number,
            "started_at": datetime.fromtimestamp(started, timezone.utc).isoformat(),
            "duration_seconds": self._billed(lasted), "status": self._status(), "direction": self.direction,
            "campaign": self.campaign, "manager": self.manager, "application_ref": self.application_ref,
        }  # fmt: skip
        # A withheld number is sent as such.
        return {name: value for name, value in values.items() if value is not None or name == "number"}

    @property
    def overrun(self) -> float:
        """By how many seconds the call was longer than what is held; negative where it was not."""
        return self._talk(self.over)[1] - self.max_seconds

    def _talk(self, last_seen: float | None) -> tuple[float, float]:
        """Return when the talk began, and how many seconds it lasted: of Asterisk's records, or else of its events."""
        talks = [
            (float(row["answer"]), float(row["end"]))
            for row in self.rows
            if row["dstchannel"] and _is_time(row["answer"])
        ]
        if talks:
            begin, end = min(one for one, _ in talks), max(one for _, one in talks)
            if self.answered and self.answered - begin > EARLY_ANSWER:
                begin = self.answered
            return begin, max(0.0, end - begin)
        if self.answered is None:
            return self.begun, 0.0
        return self.answered, max(0.0, (self.over or last_seen or self.answered) - self.answered)

    def _billed(self, lasted: float) -> int:
        """Return whole seconds, a begun one counted. A cut that came a moment late is not the customer's."""
        seconds = math.ceil(round(lasted, 3))
        if 0 < self.max_seconds < seconds and lasted < self.max_seconds + 1:
            return self.max_seconds
        return seconds

    def _status(self) -> str:
        if self.answered or any(row["disposition"] == "ANSWERED" and row["dstchannel"] for row in self.rows):
            return "completed"
        # Asterisk's records do not tell who gave up; the last attempt to dial does.
        said = self.dial_status or next((row["disposition"] for row in reversed(self.rows) if row["dstchannel"]), None)
        # Nothing was dialled: the caller was faster.
        return STATUSES.get(said, "failed") if said else "canceled"


def _is_time(value: str) -> bool:
    try:
        return float(value) > 0
    except ValueError:
        return False


class Book:
    """A file for each call in progress, so that a service that is killed finds its calls again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.new"):
            path.unlink()

    def save(self, call: Call) -> None:
        """Have the call on disk when this returns."""
        write(self._path(call.ref), asdict(call))

    def remove(self, ref: str) -> None:
        self._path(ref).unlink(missing_ok=True)

    def calls(self) -> Iterator[Call]:
        known = {one.name for one in fields(Call)}
        for path in sorted(self._folder.glob("*.json")):
            values = json.loads(path.read_text(encoding="utf-8"))
            yield Call(**{name: value for name, value in values.items() if name in known})

    def _path(self, ref: str) -> Path:
        return self._folder / f"{quote(ref, safe='')}.json"


def write(path: Path, value: Any) -> None:
    """Replace a JSON file in one step: it is the old one or the new one, whatever happens."""
    part = path.with_suffix(".new")
    with open(part, "w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    if os.name == "posix":
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
