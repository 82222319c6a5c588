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
        """End what the owner of a wallet loses who is archived, or has no access to the portal any more.

        Who comes back may come back for something else, and is made an owner again by a person.
        """
        if not {"active", "group_ids"} & vals.keys():
            return super().write(vals)
        owned = self._call_wallet_owned()
        on_portal = {user for user in owned if user._is_portal()}
        result = super().write(vals)
        for user, wallets in owned.items():
            if user in on_portal and not user._is_portal():
                wallets._end_owner_without_access(user, is_archived=False)
            elif vals.get("active") is False:
                wallets._end_owner_without_access(user, is_archived=True)
        return result

    @api.ondelete(at_uninstall=False)
    def _call_wallet_end_of_deleted(self):
        for user, wallets in self._call_wallet_owned().items():
            wallets._end_owner_without_access(user, is_archived=True)

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
