"""Records ended calls in its own time, and loses none: each is on disk before ``add`` returns."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from .client import BATCH, Client
from .errors import CallWalletError
from .records import EndedCall, RecordedCall

try:
    import fcntl
except ImportError:  # Windows: whoever has two recorders there gives them two folders
    fcntl = None  # type: ignore[assignment]

_logger = logging.getLogger(__name__)
LONGEST_PAUSE = 60.0

Answered = Callable[[Mapping[str, Any], RecordedCall], object]


class Recorder:
    """A queue of ended calls in a folder, and a thread that records them.

    Calls are written to a file; a full or aged file is sent as one request and deleted once it is answered. What was
    left by a program that was killed is sent again by the next one: calls count once.

    :param client: sends the calls
    :param folder: of this recorder alone
    :param interval: seconds after which calls are sent at the latest
    :param batch: how many calls are sent at once at most
    :param on_answer: called with each call and its result, in the recorder's thread; without it, calls that were
        rejected or in conflict are logged. The wallet has kept those, for finance to look at
    """

    def __init__(
        self,
        client: Client,
        folder: str | os.PathLike[str],
        *,
        interval: float = 1.0,
        batch: int = 1000,
        on_answer: Answered | None = None,
    ) -> None:
        self._client, self._interval = client, interval
        self._batch, self._on_answer = min(batch, BATCH), on_answer or _log
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._claim = self._claimed()
        self._writing, self._sending = threading.Lock(), threading.Lock()
        self._file: IO[bytes] | None = None
        self._count = 0
        self._number = max((int(path.stem) for path in self._waiting()), default=0)
        self._stop, self._full = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="call recorder", daemon=True)
        #: Why the last attempt failed; None where it did not.
        self.last_error: Exception | None = None
        self._thread.start()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def add(self, call: EndedCall | Mapping[str, Any]) -> None:
        """Take a call over. When this returns, the call is on disk, and will be recorded.

        :raise OSError: it could not be written, and may not be recorded
        """
        line = json.dumps(call.to_json() if isinstance(call, EndedCall) else dict(call)).encode() + b"\n"
        with self._writing:
            if self._stop.is_set():
                raise RuntimeError("the recorder is closed")
            file = self._file or self._begin_file()
            try:
                if file.write(line) != len(line):
                    raise OSError(f"{file.name}: only a part was written")
                os.fsync(file.fileno())
            except OSError:
                # The disk is full, say. What comes next must not be written behind half a line.
                self._end_file()
                raise
            self._count += 1
            if self._count >= self._batch:
                self._end_file()
                self._full.set()

    def flush(self) -> None:
        """Record everything that was added before.

        :raise CallWalletError: that was not possible now; the calls stay on disk
        """
        with self._writing:
            self._end_file()
        self._send()

    def waiting(self) -> int:
        """Return how many calls are on disk and not answered yet."""
        return sum(len(_calls(path)) for path in self._waiting())

    def close(self) -> None:
        """Record what can be recorded now, and stop. What cannot stays on disk for the next recorder."""
        with self._writing:
            if self._stop.is_set():
                return
            self._stop.set()
            self._end_file()
        self._full.set()
        self._thread.join()
        try:
            self._send()
        except CallWalletError as error:
            _logger.warning("%s calls stay in %s: %s", self.waiting(), self._folder, error)
        finally:
            self._claim.close()

    # === INSIDE === #

    def _claimed(self) -> IO[bytes]:
        claim = open(self._folder / "lock", "ab")
        if fcntl:
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                claim.close()
                raise RuntimeError(f"{self._folder} is in use by another recorder") from None
        return claim

    def _waiting(self) -> list[Path]:
        return sorted(self._folder.glob("*.jsonl"))

    def _begin_file(self) -> IO[bytes]:
        self._number += 1
        self._file, self._count = open(self._folder / f"{self._number:012}.jsonl", "ab", buffering=0), 0
        _sync_folder(self._folder)
        return self._file

    def _end_file(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _work(self) -> None:
        pause = self._interval
        while not self._stop.is_set():
            self._full.wait(pause)
            self._full.clear()
            try:
                self.flush()
                pause = self._interval
            except Exception as error:
                # Whatever it was, the calls are on disk; a program that stops recording would be worse.
                _logger.warning("calls wait in %s: %s", self._folder, error)
                pause = min(LONGEST_PAUSE, 2 * max(pause, 0.5))
                self._stop.wait(pause)

    def _send(self) -> None:
        """Send what is in the files that have ended."""
        with self._sending:
            try:
                for path in self._ended_files():
                    calls = _calls(path)
                    for call, result in zip(calls, self._client.record_calls(calls), strict=True):
                        self._on_answer(call, result)
                    path.unlink()
                self.last_error = None
            except Exception as error:
                self.last_error = error
                raise

    def _ended_files(self) -> Iterator[Path]:
        with self._writing:
            open_file = Path(self._file.name) if self._file else None
        return (path for path in self._waiting() if path != open_file)


def _calls(path: Path) -> list[Any]:
    """Return the calls in a file. A line that was cut off by a crash was never taken over."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_bytes().split(b"\n")[:-1]:
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
    return found


def _sync_folder(folder: Path) -> None:
    """Have the name of a new file on disk, too."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _log(call: Mapping[str, Any], result: RecordedCall) -> None:
    if result.result in ("conflict", "rejected"):
        _logger.warning("%s: %s: %s", call.get("call_ref"), result.result, result.reason)
