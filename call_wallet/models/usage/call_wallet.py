import tempfile
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from odoo import SUPERUSER_ID, fields, models
from odoo.exceptions import UserError

from ...const import ACCOUNT_MANAGER
from ...tools.background import wake
from ...tools.clock import utcnow
from ...tools.door import end_if_clean
from ...tools.fields import ZERO, Amount, parse_amount, parse_day
from ...tools.paper import made
from ...tools.usage_report_file import DELETED, WRITERS, to_cells

BATCH = 5_000


class Extent(NamedTuple):
    """Which transactions a report covers: how many, and the first and last of their numbers."""

    count: int
    first: int
    last: int
    start: datetime
    end: datetime


class CallWalletUsage(models.Model):
    """What a wallet's calls have cost: how long the balance lasts by that, and the usage report."""

    _inherit = "call.wallet"

    daily_spend = Amount(compute="_compute_runway", help="Average of the last 7 days.")
    runs_out_on = fields.Date(compute="_compute_runway")
    live_minutes_left = fields.Integer(compute="_compute_minutes_left")
    whatsapp_minutes_left = fields.Integer(compute="_compute_minutes_left")
    usage_count = fields.Integer("Number of Calls", compute="_compute_usage_count")

    # === HOW LONG THE BALANCE LASTS === #
    # By what its calls have cost.

    def _compute_runway(self):
        days = self.env["call.wallet.day"].sudo()
        spent = {}
        for wallets in self.grouped("tz").values():
            since = wallets[0]._today() - timedelta(days=7)
            domain = [("wallet_id", "in", wallets.ids), ("type", "=", "usage"), ("day", ">", since)]
            spent.update(days._read_group(domain, ["wallet_id"], ["amount:sum"]))
        for wallet in self:
            today = wallet._today()
            total = parse_amount(-(spent.get(wallet) or 0))
            wallet.daily_spend = total / 7
            days = wallet.available_balance / wallet.daily_spend if wallet.daily_spend else None
            in_sight = days is not None and 0 < days < 3650
            wallet.runs_out_on = today + timedelta(days=int(days)) if in_sight else False

    def _compute_minutes_left(self):
        for wallet in self:
            available = max(wallet.available_balance, ZERO)
            minutes = wallet._estimate_minutes(available)
            wallet.live_minutes_left = minutes["live"]
            wallet.whatsapp_minutes_left = minutes["whatsapp"]

    def _estimate_minutes(self, amount):
        """Return how many whole minutes ``amount`` buys: ``{"live": 120, "whatsapp": 500}``.

        By the average price of the last 30 days' calls, else by the plan's average price.
        """
        self.ensure_one()
        minutes = {}
        for call_type in ("live", "whatsapp"):
            price = self._average_price(call_type)
            minutes[call_type] = int(Decimal(amount) / price) if price else 0
        return minutes

    def _average_price(self, call_type):
        since = self._today() - timedelta(days=30)
        [(amount, billed)] = (
            self.env["call.wallet.day"]
            .sudo()
            ._read_group(
                [
                    ("wallet_id", "=", self.id),
                    ("type", "=", "usage"),
                    ("call_type", "=", call_type),
                    ("day", ">", since),
                ],
                [],
                ["amount:sum", "billed_minutes:sum"],
            )
        )
        if amount and billed:
            return parse_amount(-amount) / parse_amount(billed)
        return self._contract_price(call_type)

    def _contract_price(self, call_type):
        plan_price = self.rate_plan_id.sudo()._average_price(call_type) if self.rate_plan_id else ZERO
        if not plan_price and call_type == "whatsapp":
            return self.company_id.sudo().call_wallet_whatsapp_rate
        return plan_price

    def _compute_usage_count(self):
        # From the daily totals: counting a busy wallet's calls would read them all.
        counts = dict(
            self.env["call.wallet.day"]
            .sudo()
            ._read_group(
                [("wallet_id", "in", self.ids), ("type", "=", "usage")],
                ["wallet_id"],
                ["transactions:sum"],
            )
        )
        for wallet in self:
            wallet.usage_count = counts.get(wallet, 0)

    # === THE USAGE REPORT === #
    # The ledger of one wallet over a range of dates, as a file.
    #
    # Read in batches by the ledger's own numbering, each in a short transaction: rows are
    # never changed and the last number is fixed at the start, so the whole is consistent
    # without a snapshot held open, which would slow down the wallets in use.

    def _usage_report(self, date_from=None, date_to=None, format="xlsx", progress=None, user=None):
        """Return the usage report of the wallet as an open binary file, at its beginning.

        One row a transaction, in the order of the ledger; the sum of Amount is the change
        in balance. The caller has checked who asks.

        :param date_from: first day, in the wallet's time zone; a ``date``, or None for no limit
        :param date_to: last day, included; likewise
        :param str format: ``xlsx`` or ``csv``
        :param progress: called with the number of rows written so far, now and then
        :param user: who asked for it, as it says; the current one by default, or else the company
        :raise UserError: unknown format, or dates the wrong way round; names the parameter
        """
        self.ensure_one()
        writer = self._usage_report_writer(format)
        extent = self._usage_report_extent(date_from, date_to)
        file = tempfile.TemporaryFile()
        try:
            title = self._usage_report_title(date_from, date_to)
            report = writer(file, title, self.currency_id.name, made=self._usage_report_made(user or self.env.user))
            done = 0
            for rows in self._usage_report_batches(extent):
                report.write(rows)
                done += len(rows)
                if progress:
                    progress(done)
            report.close()
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    def _usage_report_writer(self, format):
        if not isinstance(format, str) or format not in WRITERS:
            raise UserError(
                self.env._("format: %(value)s is unknown; use %(known)s.", value=repr(format)[:60], known="xlsx, csv")
            )
        return WRITERS[format]

    def _usage_report_title(self, date_from, date_to):
        return self.env._(
            "Usage report %(account)s, %(start)s to %(end)s",
            account=self.account_ref,
            start=date_from or self.env._("the beginning"),
            end=date_to or self.env._("today"),
        )

    def _usage_report_made(self, user):
        person = self.company_id if user == self.env.ref("base.user_root") else user.sudo()
        return made(self.env, person.name, self.tz)

    def _usage_report_filename(self, date_from, date_to, format):
        """Return a name that says which wallet and which days: usage_report_ACME_2026-10-01_2026-10-31.xlsx."""
        days = f"{date_from or ''}_{date_to or ''}" if date_from or date_to else "all"
        return f"usage_report_{self.account_ref}_{days}.{WRITERS[format].extension}"

    # === RANGE === #

    def _usage_report_extent(self, date_from=None, date_to=None):
        """Return the ``Extent`` of the report, which tells in advance how long it is.

        Served by the index on (wallet, date). Here a report that is too long for a request
        can be told from one that is not.

        :raise UserError: dates the wrong way round, or outside of what can be reckoned with
        """
        self.ensure_one()
        date_from = parse_day(date_from, "date_from", self.env)
        date_to = parse_day(date_to, "date_to", self.env)
        if date_from and date_to and date_to < date_from:
            raise UserError(self.env._("date_to: %(to)s is before date_from, %(start)s.", to=date_to, start=date_from))
        start = self._start_of_day(date_from)
        end = self._start_of_day(date_to, plus=timedelta(days=1))
        self.env.flush_all()
        self.env.cr.execute(
            """
            SELECT count(*), min(sequence), max(sequence) FROM call_wallet_transaction
             WHERE wallet_id = %s AND date >= %s AND date < %s
            """,
            [self.id, start, end],
        )
        count, first, last = self.env.cr.fetchone()
        return Extent(count, first or 0, last or 0, start, end)

    def _start_of_day(self, day, plus=timedelta()):
        """Return the moment (naive UTC) at which ``day`` (+ ``plus``) begins in the wallet's time zone."""
        if not day:
            return datetime.max if plus else datetime.min
        midnight = datetime.combine(day + plus, time(), ZoneInfo(self.tz))
        return midnight.astimezone(UTC).replace(tzinfo=None)

    # === ROWS === #

    def _usage_report_batches(self, extent):
        """Yield the rows of the report, up to ``BATCH`` at a time, as lists of 15 cells."""
        tz, lang = ZoneInfo(self.tz), self.env.lang or "en_US"
        after = extent.first - 1
        while extent.count and after < extent.last:
            self.env.cr.execute(
                ROWS,
                {
                    "wallet": self.id,
                    "after": after,
                    "last": extent.last,
                    "start": extent.start,
                    "end": extent.end,
                    "lang": lang,
                    "deleted": DELETED,
                    "limit": BATCH,
                },
            )
            records = self.env.cr.fetchall()
            if not records:
                break
            after = records[-1][0]
            end_if_clean(self.env)
            yield [to_cells(record[1:], tz) for record in records]

    # === REPORTS IN THE BACKGROUND === #

    def request_usage_report(self, date_from=None, date_to=None, format="xlsx"):
        """Have the usage report made in the background; a notice with the link follows.

        Asking again for the same days while it is being made returns the same one.

        :param date_from: first day, ``date`` or ``YYYY-MM-DD`` in the wallet's time zone; None for no limit
        :param date_to: last day, included; likewise
        :param str format: ``xlsx`` or ``csv``
        :return: the ``call.usage.report.job``
        :raise UserError: unknown format, not a date, or dates the wrong way round; names the parameter. Or an owner
            waits for as many reports, or has asked for as many in 24 hours, as the company's settings allow
        :raise AccessError: neither an owner of the wallet nor an account manager
        """
        wallet = self._permitted(ACCOUNT_MANAGER, owner=True)
        wallet.ensure_one()
        wallet._usage_report_writer(format)
        jobs = wallet.env["call.usage.report.job"]
        values = {
            "wallet_id": wallet.id,
            "user_id": self.env.uid,
            "date_from": parse_day(date_from, "date_from", self.env) or False,
            "date_to": parse_day(date_to, "date_to", self.env) or False,
            "format": format,
        }
        asked = [(name, "=", value) for name, value in values.items()]
        job = jobs.search([*asked, ("state", "in", ["waiting", "running"])], limit=1)
        if not job:
            wallet._check_report_limits(self.env.user)
            extent = wallet._usage_report_extent(values["date_from"], values["date_to"])
            job = jobs.create({**values, "row_count": extent.count})
            wake(self.env, "ir_cron_usage_report")
        return job.with_env(self.env)

    def _check_report_limits(self, user):
        """Raise if an owner has asked for too many reports, whichever wallets they are of. Staff are not limited.

        Two requests at once about one wallet take turns.

        :raise UserError: says how many are allowed, and what to do
        """
        if user.id == SUPERUSER_ID or user.has_group(ACCOUNT_MANAGER):
            return
        # A write: of two requests at once the second one fails, is repeated, and sees the first.
        self.env.cr.execute("UPDATE call_wallet SET write_date = write_date WHERE id = %s", [self.id])
        _, company, jobs = self.env._, self.company_id, self.env["call.usage.report.job"]
        mine = [("user_id", "=", user.id)]
        most = company.call_wallet_reports_open_max
        if most and jobs.search_count([*mine, ("state", "in", ["waiting", "running"])], limit=most) >= most:
            raise UserError(_("Reports: %s of yours are being made, the most at once. Wait for a notice first.", most))
        most, since = company.call_wallet_reports_day_max, utcnow() - timedelta(days=1)
        if most and jobs.search_count([*mine, ("create_date", ">", since)], limit=most) >= most:
            raise UserError(
                _("Reports: you asked for %s in 24 hours, the most there are. Use those, or ask again later.", most)
            )


ROWS = """
    SELECT t.sequence, t.date, t.type, t.amount::text, t.balance_after::text, t.description, t.is_call, u.id,
           COALESCE(c.title ->> %(lang)s, c.title ->> 'en_US', c.name), u.application_ref,
           CASE WHEN u.is_manager_masked THEN %(deleted)s ELSE m.name END,
           u.number, u.started_at, u.billed_minutes::text, u.status, u.rate::text, u.total_cost::text,
           CASE u.call_type WHEN 'live' THEN 'Live Call' WHEN 'whatsapp' THEN 'WhatsApp Call' END
      FROM call_wallet_transaction t
      LEFT JOIN call_usage u ON u.id = t.usage_id
      LEFT JOIN utm_campaign c ON c.id = u.campaign_id
      LEFT JOIN res_partner m ON m.id = u.manager_id
     WHERE t.wallet_id = %(wallet)s AND t.sequence > %(after)s AND t.sequence <= %(last)s
       AND t.date >= %(start)s AND t.date < %(end)s
     ORDER BY t.sequence
     LIMIT %(limit)s
"""
