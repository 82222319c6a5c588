from odoo import Command, api, fields, models
from odoo.exceptions import UserError


class CallWalletInvite(models.TransientModel):
    """Gives somebody at the customer access to the portal, by Odoo's own invitation, and makes them an owner.

    Who may give that access is Odoo's to say: whoever has *Contact Creation*.
    """

    _name = "call.wallet.invite"
    _description = "Invite an Owner of a Call Wallet"
    _inherit = ["call.wallet.dialog"]

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True)
    customer_id = fields.Many2one(related="wallet_id.partner_id.commercial_partner_id", string="Customer")
    partner_id = fields.Many2one("res.partner", "Person", required=True)
    email = fields.Char(
        "E-mail",
        compute="_compute_email",
        store=True,
        readonly=False,
        help="The invitation goes there; it is the login.",
    )
    is_invited = fields.Boolean("Has Access", compute="_compute_is_invited")

    @api.depends("partner_id")
    def _compute_email(self):
        for invite in self:
            invite.email = invite.partner_id.email

    @api.depends("partner_id")
    def _compute_is_invited(self):
        for invite in self:
            users = invite.partner_id.sudo().user_ids
            invite.is_invited = bool(users) and users[:1]._is_portal()

    def action_invite(self):
        """Invite the person unless they have access, or again while they have not logged in; make them an owner.

        :raise UserError: not a contact of the customer, no valid e-mail, or one that somebody else logs in with
        :raise AccessError: not finance staff, or no right to give access to the portal
        """
        self.ensure_one()
        wallet, contact = self.wallet_id, self.partner_id
        if contact.commercial_partner_id != self.customer_id:
            raise UserError(self.env._("Person: choose a contact of %s.", self.customer_id.name))
        portal = self.env["portal.wizard"].create({"partner_ids": [Command.set(contact.ids)]})
        access = portal.user_ids
        if not access.is_portal:
            access.email = self.email
            access.action_grant_access()
        elif not access.login_date:
            access.action_invite_again()
        wallet.add_owner(access.user_id.id)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._(
                    "%(name)s is an owner; the invitation goes to %(email)s.", name=contact.name, email=access.email
                )
                if not access.login_date
                else self.env._("%s is an owner now.", contact.name),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }
