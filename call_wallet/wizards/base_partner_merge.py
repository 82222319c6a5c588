from odoo import models
from odoo.exceptions import UserError


class MergePartnerAutomatic(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _merge(self, partner_ids, dst_partner=None, extra_checks=True):
        """Refuse to merge customers whose wallets would collide: Odoo deletes what collides, past the ORM.

        :raise UserError: two of them have a wallet in the same company and currency
        """
        wallets = self.env["call.wallet"].sudo().search([("partner_id", "in", list(partner_ids))])
        for (_company, currency), same in wallets.grouped(lambda one: (one.company_id, one.currency_id)).items():
            if len(same) > 1:
                raise UserError(
                    self.env._(
                        "%(accounts)s are call wallets in %(currency)s of different contacts. Close all but one of "
                        "them, then merge the contacts.",
                        accounts=", ".join(same.mapped("account_ref")),
                        currency=currency.name,
                    )
                )
        result = super()._merge(partner_ids, dst_partner=dst_partner, extra_checks=extra_checks)
        self.env["res.partner"].browse(partner_ids).exists()._call_wallet_end_lost_owners()
        return result
