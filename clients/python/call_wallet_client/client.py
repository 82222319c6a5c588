"""The API's methods, with types."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from .live import LiveCall
from .records import (
    Authorization,
    CallState,
    CorrectedCall,
    EndedCall,
    Event,
    Hold,
    Quote,
    Record,
    RecordedCall,
    Rejection,
    RetriedCall,
    Transaction,
    Wallet,
    read,
)
from .transport import Transport

if TYPE_CHECKING:
    from .recorder import Recorder

R = TypeVar("R", bound=Record)
T = TypeVar("T")
# The most that the server takes in one request.
BATCH = 10_000
# Nobody waits for these on the telephone.
LONG = 4


class Client:
    """A calling platform's access to its wallets. One for all threads.

    :param url: where Odoo is, such as ``https://odoo.example.com``
    :param key: an API key of the platform's user
    :param database: which one, where the server has several
    :param timeout: seconds that one attempt may take
    :param patience: seconds within which a request is repeated that is not answered, the last attempt included;
        requests about many calls have four times that
    :param language: of the messages for people, such as ``es_ES``
    :param context: of TLS, where the usual certificates are not enough
    """

    def __init__(
        self,
        url: str,
        key: str,
        database: str | None = None,
        *,
        timeout: float = 30.0,
        patience: float = 30.0,
        language: str | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        headers = {"Authorization": f"bearer {key}", "Content-Type": "application/json"}
        if database:
            headers["X-Odoo-Database"] = database
        self._transport = Transport(url, headers, timeout, context)
        self._patience = patience
        self._language = language

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are kept; the next request opens one anew."""
        self._transport.close()

    # === BEFORE AND DURING A CALL === #

    def quote_call(
        self, account: str, call_type: str, number: str | None, *, direction: str = "outbound", seconds: int = 60
    ) -> Quote:
        """Say what a call would cost now. Nothing is held."""
        return read(Quote, self._ask("call.wallet/quote_call", account=account, call_type=call_type, number=number,
                                     direction=direction, seconds=seconds))  # fmt: skip

    def authorize_call(
        self,
        account: str,
        call_ref: str,
        call_type: str,
        number: str | None,
        *,
        expected_seconds: int | None = None,
        direction: str | None = None,
        campaign: str | None = None,
        manager: str | None = None,
        application_ref: str | None = None,
        patience: float | None = None,
    ) -> Authorization:
        """Ask whether a call may start, and hold funds for it.

        :param patience: seconds to wait for an answer, instead of the client's: somebody is on the telephone
        """
        return read(
            Authorization,
            self._ask(
                "call.wallet/authorize_call", patience, account=account, call_ref=call_ref, call_type=call_type,
                number=number, expected_seconds=expected_seconds, direction=direction, campaign=campaign,
                manager=manager, application_ref=application_ref,
            ),
        )  # fmt: skip

    def extend_hold(
        self, account: str, call_ref: str, total_seconds: int, *, patience: float | None = None
    ) -> Authorization:
        """Hold funds for a call of so many seconds from its start. Repeating it holds no more.

        A call that was never authorised, or was released, is answered by the code ``unknown_call``.
        """
        return read(Authorization, self._ask("call.wallet/extend_hold", patience, account=account, call_ref=call_ref,
                                             total_seconds=total_seconds))  # fmt: skip

    def release_hold(self, account: str, call_ref: str, *, patience: float | None = None) -> Authorization:
        """Give back what a call holds that never took place. One that was never authorised: ``unknown_call``."""
        return read(Authorization, self._ask("call.wallet/release_hold", patience, account=account, call_ref=call_ref))

    def list_holds(self, account: str | None = None) -> list[Hold]:
        """Return the calls in progress."""
        return _all(Hold, self._ask("call.wallet/list_holds", account=account))

    def call(
        self,
        account: str,
        call_ref: str,
        call_type: str,
        number: str | None,
        *,
        expected_seconds: int | None = None,
        direction: str | None = None,
        campaign: str | None = None,
        manager: str | None = None,
        application_ref: str | None = None,
        recorder: Recorder | None = None,
        extend_before: float = 30.0,
        cut_margin: float = 1.0,
        unheld_seconds: int = 0,
        patience: float = 5.0,
        on_cut: Callable[[LiveCall], object] | None = None,
    ) -> LiveCall:
        """Return a call to be used in a ``with`` block: authorised at its beginning, extended while it lasts, recorded
        at its end.

        :param recorder: records the call in its own time, and keeps it on disk until then. Without it, the block's end
            waits for the answer, and where there is none the call is in the error's ``ended`` and nowhere else
        :param extend_before: how many seconds before the deadline to ask for more; at most half of what is held at the
            beginning, or a short hold would be extended on and on
        :param cut_margin: by how many seconds the deadline is before what is held ends; hanging up takes a moment
        :param unheld_seconds: how long a call may last where the wallet does not answer; 0: it does not start
        :param patience: seconds to wait for each answer but that to the record
        :param on_cut: called with the call, in a thread, when the deadline has come and the call has not ended
        """
        return LiveCall(
            self, account, call_ref, call_type, number, expected_seconds=expected_seconds,
            direction=direction, campaign=campaign, manager=manager, application_ref=application_ref,
            recorder=recorder, extend_before=extend_before, cut_margin=cut_margin, unheld_seconds=unheld_seconds,
            patience=patience, on_cut=on_cut,
        )  # fmt: skip

    # === AFTER A CALL === #

    def record_calls(self, calls: Iterable[EndedCall | Mapping[str, Any]]) -> list[RecordedCall]:
        """Charge calls that have ended, in as many requests as it takes; return one result a call, in order.

        :raise Unreachable: some may have been charged; send them all again, each counts once
        """
        return self._each(RecordedCall, "call.usage/record_calls", "calls", map(_to_json, _several("calls", calls)))

    def amend_calls(self, calls: Iterable[EndedCall | Mapping[str, Any]]) -> list[CorrectedCall]:
        """Correct calls: each as it should have been reported; a mapping may have a ``reason``."""
        return self._each(CorrectedCall, "call.usage/amend_calls", "calls", map(_to_json, _several("calls", calls)))

    def void_calls(self, calls: Iterable[Mapping[str, str]]) -> list[CorrectedCall]:
        """Take back calls: ``account``, ``call_ref``, ``reason`` of each."""
        return self._each(CorrectedCall, "call.usage/void_calls", "calls", map(dict, _several("calls", calls)))

    def list_rejections(
        self, account: str | None = None, *, after: int | None = None, limit: int = 1000
    ) -> list[Rejection]:
        """Return calls and corrections that were refused and are still open."""
        return _all(Rejection, self._ask("call.usage/list_rejections", account=account, after=after, limit=limit))

    def retry_rejections(self, rejections: Iterable[int]) -> list[RetriedCall]:
        """Try rejected calls again, now that the cause is mended."""
        return self._each(RetriedCall, "call.usage/retry_rejections", "rejections", _several("rejections", rejections))

    # === READING === #

    def get_wallets(self, accounts: Iterable[str] | None = None) -> list[Wallet]:
        """Return wallets as they stand, one an account; with None all that the key may see."""
        asked = None if accounts is None else list(_several("accounts", accounts))
        return _all(Wallet, self._ask("call.wallet/get_wallets", accounts=asked))

    def get_calls(self, account: str, call_refs: Iterable[str]) -> list[CallState]:
        """Return what became of calls, one a reference."""
        refs = _several("call_refs", call_refs)
        return self._each(CallState, "call.usage/get_calls", "call_refs", refs, account=account)

    def list_transactions(self, account: str, *, after: int | None = None, limit: int = 1000) -> list[Transaction]:
        """Return rows of a wallet's ledger, in order; ``after`` is the last one's ``transaction``."""
        return _all(
            Transaction, self._ask("call.wallet/list_transactions", account=account, after=after, limit=limit)
        )  # fmt: skip

    def list_events(self, *, after: int | None = None, limit: int = 1000) -> list[Event]:
        """Return what has happened, in order; ``after`` is the last one's ``event``."""
        return _all(Event, self._ask("call.wallet/list_events", after=after, limit=limit))

    def iter_transactions(self, account: str, after: int | None = None, *, page: int = 1000) -> Iterator[Transaction]:
        """Yield the rows of a wallet's ledger, page by page."""
        while True:
            rows = self.list_transactions(account, after=after, limit=page)
            yield from rows
            if len(rows) < page:
                return
            after = rows[-1].transaction

    def iter_rejections(self, account: str | None = None, *, page: int = 1000) -> Iterator[Rejection]:
        """Yield the rejected calls that are open, page by page."""
        after = None
        while True:
            rows = self.list_rejections(account, after=after, limit=page)
            yield from rows
            if len(rows) < page:
                return
            after = rows[-1].rejection

    def iter_events(
        self, after: int | None = None, *, page: int = 1000, poll_seconds: float | None = None
    ) -> Iterator[Event]:
        """Yield what has happened, in order. Keep the ``event`` of the last one that was dealt with.

        :param poll_seconds: go on for ever, and look so often for new ones; without it, end with the last one
        """
        while True:
            rows = self.list_events(after=after, limit=page)
            yield from rows
            if rows:
                after = rows[-1].event
            if len(rows) < page:
                if poll_seconds is None:
                    return
                time.sleep(poll_seconds)

    # === REQUESTS === #

    def _ask(self, path: str, patience: float | None = None, **parameters: Any) -> Any:
        # A number is asked for in any case: that of a withheld caller is null.
        body = {name: value for name, value in parameters.items() if value is not None or name == "number"}
        if self._language:
            body["context"] = {"lang": self._language}
        return self._transport.post(f"/json/2/{path}", body, self._patience if patience is None else patience)

    def _each(self, record: type[R], path: str, name: str, items: Iterator[Any], **parameters: Any) -> list[R]:
        found: list[R] = []
        while batch := list(islice(items, BATCH)):
            found += _all(record, self._ask(path, LONG * self._patience, **parameters, **{name: batch}))
        return found


def _all(record: type[R], rows: Iterable[Mapping[str, Any]]) -> list[R]:
    return [read(record, row) for row in rows]


def _several(name: str, items: Iterable[T]) -> Iterator[T]:
    """Return what several are asked for by. A text or a mapping would be taken apart into letters or names."""
    if isinstance(items, (str, bytes, Mapping)) or not isinstance(items, Iterable):
        raise TypeError(f"{name}: a list is needed, not {type(items).__name__}")
    return iter(items)


def _to_json(call: EndedCall | Mapping[str, Any]) -> dict[str, Any]:
    return call.to_json() if isinstance(call, EndedCall) else dict(call)
