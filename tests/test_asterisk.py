"""Real telephone calls through a real Asterisk, charged by a real server: to the second, once, and within the funds."""

import contextlib
import time
from decimal import Decimal

import pytest

from .asterisk_site import (
    ANSWERS,
    BUSY,
    MORE,
    RINGS,
    a_site,
    all_reported,
    an_exchange,
    assert_agree,
    charged_seconds,
    talks,
    usage,
    wait_until,
    wallet,
)

pytestmark = [pytest.mark.real_commits, pytest.mark.rest]


@pytest.fixture(scope="module")
def site(shared_registry):
    with a_site(shared_registry) as site:
        yield site


@pytest.fixture(scope="module")
def line(site, tmp_path_factory):
    """An exchange whose service holds four seconds at a time; each test leaves it running and idle."""
    with an_exchange(
        site, tmp_path_factory.mktemp("line"), options={"hold_seconds": "4", "extend_before": "2", "patience": "2"},
        dialplan={"more": MORE},
    ) as line:  # fmt: skip
        yield line


# === WITHIN THE FUNDS === #


def test_calls_at_once_share_a_small_wallet_and_are_cut_when_it_is_empty(site, line):
    # 0.030 are thirty seconds, of six who would talk for ever.
    site.make_wallets("SHARED", funds="0.030")

    calls = line.place([("SHARED", ANSWERS)] * 6)

    all_reported(line)
    assert [call.was_cut for call in calls] == [True] * 6
    assert_agree(line, site, "SHARED")
    assert sum(charged_seconds(site, "SHARED")) == 30
    assert wallet(site, "SHARED") == (0, 0)
    # Cut at 3.5, 7.5 ... seconds: never longer than what was held and paid.
    for ref, talk in talks(line, "SHARED").items():
        assert talk <= usage(site, "SHARED")[ref][0]


def test_who_hangs_up_pays_each_begun_second_and_the_call_is_told_as_the_dialplan_says(site, line):
    site.make_wallets("CALLER", funds="1")

    calls = line.place([("CALLER", ANSWERS)] * 2, seconds=4.3)

    all_reported(line)
    assert [call.was_cut for call in calls] == [False] * 2
    assert_agree(line, site, "CALLER")
    # 4.3 seconds and a moment are five, at 0.001 each; they were extended once.
    assert charged_seconds(site, "CALLER") == [5, 5]
    assert wallet(site, "CALLER") == (Decimal("0.990"), 0)
    with site.env() as env:
        [call, _] = env["call.usage"].search([("wallet_id.account_ref", "=", "CALLER")])
        assert (call.campaign_id.name, call.manager_id.email, call.application_ref, call.number) == (
            "Winter sale", "anna@example.com", "dialler-7", ANSWERS,
        )  # fmt: skip


def test_calls_that_are_not_answered_are_listed_as_what_became_of_them_and_cost_nothing(site, line):
    site.make_wallets("QUIET", funds="1")

    [engaged] = line.place([("QUIET", BUSY)])
    given_up = line.begin([("QUIET", RINGS)], seconds=1, scenario="gives_up.xml")
    [unheard] = line.place([("QUIET", RINGS)])
    given_up()

    all_reported(line)
    assert engaged.status == 486
    assert unheard.status >= 400
    assert sorted((status, seconds, cost) for seconds, status, cost in usage(site, "QUIET").values()) == [
        ("busy", 0, 0), ("canceled", 0, 0), ("no_answer", 0, 0),
    ]  # fmt: skip
    assert wallet(site, "QUIET") == (1, 0)


# === REFUSALS === #


def test_who_may_not_call_hears_why_and_gets_the_sip_status_that_says_so(site, line):
    site.make_wallets("POOR", funds="0.000001")
    site.make_wallets("RICH", funds="1")

    begin = time.monotonic()
    calls = line.place([("POOR", ANSWERS), ("NOBODY", ANSWERS), ("RICH", "+81312345678"), ("RICH", "+1")])

    assert {(call.account, call.number): call.status for call in calls} == {
        ("POOR", ANSWERS): 403, ("NOBODY", ANSWERS): 403, ("RICH", "+81312345678"): 404, ("RICH", "+1"): 484,
    }  # fmt: skip
    assert time.monotonic() - begin > 3, "no announcement"
    all_reported(line)
    assert usage(site, "RICH") == usage(site, "POOR") == {}
    assert site.platform_key not in line.log.read_text()
    assert wallet(site, "RICH") == (1, 0)


# === WHAT OTHERS REPORT === #


def test_who_was_answered_by_a_menu_pays_from_the_callee_s_answer(site, line):
    site.make_wallets("MENU", funds="1")
    # Answered at once; asked after two seconds of a menu, and it rings for 0.3 seconds.
    [call] = line.place([("MENU", "+33542685301")], seconds=5.3)

    all_reported(line)
    assert call.seconds > 5.2
    # 5.3 - 2 - 0.3 = 3.0 seconds with the callee, less what the question takes.
    assert charged_seconds(site, "MENU") == [3]
    # Nor has Asterisk's own record the menu, by which the call is charged where nobody heard the answer.
    assert max(talks(line, "MENU").values()) < 3.5


def test_calls_behind_a_local_channel_are_cut_and_charged_once(site, line):
    site.make_wallets("LOCAL", funds="0.004")
    [call] = line.place([("LOCAL", "+33642685301")])

    all_reported(line)
    # 0.004 are four seconds.
    assert call.was_cut and 2.9 < call.seconds <= 4
    assert charged_seconds(site, "LOCAL") == [4]
    assert wallet(site, "LOCAL") == (0, 0)


def test_several_telephones_that_ring_and_what_follows_the_call_are_no_part_of_its_price(site, line):
    site.make_wallets("FORKED", funds="1")
    line.place([("FORKED", "+33742685301")], seconds=1.3)

    all_reported(line)
    assert charged_seconds(site, "FORKED") == [2]


def test_a_callee_whom_the_caller_has_transferred_is_still_cut_and_paid(site, line):
    site.make_wallets("BLIND", funds="0.008")
    calls = line.begin([("BLIND", ANSWERS)])
    caller = talking_caller(line)
    time.sleep(1)
    line.tell("BlindTransfer", Channel=caller, Context="carriers", Exten="+33142685309")
    calls()
    wait_until(lambda: not channels(line), "somebody still talks")

    all_reported(line)
    # 0.008 are eight seconds: one or two with the caller, and what was left with the other telephone.
    assert charged_seconds(site, "BLIND") == [8]
    assert wallet(site, "BLIND") == (0, 0)


def test_so_is_one_whom_the_caller_has_announced_before(site, line):
    site.make_wallets("ATTENDED", funds="0.016")
    calls = line.begin([("ATTENDED", ANSWERS)])
    caller = talking_caller(line)
    # It begins with a word to the caller, and with digits that are sometimes not heard.
    for _attempt in range(2):
        line.tell("Atxfer", Channel=caller, Context="carriers", Exten="+33142685309")
        with contextlib.suppress(AssertionError):
            wait_until(lambda: any("Local/" in row and "!Up!" in row for row in channels(line)), "no answer", 6)
            break
    line.tell("Hangup", Channel=caller)
    calls()
    wait_until(lambda: not channels(line), "somebody still talks")

    all_reported(line)
    # Both callees were together, until all sixteen seconds were used up.
    assert charged_seconds(site, "ATTENDED") == [16]
    assert wallet(site, "ATTENDED") == (0, 0)


def channels(line):
    return line.asterisk.ask("core show channels concise").splitlines()


def talking_caller(line):
    """Return the caller's channel, once somebody has answered."""
    wait_until(lambda: sum("!Up!" in row for row in channels(line)) == 2, "nobody talks")
    return next(row.split("!")[0] for row in channels(line) if "!Dial!" in row)


def test_a_connection_to_the_manager_that_breaks_costs_no_call(site, line):
    site.make_wallets("BROKEN", funds="1")
    talking = line.begin([("BROKEN", ANSWERS)] * 2, seconds=5.2)
    wait_until(lambda: line.asterisk.ask("core show channels").count(" Up ") >= 4, "nobody talks")
    for row in line.asterisk.ask("manager show connected").splitlines()[1:-1]:
        with contextlib.suppress(IndexError):
            line.asterisk.ask(f"manager kick session {row.split()[4]}")
    calls = talking()

    all_reported(line)
    assert "the connection to Asterisk's manager is lost" in line.log.read_text()
    assert [call.was_cut for call in calls] == [False] * 2
    assert_agree(line, site, "BROKEN")
    assert charged_seconds(site, "BROKEN") == [6, 6]
