"""The reconciliation as a workbook and as a PDF, over HTTP."""

from datetime import datetime
from decimal import Decimal
from io import BytesIO

from odoo.tests import HttpCase
from openpyxl import load_workbook

from .reconciliation_case import ReconciliationCommon


class TestReconciliationFiles(HttpCase, ReconciliationCommon):
    """The workbook and the PDF, over HTTP."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._make_user("files.finance", "finance").lang = "en_US"
        cls._make_user("files.platform", "platform")

    def _download(self, query, login="files.finance"):
        self.authenticate(login, login)
        return self.url_open(f"/call_wallet/reconciliation?{query}")

    def _workbook(self):
        self._top_up("2026-10-05", "100")
        self._order("2026-10-06", "30")
        self._use("2026-10-07", 60)
        self._enter("2026-10-10", 7, self.partner)
        self._enter("2026-10-11", 5)
        response = self._download("date=2026-10-31&format=xlsx")
        self.assertEqual(response.status_code, 200, response.text[:200])
        formulas = load_workbook(BytesIO(response.content))
        return formulas, load_workbook(BytesIO(response.content), data_only=True)

    def _row_of(self, sheet, account):
        heads = [cell.value for cell in sheet[4]]
        return next(
            dict(zip(heads, [cell.value for cell in row], strict=True))
            for row in sheet.iter_rows(5)
            if row[0].value == account
        )

    def test_the_workbook_says_what_the_method_says(self):
        formulas, values = self._workbook()
        figures = self._figures("2026-10-31")
        row = self._row_of(values["USD"], self.wallet.account_ref)
        for label, name in (
            ("Closing", "closing"),
            ("General ledger", "general_ledger"),
            ("Unexplained", "unexplained"),
        ):
            self.assertEqual(Decimal(str(row[label])), figures[name], label)
        row = self._row_of(formulas["USD"], self.wallet.account_ref)
        self.assertTrue(row["Closing"].startswith("=ROUND("))
        self.assertTrue(self._row_of(formulas["USD"], "Total")["Used"].startswith("=ROUND(SUM("))
        self.assertEqual(self._row_of(values["USD"], "Total")["Unexplained"], 7)
        self.assertEqual(values["USD"].freeze_panes, "B5")
        self.assertIn("1 of", values["USD"]["A2"].value)

    def test_the_workbook_has_a_line_for_each_difference(self):
        _formulas, values = self._workbook()
        lines = [
            [cell.value for cell in row[3:]]
            for row in values["Explained differences"].iter_rows(5)
            if row[0].value == self.wallet.account_ref
        ]
        invoice = self.wallet.topup_ids.invoice_id.filtered(lambda move: move.payment_state == "not_paid")
        self.assertIn(["Awaiting payment", invoice.name, datetime(2026, 10, 6), 30], lines)
        self.assertIn(["Not posted, since", "", datetime(2026, 10, 7), 0.0125], lines)
        [line] = values["Unexplained differences"].iter_rows(5)
        # In the wallet's currency and in the company's, which is the same here.
        self.assertEqual([cell.value for cell in line[5:]], [0, 7, 0, 7])

    def test_the_pdf(self):
        self._top_up("2026-10-05", "100")
        self._enter("2026-10-10", 7, self.partner)
        text = self._download("date=2026-10-31&format=pdf").text
        for expected in (self.company.name, self.wallet.account_ref, "Unexplained differences", "10/31/2026", "107.00"):
            self.assertIn(expected, text)

    def test_a_bad_parameter_is_named(self):
        for query, name in (
            ("date=31.10.2026", "date"),
            ("date=2026-10-31&format=doc", "format"),
            ("date=2026-10-31&company=x", "company"),
        ):
            response = self._download(query)
            self.assertEqual((response.status_code, response.text.split(":")[0]), (400, name))

    def test_nobody_else_may_download_it(self):
        other = self.env["res.company"].create({"name": "Elsewhere"})
        self.assertEqual(self._download("date=2026-10-31", "files.platform").status_code, 403)
        self.assertEqual(self._download(f"date=2026-10-31&company={other.id}").status_code, 403)
        self.authenticate(None, None)
        response = self.url_open("/call_wallet/reconciliation?date=2026-10-31", allow_redirects=False)
        self.assertEqual(response.status_code, 303)
