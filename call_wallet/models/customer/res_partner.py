from odoo import api, fields, models

from ...const import ACCOUNT_MANAGER
from ...tools.fields import ZERO
from ...tools.sentence import joined, telling


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

    call_wallet_total = fields.Char(
        "Balance of the Wallets",
        compute="_compute_call_wallet_total",
        groups=ACCOUNT_MANAGER,
        help="Of the company this contact belongs to; one balance a currency.",
    )

    def write(self, vals):
        """End what somebody owned at the company that the contact leaves, and what they are told of it."""
        moves = bool({"parent_id", "is_company"} & vals.keys())
        employers = self._call_wallet_employers() if moves or vals.get("active") is False else {}
        result = super().write(vals)
        if moves:
            self._call_wallet_end_lost_owners()
        for contact, employer in employers.items():
            if not contact.active or contact.commercial_partner_id != employer:
                contact._call_wallet_end_address(employer)
        return result

    def _call_wallet_employers(self):
        """Return {contact: the customer it belongs to} for these contacts and those below them.

        Without owners, of whom ``_end_lost_owners`` takes care, and without customers themselves.
        """
        contacts = self.sudo().search([("id", "child_of", self.ids), ("email_normalized", "!=", False)])
        wallets = self.env["call.wallet"].sudo().with_context(active_test=False)
        owners = wallets.search([("owner_ids.partner_id", "in", contacts.ids)]).owner_ids.partner_id
        return {
            contact: contact.commercial_partner_id
            for contact in contacts - owners
            if contact.commercial_partner_id != contact
        }

    def _call_wallet_end_address(self, employer):
        """Tell the address of somebody who left ``employer`` of its wallets no more, unless a colleague has the same.

        Finance is told.
        """
        email = self.email_normalized
        wallets = (
            self.env["call.wallet"]
            .sudo()
            .search(
                [
                    ("partner_id.commercial_partner_id", "=", employer.id),
                    "|",
                    ("recipient_ids.email", "=", email),
                    ("billing_email", "=", email),
                ]
            )
        )
        same = [("commercial_partner_id", "=", employer.id), ("email_normalized", "=", email), ("id", "!=", self.id)]
        if not wallets or self.sudo().search_count(same, limit=1):
            return
        for wallet in wallets:
            told = wallet._for_finance()
            _ = telling(told.env)
            summary = _("%(person)s is not with %(customer)s any more", person=self.name, customer=employer.name)
            told._tell_finance(summary, joined(told._end_address(email)))

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
        wallets = self._call_wallet_of_companies()
        for partner in self:
            partner.call_wallet_id = wallets.get(partner.commercial_partner_id, wallets[None])[:1]

    @api.depends("commercial_partner_id.call_wallet_ids.balance")
    @api.depends_context("company", "lang")
    def _compute_call_wallet_total(self):
        wallets = self._call_wallet_of_companies()
        for partner in self:
            own = wallets.get(partner.commercial_partner_id, wallets[None])
            sums = {}
            for wallet in own:
                sums[wallet.currency_id] = sums.get(wallet.currency_id, ZERO) + wallet.balance
            shown = own.grouped("currency_id")
            totals = [shown[currency][:1]._format_amount(amount) for currency, amount in sums.items()]
            partner.call_wallet_total = " · ".join(totals)

    def _call_wallet_of_companies(self):
        """Return {customer: wallets} of these contacts' companies, in the user's; none under None."""
        wallets = self.env["call.wallet"].search(
            [
                ("partner_id", "in", self.commercial_partner_id.ids),
                ("company_id", "in", self.env.companies.ids),
            ]
        )
        return {None: wallets.browse(), **wallets.grouped("partner_id")}

    def action_open_call_wallets(self):
        """Open the wallet of the contact's company on its form; several of them in a list.

        :raise AccessError: not an account manager
        """
        self.ensure_one()
        self.env["call.wallet"]._permitted(ACCOUNT_MANAGER)
        wallets = self._call_wallet_of_companies().get(self.commercial_partner_id, self.env["call.wallet"])
        return wallets._action_open()
