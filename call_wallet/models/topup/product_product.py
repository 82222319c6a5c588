from odoo import api, models


class ProductProduct(models.Model):
    _inherit = "product.product"

    @api.ondelete(at_uninstall=False)
    def _call_wallet_refuse_unlink(self):
        self.product_tmpl_id._call_wallet_refuse_unlink()
