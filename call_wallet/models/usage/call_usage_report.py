import re
import shutil
import tempfile
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile
from zoneinfo import ZoneInfo

from odoo import api, models
from odoo.exceptions import UserError

from ...tools.door import end_if_clean
from ...tools.fields import parse_day
from ...tools.paper import made
from ...tools.usage_report_file import DELETED, Csv
from ...tools.usage_report_xlsx import Xlsx
from ...tools.workbook_stream import TooLong

WRITERS = {"xlsx": Xlsx, "csv": Csv}
BATCH = 5_000

# What some system does not take in the name of a file.
NOT_IN_NAMES = re.compile(r'[/\\:*?"<>|\x00-\x1f]')


class Extent(NamedTuple):
    """Which transactions a report covers: how many, and the first and last of their numbers."""

    count: int
    first: int
    last: int
    start: datetime
    end: datetime


def _tame(name):
    return NOT_IN_NAMES.sub("_", name)


class CallUsageReport(models.AbstractModel):
    """The usage report: the ledger of one wallet over a range of dates, as a file.

    Read in batches by the ledger's own numbering, each in a short transaction: rows are
    never changed and the last number is fixed at the start, so the whole is consistent
    without a snapshot held open, which would slow down the wallets in use.

    Whoever calls these methods has checked who asks.
    """

    _name = "call.usage.report"
    _description = "Usage Report"

    @api.model
    def _make(self, wallet, date_from=None, date_to=None, format="xlsx", progress=None, user=None):
        """Return the usage report of a wallet as an open binary file, at its beginning.

        One row a transaction, in the order of the ledger; the sum of Amount is the change
        in balance.

        :param date_from: first day, in the wallet's time zone; a ``date``, or None for no limit
        :param date_to: last day, included; likewise
        :param str format: ``xlsx`` or ``csv``
        :param progress: called with the number of rows written so far, now and then
        :param user: who asked for it, as it says; the current one by default, or else the company
        :raise UserError: unknown format, or dates the wrong way round; names the parameter
        """
        wallet.ensure_one()
        writer = self._writer(format)
        extent = self._extent(wallet, date_from, date_to)
        title, made_by = self._title(wallet, date_from, date_to), self._made(wallet, user or self.env.user)
        about = title, wallet.currency_id.name, ZoneInfo(wallet.tz), extent.count, made_by
        file = tempfile.TemporaryFile()
        try:
            with writer(file, *about) as report:
                done = 0
                for records in self._batches(wallet, extent):
                    report.write(records)
                    done += len(records)
                    if progress:
                        progress(done)
        except TooLong:
            file.close()
            raise UserError(self.env._("format: this is more than Excel can hold; use csv, or fewer days.")) from None
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    @api.model
    def _ledgers(self, wallets):
        """Return the whole ledgers of wallets as an open ZIP file, at its beginning: ``<company>/<wallet>.csv``."""
        file = tempfile.TemporaryFile()
        try:
            with ZipFile(file, "w", ZIP_DEFLATED) as packed:
                for wallet in wallets:
                    company = wallet.company_id
                    name = f"{company.id}-{_tame(company.name)}/{wallet.id}-{_tame(wallet.account_ref)}.csv"
                    with self._make(wallet, format="csv") as ledger, packed.open(name, "w", force_zip64=True) as entry:
                        shutil.copyfileobj(ledger, entry)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    def _writer(self, format):
        if not isinstance(format, str) or format not in WRITERS:
            raise UserError(
                self.env._("format: %(value)s is unknown; use %(known)s.", value=repr(format)[:60], known="xlsx, csv")
            )
        return WRITERS[format]

    def _title(self, wallet, date_from, date_to):
        return self.env._(
            "Usage report %(account)s, %(start)s to %(end)s",
            account=wallet.account_ref,
            start=date_from or self.env._("the beginning"),
            end=date_to or self.env._("today"),
        )

    def _made(self, wallet, user):
        person = wallet.company_id if user == self.env.ref("base.user_root") else user.sudo()
        return made(self.env, person.name, wallet.tz)

    def _filename(self, wallet, date_from, date_to, format):
        """Return a name that says which wallet and which days: usage_report_ACME_2026-10-01_2026-10-31.xlsx."""
        days = f"{date_from or ''}_{date_to or ''}" if date_from or date_to else "all"
        return f"usage_report_{wallet.account_ref}_{days}.{WRITERS[format].extension}"

    # === RANGE === #

    def _extent(self, wallet, date_from=None, date_to=None):
        """Return the ``Extent`` of the report, which tells in advance how long it is.

        Served by the index on (wallet, date). Here a report that is too long for a request
        can be told from one that is not.

        :raise UserError: dates the wrong way round, or outside of what can be reckoned with
        """
        wallet.ensure_one()
        date_from = parse_day(date_from, "date_from", self.env)
        date_to = parse_day(date_to, "date_to", self.env)
        if date_from and date_to and date_to < date_from:
            raise UserError(self.env._("date_to: %(to)s is before date_from, %(start)s.", to=date_to, start=date_from))
        start = self._start_of_day(wallet, date_from)
        end = self._start_of_day(wallet, date_to, plus=timedelta(days=1))
        self.env.flush_all()
        self.env.cr.execute(
            """
            SELECT count(*), min(sequence), max(sequence) FROM call_wallet_transaction
             WHERE wallet_id = %s AND date >= %s AND date < %s
            """,
            [wallet.id, start, end],
        )
        count, first, last = self.env.cr.fetchone()
        return Extent(count, first or 0, last or 0, start, end)

    def _start_of_day(self, wallet, day, plus=timedelta()):
        """Return the moment (naive UTC) at which ``day`` (+ ``plus``) begins in the wallet's time zone."""
        if not day:
            return datetime.max if plus else datetime.min
        midnight = datetime.combine(day + plus, time(), ZoneInfo(wallet.tz))
        return midnight.astimezone(UTC).replace(tzinfo=None)

    # === ROWS === #

    def _batches(self, wallet, extent):
        """Yield the records of ``ROWS``, up to ``BATCH`` at a time."""
        lang = self.env.lang or "en_US"
        after = extent.first - 1
        while extent.count and after < extent.last:
            self.env.cr.execute(
                ROWS,
                {
                    "wallet": wallet.id,
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
            yield records


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
