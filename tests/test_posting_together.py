"""Posting while calls come in, twice at once, and after kills. Real commits, a database of its own.

The usage is the demo's: 3,000 calls of a month in three wallets, 32 days.
"""

import os
import random
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime

import pytest

pytestmark = pytest.mark.real_commits

CALLS = 3_000
# When the story was told last, its calls were moved by whole weeks.
FIRST, LAST, CALLED = date(2026, 9, 1), date(2026, 10, 31), datetime(2026, 10, 15, 10)


@pytest.fixture
def env(private_registry):
    import odoo

    with private_registry.cursor() as cr:
        yield odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
        cr.rollback()


def moved(env):
    from odoo.addons.call_wallet.demo.moved import Moved

    return Moved(env)


def days(env):
    return str(moved(env)(FIRST)), str(moved(env)(LAST))


def call(env, number):
    return {
        "account": ("ACME", "GLOBEX")[number % 2],
        "call_ref": f"meanwhile-{number}",
        "call_type": ("live", "whatsapp")[number % 3 > 0],
        "number": "+14155550100",
        "started_at": f"{moved(env)(CALLED).isoformat()}Z",
        "duration_seconds": 60 + number % 7,
        "status": "completed",
    }


def assert_all_posted_once(env, transactions):
    """Every transaction has its entry; books and ledger agree to the cent, for each wallet and entry."""
    env.cr.rollback()
    env.invalidate_all()
    usage = env["call.wallet.transaction"].search([("topup_id", "=", False)])
    assert len(usage) == transactions
    for transaction in usage:
        assert transaction.move_id.call_wallet_day == (transaction.accounting_day or transaction.day)
    assert set(usage.move_id.mapped("state")) == {"posted"}
    assert env["call.wallet"].check_invariants() == []


def test_two_who_post_the_same_days_while_calls_are_charged_to_them(private_registry, env):
    import odoo
    from odoo.addons.call_wallet.tools.clock import recorded_at

    env.cr.rollback()

    def in_their_own_transaction(work, *arguments):
        with private_registry.cursor() as cr:
            return work(odoo.api.Environment(cr, odoo.SUPERUSER_ID, {}), *arguments)

    def post(theirs):
        return theirs["call.wallet"].post_transactions(*days(theirs)).ids

    def report(theirs, batch):
        with recorded_at(moved(theirs)(datetime(2026, 10, 1 + 2 * batch, 11))):
            results = theirs["call.usage"].record_calls([call(theirs, 100 * batch + number) for number in range(100)])
        return {result["result"] for result in results}

    with ThreadPoolExecutor(3) as pool:
        posters = [pool.submit(in_their_own_transaction, post) for _person in range(2)]
        reporters = [pool.submit(in_their_own_transaction, report, batch) for batch in range(10)]
        assert all(reporter.result() == {"charged"} for reporter in reporters)
        first, second = (set(poster.result()) for poster in posters)

    assert not first & second
    late = set(post(env))
    moves = env["account.move"].search([("call_wallet_posting_id", "!=", False)])
    assert set(moves.ids) == first | second | late
    # One entry a day, and others where calls came after it.
    assert len(moves) <= 32 + 10 * 2
    assert_all_posted_once(env, CALLS + 1_000)


def test_killed_at_random_points_it_goes_on_where_it_was(private_database, env):
    env.cr.rollback()
    rng = random.Random(7)
    done = 0
    for _kill in range(3):
        done = post_and_kill(private_database, env, done + rng.randrange(50, 800), rng.random() / 5)
    assert 0 < done < CALLS, "the kills were to come in the middle"

    # What the last process left behind is taken up by the scheduled action, not at once: it may be at work.
    postings = env["call.wallet.posting"]
    assert postings.search_count([("state", "=", "running")]) == 3
    postings._cron_work()
    env.cr.rollback()
    assert done_count(env) == done
    env.cr.execute("UPDATE call_wallet_posting SET moved_at = moved_at - interval '1 hour'")
    env.cr.commit()
    env.invalidate_all()
    postings._cron_work()

    assert set(postings.search([]).mapped("state")) == {"done"}
    assert_all_posted_once(env, CALLS)
    assert env["account.move"].search_count([("call_wallet_posting_id", "!=", False)]) == 32


def post_and_kill(database, env, wanted, delay):
    """Post in a process of its own, and kill it once so many transactions have their entry."""
    shell = subprocess.Popen(
        [
            os.environ["CALL_WALLET_PYTHON"], os.environ["CALL_WALLET_ODOO_BIN"], "shell",
            "-c", os.environ["CALL_WALLET_CONFIG"], "-d", database, "--no-http", "--log-level=error",
        ],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        shell.stdin.write(f"env['call.wallet'].post_transactions(*{days(env)})\n")
        shell.stdin.close()
        deadline = time.monotonic() + 60
        while done_count(env) < wanted:
            assert time.monotonic() < deadline, "posting did not get far enough"
            time.sleep(0.005)
        time.sleep(delay)
    finally:
        shell.send_signal(signal.SIGKILL)
        shell.wait()
    return done_count(env)


def done_count(env):
    env.cr.rollback()
    env.cr.execute("SELECT count(*) FROM call_wallet_transaction WHERE move_id IS NOT NULL AND topup_id IS NULL")
    return env.cr.fetchone()[0]


def test_a_run_that_stops_in_the_background_is_somebodys_task_until_one_gets_through(env):
    bare = env["res.company"].create({"name": "No books yet"})
    finance = env["res.users"].search([("login", "=", "finance")])
    finance.company_ids |= bare
    partner = env["res.partner"].create({"name": "Early Bird", "is_company": True})
    wallet = env["call.wallet"].create({"partner_id": partner.id, "company_id": bare.id, "account_ref": "EARLY"})
    wallet.set_recipients(["early@example.com"])
    env.cr.commit()
    [charged] = env["call.usage"].record_calls([{**call(env, 1), "account": "EARLY", "call_type": "whatsapp"}])
    assert charged["result"] == "charged"
    postings = env["call.wallet.posting"]

    def run_in_background(started_by=None):
        env.cr.rollback()
        last = wallet.transaction_ids.day
        if started_by:
            postings.with_user(started_by)._start(bare, last, last)
        else:
            postings._start_scheduled(bare, last)
        env.cr.commit()
        postings._cron_work()
        env.cr.rollback()
        env.invalidate_all()
        return postings.search([("company_id", "=", bare.id)])

    for _night in range(2):
        run = run_in_background()
        task = run.activity_ids
        assert (run.state, len(task)) == ("failed", 1)
        assert task.user_id.has_group("call_wallet.group_finance") and bare in task.user_id.company_ids
        assert "install a chart of accounts" in task.note
        assert task in run.with_user(finance).activity_ids

    by_hand = run_in_background(started_by=finance) - run
    assert (by_hand.state, by_hand.activity_ids.user_id) == ("failed", finance)

    env["account.chart.template"].try_loading("generic_coa", bare, install_demo=False)
    env.cr.commit()
    by_hand.with_user(finance).action_continue()
    assert (by_hand.state, by_hand.activity_ids.ids) == ("done", [])
    run_in_background()
    assert (run.state, run.activity_ids.ids) == ("done", [])
