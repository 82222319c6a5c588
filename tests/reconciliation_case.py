"""A company's books beside its wallets, for the tests of the reconciliation."""

from datetime import datetime
from decimal import Decimal

from odoo import Command
from odoo.addons.call_wallet.tools.clock import recorded_at

from .common import CallWalletCommon

ZERO = Decimal(0)


class ReconciliationCommon(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.deposits = cls.company._call_wallet_deposit_account()
        cls.income = cls.env["account.account"].search(
            [("account_type", "=", "income"), ("company_ids", "in", cls.company.id)], limit=1
        )
        cls.journal = cls.env["account.journal"].search(
            [("type", "=", "general"), ("company_id", "=", cls.company.id)], limit=1
        )

    def _at(self, day):
        """Enter what follows as of noon of that day."""
        return recorded_at(datetime.fromisoformat(f"{day} 12:00:00"))

    def _order(self, day, amount, wallet=None):
        with self._at(day):
            return (wallet or self.wallet).create_topup(amount)

    def _top_up(self, day, amount, paid=None, wallet=None):
        topup = self._order(day, amount, wallet)
        with self._at(day):
            self._pay(topup.invoice_id, paid)
        return topup

    def _use(self, day, seconds=60, **call):
        """A call at 0.0125 a minute, in the ledger of that day."""
        with self._at(day):
            return self._record(self._call(started_at=f"{day}T11:00:00Z", duration_seconds=seconds, **call))

    def _credit(self, topup, day, amount=None):
        """A credit note of that day on a top-up's invoice."""
        reversal = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=topup.invoice_id.ids)
            .create({"journal_id": topup.invoice_id.journal_id.id, "date": day})
        )
        with self._at(day):
            note = self.env["account.move"].browse(reversal.reverse_moves()["res_id"])
            note.invoice_date = day
            if amount:
                note.invoice_line_ids.price_unit = amount
            note.action_post()
        return note

    def _enter(self, day, amount, partner=None, account=None, **line):
        """An accountant's own entry: credits the deposit account with ``amount``."""
        values = {"partner_id": partner.id if partner else False}
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "date": day,
                "journal_id": self.journal.id,
                "line_ids": [
                    Command.create({"account_id": (account or self.deposits).id, "credit": amount, **values, **line}),
                    Command.create({"account_id": self.income.id, "debit": amount, **values}),
                ],
            }
        )
        entry.action_post()
        return entry

    def _figures(self, day, wallet=None):
        """The wallet's figures at the end of that day, as Decimals."""
        rows = self.env["call.wallet"].reconciliation(day, self.company)
        [row] = [row for row in rows if row["wallet"] == (wallet or self.wallet).id]
        return {name: Decimal(amount) for name, amount in row.items() if name != "wallet"}

    def _loose(self, day):
        rows = self.env["call.wallet"].reconciliation_unassigned(day, self.company)
        return sum((Decimal(row["general_ledger"]) for row in rows), ZERO)

    def assertFigures(self, day, wallet=None, **expected):
        figures = self._figures(day, wallet)
        wanted = {name: Decimal(str(amount)) for name, amount in expected.items()}
        self.assertEqual({name: figures[name] for name in wanted}, wanted)
        rolled = sum(figures[name] for name in ("opening", "added", "refunded"))
        self.assertEqual(rolled - figures["used"] - figures["reversed"], figures["closing"])
        explained = sum(
            figures[name]
            for name in ("closing", "awaiting_payment", "settled_without_funds", "not_posted", "remainder")
        )
        self.assertEqual(explained + figures["unexplained"], figures["general_ledger"])

    def _post(self, first, last):
        """Post what is due; return the entries of ``self.wallet`` among them."""
        moves = self.env["call.wallet"].post_transactions(first, last, self.company)
        return moves.filtered(lambda move: self.wallet in move.line_ids.call_wallet_id)

    def _deposit_item(self, move):
        return move.line_ids.filtered(
            lambda line: line.account_id == self.deposits and line.call_wallet_id == self.wallet
        )

    def _open(self, figure, day):
        action = self.wallet.open_reconciled(figure, day)
        return self.env[action["res_model"]].search(action["domain"])
