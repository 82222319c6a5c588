"""Real calls while the service, Asterisk or the wallet is killed: none is lost or doubled, and none too long."""

import time
from decimal import Decimal

import pytest

from .asterisk_site import (
    ANSWERS,
    SLOW,
    a_site,
    all_reported,
    an_exchange,
    assert_agree,
    charged_seconds,
    talks,
    wait_until,
    wallet,
)
from .client_package import DROP, Proxy

pytestmark = [pytest.mark.real_commits, pytest.mark.rest]


@pytest.fixture(scope="module")
def site(shared_registry):
    with a_site(shared_registry) as site:
        yield site


@pytest.fixture(scope="module")
def line(site, tmp_path_factory):
    """An exchange whose service holds four seconds at a time; each test leaves it running and idle."""
    options = {"hold_seconds": "4", "extend_before": "2", "patience": "2"}
    with an_exchange(site, tmp_path_factory.mktemp("line"), options=options) as line:
        yield line


# === WITHOUT THE WALLET === #


def test_while_the_wallet_is_away_calls_do_not_start_and_those_in_progress_are_charged_afterwards(site, line):
    site.make_wallets("AWAY", funds="1")
    talking = line.begin([("AWAY", ANSWERS)] * 2)
    wait_until(lambda: line.asterisk.ask("core show channels").count(" Up ") >= 4, "nobody talks")
    site.server.kill()
    [refused] = line.place([("AWAY", ANSWERS)])
    calls = talking()
    site.server.start()

    all_reported(line)
    assert refused.status == 500
    # They could not be extended, and ended with the seconds that they had.
    assert [call.was_cut for call in calls] == [True] * 2
    assert_agree(line, site, "AWAY")
    assert all(seconds in (4, 8) for seconds in charged_seconds(site, "AWAY"))
    assert len(charged_seconds(site, "AWAY")) == 2


def test_open_calls_last_so_long_without_the_wallet_and_are_charged_when_it_is_back(site, tmp_path):
    site.make_wallets("OPEN", funds="1")
    site.make_wallets("EMPTY", funds="0.000001")
    options = {"when_unreachable": "open", "open_seconds": "2", "patience": "1"}
    with an_exchange(site, tmp_path, options=options) as line:
        assert [call.status for call in line.place([("EMPTY", ANSWERS)])] == [403]
        site.server.kill()
        calls = line.place([("OPEN", ANSWERS), ("OPEN", ANSWERS), ("EMPTY", ANSWERS)])
        site.server.start()

        all_reported(line)
        # Who had no funds at the last answer does not call at the operator's risk.
        assert sorted((call.account, call.status, call.was_cut) for call in calls) == [
            ("EMPTY", 403, False), ("OPEN", 200, True), ("OPEN", 200, True),
        ]  # fmt: skip
        assert_agree(line, site, "OPEN")
        assert charged_seconds(site, "OPEN") == [2, 2]


def test_what_is_held_by_a_question_whose_answer_was_lost_is_given_back(site, tmp_path):
    site.make_wallets("LOST", funds="1")
    with Proxy(site.server.url, [DROP] * 30) as proxy:
        with an_exchange(site, tmp_path, url=proxy.url, options={"patience": "1"}) as line:
            [refused] = line.place([("LOST", ANSWERS)])
            assert refused.status == 500
            assert wallet(site, "LOST")[1] > 0
            # Not forgotten by a service that is killed before it could say so.
            line.kill_service()
            proxy.plan.clear()
            line.start_service()

            all_reported(line)
            assert wallet(site, "LOST") == (1, 0)


# === WITHOUT THE SERVICE, OR ASTERISK === #


def test_a_killed_service_s_calls_are_cut_by_asterisk_alone_and_charged_once_it_is_back(site, line):
    site.make_wallets("ALONE", funds="1")
    talking = line.begin([("ALONE", ANSWERS)] * 3)
    wait_until(lambda: line.log.read_text().count("ALONE may call") == 3, "nobody was asked about")
    line.kill_service()
    calls = talking()
    # Rotated before anybody has read it.
    line.cdr_file.rename(line.cdr_file.with_name("call_wallet.csv.1"))
    [refused] = line.place([("ALONE", ANSWERS)])
    line.start_service()

    all_reported(line)
    # The dialplan is closed without the service.
    assert refused.status == 500
    assert [(call.was_cut, call.seconds < 4) for call in calls] == [(True, True)] * 3
    assert_agree(line, site, "ALONE")
    assert charged_seconds(site, "ALONE") == [4, 4, 4]
    # 1 - 3 x 0.004
    assert wallet(site, "ALONE") == (Decimal("0.988"), 0)


def test_a_service_that_is_killed_and_back_goes_on_with_its_calls(site, tmp_path):
    site.make_wallets("BACK", funds="1")
    with an_exchange(site, tmp_path, options={"hold_seconds": "5", "extend_before": "2"}) as line:
        # It rings for two seconds, and is answered while the service is away: Asterisk tells the new one.
        ringing = line.begin([("BACK", SLOW)], seconds=6.2)
        talking = line.begin([("BACK", ANSWERS)], seconds=6.2)
        wait_until(lambda: line.log.read_text().count("BACK may call") == 2, "nobody was asked about")
        time.sleep(1)
        line.kill_service()
        time.sleep(1.5)
        line.start_service()
        calls = talking() + ringing()

        all_reported(line)
        assert line.log.read_text().count("picked up again") == 2
        # Five seconds were held when it was killed.
        assert [call.was_cut for call in calls] == [False] * 2
        assert_agree(line, site, "BACK")
        assert charged_seconds(site, "BACK") == [7, 7]


def test_calls_begun_without_the_service_are_adopted_and_charged_where_the_dialplan_is_open(site, tmp_path):
    site.make_wallets("GONE", funds="1")
    options = {"hold_seconds": "4", "extend_before": "2"}
    with an_exchange(site, tmp_path, options=options, dialplan={"open_seconds": 4}) as line:
        line.kill_service()
        [ended] = line.place([("GONE", ANSWERS)], seconds=1.2)
        talking = line.begin([("GONE", ANSWERS)], seconds=6.2)
        time.sleep(1.5)
        line.start_service()
        [lasting] = talking()

        all_reported(line)
        assert (ended.was_cut, lasting.was_cut) == (False, False)
        assert_agree(line, site, "GONE")
        assert charged_seconds(site, "GONE") == [2, 7]


def test_a_killed_asterisk_s_calls_are_charged_until_it_was_last_there(site, tmp_path):
    site.make_wallets("CRASH", funds="1")
    with an_exchange(site, tmp_path, options={"hold_seconds": "6", "extend_before": "1"}) as line:
        line.begin([("CRASH", ANSWERS)] * 2)
        wait_until(lambda: line.asterisk.ask("core show channels").count(" Up ") >= 4, "nobody talks")
        time.sleep(1.5)
        line.asterisk.kill()
        line.kill_telephones()
        time.sleep(2)
        line.asterisk.start()

        all_reported(line)
        assert talks(line, "CRASH") == {}
        assert all(2 <= seconds <= 3 for seconds in charged_seconds(site, "CRASH"))
        assert len(charged_seconds(site, "CRASH")) == 2
        assert wallet(site, "CRASH")[1] == 0
