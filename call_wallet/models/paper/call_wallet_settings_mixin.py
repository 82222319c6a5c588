from odoo import fields, models


class CallWalletSettingsMixinPaper(models.AbstractModel):
    _inherit = "call.wallet.settings.mixin"

    call_wallet_all_letterheads = fields.Boolean(related="company_id.call_wallet_all_letterheads", readonly=False)
    call_wallet_paper_warning = fields.Text(compute="_compute_call_wallet_paper_warning")

    def _compute_call_wallet_paper_warning(self):
        warning = self.env["ir.actions.report"]._call_wallet_paper_warning()
        for settings in self:
            settings.call_wallet_paper_warning = warning
