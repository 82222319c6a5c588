"""The call button and OCA's softphone: Chromium with a microphone of its own, SIP.js, and a real Asterisk.

A minute costs 0.60 and is billed by the second, so each second that is talked is a cent.
"""

import csv
import json
import os
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from odoo.exceptions import AccessError, UserError

from .browser import HELPERS
from .conftest import REPO, OdooServer, a_private_registry
from .real_commits import environment

pytestmark = [pytest.mark.real_commits, pytest.mark.rest]

LOGIN = "softphone.edda"
# What answers how; the numbers are those that SIP.js dials, without the plus sign.
TALKS_ON, HANGS_UP, IS_BUSY, IS_SILENT = "14155550100", "14155550101", "14155550102", "14155550103"
DIALPLAN = f"""
[softphone]
exten => {TALKS_ON},1,Answer()
 same => n,Wait(60)
exten => {HANGS_UP},1,Ringing()
 same => n,Wait(1.2)
 same => n,Answer()
 same => n,Wait(2.5)
 same => n,Hangup()
exten => {IS_BUSY},1,Busy(5)
exten => {IS_SILENT},1,Ringing()
 same => n,Wait(30)
exten => 101,1,Answer()
 same => n,Wait(1)
"""
PJSIP = """
[ws]
type = transport
protocol = ws
bind = 127.0.0.1
[edda]
type = aor
max_contacts = 5
remove_existing = yes
[edda]
type = auth
auth_type = userpass
username = edda
password = secret-of-edda
[edda]
type = endpoint
aors = edda
auth = edda
webrtc = yes
context = softphone
rtp_timeout = 5
disallow = all
allow = ulaw
"""
CHROMIUM = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
)

# === WHAT IS THERE === #


@pytest.fixture(scope="module")
def bootstrap():
    sys.path.insert(0, str(REPO / "scripts"))
    try:
        import screenshots
        from bootstrap import telephony
    finally:
        sys.path.remove(str(REPO / "scripts"))
    return {"telephony": telephony, "screenshots": screenshots}


@pytest.fixture(scope="module")
def asterisk(bootstrap):
    """A real Asterisk with a WebSocket for SIP; ``.port`` is that of the WebSocket."""
    telephony = bootstrap["telephony"]
    port = telephony.free_port()
    files = {
        "http.conf": f"[general]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {port}\n",
        "pjsip.conf": PJSIP,
        "extensions.conf": DIALPLAN,
        "rtp.conf": "[general]\nrtpstart = 10000\nrtpend = 30000\nicesupport = yes\n",
    }
    with telephony.Asterisk(telephony.ensure(), files, systemname="softphone") as running:
        running.port = port
        yield running
        running.kill()


@pytest.fixture(scope="module")
def database(databases):
    name = f"{os.environ.get('CALL_WALLET_TEST_DATABASE', 'cw_private')}_softphone"
    databases.clone(databases.softphone_template(), name)
    yield name
    databases.drop(name)


@pytest.fixture(scope="module")
def registry(databases, database):
    import odoo.addons

    softphone = databases.addons_path_with_softphone().split(",")[-1]
    # It stays there: other databases do not have it installed.
    odoo.addons.__path__.append(softphone)
    with a_private_registry(database) as registry:
        yield registry


@pytest.fixture(scope="module")
def house(registry, asterisk):
    """The id of the company's own wallet; Edda is an employee with a softphone."""
    with environment(registry) as env:
        env = env(context={**env.context, "tracking_disable": True})
        env.ref("call_wallet.demo_wallet_house").write({"active": False, "closed_at": "2026-10-01 00:00:00"})
        env.company.write({"call_wallet_hold_seconds": 5, "country_id": env.ref("base.us").id})
        rate = {"prefix": "1", "price_per_minute": "0.60", "increment_seconds": 1}
        dollar = env.ref("base.USD").id
        plan = env["call.rate.plan"].create({"name": "House", "currency_id": dollar, "rate_ids": [(0, 0, rate)]})
        wallet = env["call.wallet"].create(
            {
                "partner_id": env.company.partner_id.id,
                "account_ref": "SOFTPHONE",
                "currency_id": dollar,
                "rate_plan_id": plan.id,
                "low_balance_threshold": 0,
            }
        )
        wallet.set_recipients(["house@company.example"])
        pbx = env["voip.pbx"].create(
            {
                "name": "Asterisk",
                "domain": "127.0.0.1",
                "ws_server": f"ws://127.0.0.1:{asterisk.port}/ws",
                "mode": "prod",
                "call_wallet_extension_digits": 3,
            }
        )
        env["res.users"].create(
            {
                "name": "Edda Employee",
                "login": LOGIN,
                "password": LOGIN,
                "email": "edda@house.example",
                "lang": "en_US",
                "group_ids": [(6, 0, [env.ref("base.group_user").id, env.ref("base.group_partner_manager").id])],
                "voip_pbx_id": pbx.id,
                "voip_username": "edda",
                "voip_password": "secret-of-edda",
            }
        )
        env.cr.commit()
        return wallet.id


@pytest.fixture(scope="module")
def server(databases, database, house):
    running = OdooServer(database, workers=0, addons_path=databases.addons_path_with_softphone())
    yield running.start()
    # Open pages would keep it from stopping by itself.
    running.kill()


@pytest.fixture(scope="module")
def contact(registry, house):
    with environment(registry) as env:
        contact = env["res.partner"].create({"name": "Jo Candidate", "phone": "(415) 555-0100"})
        env.cr.commit()
        return contact.id


@pytest.fixture(scope="module")
def chromium(bootstrap, server):
    """A browser that Edda has logged in to."""
    screenshots = bootstrap["screenshots"]
    with screenshots.Browser(1280, 900, CHROMIUM) as browser:
        session = screenshots.log_in(server.url, LOGIN)
        browser.call("Network.setCookie", name="session_id", value=session.cookies["session_id"], url=server.url)
        yield browser
        # A page of it has crashed, and it would take its time to end.
        browser.kill()


@pytest.fixture(scope="module")
def open_page(chromium, server, contact):
    page = Page(chromium)
    page.open(f"{server.url}/odoo/res.partner/{contact}")
    return page


@pytest.fixture
def page(open_page):
    """The form of a contact, with the softphone connected, and no call."""
    open_page.run("for (const one of document.querySelectorAll('.o_notification_close')) { one.click(); }")
    open_page.run("missing('.o_call_wallet_panel'); await see('no message', () => !$('.o_notification'));")
    return open_page


class Page:
    def __init__(self, browser):
        self.browser = browser

    def open(self, url):
        self.browser.call("Page.navigate", url=url)
        self.until_ready()

    def until_ready(self):
        """Wait until the softphone may dial."""
        script = """(() => {
            const services = window.odoo?.__WOWL_DEBUG__?.root.env.services;
            const isRegistered = services?.voip_agent_oca?.registererState === "Registered";
            return isRegistered && !!document.querySelector("[data-call-type=live]");
        })()"""
        until(lambda: self.browser.evaluate(script), "a softphone that is registered", 60)

    def run(self, script):
        return self.browser.run(HELPERS + script)

    def press_the_button(self):
        self.run(
            """
            await see("an enabled button", () => $("[data-call-type=live]").getAttribute("aria-disabled") === "false");
            await click("[data-call-type=live]");
            await see("a clock that runs", () => /0:0[1-9]/.test(text(".o_call_wallet_panel_time")));
            """
        )

    def dial(self, number):
        """Dial by the keys of the softphone."""
        self.run(
            f"""
            if (!$(".o_voip_softphone")) {{ await click("[title=Softphone]"); }}
            if (!$(".o_numpad_input")) {{ await click(".o_voip_softphone [title='Open Numpad']"); }}
            await see("the keys", () => $(".o_numpad_input"));
            await type(".o_numpad_input", {json.dumps(number)});
            await click(".o_voip_softphone [title=Call]");
            """
        )


class House:
    """The company's wallet, as it is now."""

    def __init__(self, registry, wallet_id):
        self.registry, self.wallet_id = registry, wallet_id

    def __getattr__(self, name):
        return self.read(lambda wallet: wallet[name])

    def read(self, what):
        with environment(self.registry) as env:
            return what(env["call.wallet"].browse(self.wallet_id))

    def hold(self, amount):
        """Bring the balance to an amount."""
        with environment(self.registry) as env:
            wallet = env["call.wallet"].browse(self.wallet_id)
            missing = Decimal(amount) - wallet.balance
            if missing > 0:
                wallet.refund(str(missing), "Opening credit")
            elif missing < 0:
                # A second is a cent.
                call = {"account": "SOFTPHONE", "call_ref": f"spent-{time.time()}", "call_type": "live"}
                now = datetime.now(UTC).isoformat()
                call.update(number=f"+{TALKS_ON}", started_at=now, duration_seconds=int(-missing * 100))
                [result] = env["call.usage"].record_calls([{**call, "status": "completed"}])
                assert result["result"] == "charged", result
            env.cr.commit()

    def last_call(self):
        def read(wallet):
            usage = wallet.usage_ids.sorted("id")[-1:]
            return usage and (usage.number, usage.status, usage.duration_seconds)

        return self.read(read)


@pytest.fixture
def wallet(registry, house):
    return House(registry, house)


def calls_of(asterisk):
    """Return what Asterisk has recorded: (number, disposition, seconds from the answer) of each call, in order."""
    path = asterisk.logs / "cdr-csv/Master.csv"
    rows = list(csv.reader(path.open())) if path.exists() else []
    return [(row[2], row[14], int(row[13])) for row in rows]


def until(question, what, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not seen: {what}")


# === WHAT MUST HOLD === #


def test_the_button_dials_what_the_wallet_allows_and_cuts_at_what_it_holds(page, wallet, asterisk):
    wallet.hold("0.07")
    page.press_the_button()
    page.run(
        """
        await seeText(".o_call_wallet_panel", "Jo Candidate");
        await seeText(".o_voip_softphone", "Jo Candidate");
        missing("[data-call-end=no_answer]");
        await seeText(".o_notification", "Call recorded");
        await see("no panel", () => !$(".o_call_wallet_panel"));
        """
    )
    # 5 s are held at first, 2 s more in time: 7 s at 0.01.
    assert (wallet.balance, wallet.held_amount) == (0, 0)
    assert wallet.last_call() == ("+14155550100", "completed", 7)
    number, disposition, seconds = until(lambda: calls_of(asterisk), "the call at Asterisk")[-1]
    assert (number, disposition) == (TALKS_ON, "ANSWERED")
    assert 6 <= seconds <= 7


def test_a_refused_call_is_not_dialled_and_says_why(page, wallet, asterisk):
    wallet.hold("0.50")
    before = len(calls_of(asterisk))
    page.dial("+442079460000")
    page.run('await seeText(".o_notification", "not in your contract"); $(".o_notification_close").click();')
    wallet.hold("0.00")
    page.dial(f"+{TALKS_ON}")
    page.run('await seeText(".o_notification", "Add balance under Billing"); missing(".o_call_wallet_panel");')
    assert "0 active channels" in asterisk.ask("core show channels count")
    assert len(calls_of(asterisk)) == before
    assert wallet.held_amount == 0


def test_an_internal_extension_is_dialled_without_the_wallet(page, wallet, asterisk):
    wallet.hold("0.00")
    before = len(calls_of(asterisk))
    page.dial("101")
    until(lambda: len(calls_of(asterisk)) > before, "the call at Asterisk")
    assert calls_of(asterisk)[-1][:2] == ("101", "ANSWERED")
    page.run('missing(".o_call_wallet_panel"); missing(".o_notification");')
    assert wallet.balance == 0


def test_a_call_that_the_other_side_ends_is_charged_for_its_seconds(page, wallet, asterisk):
    wallet.hold("0.50")
    before = len(calls_of(asterisk))
    page.dial("(415) 555-0101")
    page.run(
        """
        await seeText(".o_call_wallet_panel_time", "Ringing");
        await seeText(".o_call_wallet_panel_time", "0:01");
        await seeText(".o_notification", "Call recorded");
        """
    )
    # 2.5 s: the third second has begun.
    assert wallet.last_call() == ("+14155550101", "completed", 3)
    assert (wallet.balance, wallet.held_amount) == (Decimal("0.47"), 0)
    until(lambda: len(calls_of(asterisk)) == before + 1, "the call at Asterisk")
    assert calls_of(asterisk)[-1] == (HANGS_UP, "ANSWERED", 2)


def test_a_call_that_is_not_answered_costs_nothing(page, wallet):
    wallet.hold("0.50")
    page.dial("+1 415 555 0102")
    # Busy at once: its panel may have gone before it was looked for.
    until(lambda: wallet.last_call() == ("+14155550102", "busy", 0), "the busy call is told")
    page.run('await see("no panel", () => !$(".o_call_wallet_panel"));')
    page.dial("+14155550103")
    page.run(
        """
        await seeText(".o_call_wallet_panel_time", "Ringing");
        await new Promise((resolve) => setTimeout(resolve, 500));
        await click("[data-call-end=completed]");
        await see("no panel", () => !$(".o_call_wallet_panel"));
        """
    )
    assert wallet.last_call() == ("+14155550103", "canceled", 0)
    assert (wallet.balance, wallet.held_amount) == (Decimal("0.50"), 0)


def test_a_call_without_a_microphone_fails_and_holds_nothing(page, wallet):
    wallet.hold("0.50")
    page.run(
        """
        const { mediaDevices } = navigator;
        const { getUserMedia } = mediaDevices;
        mediaDevices.getUserMedia = () => Promise.reject(new DOMException("Permission denied", "NotAllowedError"));
        try {
            await see("an enabled button", () => $("[data-call-type=live]").getAttribute("aria-disabled") === "false");
            await click("[data-call-type=live]");
            await seeText(".o_notification_content", "Permission denied");
            await see("no panel", () => !$(".o_call_wallet_panel"));
            await see("no call in the softphone", () => !text(".o_voip_softphone").includes("In call for"));
        } finally {
            mediaDevices.getUserMedia = getUserMedia;
        }
        """
    )
    assert wallet.last_call() == ("+14155550100", "failed", 0)
    assert (wallet.balance, wallet.held_amount) == (Decimal("0.50"), 0)


def test_a_second_call_is_not_taken_and_none_is_passed_on(page, wallet, asterisk):
    """A softphone that lost its own call out of its hands could not end it any more."""
    wallet.hold("0.50")
    page.press_the_button()
    asterisk.ask("channel originate PJSIP/edda application Wait 5")
    page.run(
        """
        const { voip_agent_oca: agent } = odoo.__WOWL_DEBUG__.root.env.services;
        agent.transfer("14155550199");
        await seeText(".o_notification", "cannot be transferred");
        $(".o_notification_close").click();
        await see("no message", () => !$(".o_notification"));
        agent.call({ number: "+14155550101" });
        await seeText(".o_notification", "End the current call first");
        await click("[data-call-end=completed]");
        await see("no panel", () => !$(".o_call_wallet_panel"));
        """
    )
    until(lambda: "0 active channels" in asterisk.ask("core show channels count"), "no channel")
    number, status, seconds = wallet.last_call()
    assert (number, status) == ("+14155550100", "completed")
    assert wallet.balance == Decimal("0.50") - seconds * Decimal("0.01")


def test_a_reloaded_page_ends_its_call_once(page, wallet, asterisk):
    wallet.hold("0.50")
    count = len(wallet.read(lambda wallet: wallet.usage_ids.ids))
    before = len(calls_of(asterisk))
    page.press_the_button()
    page.browser.call("Page.reload")
    until(lambda: len(calls_of(asterisk)) == before + 1, "the call's end at Asterisk", 5)
    page.until_ready()
    page.run('await see("no panel", () => !$(".o_call_wallet_panel"));')
    assert len(wallet.read(lambda wallet: wallet.usage_ids.ids)) == count + 1
    _number, status, seconds = wallet.last_call()
    # One second was seen to be over, and Asterisk counts whole ones.
    assert status == "completed" and 0 <= seconds - calls_of(asterisk)[-1][2] <= 1
    assert wallet.balance == Decimal("0.50") - seconds * Decimal("0.01")
    assert wallet.held_amount == 0


def test_a_call_whose_page_crashes_is_ended_by_another_page(page, wallet, chromium, server, contact):
    wallet.hold("0.50")
    count = len(wallet.read(lambda wallet: wallet.usage_ids.ids))
    page.press_the_button()
    # The call goes on in a page that is not shown any more.
    other = Page(chromium.tab())
    other.open(f"{server.url}/odoo/res.partner/{contact}")
    other.run('await seeText(".o_call_wallet_panel_time", "0:");')
    started_at = 'odoo.__WOWL_DEBUG__.root.env.services["call_wallet.call"].state.call.startedHere'
    talked = other.run(f"return Math.floor((Date.now() - {started_at}) / 1000);")
    chromium.crash()
    other.run('await seeText(".o_notification", "Call recorded");')
    other.run('await see("no panel", () => !$(".o_call_wallet_panel"));')
    _number, status, seconds = wallet.last_call()
    assert status == "completed" and 0 <= seconds - talked <= 2
    assert wallet.balance == Decimal("0.50") - seconds * Decimal("0.01")
    assert len(wallet.read(lambda wallet: wallet.usage_ids.ids)) == count + 1


# === WHAT THE SERVER KNOWS === #


def test_a_call_of_which_nothing_is_heard_is_charged_for_what_was_heard(registry, wallet):
    wallet.hold("0.50")
    with environment(registry) as env:
        edda = env["res.users"].search([("login", "=", LOGIN)])
        button, calls = env["call.button"].with_user(edda), env["voip.call"].with_user(edda)
        with pytest.raises(UserError, match="no call"):
            calls.create_call({"phone_number": "+14155550100", "call_wallet_ref": "never-asked"})
        heard, silent, answered = (
            lost_call(env, button, calls, ref) for ref in ("lost-heard", "lost-silent", "lost-answered")
        )
        heard.accept_call()
        assert calls.hear_wallet_call("lost-heard", 7)
        answered.accept_call()
        with pytest.raises(AccessError):
            heard.with_user(edda).write({"call_wallet_seconds": 0})
        env.cr.commit()
        env["voip.call"]._cron_end_lost_calls()
        assert not wallet.read(lambda wallet: wallet.usage_ids.filtered(lambda usage: "lost" in usage.call_ref))
        env.cr.execute("UPDATE call_wallet_hold SET expires_at = now() AT TIME ZONE 'UTC' - interval '1 minute'")
        env.cr.commit()
        for _time in range(2):
            env["voip.call"]._cron_end_lost_calls()
        assert not calls.hear_wallet_call("lost-heard", 9)
        assert button.end_call("lost-heard", 60)["result"] == "conflict"
    ended = wallet.read(
        lambda wallet: {
            usage.call_ref.rpartition("web-")[2].split("-", 1)[1]: (usage.status, usage.duration_seconds)
            for usage in wallet.usage_ids
            if "lost" in usage.call_ref
        }
    )
    assert ended == {"lost-heard": ("completed", 7), "lost-silent": ("failed", 0), "lost-answered": ("completed", 1)}
    # 7 s and the second that began with the answer: 0.50 - 0.07 - 0.01.
    assert (wallet.balance, wallet.held_amount) == (Decimal("0.42"), 0)


def lost_call(env, button, calls, ref):
    """Start a call that was allowed a minute ago; return the softphone's record of it."""
    assert button.start_call(ref, "live", "+14155550100")["allowed"]
    env.cr.execute("UPDATE call_wallet_hold SET authorized_at = authorized_at - interval '1 minute'")
    values = {"phone_number": "+14155550100", "type_call": "outgoing", "call_wallet_ref": ref}
    return calls.browse(calls.create_call(values)["id"])
