from odoo import fields, models

from ...tools.fields import Amount


class CallUsageSource(models.Model):
    """Where a call came from by itself, and what the provider took for it."""

    _inherit = "call.usage"

    source_call_id = fields.Many2one(
        "call.source.call", "Came From", compute="_compute_source_call", groups="call_wallet.group_finance"
    )
    provider_cost = Amount(
        "Provider's Cost", compute="_compute_source_call", may_be_empty=True, groups="call_wallet.group_finance"
    )
    provider_currency = fields.Char(
        "Currency of the Cost", compute="_compute_source_call", groups="call_wallet.group_finance"
    )

    def _compute_source_call(self):
        """Find each call by wallet and reference. The cost is that of all legs that bear the reference."""
        found = self.env["call.source.call"].search([("call_ref", "in", self.mapped("call_ref"))], order="id")
        by_call = {}
        for call in found:
            by_call.setdefault((call.wallet_id, call.call_ref), []).append(call)
        for usage in self:
            calls = by_call.get((usage.wallet_id, usage.call_ref), [])
            usage.source_call_id = calls[0] if calls else False
            # Two sources may tell of the same call, and nobody adds two currencies.
            priced = [call for call in calls if call.cost is not None and call.source_id == calls[0].source_id]
            currency = priced[0].cost_currency if priced else False
            usage.provider_cost = (
                sum(call.cost for call in priced if call.cost_currency == currency) if priced else None
            )
            usage.provider_currency = currency
