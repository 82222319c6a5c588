"""The ledger is append-only, and tampering with it is noticed."""

from contextlib import contextmanager

import psycopg2
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import CallWalletCommon


class LedgerCase(CallWalletCommon):
    def setUp(self):
        super().setUp()
        self._fund(self.wallet, 20)
        self.call = self._call()
        self._record(self.call, self._call(), self._call(call_type="whatsapp"))
        self.env["call.wallet"].authorize_call(self.wallet.account_ref, "c-1", "live", "+14155550100")
        self.rows = self.env["call.wallet.transaction"].search([("wallet_id", "=", self.wallet.id)], order="sequence")
        self.env.flush_all()


@tagged("post_install", "-at_install", "standard")
class TestAppendOnly(LedgerCase):
    def test_nobody_changes_deletes_or_types_in_a_transaction(self):
        row = self.rows[1]
        for action in (
            lambda rows: rows.write({"amount": 5}),
            lambda rows: rows.write({"description": "Nicer"}),
            lambda rows: rows.unlink(),
            lambda rows: rows.create({"wallet_id": self.wallet.id, "amount": 5}),
            lambda rows: rows.copy(),
        ):
            with self.assertRaisesRegex(UserError, "never changed or deleted"):
                action(row)
            with self.assertRaises(UserError):
                action(row.with_user(self._make_user(f"t_{id(action)}", "finance_manager")))

    @mute_logger("odoo.sql_db")
    def test_the_database_refuses_too(self):
        row = self.rows[1]
        other = self._usage_of(self.call).search(
            [("wallet_id", "=", self.wallet.id), ("id", "!=", row.usage_id.id)], limit=1
        )
        for statement in (
            f"UPDATE call_wallet_transaction SET amount = 5 WHERE id = {row.id}",
            f"UPDATE call_wallet_transaction SET description = 'Nicer' WHERE id = {row.id}",
            f"UPDATE call_wallet_transaction SET date = date - interval '1 day' WHERE id = {row.id}",
            f"UPDATE call_wallet_transaction SET usage_id = {other.id} WHERE id = {row.id}",
            f"DELETE FROM call_wallet_transaction WHERE id = {row.id}",
            "TRUNCATE call_wallet_transaction CASCADE",
        ):
            with self.subTest(statement), self.assertRaisesRegex(psycopg2.Error, "append-only"), self.cr.savepoint():
                self.cr.execute(statement)

    @mute_logger("odoo.sql_db")
    def test_the_journal_entry_is_noted_once(self):
        moves = self.env["account.move"].create([{"move_type": "entry"}, {"move_type": "entry"}])
        note = "UPDATE call_wallet_transaction SET move_id = %s WHERE id = %s"
        self.cr.execute(note, [moves[0].id, self.rows[1].id])
        for other in (moves[1].id, None):
            with self.assertRaisesRegex(psycopg2.Error, "append-only"), self.cr.savepoint():
                self.cr.execute(note, [other, self.rows[1].id])

    @mute_logger("odoo.sql_db")
    def test_a_wallet_with_transactions_cannot_be_deleted(self):
        with self.assertRaises(psycopg2.IntegrityError), self.cr.savepoint():
            self.wallet.unlink()

    def test_deleting_a_call_leaves_its_transaction_with_its_amount(self):
        usage = self._usage_of(self.call)
        row = usage.transaction_ids
        amount = row.amount
        usage.with_user(self._make_user("t_fm", "finance_manager")).unlink()
        self.env.invalidate_all()
        self.assertTrue(row.exists())
        self.assertEqual((row.amount, row.is_call), (amount, True))
        self.assertFalse(row.usage_id)
        self.assertSound(self.wallet)

    def test_only_a_finance_manager_deletes_calls_and_nobody_edits_them(self):
        usage = self._usage_of(self.call)
        with self.assertRaises(AccessError):
            usage.with_user(self._make_user("t_finance", "finance")).unlink()
        with self.assertRaisesRegex(UserError, "not changed"):
            usage.write({"total_cost": 0})
        with self.assertRaisesRegex(UserError, "record_calls"):
            usage.copy()


@tagged("post_install", "-at_install", "standard")
class TestInvariantChecks(LedgerCase):
    """``check_invariants`` is silent on a sound ledger and names each kind of damage."""

    @contextmanager
    def _damage(self, *statements):
        """Do what only the owner of the database could, and undo it afterwards."""
        with self.cr.savepoint() as savepoint:
            self.cr.execute("ALTER TABLE call_wallet_transaction DISABLE TRIGGER USER")
            for statement in statements:
                self.cr.execute(statement.format(wallet=self.wallet.id, row=self.rows[2].id))
                self.assertTrue(self.cr.rowcount, statement)
            yield
            savepoint.rollback()
        self.env.invalidate_all()

    def assertNoticed(self, check, *statements):
        with self.subTest(statements=statements), self._damage(*statements):
            found = self.env["call.wallet"].check_invariants(self.wallet)
            self.assertTrue(any(line.startswith(f"{check}: {self.wallet.account_ref}: ") for line in found), found)
            self.assertIn(check, " ".join(self.env["call.wallet"].check_invariants()))

    def test_finance_is_told_of_the_wallets_of_its_own_companies(self):
        clerk = self._make_user("t_elsewhere", "finance")
        other = self.env["res.company"].create({"name": "Elsewhere"})
        with self._damage("UPDATE call_wallet_balance SET balance = balance + 1 WHERE wallet_id = {wallet}"):
            wallets = self.env["call.wallet"].with_user(clerk).sudo(False)
            self.assertIn(self.wallet.account_ref, " ".join(wallets.check_invariants()))
            self.assertTrue(wallets.check_invariants(self.wallet.ids))
            clerk.write({"company_ids": [(6, 0, other.ids)], "company_id": other.id})
            self.assertEqual(wallets.check_invariants(), [])
            self.assertEqual(wallets.check_invariants(self.wallet.ids), [])

    def test_a_sound_ledger(self):
        self.assertSound(self.wallet)
        self.assertSound([self.wallet.id])
        self.assertSound()

    def test_a_balance_that_is_not_the_sum(self):
        self.assertNoticed(
            "exact", "UPDATE call_wallet_balance SET balance = balance + 0.000001 WHERE wallet_id = {wallet}"
        )
        self.assertNoticed(
            "exact", "UPDATE call_wallet_balance SET last_sequence = last_sequence + 1 WHERE wallet_id = {wallet}"
        )

    def test_an_amount_that_was_changed(self):
        change = "UPDATE call_wallet_transaction SET amount = amount - 1 WHERE id = {row}"
        for check in ("exact", "chain", "charged", "totals"):
            self.assertNoticed(check, change)

    def test_a_row_that_was_taken_out(self):
        delete = "DELETE FROM call_wallet_transaction WHERE id = {row}"
        for check in ("exact", "chain", "charged", "totals"):
            self.assertNoticed(check, delete)

    def test_a_balance_after_that_does_not_follow(self):
        self.assertNoticed(
            "chain", "UPDATE call_wallet_transaction SET balance_after = balance_after + 1 WHERE id = {row}"
        )

    def test_a_gap_in_the_numbers(self):
        self.assertNoticed("chain", "UPDATE call_wallet_transaction SET sequence = sequence + 100 WHERE id = {row}")

    def test_a_call_that_was_charged_twice(self):
        with self.cr.savepoint() as savepoint:
            self.cr.execute("DROP INDEX call_wallet_transaction_key_unique")
            self.assertNoticed(
                "once",
                "UPDATE call_wallet_transaction t SET key = o.key FROM call_wallet_transaction o"
                " WHERE t.id = {row} AND o.wallet_id = t.wallet_id AND o.sequence = t.sequence - 1",
            )
            savepoint.rollback()

    def test_a_call_whose_cost_is_not_what_was_charged(self):
        self.assertNoticed("charged", "UPDATE call_usage SET total_cost = total_cost + 1 WHERE wallet_id = {wallet}")
        self.assertNoticed("charged", "UPDATE call_wallet_transaction SET usage_id = NULL WHERE id = {row}")

    def test_holds_that_do_not_add_up(self):
        self.assertNoticed("held", "UPDATE call_wallet_balance SET held_amount = 0 WHERE wallet_id = {wallet}")
        self.assertNoticed("held", "UPDATE call_wallet_hold SET state = 'released' WHERE wallet_id = {wallet}")

    def test_a_status_that_does_not_fit(self):
        self.assertNoticed("status", "UPDATE call_wallet_balance SET state = 'paused' WHERE wallet_id = {wallet}")
        self.assertNoticed("status", "UPDATE call_wallet_balance SET is_set_up = false WHERE wallet_id = {wallet}")
        self.assertNoticed("status", "DELETE FROM call_wallet_recipient WHERE wallet_id = {wallet}")

    def test_totals_that_do_not_add_up(self):
        self.assertNoticed("totals", "UPDATE call_wallet_day SET amount = amount + 1 WHERE wallet_id = {wallet}")
        self.assertNoticed("totals", "DELETE FROM call_wallet_day WHERE wallet_id = {wallet}")
        for total in ("total_added", "total_used", "total_refunded", "total_reversed"):
            self.assertNoticed(
                "totals", f"UPDATE call_wallet_balance SET {total} = {total} + 1 WHERE wallet_id = {{wallet}}"
            )

    def test_damage_elsewhere_is_not_this_wallets(self):
        other = self._make_wallet()
        self._fund(other, 5)
        with self._damage("UPDATE call_wallet_balance SET balance = balance + 1 WHERE wallet_id = {wallet}"):
            self.assertSound(other)

    def test_the_nightly_check_tells_finance_managers_what_it_found(self):
        manager = self._make_user("t_fm", "finance_manager")
        before = self.env["mail.message"].search_count([("partner_ids", "in", manager.partner_id.ids)])
        self.env["call.wallet"]._cron_check_invariants()
        self.assertEqual(self.env["mail.message"].search_count([("partner_ids", "in", manager.partner_id.ids)]), before)
        with self._damage("UPDATE call_wallet_balance SET balance = balance + 1 WHERE wallet_id = {wallet}"):
            self.env["call.wallet"]._cron_check_invariants()
            message = self.env["mail.message"].search([("partner_ids", "in", manager.partner_id.ids)], limit=1)
            self.assertIn(self.wallet.account_ref, message.body)

    def test_only_finance_may_check(self):
        self.env["call.wallet"].with_user(self._make_user("t_finance", "finance")).check_invariants()
        for login, group in (
            ("t_am", "account_manager"),
            ("t_platform", "platform"),
            ("t_portal", "base.group_portal"),
        ):
            with self.assertRaises(AccessError):
                self.env["call.wallet"].with_user(self._make_user(login, group)).check_invariants()
