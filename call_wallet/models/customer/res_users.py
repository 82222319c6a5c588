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

    def write(self, vals):
        """End what an owner of a wallet loses with the portal; tell finance where nobody who owns one can sign in.

        An archived user keeps the role, and may come back. Somebody whose access to the portal was revoked, or who
        works here now, does not: when they get access again it may be for something else.
        """
        if not {"active", "group_ids"} & vals.keys():
            return super().write(vals)
        wallets = self._call_wallet_owned()
        owners = {wallet: wallet.current_owner_ids for wallet in wallets}
        on_portal = {user: user._call_wallet_owned() for user in self if wallets and user._is_portal()}
        result = super().write(vals)
        for user, owned in on_portal.items():
            if not user._is_portal():
                owned._end_owner_without_portal(user)
        wallets._report_without_owner(owners)
        return result

    def _call_wallet_owned(self):
        """Return the wallets, closed ones too, that these users own, archived users too."""
        wallets = self.env["call.wallet"].sudo().with_context(active_test=False)
        return wallets.search([("owner_ids", "in", self.ids)]).with_context(active_test=True)

    def _call_wallet_is_still_with(self, customer):
        """Tell whether a wallet's owner works for the customer, or where they worked when they got the role.

        An administrator may give it to somebody from elsewhere, such as the customer's accountant.
        """
        employer = self.partner_id.commercial_partner_id
        return employer in (customer.commercial_partner_id, self.call_wallet_customer_id)
