from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools.fields import Amount


class CallWalletAutoTopupWizard(models.TransientModel):
    """Sets automatic top-up up for a customer who agreed to it.

    Amounts are in the wallet's currency.
    """

    _name = "call.wallet.auto.topup.wizard"
    _inherit = "call.wallet.dialog"
    _description = "Set Up Automatic Top-up"

    wallet_id = fields.Many2one("call.wallet", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    level = Amount("When less than this is available")
    amount = Amount("Add", help="Net of tax.")
    monthly_cap = Amount("Charge at most a month", help="Tax included.")
    available_token_ids = fields.Many2many("payment.token", compute="_compute_available_token_ids", compute_sudo=True)
    token_id = fields.Many2one(
        "payment.token", "Card", ondelete="cascade", domain="[('id', 'in', available_token_ids)]"
    )
    mandate = fields.Text("What the customer agrees to", compute="_compute_mandate")
    accept_mandate = fields.Boolean("The customer agreed to this")

    @api.depends("wallet_id")
    def _compute_available_token_ids(self):
        for wizard in self:
            wizard.available_token_ids = wizard.wallet_id and wizard.wallet_id._payment_tokens()

    @api.model
    def default_get(self, fields):
        """Begin with the wallet's settings."""
        values = super().default_get(fields)
        wallet = self.env["call.wallet"].browse(values.get("wallet_id"))
        if wallet:
            values["level"] = wallet.auto_topup_level or wallet.low_balance_threshold
            values["amount"] = wallet.auto_topup_amount
            values["monthly_cap"] = wallet.auto_topup_monthly_cap
            values["token_id"] = (wallet.sudo().auto_topup_token_id or wallet._payment_tokens()[:1]).id
        return values

    @api.depends("level", "amount", "monthly_cap", "token_id")
    def _compute_mandate(self):
        for wizard in self:
            try:
                wizard.mandate = wizard.wallet_id.auto_topup_mandate(*wizard._settings())
            except UserError as error:
                wizard.mandate = str(error)

    def _settings(self):
        return self.level, self.amount, self.monthly_cap, self.token_id.id

    def action_switch_on(self):
        """Switch automatic top-up on with these settings.

        :raise UserError: as ``call.wallet.set_auto_topup``
        """
        self.ensure_one()
        self.wallet_id.set_auto_topup(True, *self._settings(), accept_mandate=self.accept_mandate)
        return {"type": "ir.actions.act_window_close"}
