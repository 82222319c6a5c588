from odoo import api, fields, models
from odoo.tools import formatLang

from ...const import FINANCE_MANAGER
from ...tools.fields import parse_amount

OWED = """
    SELECT w.currency_id, count(*), sum(b.balance)::text
      FROM call_wallet w
      JOIN call_wallet_balance b ON b.wallet_id = w.id
     WHERE b.balance > 0
     GROUP BY w.currency_id
     ORDER BY count(*) DESC, w.currency_id
"""


class BaseModuleUninstall(models.TransientModel):
    """Odoo's question before an addon is uninstalled: it says what customers would lose with this one."""

    _inherit = "base.module.uninstall"

    call_wallet_is_lost = fields.Boolean(compute="_compute_call_wallet_owed")
    call_wallet_owed = fields.Char("Owed to Customers", compute="_compute_call_wallet_owed")
    call_wallet_may_export = fields.Boolean(compute="_compute_call_wallet_owed")

    @api.depends("module_ids")
    def _compute_call_wallet_owed(self):
        for wizard in self:
            wizard.call_wallet_is_lost = "call_wallet" in wizard._get_modules().mapped("name")
            wizard.call_wallet_owed = wizard.call_wallet_is_lost and wizard._call_wallet_owed()
            wizard.call_wallet_may_export = self.env.user.has_group(FINANCE_MANAGER)

    def _call_wallet_owed(self):
        """Return what all wallets hold, by currency: "1,234.50 USD in 17 wallets"; nothing where they are empty."""
        self.env.flush_all()
        self.env.cr.execute(OWED)
        parts = []
        for currency_id, count, balance in self.env.cr.fetchall():
            currency = self.env["res.currency"].sudo().browse(currency_id)
            amount = formatLang(self.env, float(parse_amount(balance)), digits=currency.decimal_places)
            words = {"amount": amount, "currency": currency.name, "count": count}
            parts.append(self.env._("%(amount)s %(currency)s (wallets: %(count)s)", **words))
        return ", ".join(parts)

    def action_call_wallet_export(self):
        """Download the ledgers of all wallets of the user's companies, one CSV file a wallet.

        :return: the action that downloads them
        :raise AccessError: not a finance manager
        """
        self.env["call.wallet"]._permitted(FINANCE_MANAGER)
        return {"type": "ir.actions.act_url", "url": "/call_wallet/ledgers", "target": "download"}
