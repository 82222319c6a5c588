"""Long usage reports: made in the background, with progress and a notice."""

import hashlib
import io

import openpyxl
from odoo.addons.call_wallet.tools import workbook_stream
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user

from .common import CallWalletCommon


class TestReportInTheBackground(CallWalletCommon, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = new_test_user(cls.env, login="bg-owner", password="bg-owner", groups="base.group_portal")
        cls.owner.partner_id.write({"parent_id": cls.partner.id, "email": "owner@initrode.example"})
        cls.wallet.owner_ids = cls.owner
        cls.stranger = new_test_user(cls.env, login="bg-stranger", password="bg-stranger", groups="base.group_portal")

    def setUp(self):
        super().setUp()
        self._fund(self.wallet, "100")
        self._record(*(self._call() for _number in range(5)))

    def _request(self, **kwargs):
        return self.wallet.with_user(self.owner).request_usage_report(**kwargs)

    def _make(self):
        self.env["call.usage.report.job"]._cron_make()
        self.env.invalidate_all()

    def test_it_is_made_told_and_downloaded_by_who_asked(self):
        job = self._request()
        self.assertEqual((job.state, job.row_count), ("waiting", 6))
        self._make()
        self.assertEqual((job.state, job.rows_done, job.progress), ("ready", 6, 100))
        notice = self.env["mail.message"].search([("partner_ids", "in", self.owner.partner_id.ids)], limit=1)
        self.assertIn(f"/call_wallet/usage_report/job/{job.id}", notice.body)
        self.authenticate("bg-owner", "bg-owner")
        file = self.url_open(f"/call_wallet/usage_report/job/{job.id}")
        self.assertIn("usage_report_", file.headers["Content-Disposition"])
        self.assertEqual(openpyxl.load_workbook(io.BytesIO(file.content)).worksheets[0].max_row, 7)
        self.authenticate("bg-stranger", "bg-stranger")
        self.assertEqual(self.url_open(f"/call_wallet/usage_report/job/{job.id}").status_code, 404)

    def test_who_is_no_owner_any_more_does_not_get_it(self):
        job = self._request(format="csv")
        self._make()
        self.wallet.owner_ids = False
        self.authenticate("bg-owner", "bg-owner")
        self.assertEqual(self.url_open(f"/call_wallet/usage_report/job/{job.id}").status_code, 403)

    def test_an_employee_who_has_left_the_company_does_not_get_it(self):
        """Neither on its page, nor as the file that it is kept in."""
        clerk = new_test_user(self.env, "bg-clerk", "call_wallet.group_account_manager", password="bg-clerk")
        job = self.wallet.with_user(clerk).request_usage_report(format="csv")
        self._make()
        self.authenticate("bg-clerk", "bg-clerk")
        paths = (f"/call_wallet/usage_report/job/{job.id}", f"/web/content/{job.attachment_id.id}?download=1")
        self.assertEqual([self.url_open(path).status_code for path in paths], [200, 200])
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        clerk.write({"company_ids": [(6, 0, elsewhere.ids)], "company_id": elsewhere.id})
        self.env.flush_all()
        self.assertEqual([self.url_open(path).status_code for path in paths], [403, 404])

    def test_with_a_user_who_is_deleted_the_file_goes(self):
        job = self._request()
        self._make()
        file = job.attachment_id
        self.owner.unlink()
        self.env.invalidate_all()
        self.env["call.usage.report.job"].sudo()._gc_reports()
        self.assertFalse(job.exists() or file.exists())

    def test_for_who_left_before_it_was_made_none_is_made(self):
        notices = [("partner_ids", "in", self.owner.partner_id.ids)]
        for leave in (lambda: self.wallet.write({"owner_ids": False}), lambda: self.owner.write({"active": False})):
            job = self._request()
            before = self.env["mail.message"].search_count(notices)
            leave()
            self._make()
            self.assertFalse(job.exists())
            self.assertEqual(self.env["mail.message"].search_count(notices), before)
            self.wallet.owner_ids = self.owner

    def test_an_owner_waits_for_some_and_asks_for_so_many_a_day_whichever_wallets_they_are_of(self):
        other = self._make_wallet()
        other.owner_ids = self.owner
        self.company.write({"call_wallet_reports_open_max": 2, "call_wallet_reports_day_max": 3})
        self._request(date_to="2026-10-01")
        other.with_user(self.owner).request_usage_report(date_to="2026-10-01")
        with self.assertRaisesRegex(UserError, "Reports: 2 of yours are being made, the most at once"):
            self._request(date_to="2026-10-02")
        self._make()
        self._request(date_to="2026-10-02")
        self._make()
        with self.assertRaisesRegex(UserError, "you asked for 3 in 24 hours"):
            self._request(date_to="2026-10-03")
        self.assertTrue(self.wallet.with_user(self._make_user("bg-staff", "account_manager")).request_usage_report())
        self.company.write({"call_wallet_reports_day_max": 0})
        self._request(date_to="2026-10-03")

    def test_asking_twice_is_one_report_and_a_ready_one_is_made_anew(self):
        first = self._request()
        self.assertEqual(self._request(), first)
        self._make()
        self.assertNotEqual(self._request(), first)

    def test_what_a_crash_interrupted_is_begun_again(self):
        job = self._request()
        job.sudo().write({"state": "running", "rows_done": 3})
        self._make()
        self.assertEqual((job.state, job.rows_done), ("ready", 6))

    def test_it_is_given_up_by_who_asked_and_nobody_else(self):
        job = self._request()
        with self.assertRaises(AccessError):
            job.with_user(self.stranger).action_cancel()
        job.action_cancel()
        self.assertEqual(job.state, "cancelled")
        self._make()
        self.assertEqual((job.state, job.sudo().attachment_id.ids), ("cancelled", []))
        with self.assertRaisesRegex(UserError, "not ready"):
            job.action_download()
        self.assertNotEqual(self._request(), job, "it can be asked for again")

    def test_one_that_is_ready_is_not_given_up(self):
        job = self._request()
        self._make()
        job.action_cancel()
        self.assertEqual(job.state, "ready")

    def test_one_that_was_given_up_counts_among_those_of_the_day(self):
        self.company.call_wallet_reports_day_max = 1
        self._request().action_cancel()
        with self.assertRaisesRegex(UserError, "you asked for 1 in 24 hours"):
            self._request()

    def test_given_up_half_made_it_stops_there(self):
        job = self._request()
        reports = type(self.env["call.usage.report"])
        batches = reports._batches

        def one_by_one(report, wallet, extent):
            for number, record in enumerate([row for rows in batches(report, wallet, extent) for row in rows]):
                if number == 3:
                    job.action_cancel()
                yield [record]

        self.patch(reports, "_batches", one_by_one)
        self._make()
        self.assertEqual((job.state, job.rows_done, job.sudo().attachment_id.ids), ("cancelled", 3, []))

    def test_the_file_is_kept_as_it_was_made_and_nothing_of_it_in_the_database(self):
        jobs = [self._request(format=file_format) for file_format in ("csv", "xlsx")]
        self._make()
        self.authenticate("bg-owner", "bg-owner")
        for job in jobs:
            file = job.sudo().attachment_id
            content = self.url_open(f"/call_wallet/usage_report/job/{job.id}").content
            self.assertEqual((file.raw, file.file_size), (content, len(content)))
            self.assertEqual(file.checksum, hashlib.sha1(content).hexdigest())
            self.assertFalse(file.index_content or file.db_datas)
        self.assertEqual(jobs[0].sudo().attachment_id.mimetype, "text/csv")

    def test_two_with_the_same_content_are_two_files_of_which_one_can_go(self):
        first = self._request(format="csv")
        self._make()
        second = self._request(format="csv")
        self._make()
        content = second.sudo().attachment_id.raw
        self.assertIn(b"Transaction Date", content)
        first.sudo().attachment_id.unlink()
        self.env["ir.attachment"]._gc_file_store_unsafe()
        self.env.invalidate_all()
        self.assertEqual(second.sudo().attachment_id.raw, content)

    def test_where_attachments_are_in_the_database_it_is_there(self):
        self.env["ir.config_parameter"].set_param("ir_attachment.location", "db")
        job = self._request(format="csv")
        self._make()
        self.assertIn(b"Transaction Date", job.sudo().attachment_id.raw)
        self.assertFalse(job.sudo().attachment_id.store_fname)

    def test_more_than_excel_can_hold_is_a_failure_that_says_what_to_do(self):
        self.patch(workbook_stream, "MAX_PART", 104_000)
        job = self._request()
        self._make()
        self.assertEqual(job.state, "failed")
        self.assertIn("use csv, or fewer days", job.error)

    def test_bad_days_bad_formats_and_strangers_are_refused(self):
        with self.assertRaisesRegex(UserError, "date_to"):
            self._request(date_from="2026-10-02", date_to="2026-10-01")
        with self.assertRaisesRegex(UserError, "format"):
            self._request(format="pdf")
        with self.assertRaisesRegex(UserError, "date_to: October is not a date"):
            self._request(date_to="October")
        with self.assertRaises(AccessError):
            self.wallet.with_user(self.stranger).request_usage_report()

    def test_the_dialog_tells_a_long_report_from_a_short_one(self):
        manager = self._make_user("bg-manager", "account_manager")
        wizard = (
            self.env["call.usage.report.wizard"]
            .with_user(manager)
            .create({"wallet_id": self.wallet.id, "preset": "all_time"})
        )
        self.assertFalse(wizard.is_long)
        action = wizard.action_prepare()
        self.assertEqual(action["res_model"], "call.usage.report.job")
        jobs = self.env["call.usage.report.job"].with_user(manager).search([])
        self.assertEqual(jobs.mapped("user_id"), manager, "one's own reports only")
