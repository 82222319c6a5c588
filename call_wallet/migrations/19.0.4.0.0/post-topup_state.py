"""Give top-ups whose invoice was settled without a payment a status of their own: they stood as Pending."""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Compute the status of these anew; called by Odoo once. A second run changes nothing."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    topups = env["call.wallet.topup"].search(
        [("state", "=", "pending"), ("invoice_id.payment_state", "in", ("paid", "in_payment"))]
    )
    env.add_to_compute(topups._fields["state"], topups)
    topups.flush_recordset(["state"])
