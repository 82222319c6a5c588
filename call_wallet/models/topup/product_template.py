from odoo import api, models
from odoo.exceptions import UserError


class ProductTemplate(models.Model):
    _inherit = "product.template"

    def _get_product_accounts(self):
        """Odoo's hook for the account of an invoice line: that of the top-ups' product is the deposits' liability."""
        accounts = super()._get_product_accounts()
        product = self.env.ref("call_wallet.product_topup", raise_if_not_found=False)
        if product and self == product.product_tmpl_id:
            deposits = self.env.company.sudo()._call_wallet_nearest("call_wallet_deposit_account_id")
            accounts["income"] = deposits or accounts["income"]
        return accounts

    @api.ondelete(at_uninstall=False)
    def _call_wallet_refuse_unlink(self):
        """Keep the product that top-ups are invoiced with; its variant goes with it, and is asked for here too.

        :raise UserError: it is the one
        """
        product = self.env.ref("call_wallet.product_topup", raise_if_not_found=False)
        if product and product.product_tmpl_id in self:
            raise UserError(self.env._("%s is what top-ups are invoiced with. Archive it, or rename it.", product.name))
