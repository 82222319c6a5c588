"""What a call differs in from the one that was charged under its reference before."""

from datetime import datetime
from itertools import product

from ...tools.intake import Call, fingerprint_of, iso
from ...tools.sql import array

# All that makes up a call's content, beside the wallet and the reference.
COMPARED = (
    "call_type", "direction", "number", "started_at", "duration_seconds", "status", "campaign", "application_ref",
    "manager",
)  # fmt: skip


def differences(sent, recorded):
    """Return what differs between two ``Call``: {field: {"recorded", "sent"}}, as the API writes values."""
    return {
        name: {"recorded": written(getattr(recorded, name)), "sent": written(getattr(sent, name))}
        for name in COMPARED
        if getattr(recorded, name) != getattr(sent, name)
    }


def written(value):
    """Return a value of a call as the API writes it: times in ISO 8601, UTC; nothing as None."""
    if isinstance(value, datetime):
        return iso(value)
    return None if value == "" else value


def load_reported(cr, conflicts):
    """Return what was reported first of calls that are reported with other content now.

    A call whose number was deleted, or that was deleted itself, is left out: it only differs.

    :param list conflicts: (``Call`` as sent, wallet id, fingerprint of what was charged)
    :return: {(wallet id, call reference): ``Call``}
    """
    cr.execute(
        REPORTED,
        [
            array(wallet_id for _call, wallet_id, _fingerprint in conflicts),
            array(call.call_ref for call, _wallet_id, _fingerprint in conflicts),
        ],
    )
    rows = {(wallet_id, call_ref): facts for wallet_id, call_ref, *facts in cr.fetchall()}
    return {
        (wallet_id, call.call_ref): as_reported(call, rows[wallet_id, call.call_ref], fingerprint)
        for call, wallet_id, fingerprint in conflicts
        if (wallet_id, call.call_ref) in rows
    }


def find_same_but_deleted(cr, sent):
    """Return which calls, counted from 1, differ in nothing that is still known from what was charged and deleted.

    Whatever was deleted is not compared, nor what may be called otherwise since, such as a campaign. Of a call that was
    deleted as a whole its type is known, and that it began before it was charged.

    :param list sent: (``Call``, wallet id)
    """
    rows = [
        (wallet_id, call.call_ref, call.call_type, call.direction, call.started_at, call.duration_seconds, call.status)
        for call, wallet_id in sent
    ]
    cr.execute(SAME_BUT_DELETED, [array(column) for column in zip(*rows, strict=True)])
    return {place for (place,) in cr.fetchall()}


def as_reported(sent, facts, fingerprint):
    """Return the ``Call`` that was reported, by what is kept of it.

    Campaign and manager are kept as records, which go by other texts, too (a name and an address; a new title). The
    fingerprint tells which text was sent; where it tells none, what names the same as now is no difference.
    """
    *plain, campaign, application_ref, name, email = facts
    managers = (sent.manager, name, email, "")

    def call(campaign, manager):
        values = (sent.account, sent.call_ref, *plain, campaign, application_ref, manager)
        return Call(*values, fingerprint_of(values))

    for texts in product((sent.campaign, campaign, ""), managers):
        candidate = call(*texts)
        if candidate.fingerprint == fingerprint:
            return candidate
    is_same_campaign = sent.campaign.lower() == campaign.lower()
    is_same_manager = sent.manager.lower() in (name.lower(), email)
    return call(sent.campaign if is_same_campaign else campaign, sent.manager if is_same_manager else name or email)


# One look at the unique index a call, as in `_load_recorded`.
REPORTED = """
    SELECT u.wallet_id, u.call_ref, u.call_type, u.direction, u.number, u.started_at, u.duration_seconds, u.status,
           COALESCE(c.title ->> 'en_US', c.name, ''), COALESCE(u.application_ref, ''),
           COALESCE(m.name, ''), COALESCE(m.email_normalized, '')
      FROM unnest(%s::int[], %s::text[]) AS asked(wallet_id, call_ref)
     CROSS JOIN LATERAL (
           SELECT * FROM call_usage found
            WHERE found.wallet_id = asked.wallet_id AND found.call_ref = asked.call_ref
            LIMIT 1) u
      LEFT JOIN utm_campaign c ON c.id = u.campaign_id
      LEFT JOIN res_partner m ON m.id = u.manager_id
     WHERE u.masked_at IS NULL
"""

# Clocks of platforms may be ahead: a call that was deleted as a whole began no later than a day after its charge.
SAME_BUT_DELETED = """
    SELECT sent.place
      FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[], %s::timestamp[], %s::int[], %s::text[])
           WITH ORDINALITY
           AS sent(wallet_id, call_ref, call_type, direction, started_at, duration_seconds, status, place)
     CROSS JOIN LATERAL (
           SELECT * FROM call_wallet_transaction found
            WHERE found.wallet_id = sent.wallet_id AND found.key = 'call/' || sent.call_ref
            LIMIT 1) t
      LEFT JOIN call_usage u ON u.id = t.usage_id
     WHERE u.masked_at IS NOT NULL
           AND (u.call_type, u.direction, u.started_at, u.duration_seconds, u.status)
             = (sent.call_type, sent.direction, sent.started_at, sent.duration_seconds, sent.status)
        OR u.id IS NULL AND t.call_type = sent.call_type AND sent.started_at <= t.date + interval '1 day'
"""
