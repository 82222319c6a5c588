"""Calls of a switch that speaks RADIUS: radclient, a real FreeRADIUS with the files we hand out, a real Odoo."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from .conftest import OdooServer, a_private_database, a_private_registry
from .freeradius import FreeRadius
from .load_site import Site

pytestmark = [pytest.mark.real_commits, pytest.mark.rest]

CALL = {"Called_Station_Id": "+14155550100", "NAS_Identifier": "sw1"}
PATIENCE = 40


@pytest.fixture(scope="module")
def shared_site(databases, addon_template):
    """A site with a running server, ``site.server``, which a test may kill if it starts it again."""
    with (
        a_private_database(databases, addon_template) as database,
        a_private_registry(database) as registry,
    ):
        site = Site(registry)
        site.server = OdooServer(database).start()
        yield site
        site.server.kill()


@pytest.fixture
def site(shared_site, request):
    """The shared site, with a call source and a wallet of this test's own that has 10.00."""
    site = shared_site
    site.account = request.node.name.upper()[:60]
    site.make_wallets(site.account, funds="10")
    with site.env() as env:
        source = env["call.source"].create({"name": site.account, "kind": "radius", "company_id": env.company.id})
        site.token, site.secret = source.token, source.secret
    return site


@pytest.fixture
def start_radius(site, tmp_path):
    """A function that starts a FreeRADIUS for the source; with another password or other settings where told."""
    started = []

    def start(secret=None, changes=None):
        address = f"{site.server.url}/call_wallet/source/{site.token}"
        folder = tmp_path / str(len(started))
        started.append(FreeRadius(folder, address, secret or site.secret, changes))
        return started[-1].start()

    yield start
    for server in started:
        server.kill()


def utcnow():
    return datetime.now(UTC).replace(tzinfo=None)


def costs(site):
    return {ref: charge[0] for ref, [charge] in site.charges(site.account).items()}


def holds(site):
    return site.select(
        "SELECT h.state, h.amount::text FROM call_wallet_hold h JOIN call_wallet w ON w.id = h.wallet_id"
        " WHERE w.account_ref = %s ORDER BY h.id",
        site.account,
    )


def ended(site):
    """Number, seconds, status and start of each call."""
    return site.select(
        "SELECT u.number, u.duration_seconds, u.status, u.started_at"
        "  FROM call_usage u JOIN call_wallet w ON w.id = u.wallet_id WHERE w.account_ref = %s ORDER BY u.id",
        site.account,
    )


def wait_for(is_there):
    deadline = time.monotonic() + PATIENCE
    while not is_there():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.2)


def test_calls_of_two_switches(site, start_radius):
    radius = start_radius()

    accepted = radius.ask(User_Name=site.account, User_Password="not asked for", Acct_Session_Id="5A01", **CALL)
    assert accepted.kind == "Access-Accept"
    # An hour, the source's longest call: 60 x 0.0125 = 0.75 are held.
    assert accepted.attributes["Session-Timeout"] == "3600"
    assert holds(site) == [("held", "0.750000")]
    # What the switch sends back unchanged.
    mark = accepted.attributes["Class"].encode()
    begun = utcnow()
    for kind, seconds in (("Start", None), ("Interim-Update", 60), ("Stop", 61), ("Stop", 61)):
        answer = radius.tell(
            kind, User_Name=site.account, Acct_Session_Id="5A01", Acct_Session_Time=seconds, Class=mark,
            Acct_Terminate_Cause=b"User-Request", **CALL,
        )  # fmt: skip
        assert answer.kind == "Accounting-Response"
    # Another switch counts in the same way; its call was never authorised.
    other = {**CALL, "NAS_Identifier": "sw2"}
    radius.tell("Stop", User_Name=site.account, Acct_Session_Id="5A01", Acct_Session_Time=121, **other)

    # 61 s are 2 minutes at 0.0125, 121 s are 3.
    assert costs(site) == {"sw1@127.0.0.1:5A01": "0.025000", "sw2@127.0.0.1:5A01": "0.037500"}
    [first, second] = ended(site)
    assert first[:3] == ("+14155550100", 61, "completed")
    assert second[:3] == ("+14155550100", 121, "completed")
    # No switch said when; FreeRADIUS did. The one began with its Start, the other so long before its Stop.
    assert abs(first[3] - begun) < timedelta(seconds=10)
    assert abs(second[3] - begun + timedelta(seconds=121)) < timedelta(seconds=10)
    assert [state for state, _amount in holds(site)] == ["settled"]
    site.assert_sound()


def test_refusals_say_why(site, start_radius):
    poor = f"{site.account[:50]}.POOR"
    site.make_wallets(poor, funds="0.05")
    radius = start_radius()

    accepted = radius.ask(User_Name=poor, Acct_Session_Id="1", **CALL)
    assert accepted.attributes["Session-Timeout"] == "240"  # 0.05 / 0.0125 = 4 minutes
    rejected = radius.ask(User_Name=poor, Acct_Session_Id="2", **CALL)
    assert rejected.kind == "Access-Reject"
    assert "not enough balance" in rejected.attributes["Reply-Message"]
    rejected = radius.ask(User_Name=poor, Acct_Session_Id="3", **{**CALL, "Called_Station_Id": "+861012345678"})
    assert "not in your contract" in rejected.attributes["Reply-Message"]
    # What looks like FreeRADIUS' own language is carried out nowhere.
    rejected = radius.ask(User_Name="%{User-Name}%{exec:/bin/false}", Acct_Session_Id="%{4}", **CALL)
    assert (rejected.kind, "No call wallet" in rejected.attributes["Reply-Message"]) == ("Access-Reject", True)

    assert not radius.answers_unsigned(poor)

    wrong = start_radius(secret="wrong")
    rejected = wrong.ask(User_Name=poor, Acct_Session_Id="5", **CALL)
    assert rejected.kind == "Access-Reject"
    assert "does not answer" in rejected.attributes["Reply-Message"]
    # What the wallet does not take for want of the right password waits until somebody enters it.
    assert wrong.tell("Stop", User_Name=poor, Acct_Session_Id="6", Acct_Session_Time=60, **CALL).kind
    time.sleep(3)
    assert list(wrong.waiting.iterdir())


def test_session_numbers_with_signs_in_them(site, start_radius):
    # And the bodies come in pieces.
    radius = start_radius(changes={"timeout = 10.0": "timeout = 10.0\n\t\tchunk = 512"})
    for number, session in enumerate(('a"b\\n%{User-Name}', "c@[2001:db8::1]:5060;x=1", "José", "x" * 250)):
        accepted = radius.ask(User_Name=site.account, Acct_Session_Id=session, **CALL)
        assert accepted.kind == "Access-Accept"
        answer = radius.tell(
            "Stop", User_Name=site.account, Acct_Session_Id=session, Acct_Session_Time=60,
            Class=accepted.attributes["Class"].encode(), **CALL,
        )  # fmt: skip
        assert answer.kind == "Accounting-Response"
        assert len(site.charges(site.account)) == number + 1
    assert [state for state, _amount in holds(site)] == ["settled"] * 4
    assert set(costs(site).values()) == {"0.012500"}


def test_freeradius_is_killed_in_the_middle_of_a_call(site, start_radius):
    radius = start_radius()
    call = {"User_Name": site.account, "Acct_Session_Id": "5A01", **CALL}
    radius.ask(**call)
    radius.tell("Start", **call)
    radius.kill()
    radius.start()
    assert radius.tell("Stop", Acct_Session_Time=61, Acct_Delay_Time=20, **call).kind == "Accounting-Response"
    assert costs(site) == {"sw1@127.0.0.1:5A01": "0.025000"}
    assert [state for state, _amount in holds(site)] == ["settled"]


def test_the_wallet_is_away(site, start_radius):
    radius = start_radius()
    call = {"User_Name": site.account, "Acct_Session_Id": "5A01", **CALL}
    radius.ask(**call)
    site.server.kill()

    # Nobody begins to call, and nothing of what ends is lost: the switch is told that it is taken.
    rejected = radius.ask(**{**call, "Acct_Session_Id": "5A02"})
    assert (rejected.kind, "does not answer" in rejected.attributes["Reply-Message"]) == ("Access-Reject", True)
    hung_up = utcnow()
    for session, seconds in (("5A01", 61), ("5A03", 121)):
        told = radius.tell("Stop", **{**call, "Acct_Session_Id": session}, Acct_Session_Time=seconds)
        assert told.kind == "Accounting-Response"
    # Not even where FreeRADIUS is killed as well, and starts while the wallet is still away.
    radius.kill()
    radius.start()
    assert list(radius.waiting.iterdir())
    time.sleep(2)
    site.server.start()

    wait_for(lambda: len(site.charges(site.account)) == 2)
    assert costs(site) == {"sw1@127.0.0.1:5A01": "0.025000", "sw1@127.0.0.1:5A03": "0.037500"}
    # By when they ended, not by when the wallet heard of it.
    for _number, seconds, _status, started_at in ended(site):
        assert abs(started_at - hung_up + timedelta(seconds=seconds)) < timedelta(seconds=5)
    assert radius.ask(**{**call, "Acct_Session_Id": "5A04"}).kind == "Access-Accept"
    wait_for(lambda: not list(radius.waiting.iterdir()))
    site.assert_sound()


OPEN = """			update control {
				&Auth-Type := Accept
			}
			update reply {
				&Session-Timeout := 120
			}
			ok
"""


def test_open_while_the_wallet_is_away(site, start_radius):
    radius = start_radius(changes={"\t\t\treject\n": OPEN, "\t\t\t\t&Reply-Message := ": "\t\t\t\t#"})
    call = {"User_Name": site.account, "Acct_Session_Id": "5A01", **CALL}
    site.server.kill()
    accepted = radius.ask(**call)
    assert (accepted.kind, accepted.attributes["Session-Timeout"]) == ("Access-Accept", "120")
    radius.tell("Stop", Acct_Session_Time=120, **call)
    site.server.start()
    wait_for(lambda: site.charges(site.account))
    assert costs(site) == {"sw1@127.0.0.1:5A01": "0.025000"}  # 2 minutes at 0.0125
    # With the wallet there, it decides.
    assert radius.ask(**{**call, "User_Name": "nobody"}).kind == "Access-Reject"
