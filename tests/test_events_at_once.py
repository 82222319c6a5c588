"""The outbox and its webhooks with several processes, and with processes that are killed. Real commits."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from .hook_receiver import receiving
from .real_commits import environment
from .test_auto_topup_crash import KILL_AFTER, KILL_INSTEAD, finish, start

pytestmark = [pytest.mark.real_commits, pytest.mark.rest]

SEND = "env.cr.commit(); env['call.wallet.webhook.delivery']._cron_send()"
# A dozen wallets are paused and resumed; beside, what is published is read.
WRITE = """
env.cr.commit()
wallets = env['call.wallet'].search([('account_ref', '=like', 'ATONCE%')], order='id')
for number in range({times}):
    for wallet in wallets[{part}::2]:
        wallet.action_pause(f"{part}/{{number}}")
        wallet.action_resume()
    env['call.wallet'].list_events(after=2**31 - 1)
"""


@pytest.fixture
def wallets(private_registry):
    """Six wallets; returns their ids, and the number of the last event before the test."""
    with environment(private_registry) as env:
        partners = env["res.partner"].create([{"name": f"At once {n}", "is_company": True} for n in range(6)])
        made = env["call.wallet"].create(
            [{"partner_id": partner.id, "account_ref": f"ATONCE{n}"} for n, partner in enumerate(partners)]
        )
        for wallet in made:
            wallet.set_recipients(["somebody@atonce.example"])
        env.cr.commit()
        return made.ids, read_all(env)[-1]["event"]


@pytest.fixture
def receiver(private_registry):
    with receiving() as receiver:
        with environment(private_registry) as env:
            env["ir.config_parameter"].set_param("call_wallet.webhook_allowed_hosts", receiver.host)
            webhook = env["call.wallet.webhook"].create({"name": "At once", "url": receiver.url})
            receiver.secret, receiver.webhook_id = webhook.secret, webhook.id
            env.cr.commit()
        yield receiver
        with environment(private_registry) as env:
            env["call.wallet.webhook"].browse(receiver.webhook_id).unlink()
            env.cr.commit()


def read_all(env, after=None):
    events = []
    while page := env["call.wallet"].list_events(after, 100):
        events += page
        after = page[-1]["event"]
    return events


def test_a_reader_beside_several_writers_sees_each_event_once_and_in_order(private_database, private_registry, wallets):
    _ids, last = wallets
    times, stopped, seen = 15, threading.Event(), [[], []]

    def read(into):
        after = last
        while True:
            is_last_look = stopped.is_set()
            with environment(private_registry) as env:
                page = env["call.wallet"].list_events(after, 7)
            into += page
            after = page[-1]["event"] if page else after
            if is_last_look and not page:
                return

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read, into) for into in seen]
        writers = [start(private_database, WRITE.format(times=times, part=part)) for part in (0, 1)]
        try:
            assert [finish(writer) for writer in writers] == [(0, "")] * 2
        finally:
            stopped.set()
        for reader in readers:
            reader.result(60)
    expected = 6 * times * 2  # each wallet is paused and resumed
    for events in seen:
        assert [event["event"] for event in events] == list(range(last + 1, last + 1 + expected))
        assert len({event["id"] for event in events}) == expected
        of_wallets = {}
        for event in events:
            of_wallets.setdefault(event["account"], []).append((event["type"], event["data"].get("reason")))
        for account, told in of_wallets.items():
            part = int(account[-1]) % 2
            pairs = [[("wallet.paused", f"{part}/{n}"), ("wallet.resumed", None)] for n in range(times)]
            assert told == sum(pairs, [])


@pytest.mark.parametrize(
    "kill",
    [
        KILL_INSTEAD.format(model="call.wallet.event", method="_add"),  # the pause is entered, nothing is committed
        KILL_AFTER.format(model="call.wallet.event", method="_add"),  # and the event is
    ],
    ids=["before_the_event", "after_the_event"],
)
def test_a_cause_that_is_killed_leaves_no_event_and_an_event_has_its_cause(
    private_database, private_registry, wallets, kill
):
    [first, *_others], last = wallets
    pause = f"env.cr.commit(); env['call.wallet'].browse({first}).action_pause('Killed')"
    assert finish(start(private_database, kill + pause))[0] == -9
    with environment(private_registry) as env:
        assert not env["call.wallet"].browse(first).is_paused_by_hand
        assert read_all(env, last) == []
        env["call.wallet"].browse(first).action_pause("Not killed")
    with environment(private_registry) as env:
        [event] = read_all(env, last)
        assert (event["event"], event["data"]["reason"]) == (last + 1, "Not killed")


@pytest.mark.parametrize(
    "kill, sent",
    [
        (KILL_INSTEAD.format(model="call.wallet.webhook.delivery", method="_add_published"), 0),  # while publishing
        (KILL_AFTER.format(model="call.wallet.webhook.delivery", method="_take"), 0),  # before the commit of the lease
        (KILL_INSTEAD.format(model="call.wallet.webhook.delivery", method="_note"), 2),  # the receiver has them
        (KILL_AFTER.format(model="call.wallet.webhook.delivery", method="_note"), 2),  # noted, and not committed
    ],
    ids=["publishing", "taking", "before_noting", "after_noting"],
)
def test_a_sender_that_is_killed_loses_nothing(private_database, private_registry, wallets, receiver, kill, sent):
    """What had arrived arrives again, with the same id, by which the receiver knows it."""
    [first, *_others], last = wallets
    with environment(private_registry) as env:
        env["call.wallet"].browse(first).action_pause("Unpaid bills")
    with environment(private_registry) as env:
        env["call.wallet"].browse(first).action_resume()
    assert finish(start(private_database, kill + SEND))[0] == -9
    assert len(receiver.received) == sent
    with environment(private_registry) as env:
        env["call.wallet.webhook.delivery"]._cron_send()
        assert len(receiver.received) == max(sent, 2)  # taken: left alone for five minutes
        env.cr.execute("UPDATE call_wallet_webhook_delivery SET next_attempt_at = now() - interval '1 second'")
        env.cr.commit()
    with environment(private_registry) as env:
        env["call.wallet.webhook.delivery"]._cron_send()
        assert len(set(receiver.ids())) == 2
        assert [one["id"] for one in receiver.accepted[-2:]] == [event["id"] for event in read_all(env, last)]
        states = env["call.wallet.webhook.delivery"].search([("webhook_id", "=", receiver.webhook_id)]).mapped("state")
        assert states == ["delivered", "delivered"]


def test_two_senders_at_once_send_each_event_once(private_database, private_registry, wallets, receiver):
    ids, _last = wallets
    for _time in range(5):
        for wallet_id in ids:
            with environment(private_registry) as env:
                env["call.wallet"].browse(wallet_id).action_pause("Unpaid bills")
                env["call.wallet"].browse(wallet_id).action_resume()
    senders = [start(private_database, SEND) for _sender in range(2)]
    assert [finish(sender) for sender in senders] == [(0, "")] * 2
    assert len(receiver.ids()) == len(set(receiver.ids())) == 60


def test_a_test_event_is_sent_at_once_and_nothing_is_locked_meanwhile(private_registry, receiver):
    locks = []

    def look(_handler):
        with environment(private_registry) as env:
            env.cr.execute("SELECT id FROM call_wallet_webhook FOR UPDATE NOWAIT")
            locks.append(env.cr.rowcount)
        return 204

    with environment(private_registry) as env:
        action = env["call.wallet.webhook"].browse(receiver.webhook_id)
        receiver.answers = [look, 500]
        assert action.action_send_test()["params"]["message"] == "Accepted (204)."
        assert locks and receiver.accepted[0]["type"] == "webhook.test"
        refused = action.action_send_test()["params"]
        assert (refused["type"], refused["message"]) == ("danger", 'Not accepted (500). {"seen": 2}')


def test_an_event_wakes_the_sender_and_without_webhooks_nothing_does(private_registry, wallets, receiver):
    [first, *_others], _last = wallets

    def triggers():
        with environment(private_registry) as env:
            action = env.ref("call_wallet.ir_cron_webhook")
            return env["ir.cron.trigger"].search_count([("cron_id", "=", action.id)])

    before = triggers()
    with environment(private_registry) as env:
        env["call.wallet"].browse(first).action_pause("Unpaid bills")
    assert triggers() == before + 1
    with environment(private_registry) as env:
        env["call.wallet.webhook"].search([]).active = False
        env.cr.commit()
    with environment(private_registry) as env:
        env["call.wallet"].browse(first).action_resume()
    assert triggers() == before + 1
