"""A call while it lasts: what it holds, when to cut it, and its end."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from .errors import CallRefused, CallWalletError, Unreachable
from .records import Authorization, EndedCall, RecordedCall

if TYPE_CHECKING:
    from .client import Client
    from .recorder import Recorder

_logger = logging.getLogger(__name__)
# Between two questions whether there are funds again.
ASK_AGAIN = 5.0


class LiveCall:
    """Made by ``Client.call``. Its clock runs from ``start``; a call that never started is released.

    ``deadline`` moves on by itself while funds last. Whoever hangs up by then never overspends the wallet.
    """

    def __init__(
        self,
        client: Client,
        account: str,
        call_ref: str,
        call_type: str,
        number: str | None,
        *,
        expected_seconds: int | None,
        direction: str | None,
        campaign: str | None,
        manager: str | None,
        application_ref: str | None,
        recorder: Recorder | None,
        extend_before: float,
        cut_margin: float,
        unheld_seconds: int,
        patience: float,
        on_cut: Callable[[LiveCall], object] | None,
    ) -> None:
        self._client, self._recorder, self._on_cut = client, recorder, on_cut
        self.account, self.call_ref, self.call_type, self.number = account, call_ref, call_type, number
        self._expected_seconds = expected_seconds
        self.direction, self.campaign, self.manager = direction, campaign, manager
        self.application_ref = application_ref
        self._extend_before, self._margin, self._patience = extend_before, cut_margin, patience
        self._unheld_seconds = unheld_seconds
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._began: float | None = None
        self._lasted: float | None = None
        self._status: str | None = None
        #: The last answer about the call; None where the wallet did not answer.
        self.authorization: Authorization | None = None
        #: How long the call may last, in seconds from its start.
        self.max_seconds = 0
        #: When it was answered.
        self.started_at: datetime | None = None
        #: What was reported, and how that was answered; the answer is None where a recorder has the call.
        self.ended: EndedCall | None = None
        self.result: RecordedCall | None = None

    # === FROM BEGINNING TO END === #

    def __enter__(self) -> LiveCall:
        """Authorise the call.

        :raise CallRefused: it may not start
        :raise Unreachable: the wallet does not answer, and calls do not start without it
        """
        try:
            found = self._authorize(self._expected_seconds, self._patience)
        except Unreachable:
            if not self._unheld_seconds:
                raise
            _logger.warning("%s: no answer; the call may last %s s", self.call_ref, self._unheld_seconds)
            self.max_seconds = self._unheld_seconds
            return self
        if not found.allowed:
            raise CallRefused(found)
        self._take(found)
        return self

    def start(self) -> None:
        """Say that the call was answered: from now on it costs money."""
        with self._lock:
            if self._began is not None:
                return
            self._began, self.started_at = time.monotonic(), datetime.now(timezone.utc)
        # Whatever it asks for after the call has ended changes nothing: the call is settled.
        threading.Thread(target=self._keep, name=f"call {self.call_ref}", daemon=True).start()

    def end(self, status: str | None = None) -> None:
        """Say that the call has ended: its clock stops. The block's end records it.

        :param status: how; by default ``completed`` for a call that was answered. One that was not is listed with this
            status, such as ``no_answer``, and without one only released
        """
        with self._lock:
            if self._lasted is None:
                self._lasted = time.monotonic() - self._began if self._began is not None else 0.0
                self._status = status or ("completed" if self._began is not None else None)
        self._over.set()

    def __exit__(self, *_error: object) -> None:
        """End the call where that was not done, and record it: by the recorder, or else now.

        :raise CallWalletError: without a recorder: it could not be recorded. The call is in the error's ``ended``, and
            is to be recorded later
        :raise OSError: the recorder could not write it. The call is in ``ended``
        """
        self.end()
        if self._status is None:
            self._release()
            return
        self.ended = EndedCall(
            account=self.account, call_ref=self.call_ref, call_type=self.call_type, number=self.number,
            started_at=self.started_at or datetime.now(timezone.utc), duration_seconds=self.duration_seconds,
            status=self._status, direction=self.direction, campaign=self.campaign,
            manager=self.manager, application_ref=self.application_ref,
        )  # fmt: skip
        if self._recorder:
            self._recorder.add(self.ended)
            return
        try:
            [self.result] = self._client.record_calls([self.ended])
        except CallWalletError as error:
            error.ended = self.ended
            raise

    def _release(self) -> None:
        if not self.authorization:
            return
        try:
            self._client.release_hold(self.account, self.call_ref, patience=self._patience)
        except CallWalletError as error:
            # It ends by itself at its time.
            _logger.warning("%s: not released: %s", self.call_ref, error)

    # === HOW LONG === #

    @property
    def duration_seconds(self) -> int:
        """How long the call has lasted, in whole seconds, a begun one counted."""
        if self._began is None:
            return 0
        return math.ceil(self._lasted if self._lasted is not None else time.monotonic() - self._began)

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline; all that is held while the call has not started. Below zero: hang up now."""
        lasted = time.monotonic() - self._began if self._began is not None else 0.0
        return self.max_seconds - self._margin - lasted

    @property
    def deadline(self) -> datetime:
        """When to hang up, unless it has moved on by then."""
        return datetime.now(timezone.utc) + timedelta(seconds=self.seconds_left)

    def _take(self, found: Authorization) -> None:
        # What was granted stays granted: an answer that grants nothing more does not shorten the call.
        self.authorization = found
        self.max_seconds = max(self.max_seconds, found.max_seconds)

    def _keep(self) -> None:
        """Extend the call in time until it ends; say when it must be cut."""
        step = self._expected_seconds or self.max_seconds
        before = min(self._extend_before, self.max_seconds / 2)
        wait = self.seconds_left - before
        while not self._over.wait(max(0.0, min(wait, self.seconds_left))):
            if self.seconds_left <= 0:
                break
            held = self.max_seconds
            self._extend(held + step)
            wait = self.seconds_left - before if self.max_seconds > held else min(ASK_AGAIN, before / 3)
        if self._on_cut and not self._over.is_set():
            self._on_cut(self)

    def _extend(self, total_seconds: int) -> None:
        """Ask for more, for no longer than there is time; without an answer the call ends at the deadline it has."""
        patience = max(0.1, min(self.seconds_left, self._patience))
        try:
            # A call that began without an answer holds nothing yet.
            found = (
                self._client.extend_hold(self.account, self.call_ref, total_seconds, patience=patience)
                if self.authorization
                else self._authorize(total_seconds, patience)
            )
            if found.code == "unknown_call":
                # Somebody has released it by mistake: it goes on, so it holds funds again.
                found = self._authorize(total_seconds, max(0.1, min(self.seconds_left, self._patience)))
        except CallWalletError as error:
            _logger.warning("%s: not extended: %s", self.call_ref, error)
            return
        if found.allowed or self.authorization:
            self._take(found)

    def _authorize(self, expected_seconds: int | None, patience: float) -> Authorization:
        return self._client.authorize_call(
            self.account, self.call_ref, self.call_type, self.number, expected_seconds=expected_seconds,
            direction=self.direction, campaign=self.campaign, manager=self.manager,
            application_ref=self.application_ref, patience=patience,
        )  # fmt: skip
