"""Messages by the Standard Webhooks specification (standardwebhooks.com): secrets, signatures, when to try again."""

import hmac
import json
from base64 import b64decode, b64encode
from datetime import timedelta
from hashlib import sha256
from secrets import token_bytes

PREFIX = "whsec_"
SECRET_BYTES = 32

# How long after one that failed the next attempt comes: twelve in three days. The first pauses are short, because most
# failures are.
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    *[timedelta(hours=12)] * 4,
    timedelta(hours=6),
)
# After that an event is given up, whatever the receiver has asked for.
GIVEN_UP_AFTER = timedelta(hours=72)


def new_secret():
    return PREFIX + b64encode(token_bytes(SECRET_BYTES)).decode()


def to_body(content):
    """Return the message's body; the signature is of exactly these bytes."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def to_headers(message_id, sent_at, body, secrets):
    """Return the headers by which the receiver knows who sent a message, when, and whether it has it already.

    :param int sent_at: of this attempt, in seconds since 1970
    :param secrets: one signature for each; two while a secret is being replaced
    """
    signed = f"{message_id}.{sent_at}.".encode() + body
    return {
        "content-type": "application/json",
        "user-agent": "Odoo Call Wallet (Standard Webhooks)",
        "webhook-id": message_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": " ".join(f"v1,{_sign(secret, signed)}" for secret in secrets),
    }


def _sign(secret, content):
    return b64encode(hmac.digest(b64decode(secret.removeprefix(PREFIX)), content, sha256)).decode()


def next_attempt(attempts, since, now, asked=None):
    """Return when to try again; None: not any more.

    :param int attempts: how many there were, one at least
    :param since: when the event was first due
    :param asked: how long the receiver has asked to wait at least (``timedelta``), or None
    """
    if attempts > len(PAUSES):
        return None
    at = now + max(PAUSES[attempts - 1], asked or timedelta())
    return at if at <= since + GIVEN_UP_AFTER else None
