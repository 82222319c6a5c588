from odoo import api, fields, models


class ResPartner(models.Model):
    _inherit = "res.partner"

    call_wallet_ids = fields.One2many(
        "call.wallet", "partner_id", "Call Wallets", groups="call_wallet.group_account_manager"
    )
    call_wallet_id = fields.Many2one(
        "call.wallet",
        compute="_compute_call_wallet_id",
        groups="call_wallet.group_account_manager",
        help="The wallet of the company this contact belongs to.",
    )

    def write(self, vals):
        """End what somebody owned at the company that the contact leaves."""
        result = super().write(vals)
        if {"parent_id", "is_company"} & vals.keys():
            self._call_wallet_end_lost_owners()
        return result

    def _call_wallet_end_lost_owners(self):
        """Look at the wallets that these contacts, or those below them, own or are the customers of."""
        wallets = self.env["call.wallet"].sudo().with_context(active_test=False)
        moved = [(name, "child_of", self.ids) for name in ("owner_ids.partner_id", "partner_id")]
        # In the context of a door's own: an archived user keeps the role, and may come back.
        wallets.search(["|", *moved]).with_context(active_test=True)._end_lost_owners()

    def _call_wallet_lang(self, company=None):
        """Return the language to write to somebody in; not theirs where it is no longer installed.

        Without one it is the company's, so that what is stored does not depend on who causes it.

        :param company: ``res.company``, who writes; the contact's own or the current one by default
        """
        company = company or self.company_id or self.env.company
        installed = {code for code, _name in self.env["res.lang"].get_installed()}
        known = [lang for lang in (self.lang, company.sudo().partner_id.lang) if lang in installed]
        return known[0] if known else self.env.lang

    @api.depends("commercial_partner_id.call_wallet_ids")
    @api.depends_context("company")
    def _compute_call_wallet_id(self):
        wallets = self.env["call.wallet"].search(
            [
                ("partner_id", "in", self.commercial_partner_id.ids),
                ("company_id", "in", self.env.companies.ids),
            ]
        )
        first = {}
        for wallet in wallets:
            first.setdefault(wallet.partner_id.id, wallet)
        for partner in self:
            partner.call_wallet_id = first.get(partner.commercial_partner_id.id, False)
