from odoo import fields, models


class ResUsers(models.Model):
    _inherit = "res.users"

    call_wallet_customer_id = fields.Many2one(
        "res.partner",
        "Company When Made an Owner",
        readonly=True,
        copy=False,
        ondelete="set null",
        index="btree_not_null",
        help="Whoever works for another company later owns no call wallet any more.",
    )

    def _call_wallet_is_still_with(self, customer):
        """Tell whether a wallet's owner works for the customer, or where they worked when they got the role.

        An administrator may give it to somebody from elsewhere, such as the customer's accountant.
        """
        employer = self.partner_id.commercial_partner_id
        return employer in (customer.commercial_partner_id, self.call_wallet_customer_id)
