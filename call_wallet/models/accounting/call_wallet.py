from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_date

from ...const import ACCOUNT_MANAGER, FINANCE
from ...tools.clock import day_in
from ...tools.door import door
from ...tools.fields import is_id, parse_day
from ...tools.reconciliation import CONTRACT, plain
from ...tools.rights import as_superuser
from . import reconciliation_sql as queries
from .reconciliation_sql import UNASSIGNED_ITEMS

UNSEEN = ("account.move", "account.move.line")
TYPES = {"added": "balance_added", "used": "usage", "refunded": "refund", "reversed": "reversal"}


class CallWalletAccounting(models.Model):
    """How the wallets' ledger reaches the general ledger."""

    _inherit = "call.wallet"

    @api.model
    def post_transactions(self, date_from, date_to, companies=None):
        """Turn the charges, refunds and breakage of these days into journal entries.

        One entry a day (or month, as the company's settings say), company and currency, for whatever has none yet:
        posting the same days again posts what came since. A call is posted on the day on which it took place, and so
        is one that was reported later; days that are closed are booked on the first open day. Amounts that come to
        less than half a cent wait. Each entry is committed by itself, so a process that
        ends halfway loses nothing. Top-ups are not posted: their invoices are their entries.

        :param date_from: first day, in each wallet's time zone: a date, ``YYYY-MM-DD``, or
            None for the beginning; earlier calls that were charged since that day are posted, too
        :param date_to: last day, included; calls up to then that were charged later are posted, too
        :param companies: ``res.company`` records or ids; the user's companies by default
        :return: the ``account.move`` records that were posted
        :raise UserError: a day is malformed, or a company has no journal or account; what
            other days and companies had due is posted all the same
        :raise AccessError: not finance staff, or of another company
        """
        self.browse()._permitted(FINANCE)
        date_from, date_to = self._parse_days(date_from, date_to)
        postings = as_superuser(self.env["call.wallet.posting"])
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
            ids = companies if isinstance(companies, (list, tuple)) else [companies]
            if any(type(company_id) is not int or company_id < 1 for company_id in ids):
                raise UserError(self.env._("companies: send the ids of companies as a list."))
            companies = self.env["res.company"].browse(ids)
        if not self.env.su and companies - self.env.user.company_ids:
            raise AccessError(self.env._("You do not belong to that company."))
        return companies.sudo()

    @api.model
    def _last_days(self):
        """Return {company: last day that is over for all its wallets}."""
        zones = self.sudo().with_context(active_test=False)._read_group([], ["company_id"], ["tz:array_agg_distinct"])
        return {company: fields.Date.subtract(min(map(day_in, names)), days=1) for company, names in zones}

    # === RECONCILIATION === #

    @api.model
    @api.readonly
    def reconciliation(self, date, company):
        """Compare the wallets of ``company`` with its general ledger at the end of ``date``.

        ``opening + added - used + refunded - reversed = closing``, of the month up to that day;
        ``closing + awaiting_payment + settled_without_funds + not_posted + remainder + unexplained =
        general_ledger``; ``expected_value + unexplained_value = ledger_value``.

        :param date: ``date`` or ``"YYYY-MM-DD"``, included; days are those of each wallet's
            time zone. Its ledger knows a call from the day of its report, its entries are dated on that of the call
        :param company: ``res.company``, record or id
        :return: one dict a wallet, by account reference: ``wallet`` (id), and as decimal strings
            in the wallet's currency ``opening`` (start of that month), ``added``, ``used``,
            ``refunded``, ``reversed`` (all four positive), ``closing``; ``general_ledger``, the
            credit balance on the deposit account; ``awaiting_payment``, invoiced and not
            credited, net of tax (negative: credited and not invoiced); ``settled_without_funds``,
            the same where the invoice was settled by something that is no money; ``not_posted``, used and
            not in a posted entry of that day or before, less what such an entry took of calls charged
            later; ``remainder``, what the entries were
            rounded by; and ``unexplained``, which should be zero, as should ``settled_without_funds``. Of ``used``,
            ``earlier_periods`` are calls of earlier months, and ``earlier_periods_booked`` what of these is in this
            month's entries because theirs was closed. In the company's currency ``ledger_value``, the credit balance
            by the items' values; ``expected_value``, what documents and entries should have brought; and
            ``unexplained_value``, which should be zero
        :raise UserError: ``date`` is not a date, or there is no such company
        :raise AccessError: neither finance staff nor an account manager of that company
        """
        proof = self.env["call.wallet.reconciliation"]
        date, company = proof._scope(date, company)
        wallets = proof._wallets(company)
        rows, _loose, _year_end = proof._figures(date, company)
        return [
            {"wallet": wallet.id, **{name: plain(getattr(rows[wallet.id], name)) for name in CONTRACT}}
            for wallet in wallets
        ]

    @api.model
    @api.readonly
    def reconciliation_unassigned(self, date, company):
        """Return what stands on the deposit account and belongs to no wallet.

        Items without a wallet count for the customer's wallet in their currency; these are
        the ones without such a wallet. An entry that closes the balance sheet at the end of the fiscal year and
        another that opens it again the next day are left out. Same parameters, rights and errors as
        ``reconciliation``.

        :return: one dict a currency with a difference: ``currency`` (id), ``general_ledger``
            (decimal string; a credit is positive), ``value``, the same in the company's currency, and
            ``items``, how many
        """
        proof = self.env["call.wallet.reconciliation"]
        date, company = proof._scope(date, company)
        _rows, loose, _year_end = proof._figures(date, company)
        return [
            {
                "currency": currency_id,
                "general_ledger": plain(of_none.amount),
                "value": plain(of_none.value),
                "items": of_none.items,
            }
            for currency_id, of_none in sorted(loose.items())
            if of_none.amount or of_none.value
        ]

    @api.model
    @api.readonly
    def reconciliation_screen(self, date=None, company=None):
        """Return what the reconciliation's screen shows; rights and errors as ``reconciliation``.

        :param date: the end of last month unless given
        :param company: id; the current company unless given
        :return: dict; amounts are decimal strings
        """
        proof = self.env["call.wallet.reconciliation"]
        date = date or proof._last_month_end()
        date, company = proof._scope(date, company or self.env.company)
        books = proof._books(date, company)
        return {
            "date": date.isoformat(),
            "is_over": proof._is_over(date, company),
            "company": company.id,
            "companies": [{"id": c.id, "name": c.name} for c in proof._companies()],
            "may_post": self.env.user.has_group(FINANCE),
            "is_due": proof._is_due(date, company, books.sections),
            "sees_entries": all(self.env[model].has_access("read") for model in UNSEEN),
            "wallets": books.count("rows"),
            "differing": books.count("differing"),
            "unfunded": books.count("unfunded"),
            "sections": [proof._section_data(section) for section in books.sections],
            "books": proof._books_data(books),
        }

    # === THE ROWS BEHIND A FIGURE === #
    # From any figure of the reconciliation to the rows that it is the sum of.

    def open_reconciled(self, figure, date):
        """Open the rows behind one figure of the reconciliation of these wallets.

        :param str figure: a name in ``reconciliation``'s answer, such as ``"used"``
        :param date: the day of the reconciliation
        :return: a window action
        :raise UserError: unknown figure, a bad date, or wallets of several companies
        :raise AccessError: neither finance staff nor an account manager
        """
        proof = self.env["call.wallet.reconciliation"]
        self._permitted(ACCOUNT_MANAGER)
        companies = self.sudo().company_id
        if len(companies) != 1:
            raise UserError(self.env._("wallets: choose wallets of one company."))
        date, _company = proof._scope(date, companies)
        openers = {
            **dict.fromkeys(("opening", "closing", *TYPES), self._open_reconciled_transactions),
            "earlier_periods": self._open_reconciled_earlier,
            "awaiting_payment": self._open_reconciled_topups,
            "settled_without_funds": self._open_reconciled_topups,
            "not_posted": self._open_reconciled_not_posted,
            "remainder": self._open_reconciled_entries,
            **dict.fromkeys(("general_ledger", "ledger_value"), self._open_reconciled_items),
            **dict.fromkeys(("unexplained", "unexplained_value"), self._open_reconciled_differences),
        }
        if not isinstance(figure, str) or figure not in openers:
            raise UserError(self.env._("figure: there is none called %s.", repr(figure)[:60]))
        return openers[figure](figure, date)

    @api.model
    def open_unassigned(self, date, company, currency):
        """Open the items on the deposit account that belong to no wallet.

        :param currency: id of the items' currency
        :return: a window action
        :raise UserError: no id, or a bad date
        :raise AccessError: neither finance staff nor an account manager of that company
        """
        proof = self.env["call.wallet.reconciliation"]
        date, company = proof._scope(date, company)
        if not is_id(currency):
            raise UserError(self.env._("currency: send the id of the items' currency."))
        self.env.flush_all()
        parameters = {**proof._parameters(date, company), "currency": currency}
        self.env.cr.execute(UNASSIGNED_ITEMS, parameters)
        ids = [row[0] for row in self.env.cr.fetchall()]
        return self._reconciled_items_action(
            self.env._("Not assigned, %s", format_date(self.env, date)), [("id", "in", ids)]
        )

    # === THE LEDGER'S ROWS === #

    def _open_reconciled_transactions(self, figure, date):
        domain = [("wallet_id", "in", self.ids), ("day", "<=", date)]
        if figure == "opening":
            domain = [("wallet_id", "in", self.ids), ("day", "<", date.replace(day=1))]
        elif figure in TYPES:
            domain += [("day", ">=", date.replace(day=1)), ("type", "=", TYPES[figure])]
        return self._reconciled_transactions(figure, date, domain)

    def _open_reconciled_not_posted(self, figure, date):
        late = [row[0] for row in self._reconciliation_rows(queries.LATE_ENTRIES, date)]
        early = [row[0] for row in self._reconciliation_rows(queries.EARLY_ENTRIES, date)]
        domain = [("wallet_id", "in", self.ids), ("topup_id", "=", False)]
        domain += [
            "|",
            *("&", ("day", "<=", date), "|", ("move_id", "=", False), ("move_id", "in", late)),
            *("&", ("day", ">", date), ("move_id", "in", early)),
        ]
        return self._reconciled_transactions(figure, date, domain)

    def _open_reconciled_earlier(self, figure, date):
        first = date.replace(day=1)
        domain = [("wallet_id", "in", self.ids), ("day", ">=", first), ("day", "<=", date)]
        return self._reconciled_transactions(figure, date, [*domain, ("accounting_day", "<", first)])

    def _reconciled_transactions(self, figure, date, domain):
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_transaction")
        if len(self) == 1:
            view = self.env.ref("call_wallet.call_wallet_transaction_view_list_of_wallet")
            action["views"] = [
                (view.id if view_type == "list" else view_id, view_type) for view_id, view_type in action["views"]
            ]
        return self._reconciled_action(action, figure, date, domain)

    def _open_reconciled_topups(self, figure, date):
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_topup")
        query = queries.AWAITING_TOPUPS if figure == "awaiting_payment" else queries.UNFUNDED_TOPUPS
        ids = [row[0] for row in self._reconciliation_rows(query, date)]
        return self._reconciled_action(action, figure, date, [("id", "in", ids)])

    # === ACCOUNTING'S ROWS === #

    def _open_reconciled_items(self, figure, date):
        wallets = self.sudo()
        company, currencies = wallets.company_id, wallets.currency_id
        # Those whose customers' items without a wallet count for them.
        heirs = self.browse(row[0] for row in self._reconciliation_rows(queries.HEIRS, date)).sudo()
        partners = heirs.partner_id.commercial_partner_id
        domain = [
            ("company_id", "=", company.id),
            ("account_id", "in", company._call_wallet_deposit_accounts().ids),
            ("parent_state", "=", "posted"),
            ("date", "<=", date),
            ("currency_id", "in", currencies.ids),
            "|",
            ("call_wallet_id", "in", self.ids),
            "&",
            "&",
            ("call_wallet_id", "=", False),
            ("tax_line_id", "=", False),
            ("partner_id.commercial_partner_id", "in", partners.ids),
        ]
        return self._reconciled_items_action(self._reconciled_name(figure, date), domain)

    def _open_reconciled_differences(self, figure, date):
        rows = self._reconciliation_rows(queries.DIFFERENCES, date)
        return self._reconciled_entries_action(figure, date, [move_id for _wallet, move_id, *_amounts in rows])

    def _open_reconciled_entries(self, figure, date):
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_posted_entry")
        domain = [
            ("wallet_id", "in", self.ids),
            ("move_id.state", "=", "posted"),
            ("move_id.date", "<=", date),
        ]
        return self._reconciled_action(action, figure, date, domain)

    def _reconciled_items_action(self, name, domain):
        return {
            "type": "ir.actions.act_window",
            "name": name,
            "res_model": "account.move.line",
            "views": [(self.env.ref("account.view_move_line_tree").id, "list"), (False, "pivot"), (False, "form")],
            "domain": domain,
            "context": {"create": False, "search_default_posted": 0},
        }

    def _reconciled_entries_action(self, figure, date, move_ids):
        return {
            "type": "ir.actions.act_window",
            "name": self._reconciled_name(figure, date),
            "res_model": "account.move",
            "views": [(self.env.ref("account.view_move_tree").id, "list"), (False, "form")],
            "domain": [("id", "in", move_ids)],
            "context": {"create": False},
        }

    def _reconciliation_rows(self, query, date):
        """Run a query for these wallets alone."""
        self.env.flush_all()
        parameters = self.env["call.wallet.reconciliation"]._parameters(date, self.sudo().company_id, self.ids)
        self.env.cr.execute(query, parameters)
        return self.env.cr.fetchall()

    # === TITLES === #

    def _reconciled_action(self, action, figure, date, domain):
        action.update(
            name=self._reconciled_name(figure, date),
            display_name=self._reconciled_name(figure, date),
            domain=domain,
            context={"create": False},
        )
        # An address of its own would open the whole list when the page is loaded again.
        action.pop("path", None)
        action.pop("xml_id", None)
        action["id"] = False
        return action

    def _reconciled_name(self, figure, date):
        return self.env._(
            "%(wallet)s: %(figure)s, %(date)s",
            wallet=self.sudo().account_ref if len(self) == 1 else self.env._("%s wallets", len(self)),
            figure=self._reconciled_label(figure),
            date=format_date(self.env, date),
        )

    def _reconciled_label(self, figure):
        return {
            "opening": self.env._("opening balance"),
            "added": self.env._("added"),
            "used": self.env._("used"),
            "refunded": self.env._("refunded"),
            "reversed": self.env._("reversed"),
            "closing": self.env._("closing balance"),
            "awaiting_payment": self.env._("awaiting payment"),
            "settled_without_funds": self.env._("settled without funds"),
            "not_posted": self.env._("not posted"),
            "remainder": self.env._("journal entries"),
            **dict.fromkeys(("general_ledger", "ledger_value"), self.env._("deposit account")),
            **dict.fromkeys(("unexplained", "unexplained_value"), self.env._("entries that differ")),
            "earlier_periods": self.env._("calls of earlier periods"),
        }[figure]
