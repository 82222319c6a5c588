from odoo import Command, api, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from .call_wallet import FINANCE, PLATFORM


class CallWalletOwners(models.Model):
    """Who owns a wallet: people at the customer with the role, and nobody else there.

    A wallet of one of our own companies is owned by those who work for that company.
    """

    _inherit = "call.wallet"

    @api.model
    def _owned_by(self, user):
        """Return the wallets that the user owns, as superuser."""
        domain = Domain("owner_ids", "in", user.ids)
        companies = self._own_companies(user)
        if companies:
            domain |= Domain("partner_id", "in", companies.partner_id.ids)
        return self.sudo().search(domain)

    def _is_owned_by(self, user):
        self.ensure_one()
        return user in self.owner_ids or self.partner_id in self._own_companies(user).partner_id

    @api.model
    def _own_companies(self, user):
        """Return the companies whose own wallets the user owns by working there."""
        works_here = user._is_internal() and not user.has_group(PLATFORM)
        return user.sudo().company_ids if works_here else self.env["res.company"]

    def _is_self_owned(self):
        """Tell whether this is the wallet of one of our own companies."""
        self.ensure_one()
        return bool(self.env["res.company"].sudo().search_count([("partner_id", "=", self.partner_id.id)], limit=1))

    # === GIVING AND TAKING THE ROLE === #

    def _colleagues(self):
        """Return the portal users of the wallet's customer."""
        self.ensure_one()
        users = self.env["res.users"].sudo()
        company = self.sudo().partner_id.commercial_partner_id
        return users.search(
            [("share", "=", True), ("partner_id.commercial_partner_id", "=", company.id)], order="name, id"
        ).filtered(lambda user: user._is_portal())

    def add_owner(self, user_id):
        """Let a portal user of the customer see this wallet and add balance.

        :param int user_id: the ``res.users``
        :raise UserError: not a portal user of the customer
        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        wallet = self._as(FINANCE, owner=True)
        user = wallet._colleagues().filtered(lambda colleague: colleague.id == user_id)
        if not user:
            raise UserError(self.env._("Person: choose a portal user of %s.", wallet.partner_id.name))
        if user not in wallet.owner_ids:
            wallet.owner_ids = [Command.link(user.id)]
            wallet.message_post(body=self.env._("%s is an owner now.", user.name))
        return True

    def remove_owner(self, user_id):
        """Take the owner's role from somebody. One owner at least stays.

        :param int user_id: the ``res.users``
        :raise UserError: the last owner
        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        wallet = self._as(FINANCE, owner=True)
        wallet.ensure_one()
        user = wallet.owner_ids.filtered(lambda owner: owner.id == user_id)
        if not user:
            return True
        if user == wallet.owner_ids:
            raise UserError(self.env._("%s is the only owner. Make somebody else an owner first.", user.name))
        # Writing the wallet's own row as well makes two owners who remove each other queue.
        wallet.owner_ids = [Command.unlink(user.id)]
        wallet.message_post(body=self.env._("%s is not an owner any more.", user.name))
        return True

    def _owners_to_compare(self, vals):
        """Return the owners as they are before a write that changes them: {wallet: users}; None where it does not.

        :raise AccessError: not finance staff
        """
        if "owner_ids" not in vals or self.env.su:
            return None
        if not self.env.user.has_group(FINANCE):
            raise AccessError(self.env._("Owners: only finance staff and the owners themselves change them."))
        return {wallet: wallet.owner_ids for wallet in self.sudo()}

    def _refuse_strangers(self, before):
        """Raise if somebody became an owner who is not a portal user of the customer.

        :param dict before: {wallet: its owners so far}
        """
        for wallet in self.sudo():
            strangers = wallet.owner_ids - before.get(wallet, wallet.browse().owner_ids) - wallet._colleagues()
            if strangers:
                raise UserError(
                    self.env._(
                        "Owners: %(people)s cannot own a wallet of %(customer)s; choose its own portal users.",
                        people=", ".join(strangers.mapped("name")),
                        customer=wallet.partner_id.name,
                    )
                )
