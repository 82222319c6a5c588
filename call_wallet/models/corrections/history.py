"""How reported calls stand after all corrections, as the platform reads it."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from ...tools.fields import parse_amount
from ...tools.intake import iso
from ...tools.usage_report_file import DELETED
from ..usage.rejection_reading import LAST_OF_CALLS
from .correction_sql import CORRECTS, LAST, RERATES_LATER

KEYS = (
    "call_ref", "state", "call_type", "direction", "number", "started_at", "duration_seconds", "status",
    "billed_seconds", "billed_minutes", "rate", "total_cost", "refunded", "currency", "campaign", "application_ref",
    "manager", "transaction", "reported_at", "corrections", "code", "field", "reason", "rejection",
)  # fmt: skip


class Step(NamedTuple):
    """One correction, or re-rating, of a call; amounts are texts, ``entered`` is what it cost more."""

    kind: str
    at: datetime
    reason: str
    entered: str
    transaction: int


def nothing_known(call_ref):
    return {**dict.fromkeys(KEYS), "call_ref": call_ref, "state": "unknown", "corrections": []}


def read_charged(cr, wallet_id, refs, lang):
    """Return the calls of a wallet that were charged: {call reference: what ``get_calls`` answers of it}."""
    cr.execute(CALLS, {"wallet": wallet_id, "refs": refs, "lang": lang, "deleted": DELETED})
    names = [column.name for column in cr.description]
    rows = [dict(zip(names, row, strict=True)) for row in cr.fetchall()]
    steps = read_steps(cr, [row["id"] for row in rows if row["is_corrected"]])
    return {row["call_ref"]: stands(row, steps.get(row["id"], ())) for row in rows}


def read_steps(cr, usage_ids):
    """Return what was put right of these calls, in order: {call id: [``Step``]}."""
    found = {}
    if usage_ids:
        cr.execute(STEPS, {"calls": usage_ids})
        for usage_id, *step in cr.fetchall():
            found.setdefault(usage_id, []).append(Step(*step))
    return found


def stands(row, steps):
    """Return how a charged call stands; ``row`` is one of ``CALLS``."""
    corrections, cost = [], parse_amount(row["first_cost"])
    for step in steps:
        before, cost = cost, cost + parse_amount(step.entered)
        corrections.append(
            {
                "kind": step.kind,
                "corrected_at": iso(step.at),
                "reason": step.reason or None,
                "old_cost": str(before),
                "total_cost": str(cost),
                "difference": str(cost - before),
                "transaction": step.transaction,
            }
        )
    state = "corrected" if corrections else "charged"
    minutes = Decimal(row["billed_minutes"])
    return {
        **{name: row.get(name) for name in KEYS},
        "state": "voided" if row["kind"] == "void" and not row["is_rerated"] else state,
        "started_at": iso(row["started_at"]),
        "billed_seconds": int((minutes * 60).to_integral_value()),
        "total_cost": str(cost),
        "reported_at": iso(row["reported_at"]),
        "application_ref": row["application_ref"] or None,
        "corrections": corrections,
    }


def read_deleted(cr, wallet_id, refs):
    """Return the calls that were deleted since, by what the ledger says of them: {call reference: answer}.

    Which corrections they had is not known any more; the cost is what was charged first.
    """
    cr.execute(DELETED_CALLS, {"wallet": wallet_id, "refs": refs})
    return {
        call_ref: {
            **nothing_known(call_ref),
            "state": "charged",
            "call_type": call_type,
            "number": DELETED,
            "billed_seconds": int((Decimal(minutes) * 60).to_integral_value()),
            "billed_minutes": minutes,
            "rate": rate,
            "total_cost": cost,
            "currency": currency,
            "transaction": transaction,
            "reported_at": iso(date),
        }
        for call_ref, call_type, minutes, rate, cost, currency, transaction, date in cr.fetchall()
    }


def read_rejected(cr, account, refs, companies):
    """Return the calls that were reported and not charged: {call reference: answer}."""
    cr.execute(LAST_OF_CALLS, {"account": account, "refs": refs, **companies})
    return {
        call_ref: {
            **nothing_known(call_ref),
            "state": "rejected",
            "code": code,
            "field": field,
            "reason": f"{code}: {sentence}",
            "rejection": rejection_id,
            "reported_at": iso(last_seen),
        }
        for call_ref, rejection_id, code, field, sentence, last_seen in cr.fetchall()
    }


# One look at the unique index a call, as in `_load_recorded`. The price of a re-rating stands in its transaction alone;
# it brings the minutes of the ledger, which before 19.0.8 knew nothing of corrections without an amount, to the call's.
CALLS = f"""
    SELECT u.id, u.call_ref, k.kind, u.reported_at, c.is_corrected,
           COALESCE(k.call_type, u.call_type) AS call_type, COALESCE(k.direction, u.direction) AS direction,
           COALESCE(k.number, u.number) AS number, COALESCE(k.started_at, u.started_at) AS started_at,
           COALESCE(k.duration_seconds, u.duration_seconds) AS duration_seconds,
           COALESCE(k.status, u.status) AS status, u.total_cost::text AS first_cost,
           CASE WHEN again.rate IS NULL THEN COALESCE(k.billed_minutes, u.billed_minutes)
                ELSE u.billed_minutes + c.minutes END::text AS billed_minutes,
           COALESCE(again.rate, k.rate, u.rate)::text AS rate, again.rate IS NOT NULL AS is_rerated,
           c.refunded::text AS refunded, cur.name AS currency, c.transaction,
           CASE WHEN k.id IS NULL THEN u.application_ref ELSE k.application_ref END AS application_ref,
           COALESCE(utm.title ->> %(lang)s, utm.title ->> 'en_US', utm.name) AS campaign,
           CASE WHEN u.is_manager_masked THEN %(deleted)s ELSE m.name END AS manager
      FROM unnest(%(refs)s::text[]) AS asked(call_ref)
     CROSS JOIN LATERAL (
           SELECT * FROM call_usage found
            WHERE found.wallet_id = %(wallet)s AND found.call_ref = asked.call_ref
            LIMIT 1) u
      JOIN call_wallet w ON w.id = u.wallet_id
      JOIN res_currency cur ON cur.id = w.currency_id
      {LAST}
     CROSS JOIN LATERAL (
           SELECT min(t.id) FILTER (WHERE starts_with(t.key, 'call/')) AS transaction,
                  COALESCE(sum(t.amount) FILTER (WHERE t.type = 'refund' AND NOT {CORRECTS}), 0.000000) AS refunded,
                  sum(t.billed_minutes) FILTER (WHERE {CORRECTS}) AS minutes,
                  k.id IS NOT NULL OR bool_or({CORRECTS}) AS is_corrected
             FROM call_wallet_transaction t WHERE t.usage_id = u.id) c
      LEFT JOIN LATERAL (
           SELECT (array_agg(t.rate ORDER BY t.sequence DESC))[1] AS rate
             FROM call_wallet_transaction t
            WHERE t.usage_id = u.id AND {RERATES_LATER}) again ON c.is_corrected
      LEFT JOIN utm_campaign utm ON utm.id = CASE WHEN k.id IS NULL THEN u.campaign_id ELSE k.campaign_id END
      LEFT JOIN res_partner m ON m.id = CASE WHEN k.id IS NULL THEN u.manager_id ELSE k.manager_id END
"""

# A correction that changed neither amount nor minutes has no transaction.
STEPS = """
    SELECT usage_id, kind, at, reason, entered, transaction
      FROM (SELECT k.usage_id, k.kind, k.corrected_at AS at, k.reason, k.difference::text AS entered,
                   k.transaction_id AS transaction, k.sequence AS place
              FROM call_usage_correction k WHERE k.usage_id = ANY(%(calls)s)
             UNION ALL
            SELECT t.usage_id, 'rerate', t.date, t.description, (-t.amount)::text, t.id, t.sequence
              FROM call_wallet_transaction t
             WHERE t.usage_id = ANY(%(calls)s) AND starts_with(t.key, 'rerate/')) step
     ORDER BY usage_id, at, kind = 'rerate', place
"""

DELETED_CALLS = """
    SELECT asked.call_ref, t.call_type, t.billed_minutes::text, t.rate::text, (-t.amount)::text, cur.name, t.id, t.date
      FROM unnest(%(refs)s::text[]) AS asked(call_ref)
     CROSS JOIN LATERAL (
           SELECT * FROM call_wallet_transaction found
            WHERE found.wallet_id = %(wallet)s AND found.key = 'call/' || asked.call_ref
            LIMIT 1) t
      JOIN call_wallet w ON w.id = t.wallet_id
      JOIN res_currency cur ON cur.id = w.currency_id
"""
