"""What a platform is told: webhooks, and the rows of `list_events`."""

from . import fields as f
from .shape import moment

EVENTS = {
    "wallet.low": "A balance has fallen below its threshold.",
    "wallet.empty": "Nothing is left: no call starts on the wallet.",
    "wallet.restored": "There are funds again: calls may start.",
    "wallet.paused": "Somebody has paused the wallet: no call starts.",
    "wallet.resumed": "It is not paused any more.",
    "wallet.closed": "The wallet is closed for good: no call starts.",
    "wallet.set_up": "The wallet is set up: calls may start once there are funds.",
    "topup.credited": "A top-up was paid, in whole or in part.",
    "topup.reversed": "What had been paid was taken back.",
    "call.corrected": "A call that was charged was amended or voided.",
    "call.accepted_after_rejection": "A call that had been rejected was charged.",
    "hold.expired": "A call was neither extended nor reported in time; it holds nothing any more.",
    "limit.reached": "A limit of the wallet was reached.",
}

HEADERS = {
    "webhook-id": "The event's id, the same in every attempt: whoever has seen it does nothing.",
    "webhook-timestamp": "Seconds since 1970 of this attempt. Refuse what is five minutes off.",
    "webhook-signature": "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; several, apart by blanks, "
    "while a secret is replaced.",
}


def webhooks():
    """Return the `webhooks` of the document: one a type of event."""
    return {name: {"post": _post(name, meaning)} for name, meaning in EVENTS.items()}


def _post(name, meaning):
    body = {
        "type": "object",
        "properties": {
            "type": {"type": "string", "const": name, "description": "What happened."},
            "timestamp": moment("When it happened."),
            "data": {
                "type": "object",
                "description": "About what.",
                "properties": {"account": f.ACCOUNT},
                "required": ["account"],
            },
        },
        "required": ["type", "timestamp", "data"],
    }
    example = {"type": name, "timestamp": "2026-11-02T09:31:05+00:00", "data": {"account": "ACME"}}
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
