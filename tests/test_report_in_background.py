"""Long usage reports: made in the background, with progress and a notice."""

import io

import openpyxl
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
