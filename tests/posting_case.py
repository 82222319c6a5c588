"""Books, charges and what is posted of them, for the tests of the posting."""

from collections import defaultdict
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from odoo.addons.call_wallet.tools.clock import recorded_at

from .common import CallWalletCommon

CENT = Decimal("0.01")


def rounded(amount):
    return amount.quantize(CENT, ROUND_HALF_UP)


class PostingCommon(CallWalletCommon):
    """October 2026, in the books of one company; the database's own wallets stay out of it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.books = cls._make_books("Posting Inc.")
        cls.wallet = cls._make_wallet(partner_id=cls.partner.id, company_id=cls.books.id)

    @classmethod
    def _make_books(cls, name, chart="generic_coa"):
        company = cls.env["res.company"].create({"name": name})
        cls.env["account.chart.template"].try_loading(chart, company, install_demo=False)
        return company

    def _at(self, day, hour=12):
        return recorded_at(datetime(2026, 10, day, hour))

    def _charge(self, day, *calls):
        """Report calls, made and recorded on that day of October."""
        with self._at(day):
            for call in calls:
                made = {**call, "started_at": f"2026-10-{day:02}T10:00:00Z"}
                self.assertEqual(self._record(made)["result"], "charged")

    def _report(self, reported_at, started_at, **call):
        """Report a call of 2.00 (100 minutes at 0.02, unless told otherwise) at a moment, both naive UTC texts."""
        call = {"call_type": "whatsapp", "duration_seconds": 6000, "started_at": self._utc(started_at), **call}
        call = self._call(**call)
        with recorded_at(datetime.fromisoformat(reported_at)):
            self.assertEqual(self._record(call)["result"], "charged")
        return call

    def _figures(self, day, wallet=None):
        """The wallet's figures at the end of that day, as Decimals."""
        rows = self.env["call.wallet"].reconciliation(day, self.books)
        [row] = [row for row in rows if row["wallet"] == (wallet or self.wallet).id]
        return {name: Decimal(amount) for name, amount in row.items() if name != "wallet"}

    def assertFigures(self, day, wallet=None, **expected):
        figures = self._figures(day, wallet)
        wanted = {name: Decimal(str(amount)) for name, amount in expected.items()} | {"unexplained": Decimal(0)}
        self.assertEqual({name: figures[name] for name in wanted}, wanted)

    def _post(self, first, last, companies=None):
        days = (date(2026, 10, first), date(2026, 10, last))
        return self.env["call.wallet"].post_transactions(*days, companies=companies or self.books)

    def _by_account(self, moves, company=None):
        """{name of the company's field: credit less debit in the wallets' currency}."""
        company = company or self.books
        names = {
            company[name]: name
            for name in ("call_wallet_deposit_account_id", "call_wallet_live_account_id",
                         "call_wallet_whatsapp_account_id", "call_wallet_adjustment_account_id",
                         "call_wallet_breakage_account_id", "call_wallet_bad_debt_account_id")
        }  # fmt: skip
        totals = defaultdict(Decimal)
        for line in moves.line_ids:
            totals[names[line.account_id].split("_")[2]] -= rounded(Decimal(repr(line.amount_currency)))
        return dict(totals)

    def assertPosted(self, wallet):
        """The wallet's entries come to its posted transactions' total, rounded half up."""
        lines = self.env["account.move.line"].search(
            [("call_wallet_id", "=", wallet.id), ("account_id.account_type", "=", "liability_current"),
             ("move_id.call_wallet_posting_id", "!=", False)]
        )  # fmt: skip
        entered = sum((Decimal(repr(line.amount_currency)) for line in lines), Decimal(0))
        used = -sum(wallet.transaction_ids.filtered("move_id").mapped("amount"))
        self.assertEqual(rounded(entered), rounded(used))
