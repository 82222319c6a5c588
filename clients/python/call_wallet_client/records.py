"""What is sent and what is answered, with types. ``docs/openapi.json`` says what each field means.

Amounts are ``Decimal``, times are aware. A field that the server does not send is None; one that this version does not
know is in ``raw``.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

R = TypeVar("R", bound="Record")


@dataclass(frozen=True, kw_only=True)
class EndedCall:
    """A call that has ended, to be recorded.

    :param number: None of an inbound call whose caller is withheld
    :param started_at: needs a time zone; text of ISO 8601 is read
    :raise ValueError: ``started_at`` is no time, or has no time zone
    :raise TypeError: ``started_at`` is something else
    """

    account: str
    call_ref: str
    call_type: str
    number: str | None = None
    started_at: datetime
    duration_seconds: int
    status: str
    direction: str | None = None
    campaign: str | None = None
    application_ref: str | None = None
    manager: str | None = None

    def __post_init__(self) -> None:
        given: Any = self.started_at
        if isinstance(given, str):
            try:
                given = _moment(given)
            except ValueError:
                raise ValueError(f"started_at: {given!r} is no time such as 2026-11-02T09:30:00Z") from None
        if not isinstance(given, datetime):
            raise TypeError(f"started_at: a datetime is needed, not {type(given).__name__}")
        if given.tzinfo is None:
            raise ValueError(f"started_at: {given} has no time zone")
        object.__setattr__(self, "started_at", given)

    def to_json(self) -> dict[str, Any]:
        """Return the call as it is sent."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        values["started_at"] = self.started_at.astimezone(timezone.utc).isoformat()
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Record:
    """What was answered, as it came."""

    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class Authorization(Record):
    """Whether a call may start or go on: end it at ``max_seconds``."""

    allowed: bool
    code: str
    message: str
    call_ref: str
    hold: int | None = None
    max_seconds: int
    held_seconds: int = 0
    expires_at: datetime | None = None
    rate: Decimal | None = None
    currency: str | None = None
    balance: Decimal | None = None
    available: Decimal | None = None
    funds_seconds: int = 0
    differs: dict[str, Any] | None = None
    field: str | None = None
    limit: str | None = None


@dataclass(frozen=True, kw_only=True)
class Quote(Record):
    """What a call would cost."""

    allowed: bool
    code: str
    message: str
    field: str | None = None
    limit: str | None = None
    rate: Decimal | None = None
    currency: str | None = None
    balance: Decimal | None = None
    available: Decimal | None = None
    funds_seconds: int = 0
    account: str
    call_type: str
    direction: str
    number: str | None = None
    seconds: int
    billed_seconds: int | None = None
    billed_minutes: Decimal | None = None
    cost: Decimal | None = None
    prefix: str | None = None
    increment_seconds: int | None = None
    minimum_seconds: int | None = None
    first_block_seconds: int | None = None
    free_seconds: int | None = None
    grace_seconds: int | None = None
    connection_fee: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Hold(Record):
    """A call in progress."""

    account: str
    call_ref: str
    hold: int
    call_type: str
    direction: str
    number: str | None = None
    campaign: str | None = None
    manager: str | None = None
    application_ref: str | None = None
    rate: Decimal
    amount: Decimal
    currency: str
    held_seconds: int
    authorized_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Result(Record):
    """What all results of calls have in common."""

    call_ref: str | None = None
    result: str
    billed_minutes: Decimal | None = None
    rate: Decimal | None = None
    total_cost: Decimal | None = None
    currency: str | None = None
    balance_after: Decimal | None = None
    transaction: int | None = None
    reason: str | None = None
    code: str | None = None
    field: str | None = None
    differs: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class RecordedCall(Result):
    """``charged``, ``duplicate``, ``conflict`` or ``rejected``."""

    notes: list[str] | None = None


@dataclass(frozen=True, kw_only=True)
class CorrectedCall(Result):
    """``corrected``, ``duplicate`` or ``rejected``."""

    notes: list[str] | None = None
    difference: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class RetriedCall(Result):
    """As of the method that was refused."""

    notes: list[str] | None = None
    difference: Decimal | None = None
    rejection: int | None = None


@dataclass(frozen=True, kw_only=True)
class Correction(Record):
    """One correction of a call."""

    kind: str
    corrected_at: datetime
    reason: str | None = None
    old_cost: Decimal
    total_cost: Decimal
    difference: Decimal
    transaction: int | None = None


@dataclass(frozen=True, kw_only=True)
class CallState(Record):
    """A call as it stands."""

    call_ref: str | None = None
    state: str
    call_type: str | None = None
    direction: str | None = None
    number: str | None = None
    started_at: datetime | None = None
    duration_seconds: int | None = None
    status: str | None = None
    billed_seconds: int | None = None
    billed_minutes: Decimal | None = None
    rate: Decimal | None = None
    total_cost: Decimal | None = None
    refunded: Decimal | None = None
    currency: str | None = None
    campaign: str | None = None
    application_ref: str | None = None
    manager: str | None = None
    transaction: int | None = None
    reported_at: datetime | None = None
    corrections: list[Correction] | None = None
    code: str | None = None
    field: str | None = None
    reason: str | None = None
    rejection: int | None = None


@dataclass(frozen=True, kw_only=True)
class Rejection(Record):
    """A call, or a correction, that was refused and is still open."""

    rejection: int
    account: str | None = None
    call_ref: str | None = None
    kind: str
    code: str
    field: str | None = None
    reason: str
    reported_at: datetime
    payload: Any = None


@dataclass(frozen=True, kw_only=True)
class Wallet(Record):
    """A wallet as it stands; ``code`` is ``ok``, ``closed`` or ``unknown_account``."""

    account: str
    code: str
    name: str | None = None
    state: str | None = None
    pause_reason: str | None = None
    currency: str | None = None
    balance: Decimal | None = None
    held: Decimal | None = None
    available: Decimal | None = None
    low_balance_threshold: Decimal | None = None
    is_low: bool | None = None
    tz: str | None = None
    rate_plan: str | None = None


@dataclass(frozen=True, kw_only=True)
class Transaction(Record):
    """A row of a wallet's ledger."""

    transaction: int
    sequence: int
    date: datetime
    type: str
    amount: Decimal
    balance_after: Decimal
    currency: str
    description: str | None = None
    call_ref: str | None = None
    billed_minutes: Decimal | None = None
    rate: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Event(Record):
    """Something that happened; ``id`` is the same in ``list_events`` and as ``webhook-id``."""

    id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]
    event: int | None = None
    account: str | None = None


# === READING === #


@cache
def _hints(record: Any) -> dict[str, Any]:
    return typing.get_type_hints(record)


def read(record: type[R], data: Mapping[str, Any]) -> R:
    """Return what was answered as a record of this type."""
    hints = _hints(typing.cast(Any, record))
    known = {name: _convert(hints[name], value) for name, value in data.items() if name in hints and name != "raw"}
    return record(raw=data, **known)


def _moment(value: str) -> datetime:
    # Python 3.10 does not know the Z.
    return datetime.fromisoformat(value[:-1] + "+00:00" if value.endswith("Z") else value)


def _convert(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(hint, types.UnionType):
        [hint] = [one for one in typing.get_args(hint) if one is not type(None)]
    if hint is Decimal:
        return Decimal(value)
    if hint is datetime:
        return _moment(value)
    if typing.get_origin(hint) is list:
        [item] = typing.get_args(hint)
        return [_convert(item, one) for one in value]
    if isinstance(hint, type) and issubclass(hint, Record):
        return read(hint, value)
    return value
