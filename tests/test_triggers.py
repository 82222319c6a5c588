"""Triggers are set where they are missing or different, once, and left alone where they stand."""

import threading

import psycopg2
import pytest
from odoo.addons.call_wallet.tools.sql import set_trigger, set_trigger_function
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import CallWalletCommon

REFUSE = "BEGIN RAISE EXCEPTION 'refused by the test'; END"
STANDING = "SELECT oid FROM pg_trigger WHERE tgname = 'cw_test_guard'"


@tagged("post_install", "-at_install", "standard")
class TestTriggers(CallWalletCommon):
    def setUp(self):
        super().setUp()
        self.cr.execute("CREATE TABLE cw_test (id int); INSERT INTO cw_test VALUES (1)")
        set_trigger_function(self.cr, "cw_test_refuse", REFUSE)

    def _set(self, *events, function="cw_test_refuse"):
        set_trigger(self.cr, "cw_test", "cw_test_guard", list(events), function)
        self.cr.execute(STANDING)
        return self.cr.fetchall()

    def assertRefused(self, statement):
        with self.assertRaisesRegex(psycopg2.Error, "refused by the test"), mute_logger("odoo.sql_db"):
            with self.cr.savepoint():
                self.cr.execute(statement)

    def test_it_refuses_what_it_was_set_for(self):
        self._set("update", "delete")
        self.assertRefused("UPDATE cw_test SET id = 2")
        self.assertRefused("DELETE FROM cw_test")
        self.cr.execute("INSERT INTO cw_test VALUES (3)")

    def test_one_that_stands_is_left_alone(self):
        first = self._set("update", "delete")
        self.assertEqual(self._set("delete", "update"), first)

    def test_one_that_differs_is_replaced(self):
        first = self._set("update", "delete")
        second = self._set("truncate")
        self.assertNotEqual(second, first)
        self.cr.execute("UPDATE cw_test SET id = 2")
        self.assertRefused("TRUNCATE cw_test")
        set_trigger_function(self.cr, "cw_test_allow", "BEGIN RETURN NULL; END")
        self.assertNotEqual(self._set("truncate", function="cw_test_allow"), second)
        self.cr.execute("TRUNCATE cw_test")

    def test_one_that_was_switched_off_is_switched_on(self):
        self._set("update", "delete")
        self.cr.execute("ALTER TABLE cw_test DISABLE TRIGGER cw_test_guard")
        self._set("update", "delete")
        self.assertRefused("UPDATE cw_test SET id = 2")

    def test_a_function_is_replaced_when_its_body_differs(self):
        self._set("update")
        set_trigger_function(self.cr, "cw_test_refuse", "BEGIN RETURN NEW; END")
        self.cr.execute("UPDATE cw_test SET id = 2")

    def test_the_ledger_and_the_consents_are_guarded(self):
        self.cr.execute(
            """
            SELECT tgrelid::regclass::text, tgname FROM pg_trigger
             WHERE tgname LIKE 'call\\_wallet%' AND NOT tgisinternal AND tgenabled = 'O' ORDER BY 1, 2
            """
        )
        self.assertEqual(
            self.cr.fetchall(),
            [
                ("call_wallet_mandate", "call_wallet_mandate_append_only"),
                ("call_wallet_transaction", "call_wallet_transaction_append_only"),
                ("call_wallet_transaction", "call_wallet_transaction_no_truncate"),
            ],
        )


def test_two_that_load_at_once_set_it_once(private_registry):
    """Both began when it was missing; the second waits for the first and does not fail."""
    failures = []

    def load():
        try:
            with private_registry.cursor() as cr:
                cr.execute("SELECT 1")  # the snapshot is taken here
                barrier.wait(timeout=20)
                set_trigger_function(cr, "cw_test_refuse", REFUSE)
                set_trigger(cr, "cw_test", "cw_test_guard", ["update"], "cw_test_refuse")
        except Exception as error:
            failures.append(error)

    with private_registry.cursor() as cr:
        cr.execute("CREATE TABLE cw_test (id int)")
    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert failures == []
    with private_registry.cursor() as cr:
        cr.execute(STANDING)
        assert len(cr.fetchall()) == 1


def test_one_that_stands_is_found_without_a_lock_on_its_table(private_registry):
    """A call is being charged, and another worker loads the registry: it need not wait."""
    with private_registry.cursor() as charging, private_registry.cursor() as loading:
        charging.execute("LOCK TABLE call_wallet_transaction IN ROW EXCLUSIVE MODE")
        loading.execute("SET LOCAL lock_timeout = '1s'")
        try:
            guard = "call_wallet_transaction_guard"
            set_trigger(
                loading,
                "call_wallet_transaction",
                "call_wallet_transaction_append_only",
                ["update", "delete"],
                guard,
            )
        except psycopg2.errors.LockNotAvailable:
            pytest.fail("it asked for a lock on the table")
