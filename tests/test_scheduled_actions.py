"""Scheduled actions: one item that fails keeps no other waiting, and what was done before it stays."""

import logging
import re
import xml.etree.ElementTree
from pathlib import Path

import pytest
from odoo.tools import mute_logger

from .common import CallWalletCommon
from .real_commits import environment

ADDON = Path(__file__).resolve().parents[1] / "call_wallet"
DOOR = "odoo.addons.call_wallet.tools.door"

# They go through what they have to do by `each` of tools/door.py; where not, it says how no item keeps others waiting.
ACTIONS = {
    "ir_cron_posting_start": "each",
    "ir_cron_posting": "each",
    "ir_cron_month_end": "each",
    "ir_cron_rerate": "each",
    "ir_cron_stripe_events": "each",
    "ir_cron_stripe_sweep": "each",
    "ir_cron_stripe_payouts": "each",
    "ir_cron_match_transfers": "each",
    "ir_cron_auto_topup": "each",
    "ir_cron_auto_topup_cards": "each",
    "ir_cron_check_invariants": "each",
    "ir_cron_alert": "each",
    "ir_cron_expire_holds": "each",
    "ir_cron_topup_sync": "each",
    "ir_cron_topup_notice": "each",
    "ir_cron_statement": "each",
    "ir_cron_usage_report": "each",
    "ir_cron_breakage": "each",
    "ir_cron_mask": "each",
    "ir_cron_webhook": "rounds: of each receiver some, side by side",
    "ir_cron_forget_events": "each",
    "ir_cron_source_message": "each",
    "ir_cron_source_call": "each",
    "ir_cron_source_forget": "each",
    "ir_cron_source_file": "each",
    "ir_cron_source_folder": "each",
    "ir_cron_watch": "one look at the scheduled actions; it has no items",
}


class TestScheduledActions(CallWalletCommon):
    def test_every_scheduled_action_is_in_the_table_above(self):
        found = {
            record.get("id")
            for path in (ADDON / "data").glob("*.xml")
            for record in xml.etree.ElementTree.parse(path).iter("record")
            if record.get("model") == "ir.cron"
        }
        self.assertEqual(found, set(ACTIONS))
        for name in found:
            self.assertRegex(self.env.ref(f"call_wallet.{name}").code, re.compile(r"^model\._cron_\w+\(\)$"))

    def test_an_item_that_fails_in_the_database_is_undone_alone(self):
        from odoo.addons.call_wallet.tools.door import each

        first, second, third = wallets = self._make_wallet() | self._make_wallet() | self._make_wallet()
        taken = first.account_ref

        def step(wallet):
            wallet.message_post(body="Looked at")
            if wallet == second:
                wallet.account_ref = taken  # there is one of this name
                wallet.flush_recordset()

        with mute_logger(DOOR, "odoo.sql_db"):
            self.assertTrue(each(self.env, wallets, step))
        told = [bool(wallet.message_ids.filtered(lambda m: "Looked at" in m.body)) for wallet in (first, second, third)]
        self.assertEqual(told, [True, False, True])

    def test_what_fails_at_each_run_stands_once_in_the_list_of_finance_until_it_succeeds(self):
        from odoo.addons.call_wallet.tools.door import each

        good, bad = self._make_wallet(), self._make_wallet()
        broken = [True]

        def step(wallet):
            if wallet == bad and broken[0]:
                raise ValueError("The printer is on fire")

        listed = self.env["call.wallet.waiting"].with_user(self._make_user("t_waiting", "finance"))
        for run in (1, 2, 3):
            with mute_logger(DOOR):
                self.assertTrue(each(self.env, good | bad, step))
            [entry] = listed.search([("wallet_id", "in", (good | bad).ids)])
            self.assertEqual((entry.wallet_id.id, entry.kind, entry.count), (bad.id, "failure", run))
            self.assertIn("printer", entry.reason)
            self.assertTrue(entry.next_step)
            self.assertEqual(entry.action_open()["res_id"], bad.id)
            self.env.invalidate_all()
        broken[0] = False
        each(self.env, good | bad, step)
        self.assertFalse(listed.search([("wallet_id", "in", (good | bad).ids)]))

    def test_all_that_waits_for_finance_is_in_one_list_with_a_next_step(self):
        self._record(self._call(number="+99912345678"), self._call(number="+99912345679"))
        self.wallet._tell_finance("A debit was returned", "Ask the customer for another payment.")
        self.wallet._tell_finance("A debit was returned", "Ask the customer for another payment.")
        self.wallet.request_refund("4000", "Bad line")
        entries = self.env["call.wallet.waiting"].search([("wallet_id", "=", self.wallet.id)])
        self.assertEqual(
            sorted((entry.kind, entry.count) for entry in entries), [("refund", 1), ("rejected", 2), ("task", 1)]
        )
        for entry in entries:
            self.assertTrue(entry.reason and entry.next_step, entry.kind)
            self.assertTrue(entry.action_open())
        self.env["call.usage.rejection"].search([("wallet_id", "=", self.wallet.id)]).action_dismiss()
        self.env.invalidate_all()
        self.assertNotIn("rejected", entries.search([("wallet_id", "=", self.wallet.id)]).mapped("kind"))

    def test_finance_of_another_company_does_not_see_what_waits(self):
        elsewhere = self._make_wallet(company_id=self.env["res.company"].create({"name": "Elsewhere"}).id)
        elsewhere._tell_finance("A debit was returned", "Ask.")
        listed = self.env["call.wallet.waiting"].with_user(self._make_user("t_waiting", "finance"))
        self.assertFalse(listed.search([("wallet_id", "=", elsewhere.id)]))


@pytest.mark.real_commits
def test_what_was_done_before_and_after_a_failure_is_committed(private_registry):
    from odoo.addons.call_wallet.tools.door import door, each

    with environment(private_registry) as env, mute_logger(DOOR, "odoo.sql_db"):
        wallets = env["call.wallet"].search([], order="id", limit=3)
        ids = wallets.ids

        def step(wallet):
            with door(env):
                wallet.message_post(body="Looked at")
                env.flush_all()
                if wallet.id == ids[1]:
                    env.cr.execute("SELECT 1 / 0")

        assert each(env, wallets, step)
        env.cr.rollback()
    assert looked_at(private_registry) == [ids[0], ids[2]]


@pytest.mark.real_commits
def test_out_of_time_odoo_starts_it_again_where_it_was(private_registry):
    from odoo.addons.call_wallet.tools.door import door, each

    with environment(private_registry) as env:
        wallets = env["call.wallet"].search([], order="id", limit=3)
        action = env.ref("call_wallet.ir_cron_check_invariants")

        def start(seconds):
            """Carry the action out once, as Odoo does, with so many seconds left."""
            import time

            progress = env["ir.cron.progress"].create({"cron_id": action.id})
            env.cr.commit()
            theirs = env(
                context={
                    "cron_id": action.id,
                    "ir_cron_progress_id": progress.id,
                    "cron_end_time": time.monotonic() + seconds,
                }
            )

            def step(wallet):
                with door(theirs):
                    wallet.message_post(body="Looked at")

            is_finished = each(theirs, wallets.with_env(theirs), step, part="wallets")
            return is_finished, progress.done, progress.remaining

        assert start(0) == (False, 1, 2)
        assert start(60) == (True, 2, 0)
        assert looked_at(private_registry) == wallets.ids


@pytest.mark.real_commits
def test_none_warns_of_anything_on_a_day_like_any_other(private_registry, caplog):
    with environment(private_registry) as env:
        for name in ACTIONS:
            env.ref(f"call_wallet.{name}").method_direct_trigger()
    assert warnings_of(caplog) == []


def warnings_of(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def looked_at(registry):
    """Return the ids of the wallets that a committed message was left on, once for each message."""
    with environment(registry) as env:
        messages = env["mail.message"].search([("model", "=", "call.wallet"), ("body", "like", "Looked at")])
        return sorted(messages.mapped("res_id"))
