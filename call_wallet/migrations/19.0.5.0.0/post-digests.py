"""Replace the digests of what was deleted before: whoever knew the rest of a call could try numbers on them."""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Replace them; called by Odoo once, with the version that was installed."""
    cr.execute(
        """
        UPDATE call_usage_correction k
           SET fingerprint = gen_random_uuid()::text
          FROM call_usage u
         WHERE u.id = k.usage_id AND u.masked_at IS NOT NULL AND k.kind <> 'void'
        """
    )
    rejections = api.Environment(cr, SUPERUSER_ID, {})["call.usage.rejection"]
    cr.execute("SELECT id, fingerprint FROM call_usage_rejection WHERE masked_at IS NOT NULL")
    for rejection_id, fingerprint in cr.fetchall():
        cr.execute(
            "UPDATE call_usage_rejection SET fingerprint = %s WHERE id = %s",
            [rejections._keyed(fingerprint), rejection_id],
        )
