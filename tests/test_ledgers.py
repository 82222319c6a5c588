"""What is kept before the addon is uninstalled: all ledgers in one file, and what is still owed."""

import csv
import io
import zipfile
from decimal import Decimal

from odoo.tests import HttpCase, new_test_user, tagged

from .common import CallWalletCommon


@tagged("post_install", "-at_install", "standard")
class TestLedgers(HttpCase, CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.elsewhere = cls.env["res.company"].create({"name": "Else/where"})
        cls.manager = new_test_user(
            cls.env, login="keeper", groups="call_wallet.group_finance_manager", company_id=cls.company.id
        )

    def test_each_wallet_has_its_whole_ledger_closed_ones_too(self):
        self.wallet.refund("10.5", "Opening credit")
        closed = self._make_wallet()
        closed.refund("3", "Opening credit")
        closed.close("Contract over", take_rest=True)
        foreign = self._make_wallet(company_id=self.elsewhere.id)
        self.authenticate("keeper", "keeper")
        answer = self.url_open("/call_wallet/ledgers")
        self.assertEqual(answer.headers["Content-Type"], "application/zip")
        found = {}
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            for name in packed.namelist():
                rows = csv.DictReader(io.StringIO(packed.read(name).decode("utf-8-sig")))
                found[name.rpartition("/")[2]] = [Decimal(row["Amount"]) for row in rows]
        self.assertEqual(found[f"{self.wallet.id}-{self.wallet.account_ref}.csv"], [Decimal("10.5")])
        self.assertEqual(found[f"{closed.id}-{closed.account_ref}.csv"], [3, -3])
        self.assertNotIn(f"{foreign.id}-{foreign.account_ref}.csv", found)

    def _question(self, module="call_wallet"):
        wizards = self.env["base.module.uninstall"]
        return wizards.create({"module_ids": self.env["ir.module.module"].search([("name", "=", module)]).ids})

    def test_what_customers_would_lose_is_said(self):
        self.env.cr.execute("UPDATE call_wallet_balance SET balance = 0")
        self.env.invalidate_all()
        self.assertEqual(self._question().call_wallet_owed, "")
        self.wallet.refund("1234.56", "Opening credit")
        self._make_wallet().refund("0.44", "Opening credit")
        question = self._question()
        self.assertTrue(question.call_wallet_is_lost)
        self.assertEqual(question.call_wallet_owed, "1,235.00 USD (wallets: 2)")

    def test_whatever_takes_it_along_says_so_and_other_addons_do_not(self):
        self.assertTrue(self._question("account_payment").call_wallet_is_lost)
        other = self._question("base_import")
        self.assertEqual((other.call_wallet_is_lost, other.call_wallet_owed), (False, False))
