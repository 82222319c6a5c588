"""The client in `clients/python` against a real server: in many threads, without answers, and after crashes."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
import typing
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from standardwebhooks.webhooks import Webhook

from .api_document import document
from .client_package import (
    BATCH,
    DROP,
    FOLDER,
    HALF,
    HANG,
    CallRefused,
    Client,
    EndedCall,
    NotAllowed,
    Proxy,
    Recorder,
    RequestRefused,
    Unreachable,
    WebhookRefused,
    records,
    verify_webhook,
)
from .conftest import OdooServer
from .load_site import Site

pytestmark = pytest.mark.real_commits

NUMBER = "+14155550100"
# A second of a call to +33 costs 0.001.
BY_SECOND = {"prefix": "33", "price_per_minute": "0.06", "increment_seconds": 1}


@pytest.fixture(scope="module")
def site(shared_registry):
    site = Site(shared_registry)
    with site.env() as env:
        env["call.rate"].create({"plan_id": site.plan_id, **BY_SECOND})
    site.server = OdooServer(shared_registry.db_name, workers=3)
    try:
        site.server.start()
        yield site
    finally:
        site.server.kill()


@pytest.fixture
def client(site):
    with Client(site.server.url, site.platform_key, site.registry.db_name) as client:
        yield client


def started_at():
    return datetime.now(UTC) - timedelta(minutes=30)


def ended(account, ref, **values):
    return EndedCall(
        **{
            "account": account, "call_ref": ref, "call_type": "live", "number": NUMBER,
            "started_at": started_at(), "duration_seconds": 61, "status": "completed", **values,
        }
    )  # fmt: skip


def through(proxy, site, key=None, **options):
    return Client(proxy.url, key or site.platform_key, **{"timeout": 20, "patience": 20, **options})


# === A CALL === #


def test_a_call_is_extended_by_itself_until_the_funds_end_and_then_cut(site, client):
    # 0.005 are five seconds; two are held at first.
    site.make_wallets("CUT", funds="0.005")
    cut = threading.Event()
    with client.call(
        "CUT", "cut", "live", "+33142685300", expected_seconds=2, extend_before=1, cut_margin=0.3,
        on_cut=lambda _call: cut.set(), campaign="Spring",
    ) as call:  # fmt: skip
        assert (call.max_seconds, call.authorization.available) == (2, Decimal("0.003"))
        call.start()
        assert timedelta(seconds=1) < call.deadline - datetime.now(UTC) <= timedelta(seconds=1.7)
        assert cut.wait(15)
        assert call.seconds_left <= 0

    assert call.max_seconds == call.ended.duration_seconds == 5
    assert call.result.result == "charged"
    assert (call.result.total_cost, call.result.balance_after) == (Decimal("0.005"), 0)
    site.assert_sound()


def test_a_call_that_was_released_by_mistake_holds_funds_again(site, client):
    site.make_wallets("LOST", funds="1")
    with client.call(
        "LOST", "lost", "live", "+33142685300", expected_seconds=6, extend_before=3, campaign="Spring"
    ) as call:  # fmt: skip
        call.start()
        client.release_hold("LOST", "lost")
        begun = time.monotonic()
        while call.max_seconds < 12 and time.monotonic() < begun + 10:
            time.sleep(0.05)
        [hold] = client.list_holds("LOST")
        assert (hold.held_seconds, hold.campaign) == (12, "Spring")
        assert call.authorization.allowed
    site.assert_sound()


def test_what_is_not_answered_is_released_or_listed_and_costs_nothing(site, client):
    [wallet_id] = site.make_wallets("QUIET", funds="1")
    with client.call("QUIET", "given-up", "live", NUMBER):
        pass
    with client.call("QUIET", "rang", "live", NUMBER) as call:
        call.end("no_answer")
    assert (call.result.result, call.result.total_cost, call.result.balance_after) == ("charged", 0, 1)
    with pytest.raises(ZeroDivisionError), client.call("QUIET", "broke", "live", NUMBER):
        1 / 0
    states = site.select("SELECT call_ref, state FROM call_wallet_hold WHERE wallet_id = %s", wallet_id)
    assert dict(states) == {"given-up": "released", "rang": "settled", "broke": "released"}


def test_who_may_not_call_is_told_why_in_their_language(site):
    site.make_wallets("BROKE", funds="0.001")
    with site.env() as env:
        env["res.lang"]._activate_lang("es_ES")
        env.cr.commit()
    client = Client(site.server.url, site.platform_key, language="es_ES")
    with pytest.raises(CallRefused) as refused, client.call("BROKE", "broke", "live", NUMBER):
        raise AssertionError("it may not start")
    assert refused.value.authorization.code == "no_funds"
    assert "saldo" in refused.value.authorization.message


def test_a_hold_is_extended_and_released_by_hand(site, client):
    site.make_wallets("HAND", funds="1")
    told = client.authorize_call("HAND", "hand", "live", NUMBER, expected_seconds=60)
    assert (told.max_seconds, told.rate, told.currency) == (60, Decimal("0.0125"), "USD")
    assert told.expires_at > datetime.now(UTC)
    # 80 minutes at 0.0125 are all that there is.
    assert client.extend_hold("HAND", "hand", 9000).max_seconds == 4800
    assert client.release_hold("HAND", "hand").available == 1
    for told in (client.extend_hold("HAND", "never", 60), client.release_hold("HAND", "never")):
        assert (told.allowed, told.code, told.field, told.max_seconds) == (False, "unknown_call", "call_ref", 0)


def test_a_program_is_told_which_limit_refuses(site, client):
    [wallet_id] = site.make_wallets("MOST", funds="1")
    with site.env() as env:
        env["call.wallet"].browse(wallet_id).limit_calls = 1
        env.cr.commit()
    assert client.authorize_call("MOST", "first", "live", NUMBER).limit is None
    told = client.authorize_call("MOST", "second", "live", NUMBER)
    assert (told.code, told.limit) == ("limit_reached", "calls")
    assert client.quote_call("MOST", "live", NUMBER).limit == "calls"


# === NO ANSWER === #


@pytest.mark.parametrize("trouble", [DROP, HALF, 502, 503, 504, 429, 500])
def test_a_request_without_an_answer_is_repeated_and_counts_once(site, trouble):
    account = f"AGAIN{trouble}".upper()
    site.make_wallets(account)
    with Proxy(site.server.url, [trouble, trouble]) as proxy, through(proxy, site) as client:
        [result] = client.record_calls([ended(account, "again")])
        proxy.plan.extend([trouble])
        client.authorize_call(account, "held", "live", NUMBER)
        proxy.plan.extend([trouble])
        told = client.extend_hold(account, "held", 900)
    assert result.result == ("duplicate" if trouble in (DROP, HALF) else "charged")
    # 61 seconds are two minutes at 0.0125; 15 minutes more are held.
    assert (told.balance, told.available) == (Decimal("999.975"), Decimal("999.7875"))
    assert len(proxy.seen) == 3 + 2 + 2
    assert site.charges(account).keys() == {"again"}
    site.assert_sound()


def test_retry_after_is_waited_for(site):
    site.make_wallets("LATER")
    with Proxy(site.server.url, [(429, {"Retry-After": "2"})]) as proxy, through(proxy, site) as client:
        began = time.monotonic()
        assert client.record_calls([ended("LATER", "later")])[0].result == "charged"
        assert time.monotonic() - began >= 2
        # Who asks for more patience than there is gets an error now, not after it.
        proxy.plan.append((503, {"Retry-After": "3600"}))
        began = time.monotonic()
        with pytest.raises(Unreachable, match="status 503"):
            client.authorize_call("LATER", "much-later", "live", NUMBER)
        assert time.monotonic() - began < 5


def test_a_server_that_hangs_is_given_up_in_time(site):
    site.make_wallets("HANGS")
    with Proxy(site.server.url, [HANG] * 99) as proxy, through(proxy, site, timeout=0.5, patience=2) as client:
        began = time.monotonic()
        with pytest.raises(Unreachable):
            client.authorize_call("HANGS", "hangs", "live", NUMBER)
        assert time.monotonic() - began < 4
        assert len(proxy.seen) > 1
        # A platform that goes on without the wallet records the call later.
        with (
            pytest.raises(Unreachable) as unreachable,
            client.call("HANGS", "unheld", "live", NUMBER, unheld_seconds=120, patience=1) as call,
        ):
            call.start()
            assert (call.authorization, call.max_seconds) == (None, 120)
        assert unreachable.value.ended == call.ended
        proxy.plan.clear()
        assert client.record_calls([call.ended])[0].result == "charged"


def test_a_call_that_began_without_an_answer_is_held_when_the_wallet_is_back(site):
    site.make_wallets("BACK", funds="1")
    with (
        Proxy(site.server.url, [HANG]) as proxy,
        through(proxy, site) as client,
        client.call(
            "BACK", "back", "live", "+33142685300", unheld_seconds=4, expected_seconds=10, extend_before=3,
            cut_margin=0.5, patience=0.5,
        ) as call,
    ):  # fmt: skip
        assert call.authorization is None
        call.start()
        deadline = time.monotonic() + 10
        while not call.authorization and time.monotonic() < deadline:
            time.sleep(0.1)
        # Four seconds without the wallet, and ten more.
        assert (call.max_seconds, call.authorization.allowed) == (14, True)
    assert call.result.result == "charged"


def test_an_answer_that_does_not_come_makes_no_call_last_longer(site):
    site.make_wallets("STUCK", funds="1")
    cut = []
    with (
        Proxy(site.server.url, ["pass", *[HANG] * 9]) as proxy,
        through(proxy, site) as client,
        client.call(
            "STUCK", "stuck", "live", "+33142685300", expected_seconds=4, extend_before=3, cut_margin=1,
            on_cut=lambda _call: cut.append(time.monotonic()),
        ) as call,
    ):  # fmt: skip
        call.start()
        began = time.monotonic()
        while not cut and time.monotonic() < began + 10:
            time.sleep(0.05)
        proxy.plan.clear()
    # Four seconds are held, and a second of them is for hanging up.
    assert 2.9 < cut[0] - began < 3.7
    assert call.ended.duration_seconds <= call.max_seconds == 4
    assert call.result.result == "charged"


def test_the_error_has_the_call_where_its_record_is_refused(site, client):
    site.make_wallets("ENDED", funds="1")
    with (
        Proxy(site.server.url, ["pass", 403]) as proxy,
        through(proxy, site) as other,
        pytest.raises(NotAllowed) as refused,
        other.call("ENDED", "ended", "live", NUMBER) as call,
    ):
        call.start()
    assert refused.value.ended == call.ended
    assert client.record_calls([refused.value.ended])[0].result == "charged"


def test_what_is_refused_is_not_repeated(site):
    site.make_wallets("WRONG")
    with Proxy(site.server.url) as proxy:
        for key, kind, status in (("wrong", NotAllowed, 401), (None, RequestRefused, 422)):
            proxy.seen.clear()
            with through(proxy, site, key) as client, pytest.raises(kind) as refused:
                client.authorize_call("WRONG", "", "live", NUMBER)
            assert (refused.value.status, len(proxy.seen)) == (status, 1)
        with through(proxy, site) as client, pytest.raises(RequestRefused) as refused:
            client._transport.post("/json/2/call.wallet/no_such_method", {}, 5)
        assert (refused.value.status, "no_such_method" in proxy.seen[-1]) == (404, True)
    with pytest.raises(ValueError, match="no address"):
        Client("odoo.example.com", "key")


# === MANY CALLS === #


def test_a_server_that_knows_no_database_is_asked_again_as_its_postgresql_may_restart(site):
    site.make_wallets("RESTART")
    # What Odoo answers where PostgreSQL ends while it looks up the key.
    denied = 403, {}, b'{"name": "odoo.exceptions.AccessDenied", "message": "Access Denied"}'
    with Proxy(site.server.url, [404, denied]) as proxy, through(proxy, site) as client:
        assert client.authorize_call("RESTART", "restart", "live", NUMBER).code == "ok"
        assert len(proxy.seen) == 3
    with Client(site.server.url, site.platform_key, "no_such_database") as client:
        with pytest.raises(Unreachable):
            client.authorize_call("RESTART", "nowhere", "live", NUMBER, patience=0.5)


def test_more_calls_than_one_request_takes_are_sent_in_several(site):
    site.make_wallets("MANY")
    calls = (ended("MANY", f"many-{number}", status="busy") for number in range(BATCH + 1))
    with Proxy(site.server.url) as proxy, through(proxy, site, timeout=120) as client:
        results = client.record_calls(calls)
    assert len(proxy.seen) == 2
    assert [result.call_ref for result in results] == [f"many-{number}" for number in range(BATCH + 1)]
    assert {result.result for result in results} == {"charged"}


def test_calls_are_recorded_once_while_the_server_is_killed(site, tmp_path):
    site.make_wallets("KILLS")
    with Client(site.server.url, site.platform_key, timeout=20, patience=90) as client:
        with Recorder(client, tmp_path, interval=0.2, batch=20) as recorder, ThreadPoolExecutor(9) as pool:

            def play(number):
                for index in range(15):
                    ref = f"kills-{number}-{index}"
                    assert client.authorize_call("KILLS", ref, "live", NUMBER).allowed
                    recorder.add(ended("KILLS", ref))
                    time.sleep(0.3)

            def kill():
                for _turn in range(2):
                    time.sleep(1.5)
                    site.server.kill()
                    site.server.start()

            for future in [pool.submit(kill), *(pool.submit(play, number) for number in range(8))]:
                future.result()
            recorder.flush()
            assert (recorder.waiting(), recorder.last_error) == (0, None)

    charges = site.charges("KILLS")
    assert charges.keys() == {f"kills-{number}-{index}" for number in range(8) for index in range(15)}
    assert {len(entries) for entries in charges.values()} == {1}
    site.assert_sound()


KILLED = """
import sys, time
from datetime import datetime, timezone
from call_wallet_client import Client, EndedCall, Recorder
recorder = Recorder(Client("http://127.0.0.1:9", "key", patience=0.1), sys.argv[1])
recorder.add(EndedCall(account="DIED", call_ref="died", call_type="live", number="+14155550100", status="completed",
                       started_at=datetime.now(timezone.utc), duration_seconds=61))
print("added", flush=True)
time.sleep(60)
"""


def test_what_a_killed_program_had_taken_over_is_recorded_by_the_next(site, client, tmp_path):
    site.make_wallets("DIED")
    program = subprocess.Popen(
        [sys.executable, "-c", KILLED, tmp_path], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(FOLDER)}
    )
    assert program.stdout.readline() == b"added\n"
    with pytest.raises(RuntimeError, match="in use"):
        Recorder(client, tmp_path)
    program.send_signal(signal.SIGKILL)
    program.wait()
    [path] = tmp_path.glob("*.jsonl")
    with open(path, "ab") as file:
        file.write(b'{"account": "DIED", "call_r')  # it was killed while it wrote

    told = []
    recorder = Recorder(client, tmp_path, on_answer=lambda call, result: told.append((call["call_ref"], result.result)))
    assert recorder.waiting() == 1
    recorder.close()
    assert told == [("died", "charged")]
    assert not list(tmp_path.glob("*.jsonl"))


FULL = """
import resource, sys
from datetime import datetime, timezone
from call_wallet_client import Client, EndedCall, Recorder
recorder = Recorder(Client("http://127.0.0.1:9", "key", patience=0.1), sys.argv[1], interval=600)
def add(number):
    recorder.add(EndedCall(account="FULL", call_ref=f"full-{number}", call_type="live", number="+14155550100",
                           status="completed", started_at=datetime.now(timezone.utc), duration_seconds=61))
    print(number, flush=True)
_soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
try:
    for number in range(9):
        add(number)
except OSError:
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    add("after")
"""


def test_a_call_that_a_full_disk_did_not_take_spoils_none_that_it_did(site, client, tmp_path):
    site.make_wallets("FULL")
    program = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, timeout=60,
        env={**os.environ, "PYTHONPATH": str(FOLDER)},
    )  # fmt: skip
    taken = {f"full-{number}" for number in program.stdout.split()}
    assert "full-after" in taken and 1 < len(taken) < 9, program.stderr
    with Recorder(client, tmp_path) as recorder:
        recorder.flush()
    assert site.charges("FULL").keys() == taken


def test_calls_stay_on_disk_while_the_key_is_wrong(site, client, tmp_path):
    site.make_wallets("KEYS")
    with Client(site.server.url, "wrong") as wrong:
        recorder = Recorder(wrong, tmp_path, interval=60)
        recorder.add(ended("KEYS", "keys"))
        with pytest.raises(NotAllowed):
            recorder.flush()
        assert isinstance(recorder.last_error, NotAllowed)
        recorder.close()
    with Recorder(client, tmp_path) as recorder:
        recorder.flush()
        assert recorder.waiting() == 0
    assert site.charges("KEYS").keys() == {"keys"}


def test_results_say_what_became_of_each_call(site, client):
    site.make_wallets("EACH")
    call = ended("EACH", "each")
    results = client.record_calls(
        [call, call, ended("EACH", "each", duration_seconds=62), ended("NOBODY", "none"), {"account": "EACH"}]
    )
    assert [result.result for result in results] == ["charged", "duplicate", "conflict", "rejected", "rejected"]
    assert results[3].reason.startswith("unknown_account: ")
    right = {**call.to_json(), "duration_seconds": 59, "reason": "Ringing counted"}
    [corrected] = client.amend_calls([right])
    assert (corrected.result, corrected.difference) == ("corrected", Decimal("-0.0125"))
    [voided] = client.void_calls([{"account": "EACH", "call_ref": "each", "reason": "A test"}])
    assert (voided.difference, voided.balance_after) == (Decimal("-0.0125"), 1000)


# === READING === #


def test_a_ledger_is_read_page_by_page_without_gaps(site, client):
    site.make_wallets("PAGES")
    client.record_calls(ended("PAGES", f"page-{number}") for number in range(6))
    rows = list(client.iter_transactions("PAGES", page=3))
    assert [row.sequence for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert [row.call_ref for row in rows[1:]] == [f"page-{number}" for number in range(6)]
    # 1000 less six times two minutes at 0.0125.
    assert rows[-1].balance_after == sum(row.amount for row in rows) == Decimal("999.85")
    assert list(client.iter_transactions("PAGES", rows[4].transaction, page=1)) == rows[5:]
    assert list(client.iter_transactions("PAGES", rows[-1].transaction)) == []


def test_what_stands_is_read_with_its_types(site, client):
    site.make_wallets("STANDS", funds="1")
    quote = client.quote_call("STANDS", "live", NUMBER, seconds=61)
    assert (quote.allowed, quote.cost, quote.billed_seconds) == (True, Decimal("0.025"), 120)
    told = client.authorize_call("STANDS", "stands", "live", NUMBER, expected_seconds=60, campaign="Spring")
    [hold] = client.list_holds("STANDS")
    assert (hold.hold, hold.campaign, hold.amount) == (told.hold, "Spring", Decimal("0.0125"))
    wallet, nobody = client.get_wallets(["STANDS", "NOBODY"])
    assert (wallet.balance, wallet.held, wallet.available) == (1, Decimal("0.0125"), Decimal("0.9875"))
    assert (nobody.code, nobody.balance) == ("unknown_account", None)
    assert "STANDS" in {wallet.account for wallet in client.get_wallets()}
    assert client.get_wallets([]) == []
    conflict = client.authorize_call("STANDS", "stands", "whatsapp", NUMBER)
    assert (conflict.code, conflict.differs) == ("conflict", {"call_type": {"held": "live", "sent": "whatsapp"}})


def test_rejected_calls_are_read_and_retried(site, client):
    site.make_wallets("RETRY")
    client.record_calls(ended("RETRY", f"retry-{number}", number="+819012345678") for number in range(3))
    waiting = list(client.iter_rejections("RETRY", page=2))
    assert {one.call_ref for one in waiting} == {"retry-0", "retry-1", "retry-2"}
    assert len(waiting) == 3
    assert {(one.kind, one.code, one.field) for one in waiting} == {("charge", "destination_not_contracted", "number")}
    with site.env() as env:
        env["call.rate"].create({"plan_id": site.plan_id, "prefix": "81", "price_per_minute": "0.05"})
    results = client.retry_rejections(one.rejection for one in waiting)
    assert [(one.result, one.total_cost) for one in results] == [("charged", Decimal("0.1"))] * 3
    assert list(client.iter_rejections("RETRY")) == []
    found = client.get_calls("RETRY", ["retry-1", "never"])
    assert [(call.state, call.total_cost) for call in found] == [("charged", Decimal("0.1")), ("unknown", None)]


def test_events_are_read_in_order_and_waited_for(site, client):
    last = max((event.event for event in client.iter_events()), default=0)
    [wallet_id] = site.make_wallets("TOLD")
    read = client.iter_events(last, page=1, poll_seconds=0.2)
    told = [next(read) for _event in range(2)]
    assert [event.type for event in told] == ["wallet.set_up", "wallet.restored"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, read)
        time.sleep(0.5)
        status, _answer = site.staff.call("call.wallet", "action_pause", ids=[wallet_id], reason="Fraud check")
        assert status == 200
        event = waiting.result(timeout=20)
    assert (event.type, event.account, event.data["reason"]) == ("wallet.paused", "TOLD", "Fraud check")
    assert event.event > told[-1].event > told[0].event


# === WHAT A PROGRAM GETS WRONG === #


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("accounts", ("get_wallets", "ACME")), ("call_refs", ("get_calls", "ACME", "abc")),
        ("rejections", ("retry_rejections", "12")), ("rejections", ("retry_rejections", 12)),
        ("calls", ("record_calls", {"account": "ACME"})), ("calls", ("amend_calls", "abc")),
        ("calls", ("void_calls", {"account": "ACME"})), ("calls", ("record_calls", None)),
    ],
)  # fmt: skip
def test_one_thing_is_no_list_of_things(name, arguments):
    method, *values = arguments
    with Client("http://127.0.0.1:9", "key", patience=0) as client, pytest.raises(TypeError, match=f"^{name}: "):
        getattr(client, method)(*values)


def test_a_call_s_time_may_be_text_and_has_a_time_zone():
    at = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    for told in ("2026-11-02T09:30:00Z", "2026-11-02T10:30:00+01:00", at):
        call = ended("ACME", "text", started_at=told)
        assert (call.started_at, call.to_json()["started_at"]) == (at, "2026-11-02T09:30:00+00:00")
    for wrong in ("yesterday", "2026-11-02T09:30:00", datetime(2026, 11, 2, 9, 30)):
        with pytest.raises(ValueError, match="^started_at: "):
            ended("ACME", "text", started_at=wrong)
    with pytest.raises(TypeError, match="^started_at: "):
        ended("ACME", "text", started_at=1793611800)


def test_an_inbound_call_may_have_no_number(site, client):
    site.make_wallets("WITHHELD")
    with client.call("WITHHELD", "in-call", "live", None, direction="inbound") as call:
        call.start()
    inbound = EndedCall(
        account="WITHHELD", call_ref="in", call_type="live", direction="inbound", status="completed",
        started_at=started_at(), duration_seconds=61,
    )  # fmt: skip
    assert "number" not in inbound.to_json()
    assert [call.result.result, client.record_calls([inbound])[0].result] == ["charged", "charged"]
    assert client.get_calls("WITHHELD", ["in"])[0].number == "Withheld"


# === TYPES === #

SHAPES = {
    "Authorization": records.Authorization, "Quote": records.Quote, "Hold": records.Hold,
    "RecordedCall": records.RecordedCall, "CorrectedCall": records.CorrectedCall, "RetriedCall": records.RetriedCall,
    "Correction": records.Correction, "CallState": records.CallState, "Rejection": records.Rejection,
    "Wallet": records.Wallet, "Transaction": records.Transaction, "Event": records.Event, "Call": EndedCall,
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_records_have_the_fields_that_are_described(name):
    schema, record = document()["components"]["schemas"][name], SHAPES[name]
    hints = typing.get_type_hints(record)
    hints.pop("raw", None)
    assert hints.keys() == schema["properties"].keys()
    for field, hint in hints.items():
        described = schema["properties"][field]
        is_amount = described.get("pattern", "").startswith("^-?[0-9]")
        is_moment = described.get("format") == "date-time"
        kind = next((one for one in typing.get_args(hint) if one is not type(None)), hint)
        assert (kind is Decimal, kind is datetime) == (is_amount, is_moment), field


def test_every_described_method_is_one_of_the_client_s():
    for path in document()["paths"]:
        assert callable(getattr(Client, path.rpartition("/")[2]))


# === WEBHOOKS === #

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four").decode()
STAMP = "2026-11-02T09:31:05+00:00"
MESSAGE = {"type": "wallet.low", "timestamp": STAMP, "data": {"account": "ACME", "event": 512}}


def signed(body, at=None, secret=SECRET, identity="evt_512"):
    """Sign as the standard's own library does."""
    at = at or datetime.now(UTC)
    signature = Webhook(secret).sign(identity, at, body)
    return {"Webhook-Id": identity, "Webhook-Timestamp": str(int(at.timestamp())), "Webhook-Signature": signature}


def test_a_webhook_is_read_when_it_is_the_wallet_s():
    body = json.dumps(MESSAGE)
    other = "whsec_" + base64.b64encode(b"another secret, replaced").decode()
    event = verify_webhook([other, SECRET], signed(body), body.encode())
    assert (event.id, event.type, event.account, event.event) == ("evt_512", "wallet.low", "ACME", 512)
    assert event.timestamp == datetime(2026, 11, 2, 9, 31, 5, tzinfo=UTC)
    both = {**signed(body), "Webhook-Signature": "v1,AAAA v1a,BBBB " + signed(body)["Webhook-Signature"]}
    assert verify_webhook(SECRET, both, body).id == "evt_512"
    # A test is sent at once, and stands in no order with the others.
    test = json.dumps({"type": "webhook.test", "timestamp": STAMP, "data": {"account": "TEST", "event": None}})
    told = verify_webhook(SECRET, signed(test), test)
    assert (told.type, told.account, told.event) == ("webhook.test", "TEST", None)


def forged():
    body, now = json.dumps(MESSAGE), datetime.now(UTC)
    yield signed(body, secret="whsec_" + base64.b64encode(b"somebody else's secret!").decode()), body
    yield signed(body), json.dumps({**MESSAGE, "type": "wallet.empty"})
    yield {**signed(body), "Webhook-Id": "evt_513"}, body
    yield signed(body, now - timedelta(minutes=6)), body
    yield signed(body, now + timedelta(minutes=6)), body
    yield {**signed(body), "Webhook-Timestamp": "now"}, body
    yield {**signed(body), "Webhook-Signature": "v1," + "A" * 44}, body
    yield {}, body
    yield signed("[]"), "[]"
    yield signed("no json"), "no json"


def test_a_webhook_that_is_forged_old_or_unreadable_is_refused():
    for headers, body in forged():
        with pytest.raises(WebhookRefused):
            verify_webhook(SECRET, headers, body)
