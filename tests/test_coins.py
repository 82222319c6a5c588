"""Currencies whose smallest coin is no cent: what is ordered, paid back and kept is a multiple of it."""

from decimal import Decimal

from odoo import Command
from odoo.exceptions import UserError

from .common import CallWalletCommon


class TestCoins(CallWalletCommon):
    """Swiss francs are paid in steps of 0.05 where Odoo rounds them so."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.franc = cls.env.ref("base.CHF")
        cls.franc.write({"active": True, "rounding": 0.05})
        cls.env["res.currency.rate"].create(
            {"currency_id": cls.franc.id, "rate": 0.9, "name": "2026-01-01", "company_id": cls.company.id}
        )
        plan = cls.env["call.rate.plan"].create(
            {
                "name": "Swiss contract",
                "currency_id": cls.franc.id,
                "rate_ids": [Command.create({"prefix": "41", "price_per_minute": "0.033"})],
            }
        )
        cls.wallet = cls._make_wallet(currency_id=cls.franc.id, rate_plan_id=plan.id)

    def test_a_finer_amount_is_refused_with_the_step(self):
        with self.assertRaisesRegex(UserError, "CHF is paid in steps of 0.05"):
            self.wallet.create_topup("10.02")
        self.assertFalse(self.wallet.topup_ids)
        self.env["res.lang"]._activate_lang("es_ES")
        with self.assertRaisesRegex(UserError, "0,05"):
            self.wallet.with_context(lang="es_ES").create_topup("10.02")

    def test_a_wallet_is_paid_back_in_coins_and_closed(self):
        topup = self.wallet.create_topup("10.05")
        self._pay(topup.invoice_id)
        self.assertBalance(self.wallet, "10.05")
        # One minute: 0.033. What is left, 10.017, is paid back but for 0.017.
        self._record(self._call(account=self.wallet.account_ref, number="+41441234567", duration_seconds=60))
        with self.assertRaisesRegex(UserError, "CHF is paid in steps of 0.05"):
            topup.pay_back("5.01", "Asked for")
        self.wallet.close("Moved away")
        note = topup.invoice_id.reversal_move_ids
        self.assertEqual(Decimal(str(note.amount_total)), Decimal("10.0"))
        self.assertBalance(self.wallet, 0)
        self.assertSound(self.wallet)

    def test_a_part_received_is_credited_in_coins(self):
        tax = self.env["account.tax"].create({"name": "8.1 %", "amount": 8.1, "company_id": self.company.id})
        self.env.ref("call_wallet.product_topup").taxes_id = tax
        topup = self.wallet.create_topup("100")
        self.assertEqual(Decimal(str(topup.total_amount)), Decimal("108.1"))
        # 50 of 108.10: 46.2534... net of tax, 46.25 in coins.
        self._pay(topup.invoice_id, 50)
        self.assertBalance(self.wallet, "46.25")
