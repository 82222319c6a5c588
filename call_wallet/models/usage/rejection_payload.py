"""What was sent and refused, as it is kept: all of it where it is short, and never text that a column cannot take."""

import json
from hashlib import blake2b

from ...tools.intake import CORRECTION_FIELDS

MAX_VALUE = 4_000

MAX_PAYLOAD = 64_000

MAX_TEXT = 256

# Stands in a cut payload for the fields that were left out.
MORE = "..."


def to_payload(raw):
    """Return ``raw`` as JSON in plain ASCII, which a text column takes whatever is in it.

    Whatever was sent can be kept. Too much of it is cut, with its length and digest in
    place; the fields of a call that could ever be charged are shorter than that.
    """
    text = to_json(raw)
    if len(text) <= MAX_VALUE:
        return text
    if not isinstance(raw, dict):
        return json.dumps(cut(text))
    # What a call needs comes first.
    order = [field for field in CORRECTION_FIELDS if field in raw]
    order += sorted(key for key in raw if isinstance(key, str) and key not in (*CORRECTION_FIELDS, MORE))
    payload, size, more = {}, 0, raw.get(MORE)
    for field in order:
        value = to_json(raw[field])
        value = json.dumps(cut(value)) if len(value) > MAX_VALUE else value
        size += len(value) + len(field)
        if size > MAX_PAYLOAD or len(field) > MAX_TEXT:
            more = cut(text)
        else:
            payload[field] = json.loads(value)
    if more:
        payload[MORE] = more
    return to_json(payload)


def to_json(value):
    """Return ``value`` as JSON with its keys in order; what has no JSON, as its description."""
    try:
        return json.dumps(value, sort_keys=True, default=repr)
    except (TypeError, ValueError, RecursionError):
        return describe(value)


def describe(value):
    if isinstance(value, dict):
        parts = {str(key)[:MAX_TEXT]: to_json(part) for key, part in value.items() if isinstance(key, str)}
        return json.dumps({key: json.loads(part) for key, part in parts.items()}, sort_keys=True)
    return json.dumps(f"({type(value).__name__})")


def cut(text):
    return f"{text[:500]}… ({len(text)} characters, digest {digest(text)})"


def digest(text):
    return blake2b(text.encode(), digest_size=16).hexdigest()


def to_text(raw, field):
    """Return a field of ``raw`` if it is text that a column takes, as ``record_calls`` reads it."""
    value = raw.get(field) if isinstance(raw, dict) else None
    if not isinstance(value, str):
        return None
    value = value.strip()[:MAX_TEXT].replace("\0", "�")
    return value.encode("utf-8", "replace").decode() or None
