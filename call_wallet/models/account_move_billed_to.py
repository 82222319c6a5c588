from odoo import fields, models


class AccountMove(models.Model):
    """A posted invoice keeps the billing information it was posted with.

    Odoo prints the customer's address of the day. Owners change theirs on the portal whenever
    they like, and what was issued must not change with it.
    """

    _inherit = "account.move"

    call_wallet_billed_to = fields.Text(
        "Billed To", readonly=True, copy=False, help="Name, address and tax ID as they were when it was posted."
    )

    def _call_wallet_keep_billed_to(self):
        for move in self:
            if (move.call_wallet_topup_ids or move.reversed_entry_id.call_wallet_topup_ids) and move.partner_id:
                move.call_wallet_billed_to = move._call_wallet_billing_lines()

    def _call_wallet_billing_lines(self):
        partner = self.partner_id.with_context(lang=self.partner_id.lang)
        lines = [partner.commercial_company_name or partner.name]
        lines += partner._display_address(without_company=True).splitlines()
        if partner.vat:
            label = self.company_id.account_fiscal_country_id.vat_label or self.env._("Tax ID")
            lines.append(self.env._("%(label)s: %(number)s", label=label, number=partner.vat))
        return "\n".join(line.strip() for line in lines if line and line.strip())
