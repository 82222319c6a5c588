from datetime import timedelta

from odoo import api, fields, models

from ..const import FINANCE
from ..tools.door import door
from ..tools.rights import as_superuser


class CallWalletPostNow(models.TransientModel):
    """Post the usage of chosen days, without waiting for the scheduled action."""

    _name = "call.wallet.post.now"
    _description = "Post Now"

    date_from = fields.Date("From", help="Empty: everything that was not posted yet.")
    date_to = fields.Date("To", required=True, default=lambda self: self._yesterday())
    company_ids = fields.Many2many("res.company", string="Companies", default=lambda self: self.env.companies)
    due_count = fields.Integer("Transactions to post", compute="_compute_due_count")

    def _yesterday(self):
        """Return the last day that is over for all wallets of the user's companies, each in its time zone."""
        last_days = self.env["call.wallet"]._last_days()
        days = [last_days[company] for company in self.env.companies if company in last_days]
        return min(days, default=self.env.company._call_wallet_today() - timedelta(days=1))

    @api.depends("date_from", "date_to", "company_ids")
    def _compute_due_count(self):
        postings = as_superuser(self.env["call.wallet.posting"])
        for wizard in self:
            days = (wizard.date_from, wizard.date_to)
            companies = (wizard.company_ids._origin & self.env.user.company_ids).sudo() if wizard.date_to else ()
            wizard.due_count = sum(
                period.count
                for company in companies
                if postings._is_due(company, *days)
                for period in postings._due_periods(company, *days)
            )

    def action_post(self):
        """Start posting and show how it goes; long ones go on in the background.

        :raise UserError: the days are the wrong way round
        :raise AccessError: not finance staff, or of another company
        """
        wallets = self.env["call.wallet"]
        wallets.browse()._permitted(FINANCE)
        first, last = wallets._parse_days(self.date_from, self.date_to)
        postings = as_superuser(self.env["call.wallet.posting"])
        companies = wallets._posting_companies(self.company_ids)
        with door(self.env):
            for company in companies:
                if postings._is_due(company, first, last):
                    postings |= postings._start(company, first, last)
        for posting in postings:
            posting._run_for_a_click()
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_posting")
        if len(postings) == 1:
            return {**action, "res_id": postings.id, "views": [(False, "form")]}
        return {**action, "domain": [("id", "in", postings.ids)]} if postings else action
