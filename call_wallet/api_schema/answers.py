"""The objects that the methods take and answer."""

from . import fields as f
from .shape import Shape, amount, anything, choice, flag, moment, or_null, rows, text, whole, word

# === CALLS === #

OPTIONAL_NAMES = ("number", "direction", "campaign", "application_ref", "manager")
CALL_FIELDS = {
    "account": f.ACCOUNT,
    "call_ref": f.CALL_REF,
    "call_type": f.CALL_TYPE,
    "number": or_null({**f.NUMBER, "description": f"{f.NUMBER['description']} {f.WITHOUT_NUMBER}"}),
    "started_at": f.STARTED_AT,
    "duration_seconds": f.DURATION,
    "status": f.STATUS,
    "direction": or_null(f.DIRECTION),
    "campaign": or_null(f.CAMPAIGN),
    "application_ref": or_null(f.APPLICATION_REF),
    "manager": or_null(f.MANAGER),
}
# A field that there is not is refused, and not left out in silence.
CALL = Shape("Call", "A call that has ended.", CALL_FIELDS, OPTIONAL_NAMES, is_closed=True)
AMENDED_CALL = Shape(
    "AmendedCall",
    "A call as it should have been reported. What is left out of the optional fields stays as it was.",
    {**CALL_FIELDS, "reason": or_null(f.REASON)},
    (*OPTIONAL_NAMES, "reason"),
    is_closed=True,
)
VOIDED_FIELDS = {"account": f.ACCOUNT, "call_ref": f.CALL_REF, "reason": {**f.REASON, "minLength": 1}}
NOT_READ = {"description": "As the call was reported; not looked at."}
VOIDED_CALL = Shape(
    "VoidedCall",
    "A call that should not have been charged.",
    {**dict.fromkeys(CALL_FIELDS, NOT_READ), **VOIDED_FIELDS},
    tuple(name for name in CALL_FIELDS if name not in VOIDED_FIELDS),
    is_closed=True,
)


def differing(held, meaning):
    """Return the schema of what differs: {field: {``held``: ..., "sent": ...}}."""
    return {
        "type": "object",
        "description": meaning,
        "additionalProperties": {
            "type": "object",
            "properties": {held: {"description": "What stands."}, "sent": {"description": "What was sent now."}},
            "required": [held, "sent"],
        },
    }


# What a result says beside `result`, and which of it depends on the result.
REFUSAL = {
    "reason": f.REASON_GIVEN,
    "code": f.CODE,
    "field": or_null(f.FIELD),
    "differs": differing(
        "recorded",
        "Of a conflict: each field that differs. Empty: what was recorded was deleted. Missing, as is the charge that "
        "stands: the wallet is not of the user's companies.",
    ),
}
CHARGE = {
    "billed_minutes": f.BILLED_MINUTES,
    "rate": f.RATE,
    "total_cost": f.TOTAL_COST,
    "currency": f.CURRENCY,
    "balance_after": f.BALANCE_AFTER,
    "transaction": or_null(f.TRANSACTION),
}
NOTES = rows(
    text("A sentence."),
    "What there is to know of a call that was charged: it differs from its hold, or it ends in the future, say.",
)
CALL_REF_ANSWERED = {"description": "The call's reference, as it was sent; perhaps without blanks around it."}
RECORDED = Shape(
    "RecordedCall",
    "What became of one call.",
    {
        "call_ref": CALL_REF_ANSWERED,
        "result": choice(
            "`charged`; `duplicate`: reported before with the same content, the first result again; `conflict`: the "
            "reference was used for another call, nothing changed; `rejected`: kept, and can be retried.",
            ("charged", "duplicate", "conflict", "rejected"),
            "charged",
        ),
        **CHARGE,
        "notes": NOTES,
        **REFUSAL,
    },
    (*CHARGE, "notes", *REFUSAL),
)
CORRECTED = Shape(
    "CorrectedCall",
    "What became of one correction.",
    {
        "call_ref": CALL_REF_ANSWERED,
        "result": choice(
            "`corrected`; `duplicate`: what was sent holds already; `rejected`: finance decides.",
            ("corrected", "duplicate", "rejected"),
            "corrected",
        ),
        **CHARGE,
        "difference": amount("More than zero: charged; less: given back.", "-0.039100"),
        "notes": NOTES,
        **REFUSAL,
    },
    (*CHARGE, "difference", "notes", *REFUSAL),
)
RETRIED = Shape(
    "RetriedCall",
    "What became of one call that was rejected before.",
    {
        "call_ref": CALL_REF_ANSWERED,
        "result": choice(
            "As of `record_calls` and `amend_calls`.",
            ("charged", "corrected", "duplicate", "conflict", "rejected"),
            "charged",
        ),
        **CHARGE,
        "difference": amount("Of a correction: what it changed.", "-0.039100"),
        "notes": NOTES,
        "rejection": whole("Its id, as it was sent.", 1),
        **REFUSAL,
    },
    (*CHARGE, "difference", "notes", *REFUSAL),
)
CORRECTION = Shape(
    "Correction",
    "One correction of a call.",
    {
        "kind": choice("How it was corrected; `rerate`: by other prices.", ("amend", "void", "rerate")),
        "corrected_at": moment("When."),
        "reason": or_null(f.REASON),
        "old_cost": amount("What the call cost before.", "0.078200"),
        "total_cost": f.TOTAL_COST,
        "difference": amount("More than zero: charged; less: given back.", "-0.039100"),
        "transaction": or_null(f.TRANSACTION),
    },
)
CALL_STATE_FACTS = {
    "call_type": or_null(f.CALL_TYPE),
    "direction": or_null(f.DIRECTION),
    "number": or_null({**f.NUMBER, "description": "As calls keep it; `Withheld`, or `Deleted`."}),
    "started_at": or_null(moment("When the call began.")),
    "duration_seconds": or_null(f.DURATION),
    "status": or_null(f.STATUS),
    "billed_seconds": or_null(f.BILLED_SECONDS),
    "billed_minutes": or_null(f.BILLED_MINUTES),
    "rate": or_null(f.RATE),
    "total_cost": or_null(amount("What the call costs after all corrections.", "0.078200")),
    "refunded": or_null(amount("What people gave back by hand.", "0.000000")),
    "currency": or_null(f.CURRENCY),
    "campaign": or_null(f.CAMPAIGN),
    "application_ref": or_null(f.APPLICATION_REF),
    "manager": or_null(f.MANAGER),
    "transaction": or_null(f.TRANSACTION),
    "reported_at": or_null(f.REPORTED_AT),
    "corrections": rows(CORRECTION.ref(), "In order."),
    "code": or_null(f.CODE),
    "field": or_null(f.FIELD),
    "reason": or_null(f.REASON_KEPT),
    "rejection": or_null(whole("Id of the rejected call, to retry it.", 1)),
}
CALL_STATE = Shape(
    "CallState",
    "A call as it stands.",
    {
        "call_ref": {"description": "The reference that was asked for."},
        "state": choice(
            "What became of the call.", ("charged", "corrected", "voided", "rejected", "unknown"), "charged"
        ),
        **CALL_STATE_FACTS,
    },
)
REJECTION = Shape(
    "Rejection",
    "A call, or a correction, that was refused and is still open.",
    {
        "rejection": whole("Id; list on with it, or retry it.", 1),
        "account": or_null(text("As it was sent.")),
        "call_ref": or_null(text("As it was sent.")),
        "kind": choice("What was asked for.", ("charge", "amend", "void")),
        "code": f.CODE,
        "field": or_null(f.FIELD),
        "reason": f.REASON_KEPT,
        "reported_at": moment("When it was reported last."),
        "payload": {"description": "What was sent."},
    },
)

# === BEFORE AND DURING A CALL === #

FUNDS = {
    "rate": or_null(f.RATE),
    "currency": or_null(f.CURRENCY),
    "balance": or_null(f.BALANCE),
    "available": or_null(f.AVAILABLE),
    "funds_seconds": whole("How long all free funds would last, to show and not to obey.", 0, example=297000),
}
PARAMETER = or_null(text("Which parameter the code is about.", "number"))
AUTHORIZATION = Shape(
    "Authorization",
    "Whether a call may start or go on, and for how long. End it at `max_seconds` of the last answer.",
    {
        "allowed": flag("Whether the call may start, or go on for longer."),
        "code": f.AUTHORIZE_CODE,
        "message": f.MESSAGE,
        "call_ref": f.CALL_REF,
        "hold": or_null(f.HOLD),
        "max_seconds": whole("How long the call may last, from its start, on what it holds.", 0, example=600),
        "held_seconds": whole("The same.", 0, example=600),
        "expires_at": or_null(moment("When the hold is given up unless the call is extended or reported.")),
        **FUNDS,
        "field": PARAMETER,
        "limit": f.REFUSING_LIMIT,
        "differs": differing(
            "held", "Of a conflict in the user's companies: each parameter that is not what is held for."
        ),
    },
    ("limit", "differs"),
)
QUOTE_PRICE = {
    "prefix": or_null(text("The prefix whose price applies; empty: any number.", "1415")),
    "increment_seconds": or_null(whole("Billed seconds are whole increments.", 1, example=60)),
    "minimum_seconds": or_null(whole("At least so many are billed.", 0)),
    "first_block_seconds": or_null(whole("The first so many are billed as one.", 0)),
    "free_seconds": or_null(whole("The first so many cost nothing.", 0)),
    "grace_seconds": or_null(whole("A call of at most this long costs nothing.", 0)),
    "connection_fee": or_null(amount("Once a call.", "0.000000")),
}
QUOTE = Shape(
    "Quote",
    "What a call would cost now, and whether it might start. Nothing is held.",
    {
        "allowed": flag("Whether such a call might start now."),
        "code": f.AUTHORIZE_CODE,
        "message": f.MESSAGE,
        "field": PARAMETER,
        "limit": f.REFUSING_LIMIT,
        **FUNDS,
        "account": f.ACCOUNT,
        "call_type": f.CALL_TYPE,
        "direction": f.DIRECTION,
        "number": or_null({**f.NUMBER, "description": "As it was read."}),
        "seconds": whole("As it was asked.", 1, example=60),
        "billed_seconds": or_null(f.BILLED_SECONDS),
        "billed_minutes": or_null(f.BILLED_MINUTES),
        "cost": or_null(amount("What a call of `seconds` costs.", "0.039100")),
        **QUOTE_PRICE,
    },
    ("limit",),
)
HELD = Shape(
    "Hold",
    "A call in progress, and what it holds.",
    {
        "account": f.ACCOUNT,
        "call_ref": f.CALL_REF,
        "hold": f.HOLD,
        "call_type": f.CALL_TYPE,
        "direction": f.DIRECTION,
        "number": or_null({**f.NUMBER, "description": "As calls keep it."}),
        "campaign": or_null(f.CAMPAIGN),
        "manager": or_null(f.MANAGER),
        "application_ref": or_null(f.APPLICATION_REF),
        "rate": f.RATE,
        "amount": amount("What is held.", "0.391000"),
        "currency": f.CURRENCY,
        "held_seconds": whole("How long the call may last on it.", 0, example=600),
        "authorized_at": moment("When it was authorised."),
        "expires_at": moment("When it is given up unless the call is extended or reported."),
    },
)

# === WALLETS AND THEIR LEDGERS === #

WALLET_FACTS = {
    "name": or_null(text("The customer.", "Acme")),
    "state": or_null(choice("Calls start on an active wallet alone.", ("not_set_up", "active", "paused"), "active")),
    "pause_reason": or_null(text("Why it was paused by hand.")),
    "currency": or_null(f.CURRENCY),
    "balance": or_null(f.BALANCE),
    "held": or_null(amount("What calls in progress hold.", "0.391000")),
    "available": or_null(f.AVAILABLE),
    "low_balance_threshold": or_null(amount("Below it the recipients are told.", "25.000000")),
    "is_low": or_null(flag("Whether the balance is below it.")),
    "tz": or_null(text("Its days and months are those of this time zone.", "America/New_York")),
    "rate_plan": or_null(text("Its contract.", "Standard")),
}
WALLET = Shape(
    "Wallet",
    "A wallet as it stands.",
    {
        "account": {"description": "The account reference that was asked for."},
        "code": choice(
            "`unknown_account` and `closed` wallets have no more to say.", ("ok", "closed", "unknown_account")
        ),
        **WALLET_FACTS,
    },
)
TRANSACTION = Shape(
    "Transaction",
    "A row of a wallet's ledger; it is never changed.",
    {
        "transaction": f.TRANSACTION,
        "sequence": whole("1, 2, 3 ... within the wallet, without gaps.", 1, example=1207),
        "date": moment("When it was entered."),
        "type": word("`usage`, `balance_added`, `refund` or `reversal`.", "usage"),
        "amount": amount("What it changed the balance by; negative for usage and reversals.", "-0.078200"),
        "balance_after": f.BALANCE_AFTER,
        "currency": f.CURRENCY,
        "description": or_null(text("As the customer reads it.", "Live Call call-7f3a")),
        "call_ref": or_null(f.CALL_REF),
        "billed_minutes": or_null(f.BILLED_MINUTES),
        "rate": or_null(f.RATE),
    },
)
EVENT = Shape(
    "Event",
    "Something that happened.",
    {
        "event": whole("A number without gaps; list on with it.", 1, example=512),
        "id": text(
            "The same as `webhook-id`: whoever hears of it twice knows it by this.",
            "evt_5b1c0f4e9a7d4c3e8f2a6b0d1c9e7f35",
        ),
        "type": word("As of the webhooks.", "wallet.low"),
        "timestamp": moment("When it happened."),
        "account": f.ACCOUNT,
        "data": anything("What happened; as of the webhook of this type, which has its fields."),
    },
)

ERROR = Shape(
    "Error",
    "Why a request was refused as a whole. Nothing of it was done.",
    {
        "name": text("The kind of error.", "odoo.exceptions.UserError"),
        "message": text("A sentence that says what to change.", "calls: send a list of calls."),
        "arguments": rows({}, "The message once more; for programs that know Odoo's errors."),
        "context": anything("Nothing that a platform needs."),
        "debug": text("Nothing that a platform needs; it may be empty."),
    },
)
