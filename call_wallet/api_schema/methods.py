"""What each method of the API takes and answers, with an example of both."""

from typing import NamedTuple

from . import answers as a
from . import fields as f
from .events import AN_EVENT_ID, example_data
from .shape import or_null, rows, text, whole

BEFORE, AFTER, READING = "Before and during a call", "After a call", "Reading"


class Method(NamedTuple):
    """One method: which part of the API it belongs to, its parameters, its answer, and an example of both.

    The summary, the description, and which parameters may be left out, are the method's own to say.
    """

    part: str
    parameters: dict
    answer: dict
    request: dict
    response: object


def calls(shape, meaning):
    return rows(shape.ref(), meaning, maxItems=f.MAX_CALLS)


def answers(shape):
    return rows(shape.ref(), "One a call, in the order of the calls.")


def after(meaning, least=1):
    return or_null(whole(f"Go on after this {meaning}; left out: from the beginning.", least, f.LARGEST_ID))


A_CALL = {
    "account": "ACME", "call_ref": "call-7f3a", "call_type": "live", "number": "+14155550100",
    "started_at": "2026-11-02T09:30:00Z", "duration_seconds": 61, "status": "completed",
    "campaign": "Nurses Manila", "manager": "ana@acme.example",
}  # fmt: skip
A_CHARGE = {
    "call_ref": "call-7f3a", "result": "charged", "billed_minutes": "2.000000", "rate": "0.039100",
    "total_cost": "0.078200", "currency": "USD", "balance_after": "193.467555", "transaction": 3005,
}  # fmt: skip
AN_AUTHORIZATION = {
    "allowed": True, "code": "ok", "message": "The call may start.", "call_ref": "call-7f3a", "hold": 71,
    "max_seconds": 600, "held_seconds": 600, "expires_at": "2026-11-02T10:39:30+00:00", "rate": "0.039100",
    "currency": "USD", "balance": "193.545755", "available": "193.154755", "funds_seconds": 297000,
    "field": None,
}  # fmt: skip
ONE = {"account": "ACME", "call_ref": "call-7f3a"}

METHODS = {
    "call.wallet.quote_call": Method(
        BEFORE,
        {
            "account": f.ACCOUNT,
            "call_type": f.CALL_TYPE,
            "number": or_null(f.NUMBER),
            "direction": f.DIRECTION,
            "seconds": whole("How long the call would last.", 1, f.MAX_DURATION),
        },
        a.QUOTE.ref(),
        {"account": "ACME", "call_type": "live", "number": "+14155550100", "seconds": 61},
        {
            "allowed": True, "code": "ok", "message": "The call may start.", "field": None, "rate": "0.039100",
            "currency": "USD",
            "balance": "193.545755", "available": "193.545755", "funds_seconds": 297000, "account": "ACME",
            "call_type": "live", "direction": "outbound", "number": "+14155550100", "seconds": 61,
            "billed_seconds": 120, "billed_minutes": "2.000000", "cost": "0.078200", "prefix": "1",
            "increment_seconds": 60, "minimum_seconds": 0, "first_block_seconds": 0, "free_seconds": 0,
            "grace_seconds": 0, "connection_fee": "0.000000",
        },
    ),
    "call.wallet.authorize_call": Method(
        BEFORE,
        {
            "account": f.ACCOUNT,
            "call_ref": f.CALL_REF,
            "call_type": f.CALL_TYPE,
            "number": or_null(f.NUMBER),
            "expected_seconds": or_null(whole("For how long to hold; left out: as the company has set.", 1, f.DAY)),
            "direction": or_null(f.DIRECTION),
            "campaign": or_null(f.CAMPAIGN),
            "manager": or_null(f.MANAGER),
            "application_ref": or_null(f.APPLICATION_REF),
        },
        a.AUTHORIZATION.ref(),
        {**ONE, "call_type": "live", "number": "+14155550100"},
        AN_AUTHORIZATION,
    ),
    "call.wallet.extend_hold": Method(
        BEFORE,
        {
            "account": f.ACCOUNT,
            "call_ref": f.CALL_REF,
            "seconds": or_null(
                {
                    **whole("Instead of `total_seconds`: so much longer each time it is sent.", 1, f.DAY),
                    "deprecated": True,
                }
            ),
            "total_seconds": or_null(
                whole("How long the call shall last, from its start. Sent again, it holds no more.", 1, f.MAX_DURATION)
            ),
        },
        a.AUTHORIZATION.ref(),
        {**ONE, "total_seconds": 900},
        {
            **AN_AUTHORIZATION, "message": "The call may go on.", "max_seconds": 900, "held_seconds": 900,
            "expires_at": "2026-11-02T10:44:30+00:00", "available": "192.959255",
        },
    ),
    "call.wallet.release_hold": Method(
        BEFORE,
        {"account": f.ACCOUNT, "call_ref": f.CALL_REF},
        a.AUTHORIZATION.ref(),
        ONE,
        {
            **AN_AUTHORIZATION, "message": "Nothing is held for this call.", "max_seconds": 0, "held_seconds": 0,
            "expires_at": None, "available": "193.545755",
        },
    ),
    "call.wallet.list_holds": Method(
        BEFORE,
        {"account": or_null(f.ACCOUNT)},
        rows(a.HELD.ref(), "By the time at which they were authorised."),
        {"account": "ACME"},
        [
            {
                **ONE, "hold": 71, "call_type": "live", "direction": "outbound", "number": "+14155550100",
                "campaign": None, "manager": None, "application_ref": None, "rate": "0.039100",
                "amount": "0.391000", "currency": "USD", "held_seconds": 600,
                "authorized_at": "2026-11-02T09:29:30+00:00", "expires_at": "2026-11-02T10:39:30+00:00",
            }
        ],
    ),
    "call.usage.record_calls": Method(
        AFTER,
        {"calls": calls(a.CALL, "Calls that have ended.")},
        answers(a.RECORDED),
        {"calls": [A_CALL]},
        [A_CHARGE],
    ),
    "call.usage.amend_calls": Method(
        AFTER,
        {"calls": calls(a.AMENDED_CALL, "Each as it should have been reported.")},
        answers(a.CORRECTED),
        {"calls": [{**A_CALL, "duration_seconds": 59, "reason": "The switch counted the ringing"}]},
        [
            {
                "call_ref": "call-7f3a", "result": "corrected", "billed_minutes": "1.000000", "rate": "0.039100",
                "total_cost": "0.039100", "difference": "-0.039100", "balance_after": "193.506655",
                "transaction": 3006, "currency": "USD",
            }
        ],
    ),
    "call.usage.void_calls": Method(
        AFTER,
        {"calls": calls(a.VOIDED_CALL, "Each with a reason.")},
        answers(a.CORRECTED),
        {"calls": [{**ONE, "reason": "A test call"}]},
        [
            {
                "call_ref": "call-7f3a", "result": "corrected", "billed_minutes": "0.000000", "rate": "0.039100",
                "total_cost": "0.000000", "difference": "-0.039100", "balance_after": "193.545755",
                "transaction": 3007, "currency": "USD",
            }
        ],
    ),
    "call.usage.list_rejections": Method(
        AFTER,
        {"account": or_null(f.ACCOUNT), "after": after("`rejection`"), "limit": f.LIMIT_OF_REJECTIONS},
        rows(a.REJECTION.ref(), "By id."),
        {"account": "ACME"},
        [
            {
                "rejection": 9, **ONE, "kind": "charge", "code": "destination_not_contracted", "field": "number",
                "reason": "destination_not_contracted: number: no rate covers +81312345678.",
                "reported_at": "2026-11-02T09:32:00+00:00", "payload": {**A_CALL, "number": "+81312345678"},
            }
        ],
    ),
    "call.usage.retry_rejections": Method(
        AFTER,
        {"rejections": rows(whole("As `list_rejections` has them.", 1, f.LARGEST_ID), "Ids.", maxItems=f.MAX_CALLS)},
        answers(a.RETRIED),
        {"rejections": [9]},
        [{"rejection": 9, **A_CHARGE}],
    ),
    "call.wallet.get_wallets": Method(
        READING,
        {"accounts": or_null(rows(f.ACCOUNT, "Which; left out: all of the user's companies.", maxItems=f.MAX_CALLS))},
        rows(a.WALLET.ref(), "In the order asked."),
        {"accounts": ["ACME"]},
        [
            {
                "account": "ACME", "code": "ok", "name": "Acme", "state": "active", "pause_reason": None,
                "currency": "USD", "balance": "193.545755", "held": "0.391000", "available": "193.154755",
                "low_balance_threshold": "25.000000", "is_low": False, "tz": "America/New_York",
                "rate_plan": "Standard",
            }
        ],
    ),
    "call.usage.get_calls": Method(
        READING,
        {"account": f.ACCOUNT, "call_refs": rows(f.CALL_REF, "References.", maxItems=f.MAX_CALLS)},
        rows(a.CALL_STATE.ref(), "One a reference, in their order."),
        {"account": "ACME", "call_refs": ["call-7f3a"]},
        [
            {
                "call_ref": "call-7f3a", "state": "charged", "call_type": "live", "direction": "outbound",
                "number": "+14155550100", "started_at": "2026-11-02T09:30:00+00:00", "duration_seconds": 61,
                "status": "completed", "billed_seconds": 120, "billed_minutes": "2.000000", "rate": "0.039100",
                "total_cost": "0.078200", "refunded": "0.000000", "currency": "USD", "campaign": "Nurses Manila",
                "application_ref": None, "manager": "ana@acme.example", "transaction": 3005,
                "reported_at": "2026-11-02T09:31:05+00:00", "corrections": [], "code": None, "field": None,
                "reason": None, "rejection": None,
            }
        ],
    ),
    "call.wallet.list_transactions": Method(
        READING,
        {"account": f.ACCOUNT, "after": after("`transaction`"), "limit": f.LIMIT},
        rows(a.TRANSACTION.ref(), "In the order of the ledger, without gaps."),
        {"account": "ACME", "after": 3004},
        [
            {
                "transaction": 3005, "sequence": 1207, "date": "2026-11-02T09:31:05+00:00", "type": "usage",
                "amount": "-0.078200", "balance_after": "193.467555", "currency": "USD",
                "description": "Live Call call-7f3a", "call_ref": "call-7f3a", "billed_minutes": "2.000000",
                "rate": "0.039100",
            }
        ],
    ),
    "call.wallet.list_events": Method(
        READING,
        {"after": after("`event`", 0), "limit": f.LIMIT},
        rows(a.EVENT.ref(), "In order, without gaps; none comes later between two that were listed."),
        {"after": 511},
        [
            {
                "event": 512, "id": AN_EVENT_ID, "type": "wallet.low", "timestamp": "2026-11-02T09:31:05+00:00",
                "account": "ACME", "data": example_data("wallet.low"),
            }
        ],
    ),
}  # fmt: skip

CONTEXT = {
    "type": "object",
    "description": "In which language to answer. Other keys are let pass, or are Odoo's own; a platform needs none.",
    "properties": {"lang": or_null(text("A language that is installed, such as `es_ES`; else English.", "es_ES"))},
    "additionalProperties": True,
}
