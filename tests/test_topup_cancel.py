"""Orders that are cancelled: where the invoice may be, and where it stands."""

from datetime import date, datetime

from odoo.addons.call_wallet.tools.clock import recorded_at
from odoo.exceptions import AccessError, UserError

from .reconciliation_case import ReconciliationCommon


class TestCancelOrder(ReconciliationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Books of their own: the demo's have gaps, which Odoo refuses to secure.
        cls.company = cls.env["res.company"].create({"name": "Cancel Inc.", "currency_id": cls.dollar.id})
        cls.env["account.chart.template"].try_loading("generic_coa", cls.company, install_demo=False)
        cls.env.user.company_ids |= cls.company
        cls.env["account.tax"].search([("company_id", "=", cls.company.id)]).active = False
        cls.deposits = cls.company._call_wallet_deposit_account()
        cls.company.partner_id.tz = "UTC"
        cls.wallet = cls._make_wallet(company_id=cls.company.id, partner_id=cls.partner.id)

    def _secure(self):
        self.env["account.journal"].search(
            [("type", "=", "sale"), ("company_id", "=", self.company.id)]
        ).restrict_mode_hash_table = True

    def test_an_invoice_that_may_be_is_cancelled(self):
        topup = self._order("2026-10-05", "100")
        self.assertFalse(topup.cancel_order())
        self.assertEqual((topup.invoice_id.state, topup.state), ("cancel", "cancelled"))
        self.assertFalse(topup.cancel_order(), "again, nothing happens")

    def test_one_secured_by_a_hash_is_credited_in_full(self):
        self._secure()
        topup = self._order("2026-10-05", "100")
        self.assertTrue(topup.invoice_id.inalterable_hash)
        with self._at("2026-10-20"):
            note = topup.cancel_order()
        self.assertEqual((note.move_type, note.state, note.date), ("out_refund", "posted", date(2026, 10, 20)))
        self.assertEqual((note.invoice_date, note.amount_untaxed), (date(2026, 10, 20), 100))
        self.assertEqual((topup.invoice_id.state, topup.invoice_id.payment_state), ("posted", "reversed"))
        self.assertEqual((topup.state, topup.missing_amount, topup.credited_amount), ("cancelled", 0, 0))
        self.assertFigures("2026-10-19", awaiting_payment=100, general_ledger=100, unexplained=0)
        self.assertFigures("2026-10-20", awaiting_payment=0, general_ledger=0, unexplained=0)
        self.wallet.close("Contract over")
        self.assertSound(self.wallet)

    def test_one_in_a_locked_period_is_credited_on_the_first_open_day(self):
        topup = self._order("2026-10-05", "100")
        # Past Odoo's check, which wants the demo's bank statements reconciled first.
        self.env.cr.execute(
            "UPDATE res_company SET fiscalyear_lock_date = '2026-10-31' WHERE id = %s", [self.company.id]
        )
        self.env.invalidate_all()
        with self._at("2026-10-20"):
            note = topup.cancel_order()
        self.assertEqual((note.date, note.invoice_date), (date(2026, 11, 1), date(2026, 11, 1)))
        self.assertEqual(topup.state, "cancelled")

    def test_what_was_received_is_paid_back_instead(self):
        topup = self._top_up("2026-10-05", "100", paid=40)
        with self.assertRaisesRegex(UserError, "Pay back what was received"):
            topup.cancel_order()

    def test_finance_staff_cancel(self):
        topup = self._order("2026-10-05", "100")
        with self.assertRaises(AccessError):
            topup.with_user(self._make_user("cancel.am", "account_manager")).cancel_order()
        clerk = self._make_user("cancel.finance", "finance")
        clerk.company_ids |= self.company
        theirs = topup.with_user(clerk).with_context(allowed_company_ids=self.company.ids)
        asked = theirs.action_ask_cancel_order()["params"]
        self.assertEqual((asked["answer"], asked["keep"]), ("Cancel Order", "Keep Order"))
        self.assertEqual(
            asked["question"],
            f"Invoice {topup.invoice_id.name} over 100.00 USD is cancelled. Nothing was received for it.",
        )
        self.assertEqual(topup.state, "pending", "asked only")
        getattr(theirs, asked["method"])()
        self.assertEqual(topup.state, "cancelled")

    def test_odoos_credit_note_is_dated_on_the_companys_day(self):
        """At 20:30 UTC it is tomorrow in Singapore, where the clerk is, and still today in New York."""
        self.company.partner_id.tz = "America/New_York"
        clerk = self._make_user("cancel.clerk", "finance")
        clerk.write({"tz": "Asia/Singapore", "company_ids": [(4, self.company.id)]})
        topup = self._order("2026-10-05", "100")
        dialog = self._dialog(topup.invoice_id, "Asia/Singapore", clerk)
        with recorded_at(datetime(2026, 10, 20, 20, 30)):
            note = self._credit_in(dialog, topup.invoice_id)
        self.assertEqual((note.date, note.invoice_date), (date(2026, 10, 20), date(2026, 10, 20)))
        # The other way round it is not put off till Odoo's own day comes.
        self.company.partner_id.tz = "Pacific/Kiritimati"
        topup = self._order("2026-10-06", "100")
        note = self._credit_in(self._dialog(topup.invoice_id, "America/New_York"), topup.invoice_id)
        self.assertEqual((note.date, note.auto_post), (self.company._call_wallet_today(), "no"))

    def test_another_invoices_dialog_is_odoos(self):
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.partner.id,
                "invoice_line_ids": [(0, 0, {"name": "Advice", "price_unit": 10, "tax_ids": False})],
            }
        )
        invoice.action_post()
        dialog = self._dialog(invoice, "Pacific/Kiritimati")
        with recorded_at(datetime(2026, 10, 20, 12)):
            note = self._credit_in(dialog, invoice)
        self.assertNotEqual(note.date, date(2026, 10, 20))

    def _dialog(self, invoice, tz, user=None):
        """Odoo's Credit Note on an invoice, opened by somebody in that time zone."""
        dialog = self.env["account.move.reversal"].with_user(user or self.env.user)
        companies = invoice.company_id.ids
        return dialog.with_context(
            active_model="account.move", active_ids=invoice.ids, tz=tz, allowed_company_ids=companies
        )

    def _credit_in(self, dialog, invoice):
        reversal = dialog.create({"journal_id": invoice.journal_id.id})
        return self.env["account.move"].browse(reversal.reverse_moves()["res_id"])
