from odoo import api, fields, models


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

    def write(self, vals):
        """End what users own who are archived: they may come back, and are made owners again by a person then."""
        is_end = vals.get("active") is False
        owned = self._call_wallet_owned() if is_end else {}
        result = super().write(vals)
        for user, wallets in owned.items():
            for wallet in wallets:
                wallet._end_lost_owner(user, is_locked_out=True)
        return result

    @api.ondelete(at_uninstall=False)
    def _call_wallet_end_of_deleted(self):
        for user, wallets in self._call_wallet_owned().items():
            for wallet in wallets:
                wallet._end_lost_owner(user, is_locked_out=True)

    def _call_wallet_owned(self):
        """Return {user: the wallets, closed ones too, that they own}."""
        wallets = self.env["call.wallet"].sudo().with_context(active_test=False)
        owned = {user: wallets.search([("owner_ids", "in", user.ids)]) for user in self}
        return {user: found.with_context(active_test=True) for user, found in owned.items() if found}

    def _call_wallet_is_still_with(self, customer):
        """Tell whether a wallet's owner works for the customer, or where they worked when they got the role.

        An administrator may give it to somebody from elsewhere, such as the customer's accountant.
        """
        employer = self.partner_id.commercial_partner_id
        return employer in (customer.commercial_partner_id, self.call_wallet_customer_id)
