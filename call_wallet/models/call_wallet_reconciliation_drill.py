from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from . import call_wallet_reconciliation_sql as queries
from .call_wallet import ACCOUNT_MANAGER

TYPES = {"added": "balance_added", "used": "usage", "refunded": "refund", "reversed": "reversal"}


class CallWalletReconciliationDrill(models.Model):
    """From any figure of the reconciliation to the rows that it is the sum of."""

    _inherit = "call.wallet"

    def open_reconciled(self, figure, date):
        """Open the rows behind one figure of the reconciliation of these wallets.

        :param str figure: a name in ``reconciliation``'s answer, such as ``"used"``
        :param date: the day of the reconciliation
        :return: a window action
        :raise UserError: unknown figure, a bad date, or wallets of several companies
        :raise AccessError: neither finance staff nor an account manager
        """
        self._as(ACCOUNT_MANAGER)
        companies = self.sudo().company_id
        if len(companies) != 1:
            raise UserError(self.env._("wallets: choose wallets of one company."))
        date, _company = self._reconciliation_scope(date, companies)
        openers = {
            **dict.fromkeys(("opening", "closing", *TYPES), self._open_reconciled_transactions),
            "awaiting_payment": self._open_reconciled_topups,
            "not_posted": self._open_reconciled_not_posted,
            "remainder": self._open_reconciled_entries,
            "general_ledger": self._open_reconciled_items,
            "unexplained": self._open_reconciled_differences,
        }
        if figure not in openers:
            raise UserError(self.env._("figure: there is none called %s.", repr(figure)[:60]))
        return openers[figure](figure, date)

    @api.model
    def open_unassigned(self, date, company, currency):
        """Open the items on the deposit account that belong to no wallet.

        :param currency: id of the items' currency
        :return: a window action
        :raise AccessError: neither finance staff nor an account manager of that company
        """
        date, company = self._reconciliation_scope(date, company)
        self.env.flush_all()
        self.env.cr.execute(
            queries.UNASSIGNED_ITEMS, {**self._reconciliation_parameters(date, company), "currency": currency}
        )
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
        domain = [("wallet_id", "in", self.ids), ("topup_id", "=", False), ("day", "<=", date)]
        late = [row[0] for row in self._reconciliation_rows(queries.LATE_ENTRIES, date)]
        domain += ["|", ("move_id", "=", False), ("move_id", "in", late)]
        return self._reconciled_transactions(figure, date, domain)

    def _reconciled_transactions(self, figure, date, domain):
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_transaction")
        if len(self) == 1:
            view = self.env.ref("call_wallet.call_wallet_transaction_list_of_wallet")
            action["views"] = [
                (view.id if view_type == "list" else view_id, view_type) for view_id, view_type in action["views"]
            ]
        return self._reconciled_action(action, figure, date, domain)

    def _open_reconciled_topups(self, figure, date):
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet_topup")
        ids = [row[0] for row in self._reconciliation_rows(queries.AWAITING_TOPUPS, date)]
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
        parameters = self._reconciliation_parameters(date, self.sudo().company_id, self.ids)
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
            "not_posted": self.env._("not posted"),
            "remainder": self.env._("journal entries"),
            "general_ledger": self.env._("deposit account"),
            "unexplained": self.env._("entries that differ"),
        }[figure]
