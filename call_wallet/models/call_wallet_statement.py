import logging
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models

from ..clock import now
from ..door import door, note_progress
from ..fields import ZERO, parse_amount

_logger = logging.getLogger(__name__)

# A longer report is not attached: the mail has the link to it.
MOST_ROWS_ATTACHED = 50_000
XLSX = "xlsx"


class CallWalletStatement(models.Model):
    """The statement of a month, mailed to the recipients with its usage report (product section 5)."""

    _inherit = "call.wallet"

    monthly_statement = fields.Boolean(
        default=True,
        tracking=True,
        help="On the first of each month the recipients get the last month's totals and usage report by mail.",
    )
    statement_month = fields.Date(
        readonly=True,
        copy=False,
        default=lambda self: month_before(fields.Date.context_today(self)),
        help="First day of the last month whose statement is done.",
    )

    @api.model
    def _cron_send_statements(self):
        """Send the statements of the last month that are still due, wallet by wallet.

        A wallet's month is done in the transaction that writes its mails: a run that was
        interrupted goes on where it stopped, and no month is sent twice.
        """
        due = self.sudo().search([("monthly_statement", "=", True), ("state", "!=", "not_set_up")], order="id")
        due = due.filtered(lambda wallet: wallet._statement_due())
        for done, wallet_id in enumerate(due.ids, start=1):
            try:
                with door(self.env):
                    self.sudo().browse(wallet_id)._send_statement()
            except Exception:  # one wallet must not hold up the others; tomorrow's run tries again
                _logger.exception("Call wallet %s: its statement was not sent.", wallet_id)
            note_progress(self.env, 1, len(due) - done)

    def _statement_due(self):
        """Return whether the last month, in the wallet's time zone, has not been sent."""
        return (self.statement_month or date.min) < self._last_month()

    def _last_month(self):
        return month_before(now().astimezone(ZoneInfo(self.tz)).date())

    def _send_statement(self):
        self.ensure_one()
        # Another process may be at the same wallet: it waits here, and finds the month done.
        self.env.cr.execute("SELECT statement_month FROM call_wallet WHERE id = %s FOR NO KEY UPDATE", [self.id])
        self.invalidate_recordset(["statement_month"])
        if not self._statement_due():
            return
        month = self._last_month()
        self.statement_month = month
        statement = self._statement(month)
        if not statement["transactions"]:
            return
        is_short = statement["transactions"] <= MOST_ROWS_ATTACHED
        attachment = (lambda wallet: wallet._statement_file(statement)) if is_short else None
        self._mail_recipients(
            "mail_template_statement", attachment=attachment, statement=statement, is_attached=is_short
        )

    def _statement(self, month):
        """Return the month's roll-forward, from the daily totals: amounts are ``Decimal``.

        :param date month: its first day
        """
        last = month_after(month) - timedelta(days=1)
        before = self._sum_of_days([("day", "<", month)])
        within = self._sum_of_days([("day", ">=", month), ("day", "<=", last)])
        opening = sum((amount for amount, _count in before.values()), ZERO)
        moved = {kind: within.get(kind, (ZERO, 0))[0] for kind in ("balance_added", "usage", "refund", "reversal")}
        return {
            "date_from": month,
            "date_to": last,
            "opening": opening,
            **moved,
            "closing": opening + sum(moved.values(), ZERO),
            "transactions": sum(count for _amount, count in within.values()),
        }

    def _sum_of_days(self, domain):
        groups = self.env["call.wallet.day"]._read_group(
            [("wallet_id", "=", self.id), *domain], ["type"], ["amount:sum", "transactions:sum"]
        )
        return {kind: (parse_amount(amount or 0), count or 0) for kind, amount, count in groups}

    def _statement_file(self, statement):
        days = statement["date_from"], statement["date_to"]
        with self._usage_report(*days, XLSX) as file:
            return self._usage_report_filename(*days, XLSX), file.read()


def month_before(day):
    """Return the first day of the month before the one of ``day``."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def month_after(day):
    """Return the first day of the month after the one of ``day``."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
