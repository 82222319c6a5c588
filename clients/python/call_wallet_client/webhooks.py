"""Messages from the wallet, in the manner of Standard Webhooks."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from hashlib import sha256

from .errors import WebhookRefused
from .records import Event, read

PREFIX = "whsec_"


def verify_webhook(
    secrets: str | Iterable[str],
    headers: Mapping[str, str],
    body: bytes | str,
    *,
    tolerance: float = 300,
    now: float | None = None,
) -> Event:
    """Return the event in a message, once it is certain that the wallet has sent it. A test's ``event`` is None.

    The same event can come more than once: whoever has dealt with its ``id`` answers 200 and does nothing.

    :param secrets: ``whsec_...``; two while one is replaced by the other
    :param headers: of the request
    :param body: of the request, as it came: not read and written again
    :param tolerance: how many seconds old a message may be, or early
    :raise WebhookRefused: forged, too old, or unreadable
    """
    content = body.encode() if isinstance(body, str) else body
    given = {name.lower(): value for name, value in headers.items()}
    try:
        identity, stamp, signatures = (given[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        age = (time.time() if now is None else now) - int(stamp)
    except (KeyError, ValueError) as error:
        raise WebhookRefused(f"headers: {error}") from None
    signed = f"{identity}.{stamp}.".encode() + content
    known = [secrets] if isinstance(secrets, str) else secrets
    expected = [base64.b64encode(hmac.new(_key(secret), signed, sha256).digest()) for secret in known]
    sent = [part[3:].encode() for part in signatures.split() if part.startswith("v1,")]
    if not any(hmac.compare_digest(one, other) for one in expected for other in sent):
        raise WebhookRefused("signature: of none of the secrets")
    if abs(age) > tolerance:
        raise WebhookRefused(f"timestamp: {age:.0f} s old")
    try:
        message = json.loads(content)
        told = {name: message["data"].get(name) for name in ("account", "event")}
        return read(Event, {**told, **message, "id": identity})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WebhookRefused(f"body: {error!r}") from None


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the secret is whsec_ and base64") from None
