from odoo import models


class ProductTemplate(models.Model):
    _inherit = "product.template"

    def _get_product_accounts(self):
        """Odoo's hook for the account of an invoice line: that of the top-ups' product is the deposits' liability."""
        accounts = super()._get_product_accounts()
        if self == self.env.ref("call_wallet.product_topup").product_tmpl_id:
            deposits = self.env.company.sudo()._call_wallet_nearest("call_wallet_deposit_account_id")
            accounts["income"] = deposits or accounts["income"]
        return accounts
