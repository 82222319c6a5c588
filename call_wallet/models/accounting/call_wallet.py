from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ...const import FINANCE
from ...tools.clock import day_in
from ...tools.door import door
from ...tools.fields import parse_day


class CallWalletAccounting(models.Model):
    """How the wallets' ledger reaches the general ledger."""

    _inherit = "call.wallet"

    @api.model
    def post_transactions(self, date_from, date_to, companies=None):
        """Turn the charges, refunds and breakage of these days into journal entries.

        One entry a day, company and currency, for whatever has none yet: posting the same
        days again posts what came since. Each entry is committed by itself, so a process that
        ends halfway loses nothing. Top-ups are not posted: their invoices are their entries.

        :param date_from: first day, in each wallet's time zone: a date, ``YYYY-MM-DD``, or
            None for the beginning
        :param date_to: last day, included
        :param companies: ``res.company`` records or ids; the user's companies by default
        :return: the ``account.move`` records that were posted
        :raise UserError: a day is malformed, or a company has no journal or account; what
            other days and companies had due is posted all the same
        :raise AccessError: not finance staff, or of another company
        """
        self.browse()._as(FINANCE)
        date_from, date_to = self._parse_days(date_from, date_to)
        postings = self.env["call.wallet.posting"].sudo()
        for company in self._posting_companies(companies):
            with door(self.env):
                is_due = postings._is_due(company, date_from, date_to)
                posting = postings._start(company, date_from, date_to) if is_due else postings.browse()
            if posting:
                postings |= posting
                posting._run()
        errors = postings.filtered(lambda posting: posting.state == "failed").mapped("error")
        if errors:
            raise UserError("\n".join(errors))
        return self.env["account.move"].browse(postings.move_ids.ids)

    def _parse_days(self, date_from, date_to):
        """Return both as dates; the first may be None."""
        first, last = parse_day(date_from, "date_from", self.env), self._parse_last_day(date_to, "date_to")
        if first and first > last:
            raise UserError(self.env._("date_from: choose a day that is not after date_to."))
        return first, last

    def _parse_last_day(self, day, parameter):
        day = parse_day(day, parameter, self.env)
        if not day:
            raise UserError(self.env._("%s: use a day such as 2026-10-31.", parameter))
        return day

    def _posting_companies(self, companies=None):
        """Return the companies to post for: those asked for, else those of the user that have wallets."""
        if companies is None:
            groups = self.sudo().with_context(active_test=False)._read_group([], ["company_id"])
            with_wallets = self.env["res.company"].sudo().union(*(company for [company] in groups))
            return with_wallets if self.env.su else with_wallets & self.env.user.company_ids.sudo()
        if not isinstance(companies, models.BaseModel):
            companies = self.env["res.company"].browse(companies)
        if not self.env.su and companies - self.env.user.company_ids:
            raise AccessError(self.env._("You do not belong to that company."))
        return companies.sudo()

    @api.model
    def _last_days(self):
        """Return {company: last day that is over for all its wallets}."""
        zones = self.sudo().with_context(active_test=False)._read_group([], ["company_id"], ["tz:array_agg_distinct"])
        return {company: fields.Date.subtract(min(map(day_in, names)), days=1) for company, names in zones}
