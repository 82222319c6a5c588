"""What a platform is told: webhooks, and the rows of `list_events`."""

from . import fields as f
from .shape import Shape, amount, choice, described, moment, or_null, text, whole, word

AN_EVENT_ID = "evt_5b1c0f4e9a7d4c3e8f2a6b0d1c9e7f35"

# How the wallet stood right after it: of all events.
STANDING = {
    "account": f.ACCOUNT,
    "currency": f.CURRENCY,
    "balance": amount("The balance after it.", "19.870000"),
    "available": amount("The balance less what was held.", "19.479000"),
    "low_balance_threshold": amount("Below it a balance is low.", "25.000000"),
    "level": choice("Of the balance.", ("enough", "low", "empty"), "low"),
    "state": choice("Of the wallet.", ("not_set_up", "active", "paused", "closed"), "active"),
    "event": whole("Its number: messages may overtake each other, numbers do not.", 1, example=512),
}
_CAUSE = {"cause": word("`by_hand`, `not_set_up` (its last recipient is gone) or `reopened`.", "by_hand")}
_WHY = {"reason": or_null(text("What was said about it.", "Fraud check"))}
_TOPUP = {
    "topup": whole("Id of the top-up.", 1, example=12),
    "amount": amount("By how much the balance rose or fell.", "250.000000"),
    "credited": amount("What is credited of the top-up in all.", "250.000000"),
    "ordered": amount("What was ordered.", "250.000000"),
    "invoice": or_null(text("Its number.", "INV/2026/00012")),
    "transaction": f.TRANSACTION,
}
_LIMIT = {
    "limit": choice("Of what is spent in a day, or in a month, of the wallet's time zone.", ("day", "month"), "day"),
    "amount": amount("How much may be spent in it.", "50.000000"),
    "spent": amount("What was spent in it.", "49.500000"),
    "held": amount("What calls in progress hold.", "0.391000"),
}
# What else an event says, and what of that may be missing.
EVENTS = {
    "wallet.low": ("A balance has fallen below its threshold.", {}, ()),
    "wallet.empty": ("Nothing is left: no call starts on the wallet.", {}, ()),
    "wallet.restored": ("There are funds again: calls may start.", {}, ()),
    "wallet.paused": ("The wallet is paused: no call starts.", {**_CAUSE, **_WHY}, ("reason",)),
    "wallet.resumed": ("It is not paused, or not closed, any more.", _CAUSE, ()),
    "wallet.closed": ("The wallet is closed for good: no call starts.", _WHY, ()),
    "wallet.set_up": ("The wallet is set up: calls may start once there are funds.", {}, ()),
    "topup.credited": ("A top-up was paid, in whole or in part.", _TOPUP, ()),
    "topup.reversed": ("What had been paid was taken back.", _TOPUP, ()),
    "call.corrected": (
        "A call that was charged was amended, voided, or re-rated.",
        {
            "call_ref": f.CALL_REF,
            "kind": choice("How; `rerate`: by other prices.", ("amend", "void", "rerate"), "amend"),
            "old_cost": amount("What the call cost before.", "0.078200"),
            "total_cost": amount("What it costs now.", "0.039100"),
            "billed_minutes": f.BILLED_MINUTES,
            "difference": amount("More than zero: charged; less: given back.", "-0.039100"),
            "transaction": or_null(f.TRANSACTION),
        },
        (),
    ),
    "call.accepted_after_rejection": (
        "A call that had been rejected was charged.",
        {
            "call_ref": f.CALL_REF,
            "billed_minutes": f.BILLED_MINUTES,
            "rate": f.RATE,
            "total_cost": f.TOTAL_COST,
            "balance_after": f.BALANCE_AFTER,
            "transaction": f.TRANSACTION,
            "rejection": whole("Id under which it was rejected.", 1, example=9),
            "reported_as": text("The reference under which it was reported.", "call-7f3a"),
        },
        (),
    ),
    "hold.expired": (
        "A call was neither extended nor reported in time; it holds nothing any more.",
        {
            "hold": f.HOLD,
            "call_ref": f.CALL_REF,
            "amount": amount("What it held.", "0.391000"),
            "held_seconds": whole("How long the call might have lasted on it.", 0, example=600),
        },
        (),
    ),
    "limit.reached": ("A wallet's limit of spending was reached, or has refused a call.", _LIMIT, ()),
}
# Sent by a person to try a webhook: of no wallet, and not in `list_events`.
TEST = "webhook.test"
TEST_MEANING = "Somebody tries whether messages arrive. Nothing has happened."
TEST_FIELDS = {
    "account": described({"type": "string", "const": "TEST"}, "No wallet's.", "TEST"),
    "event": {"type": "null", "description": "It has no number.", "examples": [None]},
}

HEADERS = {
    "webhook-id": "The event's id, the same in every attempt: whoever has seen it does nothing.",
    "webhook-timestamp": "Seconds since 1970 of this attempt. Refuse what is five minutes off.",
    "webhook-signature": "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; several, apart by blanks, "
    "while a secret is replaced.",
}


def shapes():
    """Return the shapes of the events' data, one a type."""
    told = [
        Shape(_shape_name(name), f"What `{name}` says: how the wallet stands, and what happened.",
              {**STANDING, **fields}, optional)
        for name, (_meaning, fields, optional) in EVENTS.items()
    ]  # fmt: skip
    return [*told, Shape(_shape_name(TEST), f"What `{TEST}` says.", TEST_FIELDS)]


def webhooks():
    """Return the `webhooks` of the document: one a type of event, and the test."""
    told = {name: meaning for name, (meaning, _fields, _optional) in EVENTS.items()}
    return {name: {"post": _post(name, meaning)} for name, meaning in {**told, TEST: TEST_MEANING}.items()}


def example_data(name):
    """Return an example of an event's data, made of those of its fields."""
    fields = TEST_FIELDS if name == TEST else {**STANDING, **EVENTS[name][1]}
    return {field: schema["examples"][0] for field, schema in fields.items()}


def _shape_name(name):
    return "".join(word.capitalize() for word in name.replace(".", "_").split("_")) + "Data"


def _post(name, meaning):
    body = {
        "type": "object",
        "properties": {
            "type": {"type": "string", "const": name, "description": "What happened."},
            "timestamp": moment("When it happened."),
            "data": {"$ref": f"#/components/schemas/{_shape_name(name)}"},
        },
        "required": ["type", "timestamp", "data"],
    }
    example = {"type": name, "timestamp": "2026-11-02T09:31:05+00:00", "data": example_data(name)}
    return {
        "operationId": name.replace(".", "_"),
        "tags": ["Events"],
        "summary": meaning,
        "security": [],
        "parameters": [
            {"name": header, "in": "header", "required": True, "description": means, "schema": {"type": "string"}}
            for header, means in HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": body, "examples": {name: {"value": example}}}},
        },
        "responses": {
            "2XX": {"description": "Taken. Anything else, or no answer in time, is sent again for three days."}
        },
    }
