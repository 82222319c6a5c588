"""A monitoring system reads the figures of a database: who may, what it reads, and that it can be understood."""

import logging
import re
import urllib.request
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256

import pytest
from odoo.addons.call_wallet.tools.clock import utcnow
from odoo.exceptions import AccessError
from odoo.tests import HttpCase, new_test_user, tagged
from prometheus_client.parser import text_string_to_metric_families

from .common import CallWalletCommon
from .load_site import Site

TOKEN = "a-token-of-these-tests"
PATH = "/call_wallet/metrics"


def read(text):
    """Return {(name of the sample, labels): number}, as Prometheus's own parser has it."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@tagged("post_install", "-at_install", "standard")
class TestMetrics(CallWalletCommon, HttpCase):
    def _make_token(self):
        """Make a token as an administrator does, who has just given the password; return it."""
        admin = new_test_user(self.env, "t_metrics_admin", "base.group_system,call_wallet.group_finance_manager")
        wizard = self.env["call.wallet.metrics.token"].with_user(admin).create({})
        self.assertFalse(wizard.is_on)
        shown = type(wizard)._make_token.__wrapped__(wizard)
        dialog = wizard.with_context(**shown["context"]).new({})
        self.assertTrue(dialog.is_on)
        return dialog.token, wizard

    def _ask(self, token=None, scheme="Bearer"):
        headers = {"Authorization": f"{scheme} {token}"} if token else {}
        return self.url_open(PATH, headers=headers)

    def _figures(self, token):
        answer = self._ask(token)
        self.assertEqual(answer.status_code, 200, answer.text[:300])
        return read(answer.text)

    def test_nobody_reads_until_an_administrator_has_made_a_token_and_then_whoever_has_it(self):
        self.assertEqual(self._ask("guess").status_code, 404)
        token, wizard = self._make_token()
        self.assertEqual(self._ask().status_code, 401)
        self.assertEqual(self._ask(token[:-1]).status_code, 401)
        self.assertEqual(self._ask(token, "Basic").status_code, 401)
        self.assertEqual(self._ask("té").status_code, 401)
        answer = self._ask(token)
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(answer.headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        kept = self.env["ir.config_parameter"].search([("key", "=like", "call_wallet.metrics%")]).value
        self.assertNotIn(token, kept)
        wizard.action_switch_off()
        self.assertEqual(self._ask(token).status_code, 404)

    def test_others_than_administrators_make_no_token_and_switch_nothing_off(self):
        manager = self._make_user("t_metrics_manager", "finance_manager")
        wizard = self.env["call.wallet.metrics.token"].with_user(manager).create({})
        for action in (wizard.action_make_token, wizard.action_switch_off):
            with self.assertRaises(AccessError):
                action()

    def test_what_waits_is_told_with_the_age_of_the_oldest(self):
        token, _wizard = self._make_token()
        before = self._figures(token)
        queued = ("call_wallet_queue_entries", ("queue", "mails"))
        mail = self.env["mail.mail"].create({"subject": "Waits", "email_to": "a@example.com"})
        mail.flush_recordset()
        old = utcnow() - timedelta(minutes=50)
        self.env.cr.execute("UPDATE mail_mail SET create_date = %s WHERE id = %s", [old, mail.id])
        after = self._figures(token)
        self.assertEqual(after[queued] - before[queued], 1)
        self.assertGreaterEqual(after["call_wallet_queue_oldest_age_seconds", ("queue", "mails")], 3000)
        self._record(self._call(number="+99912345678"))
        waiting = ("call_wallet_work_waiting", ("kind", "rejected"))
        self.assertEqual(self._figures(token)[waiting] - after.get(waiting, 0), 1)

    def test_each_scheduled_action_says_when_it_succeeded_and_when_it_is_late(self):
        token, _wizard = self._make_token()
        cron = self.env.ref("call_wallet.ir_cron_topup_sync")
        good = utcnow() - timedelta(minutes=8)
        self._ran(cron, lastcall=good, nextcall=good + timedelta(minutes=10))
        figures = self._figures(token)
        name = "call_wallet_scheduled_action_"
        label = ("action", "topup_sync")
        self.assertEqual(figures[f"{name}last_success_timestamp_seconds", label], (good - EPOCH).total_seconds())
        # Every ten minutes, and a quarter of an hour of patience.
        due = good + timedelta(minutes=25)
        self.assertEqual(figures[f"{name}due_timestamp_seconds", label], (due - EPOCH).total_seconds())
        self.assertEqual(figures[f"{name}late", label], 0)
        self._ran(cron, lastcall=good - timedelta(hours=1), nextcall=good - timedelta(minutes=50))
        self.assertEqual(self._figures(token)[f"{name}late", label], 1)

    def test_the_books_and_the_ledger_are_told_as_they_were_compared_last(self):
        token, _wizard = self._make_token()
        self.env["call.wallet.schedule"]._cron_check()
        self.env["call.wallet"]._cron_check_invariants()
        figures = self._figures(token)
        company = ("company", str(self.wallet.company_id.id))
        self.assertEqual(figures["call_wallet_books_differing_wallets", company], 0)
        self.assertEqual(figures["call_wallet_ledger_violations",], 0)
        self.assertGreater(figures["call_wallet_books_checked_timestamp_seconds",], 10**9)

    # === TASKS ABOUT SCHEDULED ACTIONS === #

    def _ran(self, cron, **values):
        self.env.flush_all()
        for column, value in values.items():
            self.env.cr.execute(f"UPDATE ir_cron SET {column} = %s WHERE id = %s", [value, cron.id])
        self.env.invalidate_all()

    def _all_ran_now(self):
        now = utcnow()
        for action in self.env["call.wallet.schedule"].sudo().search([]):
            self._ran(action.cron_id, lastcall=now, nextcall=now + timedelta(days=1), failure_count=0, active=True)

    def _tasks(self):
        self.env.invalidate_all()
        listed = self.env["call.wallet.waiting"].with_user(self.finance)
        return listed.search([("model", "=", "call.wallet.schedule")])

    def test_a_late_action_is_one_task_of_finance_until_it_runs_again(self):
        self.finance = self._make_user("t_metrics_finance", "finance")
        cron = self.env.ref("call_wallet.ir_cron_posting_start")
        self._all_ran_now()
        check = self.env["call.wallet.schedule"]._cron_check
        check()
        self.assertFalse(self._tasks())
        hours_ago = utcnow() - timedelta(hours=3)
        self._ran(cron, lastcall=hours_ago - timedelta(hours=1), nextcall=hours_ago)
        check()
        check()
        [task] = self._tasks()
        self.assertIn("post the usage of finished days", task.reason)
        self.assertIn("has not run", task.next_step)
        listed = self.env["call.wallet.schedule"].with_user(self.finance).search([])
        self.assertEqual([schedule.name for schedule in listed if schedule.health == "late"], [cron.name])
        self._ran(cron, lastcall=utcnow(), nextcall=utcnow() + timedelta(hours=1))
        check()
        self.assertFalse(self._tasks())

    def test_one_that_fails_is_told_as_failing_and_one_that_is_off_as_off(self):
        self.finance = self._make_user("t_metrics_finance", "finance")
        self._all_ran_now()
        now = utcnow()
        failing = self.env.ref("call_wallet.ir_cron_alert")
        self._ran(failing, failure_count=3, first_failure_date=now - timedelta(hours=1))
        off = self.env.ref("call_wallet.ir_cron_expire_holds")
        self._ran(off, lastcall=now - timedelta(hours=1), active=False)
        self.env["call.wallet.schedule"]._cron_check()
        steps = sorted(task.next_step for task in self._tasks())
        self.assertEqual(len(steps), 2)
        self.assertIn("has failed 3 times", steps[0])
        self.assertIn("switched off", steps[1])

    def test_a_neutralized_copy_has_no_tasks_about_what_is_off_on_purpose(self):
        self.finance = self._make_user("t_metrics_finance", "finance")
        self._all_ran_now()
        self._ran(self.env.ref("call_wallet.ir_cron_alert"), lastcall=utcnow() - timedelta(days=1), active=False)
        self.env["ir.config_parameter"].set_param("database.is_neutralized", True)
        self.env["call.wallet.schedule"]._cron_check()
        self.assertFalse(self._tasks())


EPOCH = utcnow().replace(year=1970, month=1, day=1, hour=0, minute=0, second=0)


# === WHAT PROCESSES COUNT === #


@pytest.mark.real_commits
def test_calls_refusals_and_times_are_counted_and_the_log_has_references_and_no_numbers(private_registry, start_odoo):
    site = Site(private_registry)
    site.make_wallets("WATCHED")
    with site.env() as env:
        env["ir.config_parameter"].set_param("call_wallet.metrics_token_digest", digest(TOKEN))
    site.server = server = start_odoo(workers=1)
    number = "+14155550123"
    asked = {"account": "WATCHED", "call_type": "live", "number": number}
    ended = {
        **asked,
        "started_at": f"{(utcnow() - timedelta(minutes=5)).isoformat()}Z",
        "duration_seconds": 61,
        "status": "completed",
    }
    call = site.platform.call
    call("call.wallet", "authorize_call", **asked, call_ref="seen-1")
    call("call.wallet", "authorize_call", **{**asked, "account": "NOBODY"}, call_ref="seen-2")
    calls = [{**ended, "call_ref": "seen-1"}, {**ended, "call_ref": "seen-3", "account": "NOBODY"}]
    call("call.usage", "record_calls", calls=calls)
    call("call.usage", "record_calls", calls=[{**ended, "call_ref": "seen-1", "call_type": "Voice Call"}])
    call("call.wallet", "authorize_call", **asked, call_ref="seen-4")
    call("call.wallet", "release_hold", account="WATCHED", call_ref="seen-4")
    call("call.wallet", "release_hold", account="WATCHED", call_ref="seen-1")

    figures = read(scrape(server))
    calls = {labels[1:]: value for labels, value in figures.items() if labels[0] == "call_wallet_calls_total"}
    assert calls == {
        (("call_type", "live"), ("code", ""), ("result", "charged")): 1,
        (("call_type", "live"), ("code", ""), ("result", "duplicate")): 1,
        (("call_type", "live"), ("code", "unknown_account"), ("result", "rejected")): 1,
    }
    name = "call_wallet_answers_total"
    assert figures[name, ("code", "ok"), ("method", "authorize_call")] == 2
    assert figures[name, ("code", "unknown_account"), ("method", "authorize_call")] == 1
    assert figures[name, ("code", "ok"), ("method", "release_hold")] == 1
    assert figures[name, ("code", "already_settled"), ("method", "release_hold")] == 1
    seconds = "call_wallet_api_request_seconds"
    assert figures[f"{seconds}_count", ("method", "record_calls")] == 2
    assert figures[f"{seconds}_bucket", ("le", "+Inf"), ("method", "record_calls")] == 2
    assert 0 < figures[f"{seconds}_sum", ("method", "record_calls")] < 60

    log = server.log.read_text()
    for reference in ("seen-1", "seen-2", "seen-3"):
        assert reference in log
    assert re.search(r'rejected \(unknown_account\): "seen-3"', log)
    assert number not in log and number[1:] not in log


@pytest.mark.real_commits
def test_of_a_transaction_that_is_joined_only_what_is_kept_is_counted(private_registry):
    """Another addon tries calls within transactions of its own, and undoes one."""
    site = Site(private_registry)
    site.make_wallets("JOINED")
    ended = {
        "account": "JOINED", "call_type": "live", "number": "+14155550123", "duration_seconds": 61,
        "status": "completed", "started_at": f"{(utcnow() - timedelta(minutes=5)).isoformat()}Z",
    }  # fmt: skip

    def a_call(env, ref):
        env["call.wallet"].authorize_call("JOINED", ref, "live", "+14155550123")
        env["call.usage"].record_calls([{**ended, "call_ref": ref}])
        env["call.wallet"].release_hold("JOINED", ref)

    with logged("odoo.addons.call_wallet.tools.call_log") as lines, site.env() as env:
        env["res.partner"].create({"name": "Written before"})
        a_call(env, "kept-1")
        with env.cr.savepoint():
            a_call(env, "kept-2")
        savepoint = env.cr.savepoint()
        a_call(env, "undone")
        savepoint.rollback()
        a_call(env, "kept-3")
        savepoint.close(rollback=False)
    assert len(site.charges("JOINED")) == 3
    with site.env() as env:
        env["call.wallet.meter"]._flush(is_due_only=False)
    figures = read_counts(site)
    assert figures == {
        'call_type="live",code="",result="charged"': 3,
        'code="ok",method="authorize_call"': 3,
        'code="already_settled",method="release_hold"': 3,
    }
    assert [line for line in lines if "charged" in line] == [f'calls charged: "kept-{n}"' for n in (1, 2, 3)]
    assert len(lines) == 9
    assert site.select("SELECT count(*) FROM call_wallet_meter_note") == [(0,)]


@contextmanager
def logged(name):
    """Yield the list into which a logger's lines go meanwhile."""
    lines, handler, logger = [], logging.Handler(), logging.getLogger(name)
    handler.emit = lambda record: lines.append(record.getMessage())
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def read_counts(site):
    return dict(
        site.select(
            "SELECT labels, value FROM call_wallet_meter"
            " WHERE name IN ('call_wallet_calls_total', 'call_wallet_answers_total')"
        )
    )


def digest(token):
    return sha256(token.encode()).hexdigest()


def scrape(server):
    request = urllib.request.Request(f"{server.url}{PATH}", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()
