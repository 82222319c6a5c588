"""Wallets against the model, every example in a transaction that is undone: here the doors join."""

from odoo.tests import TransactionCase, tagged

from .machine import WalletMachine
from .money_machine import MoneyMachine
from .profiles import run_machine
from .world import Undone, build_world


@tagged("post_install", "-at_install", "standard")
class TestWallets(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("en_US")
        cls.env = cls.env(context=dict(cls.env.context, tracking_disable=True, lang="en_US"))
        cls.arena = Undone(cls.env, build_world(cls.env))

    def test_calls_holds_corrections_and_prices(self):
        run_machine(type("Calls", (WalletMachine,), {"arena": self.arena}), examples=4, steps=20)

    def test_payments_books_and_the_end(self):
        run_machine(type("Money", (MoneyMachine,), {"arena": self.arena}), examples=3, steps=20)
