import json

from odoo import api, fields, models
from odoo.tools import split_every

from ...const import FINANCE_MANAGER
from ...tools.clock import utcnow
from ...tools.door import door
from ...tools.rights import as_superuser, refuse_all_but
from ...tools.sql import array
from ...tools.usage_report_file import DELETED
from .naming import is_in, names_any

BATCH = 1_000
# What stays of a payload. Anything else may name somebody, whatever the platform calls it.
KEPT = ("account", "call_ref", "call_type", "direction", "started_at", "duration_seconds", "status", "campaign")
NAMING = ("number", "application_ref", "manager")


class CallUsageRejectionPrivacy(models.Model):
    """What a rejected call names is forgotten with the call, by a person, or some months after it was decided on."""

    _inherit = "call.usage.rejection"

    masked_at = fields.Datetime(
        "Numbers Deleted", readonly=True, help="Since then it names nobody, and cannot be charged any more."
    )

    def action_mask(self):
        """Delete the number called, the application and the manager from what was reported.

        A call that is open is dismissed by it: without a number it cannot be charged.

        :raise AccessError: not a finance manager
        """
        refuse_all_but(self, FINANCE_MANAGER)
        for ids in split_every(BATCH, self.sorted("id").ids):
            with door(self.env):
                as_superuser(self).browse(ids)._mask()
        return True

    # === STEPS === #
    # The caller has opened a door.

    @api.model
    def _find_of_calls(self, usage_ids):
        """Return the copies of these calls: reported under their references, or charged under them."""
        self.env.flush_all()
        self.env.cr.execute(OF_CALLS, {"calls": usage_ids, "deleted": DELETED})
        return self.browse(
            {
                rejection_id
                for rejection_id, is_its, payload, numbers in self.env.cr.fetchall()
                if is_its or names_any(json.loads(payload or "null"), set(numbers or ()))
            }
        )

    @api.model
    def _mask_old(self, company, before):
        """Delete what decided ones name, not seen since ``before``; return whether there may be more.

        Those of an unknown account belong to no company; any company's period ends theirs.
        """
        self.env.flush_all()
        self.env.cr.execute(OLD, {"company": company.id, "before": before, "limit": BATCH})
        old = self.browse(row[0] for row in self.env.cr.fetchall())
        old._mask()
        return len(old) == BATCH

    def _mask(self):
        kept = self.filtered(lambda rejection: not rejection.masked_at)
        if not kept:
            return
        payloads = [mask_payload(rejection.payload) for rejection in kept]
        digests = [self._keyed(rejection.fingerprint) for rejection in kept]
        self.env["call.source.call"]._mask_of_rejections(kept)
        self._lock()
        columns = {"ids": kept.ids, "payloads": array(payloads), "digests": array(digests)}
        self.env.cr.execute(MASK, {"deleted": DELETED, "now": utcnow(), "user": self.env.uid, **columns})
        self.env.invalidate_all(flush=False)


def mask_payload(payload):
    """Return a payload, as JSON, without what names somebody."""
    raw = json.loads(payload or "null")
    if not isinstance(raw, dict):
        return json.dumps(DELETED)
    gone = [str(raw[name]) for name in NAMING if raw.get(name)]
    # The number may stand in the reference, too.
    kept = {name: DELETED if names(raw[name], gone) else raw[name] for name in KEPT if name in raw}
    return json.dumps(kept | {name: DELETED for name in NAMING if raw.get(name)}, sort_keys=True)


def names(value, gone):
    return not isinstance(value, (str, int, float, type(None))) or any(is_in(text, str(value)) for text in gone)


# What is open under the reference with another number is another call, which is still to be charged; a correction
# of this one cannot be carried out any more. A call had the number that was reported first, those to which it was
# amended, and the one that its hold was for.
OF_CALLS = """
    WITH call AS (
        SELECT u.wallet_id, w.account_ref, u.call_ref, had.numbers
          FROM call_usage u
          JOIN call_wallet w ON w.id = u.wallet_id
         CROSS JOIN LATERAL (
               SELECT array_agg(n.number) FILTER (WHERE n.number <> %(deleted)s) AS numbers
                 FROM (SELECT u.number
                        UNION
                       SELECT k.number FROM call_usage_correction k WHERE k.usage_id = u.id
                        UNION
                       SELECT h.number FROM call_wallet_hold h
                        WHERE h.wallet_id = u.wallet_id AND h.call_ref = u.call_ref) n) had
         WHERE u.id = ANY(%(calls)s)
    ), named AS (
        SELECT r.id, r.state, r.charged_ref, r.payload, r.correction, c.numbers
          FROM call c JOIN call_usage_rejection r ON r.wallet_id = c.wallet_id AND r.call_ref = c.call_ref
         UNION ALL
        SELECT r.id, r.state, r.charged_ref, r.payload, r.correction, c.numbers
          FROM call c JOIN call_usage_rejection r ON r.account = c.account_ref AND r.call_ref = c.call_ref
         WHERE r.wallet_id IS NULL
    )
    SELECT id, state <> 'open' OR correction IS NOT NULL, payload, numbers FROM named WHERE charged_ref IS NULL
     UNION ALL
    SELECT r.id, TRUE, NULL, NULL
      FROM call c JOIN call_usage_rejection r ON r.wallet_id = c.wallet_id AND r.charged_ref = c.call_ref
"""

OLD = """
    SELECT r.id
      FROM call_usage_rejection r
      LEFT JOIN call_wallet w ON w.id = r.wallet_id
     WHERE r.state IN ('resolved', 'dismissed') AND r.last_seen < %(before)s AND r.masked_at IS NULL
       AND (r.wallet_id IS NULL OR w.company_id = %(company)s)
     ORDER BY r.id
     LIMIT %(limit)s
"""

MASK = """
    UPDATE call_usage_rejection r
       SET payload = masked.payload, fingerprint = masked.fingerprint, reason = %(deleted)s, masked_at = %(now)s,
           field_name = CASE WHEN r.code = 'unknown_field' THEN NULL ELSE r.field_name END,
           write_uid = %(user)s, write_date = now() AT TIME ZONE 'UTC',
           state = CASE r.state WHEN 'open' THEN 'dismissed' ELSE r.state END,
           dismissed_by_id = CASE r.state WHEN 'open' THEN %(user)s ELSE r.dismissed_by_id END,
           dismissed_at = CASE r.state WHEN 'open' THEN %(now)s::timestamp ELSE r.dismissed_at END
      FROM unnest(%(ids)s::int[], %(payloads)s::text[], %(digests)s::text[]) AS masked(id, payload, fingerprint)
     WHERE r.id = masked.id
"""
