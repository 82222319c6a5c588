"""The usage report: what a customer's bookkeeper opens, and who may download it."""

import csv
import io
from datetime import date, datetime, timedelta
from decimal import Decimal

from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, freeze_time, new_test_user, tagged
from openpyxl import load_workbook

COLUMNS = [
    "Transaction Date", "Transaction Type", "Amount", "Balance After", "Description", "Campaign",
    "Application ID", "Manager", "Number", "Call Date", "Duration", "Status", "Rate", "Total Cost", "Call Type",
]  # fmt: skip


@tagged("post_install", "-at_install")
class TestUsageReport(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context=dict(cls.env.context, tracking_disable=True))
        cls.customer = cls.env["res.partner"].create({"name": "Report Ltd", "is_company": True})
        cls.plan = cls.env["call.rate.plan"].create(
            {
                "name": "Report",
                "currency_id": cls.env.ref("base.USD").id,
                "rate_ids": [(0, 0, {"prefix": "1", "price_per_minute": "0.0391"})],
            }
        )
        cls.owner = cls._user("report.owner", "base.group_portal", parent=cls.customer)
        cls.colleague = cls._user("report.colleague", "base.group_portal", parent=cls.customer)
        cls.stranger = cls._user("report.stranger", "base.group_portal")
        cls.employee = cls._user("report.employee", "base.group_user")
        cls.manager = cls._user("report.manager", "call_wallet.group_account_manager")
        cls.wallet = cls._wallet("REPORT", cls.customer, owner_ids=[(6, 0, cls.owner.ids)])
        cls._wallet("REPORT2", cls.stranger.partner_id, owner_ids=[(6, 0, cls.stranger.ids)])

    @classmethod
    def _user(cls, login, groups, parent=None):
        # The customer of a wallet is a company, a portal user of it a contact below.
        user = new_test_user(cls.env, login=login, groups=groups, password=login)
        user.partner_id.parent_id = parent
        return user

    @classmethod
    def _wallet(cls, account, partner, **vals):
        wallet = cls.env["call.wallet"].create(
            {
                "partner_id": partner.id,
                "account_ref": account,
                "tz": "America/New_York",
                "currency_id": cls.env.ref("base.USD").id,
                "rate_plan_id": cls.plan.id,
                **vals,
            }
        )
        wallet.set_recipients([f"{account.lower()}@report.example"])
        return wallet

    def _record(self, *calls):
        """Record calls, entered in the ledger as of their end."""
        results = self.env["call.usage"]._record_calls(
            [{**CALL, "call_ref": f"REPORT-{n}", **call} for n, call in enumerate(calls)],
            date_of=lambda call: call.started_at + timedelta(seconds=call.duration_seconds),
        )
        self.assertEqual({result["result"] for result in results}, {"charged"})

    def _sheet(self, date_from=None, date_to=None):
        with self.wallet.env["call.usage.report"]._make(self.wallet, date_from, date_to) as file:
            return load_workbook(io.BytesIO(file.read())).active

    def _rows(self, *dates):
        return [dict(zip(COLUMNS, row, strict=True)) for row in self._sheet(*dates).iter_rows(2, values_only=True)]

    def _csv(self, *dates):
        with self.wallet.env["call.usage.report"]._make(self.wallet, *dates, format="csv") as file:
            return file.read()

    def _download(self, wallet=None, **query):
        url = f"/call_wallet/usage_report/{(wallet or self.wallet).id}"
        return self.url_open(url + "?" + "&".join(f"{k}={v}" for k, v in query.items()), allow_redirects=False)

    # === WHAT IT SAYS === #

    def test_the_fifteen_columns_stand_in_their_order_frozen_and_with_filters(self):
        self._record({}, {})
        sheet = self._sheet()
        self.assertEqual([cell.value for cell in sheet[1]], COLUMNS)
        self.assertEqual(sheet.freeze_panes, "A2")
        self.assertEqual(sheet.auto_filter.ref, "A1:O3")

    def test_a_call_is_a_row_with_its_details_in_the_time_zone_of_the_wallet(self):
        self._record({"campaign": "Nurses", "application_ref": "APP-1", "manager": "Émile Durand"})
        [row] = self._rows()
        self.assertEqual(
            row,
            {
                "Transaction Date": datetime(2026, 9, 30, 23, 31, 1),
                "Transaction Type": "usage",
                "Amount": -0.0782,
                "Balance After": -0.0782,
                "Description": "Live Call REPORT-0",
                "Campaign": "Nurses",
                "Application ID": "APP-1",
                "Manager": "Émile Durand",
                "Number": "+14155550100",
                "Call Date": datetime(2026, 9, 30, 23, 30),
                "Duration": 2,
                "Status": "completed",
                "Rate": 0.0391,
                "Total Cost": 0.0782,
                "Call Type": "Live Call",
            },
        )

    def test_numbers_are_numbers_with_six_places_and_the_currency_and_phone_numbers_are_text(self):
        self._record({"call_type": "whatsapp"})
        row = dict(zip(COLUMNS, self._sheet()[2], strict=True))
        for name in ("Amount", "Balance After", "Rate", "Total Cost"):
            self.assertEqual(row[name].data_type, "n", name)
            self.assertIn("USD", row[name].number_format)
            self.assertTrue(row[name].number_format.endswith("0.000000"))
        self.assertEqual(row["Duration"].data_type, "n")
        self.assertEqual(row["Number"].data_type, "s")
        self.assertTrue(row["Transaction Date"].is_date and row["Call Date"].is_date)
        self.assertEqual(row["Call Type"].value, "WhatsApp Call")

    def test_a_row_that_is_not_a_call_has_empty_call_columns(self):
        self.wallet.refund("5", "Goodwill")
        [row] = self._rows()
        self.assertEqual((row["Transaction Type"], row["Amount"], row["Balance After"]), ("refund", 5, 5))
        self.assertEqual({row[name] for name in COLUMNS[5:]}, {None})

    def test_a_refund_of_a_call_shows_which_call_it_corrects(self):
        self._record({})
        self.wallet.refund("0.05", "Bad line", usage=self.wallet.usage_ids)
        charge, refund = self._rows()
        self.assertEqual((refund["Transaction Type"], refund["Amount"]), ("refund", 0.05))
        self.assertEqual([refund[name] for name in COLUMNS[5:]], [charge[name] for name in COLUMNS[5:]])

    def test_a_call_that_did_not_connect_is_listed_and_costs_nothing(self):
        self._record({"status": "no_answer", "duration_seconds": 0})
        [row] = self._rows()
        self.assertEqual((row["Amount"], row["Duration"], row["Status"]), (0, 0, "no_answer"))

    def test_every_call_column_of_a_deleted_call_says_deleted_and_the_amount_stays(self):
        self._record({})
        self.wallet.usage_ids.unlink()
        [row] = self._rows()
        self.assertEqual(row["Amount"], -0.0782)
        self.assertEqual({row[name] for name in COLUMNS[5:]}, {"Deleted"})

    def test_rows_come_in_the_order_of_the_ledger_even_where_their_dates_do_not(self):
        self._record({"started_at": "2026-10-05T10:00:00Z"}, {"started_at": "2026-10-04T10:00:00Z"})
        self.assertEqual([row["Description"][-1] for row in self._rows()], ["0", "1"])

    def test_days_are_those_of_the_wallets_time_zone_and_both_ends_are_included(self):
        # New York is 4 hours behind in October, 5 after the clocks go back on 1 November.
        self._record(
            {"started_at": "2026-10-01T03:59:58Z", "duration_seconds": 1},
            {"started_at": "2026-10-01T03:59:59Z", "duration_seconds": 1},
            {"started_at": "2026-11-02T04:59:58Z", "duration_seconds": 1},
            {"started_at": "2026-11-02T04:59:59Z", "duration_seconds": 1},
        )
        rows = self._rows(date(2026, 10, 1), date(2026, 11, 1))
        self.assertEqual([row["Description"][-1] for row in rows], ["1", "2"])
        self.assertEqual(rows[0]["Transaction Date"], datetime(2026, 10, 1))
        self.assertEqual(rows[1]["Transaction Date"], datetime(2026, 11, 1, 23, 59, 59))

    def test_the_amounts_add_up_to_the_change_in_balance(self):
        self.wallet.refund("12.345678", "Correction")
        self._record(*({"duration_seconds": 61 * n, "call_type": ["live", "whatsapp"][n % 2]} for n in range(40)))
        self.wallet.refund("0.01", "Correction of a call", usage=self.wallet.usage_ids[0])
        rows = list(csv.DictReader(io.StringIO(self._csv().decode("utf-8-sig"))))
        self.assertEqual(sum(Decimal(row["Amount"]) for row in rows), self.wallet.balance)
        self.assertEqual(Decimal(rows[-1]["Balance After"]), self.wallet.balance)

    def test_more_rows_than_one_reading_brings_are_all_there_once(self):
        self._record(*({"started_at": f"2026-10-{1 + n % 28:02}T10:00:00Z"} for n in range(10_000)))
        self.wallet.refund("1", "Last")
        rows = list(csv.DictReader(io.StringIO(self._csv().decode("utf-8-sig"))))
        self.assertEqual([row["Description"] for row in rows[:-1]], [f"Live Call REPORT-{n}" for n in range(10_000)])
        half = self._csv(date(2026, 10, 1), date(2026, 10, 14)).decode("utf-8-sig")
        self.assertEqual(half.count("\n") - 1, sum(n % 28 < 14 for n in range(10_000)))

    def test_an_empty_range_is_a_report_with_a_header_only(self):
        self.assertEqual(self._rows(date(2026, 1, 1), date(2026, 1, 31)), [])

    def test_text_that_looks_like_a_formula_stays_text(self):
        self._record({"campaign": "=1+1", "application_ref": "@SUM(A1)", "manager": "-2+3"})
        self.wallet.refund("1", '=HYPERLINK("https://example.com")')
        sheet = self._sheet()
        self.assertEqual({cell.data_type for row in sheet.iter_rows() for cell in row} - {"n", "d", "s"}, set())
        self.assertEqual(sheet["F2"].value, "=1+1")
        call, refund = csv.DictReader(io.StringIO(self._csv().decode("utf-8-sig")))
        self.assertEqual((call["Campaign"], call["Application ID"], call["Manager"]), ("'=1+1", "'@SUM(A1)", "'-2+3"))
        self.assertEqual(refund["Description"], """'=HYPERLINK("https://example.com")""")

    def test_csv_has_a_mark_for_excel_iso_dates_with_offset_and_decimal_points(self):
        self._record({})
        content = self._csv()
        self.assertTrue(content.startswith(b"\xef\xbb\xbfTransaction Date,"))
        [row] = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        self.assertEqual(row["Transaction Date"], "2026-09-30T23:31:01-04:00")
        self.assertEqual((row["Amount"], row["Duration"], row["Number"]), ("-0.078200", "2", "+14155550100"))

    # === WHO GETS IT === #

    def test_owner_account_manager_and_finance_download_it(self):
        self._record({})
        self._user("report.finance", "call_wallet.group_finance")
        for login in ("report.owner", "report.manager", "report.finance"):
            self.authenticate(login, login)
            response = self._download(date_from="2026-09-30", date_to="2026-10-31", format="xlsx")
            self.assertEqual(response.status_code, 200, login)
            self.assertIn(
                "usage_report_REPORT_2026-09-30_2026-10-31.xlsx", response.headers["Content-Disposition"], login
            )
            self.assertEqual(load_workbook(io.BytesIO(response.content)).active.max_row, 2, login)

    def test_nobody_else_gets_any_of_it(self):
        self._record({})
        self._user("report.platform", "base.group_user,call_wallet.group_platform")
        for login in ("report.stranger", "report.colleague", "report.employee", "report.platform"):
            self.authenticate(login, login)
            response = self._download(format="csv")
            self.assertIn(response.status_code, (403, 404), login)
            self.assertNotIn("REPORT-0", response.text, login)
        self.authenticate(None, None)
        response = self._download()
        self.assertEqual(response.status_code, 303)
        self.assertIn("/web/login", response.headers["Location"])

    def test_an_account_manager_of_another_company_does_not_get_it(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        self.manager.write({"company_ids": [(6, 0, company.ids)], "company_id": company.id})
        self.authenticate("report.manager", "report.manager")
        self.assertIn(self._download().status_code, (403, 404))
        with self.assertRaises(AccessError):
            dialog = self.env["call.usage.report.wizard"].with_user(self.manager).create({"wallet_id": self.wallet.id})
            dialog.read(["row_count"])

    def test_a_wallet_that_does_not_exist_is_not_found(self):
        self.authenticate("report.manager", "report.manager")
        self.assertEqual(self.url_open("/call_wallet/usage_report/999999999").status_code, 404)

    def test_a_bad_parameter_is_refused_by_name(self):
        self.authenticate("report.owner", "report.owner")
        for parameter, query in [
            ("date_from", {"date_from": "yesterday"}),
            ("date_from", {"date_from": "2026-02-30"}),
            ("date_from", {"date_from": "0001-01-01"}),
            ("date_to", {"date_to": "2026-10"}),
            ("date_to", {"date_to": "9999-12-31"}),
            ("date_to", {"date_from": "2026-10-31", "date_to": "2026-10-01"}),
            ("format", {"format": "pdf"}),
        ]:
            response = self._download(**query)
            self.assertEqual(response.status_code, 400, query)
            self.assertTrue(response.text.startswith(parameter + ":"), response.text)

    def test_empty_dates_mean_no_limit(self):
        self._record({})
        self.authenticate("report.owner", "report.owner")
        response = self._download(date_from="", date_to="", format="csv")
        self.assertIn("REPORT-0", response.text)
        self.assertEqual(response.headers["Content-Type"], "text/csv; charset=utf-8")

    # === THE DIALOG === #

    def test_the_dialog_offers_ranges_in_the_wallets_time_zone_and_downloads_what_it_counted(self):
        self._record({}, {"started_at": "2026-10-20T10:00:00Z"})
        wizard = (
            self.env["call.usage.report.wizard"]
            .with_user(self.manager)
            .with_context(active_model="call.wallet", active_id=self.wallet.id)
        )
        # In New York it is still October.
        with freeze_time("2026-11-01 03:00:00"):
            ranges = {}
            for preset in ("this_month", "last_month", "last_30_days", "this_year", "all_time"):
                dialog = wizard.create({"preset": preset})
                ranges[preset] = (str(dialog.date_from or ""), str(dialog.date_to or ""), dialog.row_count)
            self.assertEqual(
                ranges,
                {
                    "this_month": ("2026-10-01", "2026-10-31", 1),
                    "last_month": ("2026-09-01", "2026-09-30", 1),
                    "last_30_days": ("2026-10-02", "2026-10-31", 1),
                    "this_year": ("2026-01-01", "2026-10-31", 2),
                    "all_time": ("", "", 2),
                },
            )
        dialog = wizard.create(
            {"preset": "custom", "date_from": "2026-10-20", "date_to": "2026-10-20", "format": "csv"}
        )
        self.authenticate("report.manager", "report.manager")
        response = self.url_open(dialog.action_download()["url"])
        self.assertIn("REPORT-1", response.text)
        self.assertNotIn("REPORT-0", response.text)

    def test_the_dialog_refuses_dates_the_wrong_way_round(self):
        dialog = self.env["call.usage.report.wizard"].create(
            {
                "wallet_id": self.wallet.id,
                "preset": "custom",
                "date_from": "2026-10-20",
                "date_to": "2026-10-01",
            }
        )
        with self.assertRaisesRegex(UserError, "To"):
            dialog.action_download()


CALL = {
    "account": "REPORT",
    "call_type": "live",
    "number": "+14155550100",
    "started_at": "2026-10-01T03:30:00Z",
    "duration_seconds": 61,
    "status": "completed",
}
