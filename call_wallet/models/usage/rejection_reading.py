"""Rejected calls as the platform that reported them reads them, and which of them it may send again."""

import json
import math

from ...const import PLATFORM
from ...tools.fields import echoed
from ...tools.intake import iso, shown
from ..ledger.reading_sql import READABLE

# Refused because two people have to decide.
FINANCE_ALONE = ("above_limit",)
# Deeper than any call; what is below it is shown in words.
DEEPEST = 8


def read_open(cr, account, after, limit, companies):
    """Return the rejected calls that nobody has decided on, as the API answers them.

    :param str account: the account reference as it was reported; None: of any
    :param int after: the id after which to go on
    :param dict companies: whose may be read, as parameters of ``READABLE``
    """
    cr.execute(OPEN, {"account": account, "after": after, "limit": limit, **companies})
    return [
        {
            "rejection": rejection_id,
            "account": reported_account,
            "call_ref": call_ref,
            "kind": kind,
            "code": code,
            "field": field,
            "reason": f"{code}: {sentence}",
            "reported_at": iso(last_seen),
            "payload": sendable(json.loads(payload)),
        }
        for rejection_id, reported_account, call_ref, kind, code, field, sentence, last_seen, payload in cr.fetchall()
    ]


def read_asked(cr, ids, by, companies, platform):
    """Return of some rejected calls what stands in the way of sending them again.

    :param by: ``FINANCE`` or ``PLATFORM``
    :param int platform: the id of the platform's group
    :return: {id: (call reference, code or None, sentence, field)}; those that may not be read are left out
    """
    cr.execute(ASKED, {"ids": ids, "platform": platform, **companies})
    found = {}
    for rejection_id, call_ref, state, is_masked, code, sentence, field, is_person_s in cr.fetchall():
        if state != "open" or is_masked:
            found[rejection_id] = (call_ref, "not_open", None, "rejections")
        elif by == PLATFORM and (code in FINANCE_ALONE or is_person_s):
            found[rejection_id] = (call_ref, code, sentence, field)
        else:
            found[rejection_id] = (call_ref, None, None, None)
    return found


def sendable(value, depth=0):
    """Return what was reported as an answer can carry it: no lone surrogates, no NaN, and not deeper than it can be."""
    if isinstance(value, str):
        return echoed(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (dict, list)) and depth == DEEPEST:
        return shown(value)
    if isinstance(value, dict):
        return {echoed(name): sendable(part, depth + 1) for name, part in value.items()}
    if isinstance(value, list):
        return [sendable(part, depth + 1) for part in value]
    return value


# Calls on an account that nobody has belong to whoever reported them.
REPORTED_BY_OURS = """
    (r.wallet_id IS NULL AND EXISTS (
         SELECT FROM res_company_users_rel access
          WHERE access.cid = ANY(%(companies)s)
            AND (access.user_id = r.create_uid
                 OR access.user_id IN (SELECT also.user_id FROM call_usage_rejection_reporter_rel also
                                        WHERE also.rejection_id = r.id))))
"""

OPEN = f"""
    SELECT r.id, r.account, r.call_ref, COALESCE(r.correction, 'charge'), r.code, r.field_name, r.reason,
           r.last_seen, COALESCE(r.payload, 'null')
      FROM call_usage_rejection r
      LEFT JOIN call_wallet w ON w.id = r.wallet_id
     WHERE r.state = 'open' AND r.id > %(after)s AND (%(account)s::text IS NULL OR r.account = %(account)s::text)
       AND ({READABLE} OR {REPORTED_BY_OURS})
     ORDER BY r.id
     LIMIT %(limit)s
"""

# A correction that a person of finance asked for counts towards what that person may give back; the platform's would
# not. So the platform does not carry it out.
ASKED = f"""
    SELECT r.id, r.call_ref, r.state, r.masked_at IS NOT NULL, r.code, r.reason, r.field_name,
           r.correction IS NOT NULL AND NOT EXISTS (
               SELECT FROM res_groups_users_rel member
                WHERE member.uid = r.create_uid AND member.gid = %(platform)s)
      FROM call_usage_rejection r
      LEFT JOIN call_wallet w ON w.id = r.wallet_id
     WHERE r.id = ANY(%(ids)s) AND ({READABLE} OR {REPORTED_BY_OURS})
"""

# Of calls that were not charged, the last that is known: one that waits, else one that was dismissed. One look at each
# of two small indexes a call.
LAST_OF_CALLS = f"""
    SELECT asked.call_ref, r.id, r.code, r.field_name, r.reason, r.last_seen
      FROM unnest(%(refs)s::text[]) AS asked(call_ref)
     CROSS JOIN LATERAL (
           SELECT found.*
             FROM (SELECT * FROM call_usage_rejection
                    WHERE state = 'open' AND account = %(account)s AND call_ref = asked.call_ref
                    UNION ALL
                   SELECT * FROM call_usage_rejection
                    WHERE state = 'dismissed' AND account = %(account)s AND call_ref = asked.call_ref) found
            WHERE found.correction IS NULL
            ORDER BY found.state = 'open' DESC, found.last_seen DESC, found.id DESC
            LIMIT 1) r
      LEFT JOIN call_wallet w ON w.id = r.wallet_id
     WHERE {READABLE} OR {REPORTED_BY_OURS}
"""
