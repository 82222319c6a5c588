"""What is going on while servers are killed: everybody's work, and what each was told."""

import base64
import csv
import io
import threading
import time
from datetime import UTC, datetime, timedelta

from .crash_site import RERATED_PRICES, minutes_ago
from .load_site import SEED
from .load_worker import Client, Player, make_call

# How long a request is repeated whose answer never came: a server that starts on a busy machine takes its time.
PATIENCE = 240
# What is no answer of the addon's: nothing serves just now, or PostgreSQL is away (Odoo then knows no database).
NO_ANSWER = {404, 500, 502, 503}
# So Odoo says it where PostgreSQL ends while it looks up the key; a missing right is called otherwise.
DENIED = "odoo.exceptions.AccessDenied"
DECK_LINES, FILE_LINES, RERATED_CALLS = 400, 60, 20
ROLES = ["charge"] * 4 + ["authorize", "pause", "fund", "topup", "topup", "post", "report", "rerate", "import", "file"]


class PatientClient(Client):
    """A client that takes no answer of a dying server for one; ``refusals`` counts what it was told instead."""

    def __init__(self, over, *arguments):
        super().__init__(*arguments)
        self.over, self.refusals = over, {}

    def once(self, model, method, **arguments):
        try:
            answer = super().once(model, method, **arguments)
        except ValueError:  # a page that says that something is wrong, instead of JSON
            answer = 500, "no JSON"
        if answer and (answer[0] in NO_ANSWER or (answer[0] == 403 and answer[1].get("name") == DENIED)):
            text = f"{answer[0]} {str(answer[1])[:160]}"
            self.refusals[text] = self.refusals.get(text, 0) + 1
            return None
        return answer

    def call(self, model, method, **arguments):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not self.over.is_aborted:
            answer = self.once(model, method, **arguments)
            if answer:
                return answer
            time.sleep(self.rng.uniform(0.1, 0.4))
        raise TimeoutError(f"{model}.{method}: no answer for {PATIENCE} s; {self.refusals}")


class CrashPlayer(Player):
    """As ``Player``, with the work of finance in the background; ``told`` grows as answers come."""

    def __init__(self, site, role, number, over):
        job = {
            "role": role, "name": f"{role}{number}", "seed": SEED, "account": "STORM", "wallet_id": site.ids["STORM"],
            "shared": 200, "ports": [site.server.port], "platform_key": site.platform_key, "staff_key": site.staff_key,
        }  # fmt: skip
        super().__init__(job)
        self.site, self.over, self.turn = site, over, 0
        self.platform = PatientClient(over, [site.server.port], site.platform_key, self.rng)
        self.staff = PatientClient(over, [site.server.port], site.staff_key, self.rng)
        self.manager = PatientClient(over, [site.server.port], site.manager_key, self.rng)
        self.told |= {"reports": [], "rerates": [], "decks": [], "files": [], "posted": [], "rerated": []}

    def play(self):
        try:
            step = getattr(self, f"step_{self.job['role']}")
            while not self.over.is_set():
                self.turn += 1
                step()
        except Exception as error:  # told at the end, with all others
            self.told["errors"].append([self.name, type(error).__name__, str(error)[:600]])

    @property
    def clients(self):
        return self.platform, self.staff, self.manager

    def rest(self, least, most):
        self.over.wait(self.rng.uniform(least, most))

    def wait_for(self, client, model, record_id, states, seconds=120):
        """Read a record's state until it is one of ``states``, or the time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.over.is_set():
            status, rows = client.call(model, "read", ids=[record_id], fields=["state"])
            if status == 200 and rows[0]["state"] in states:
                return True
            self.rest(0.5, 1)
        return False

    # === ROLES === #

    def step_post(self):
        """Post what is due to the general ledger; without an answer the scheduled action goes on."""
        answer = self.manager.once(
            "call.wallet", "post_transactions", date_from=None, date_to=datetime.now(UTC).date().isoformat(),
            companies=[self.site.company_id],
        )  # fmt: skip
        if answer and answer[0] != 200:
            self.told["errors"].append(["post_transactions", answer[0], str(answer[1])[:600]])
        elif answer:
            self.told["posted"] += answer[1]
        self.rest(0.5, 2)

    def step_report(self):
        """Have a usage report made in the background, and wait for it."""
        job = self.expect(
            self.staff, lambda answer: len(answer) == 1, "call.wallet", "request_usage_report",
            ids=[self.wallet_id], format=self.rng.choice(("csv", "xlsx")),
        )  # fmt: skip
        if job:
            self.told["reports"] += job
            self.wait_for(self.staff, "call.usage.report.job", job[0], ("ready", "failed"))
        self.rest(0.5, 2)

    def step_rerate(self):
        """Report calls at a price that turns out to be wrong, mend it, and have them priced anew."""
        refs = [f"rerated-{self.turn}-{n}" for n in range(RERATED_CALLS)]
        calls = [
            {**make_call("RERATED", ref), "call_type": "live", "number": "+14155550100", "duration_seconds": 60,
             "status": "completed", "campaign": "", "manager": ""}
            for ref in refs
        ]  # fmt: skip
        if self.expect(self.platform, self.are_charged, "call.usage", "record_calls", calls=calls):
            self.told["rerated"] += refs
        price = RERATED_PRICES[self.turn % 2]
        true = lambda answer: answer is True  # noqa: E731 (named for the lines below)
        self.expect(
            self.manager, true, "call.rate", "write", ids=[self.site.rerated_rate_id],
            vals={"price_per_minute": float(price)},
        )  # fmt: skip
        values = {
            "reason": "Wrong price", "wallet_ids": [self.site.ids["RERATED"]], "company_id": self.site.company_id,
            "date_from": "2026-09-01 00:00:00", "date_to": f"{datetime.now(UTC) + timedelta(days=1):%F} 00:00:00",
        }  # fmt: skip
        made = self.expect(
            self.manager, lambda answer: len(answer) == 1, "call.usage.rerate", "create", vals_list=[values]
        )
        if not made or not self.expect(self.manager, true, "call.usage.rerate", "action_preview", ids=made):
            return
        if not self.wait_for(self.manager, "call.usage.rerate", made[0], ("previewed",)):
            return
        answer = self.manager.once("call.usage.rerate", "action_post", ids=made)
        if answer == (200, True):
            self.told["rerates"] += made
            self.wait_for(self.manager, "call.usage.rerate", made[0], ("posted",))
        elif answer:
            self.told["errors"].append(["action_post", answer[0], str(answer[1])[:600]])
        self.rest(0.2, 1)

    def step_import(self):
        """Import a price list of prefixes of its own; applying it is not repeated."""
        lines = [f"7{self.turn:04}{n:04},0.0{n % 9 + 1}" for n in range(DECK_LINES)]
        values = {
            "plan_id": self.site.deck_id, "filename": "deck.csv",
            "file": base64.b64encode("\n".join(["prefix,price_per_minute", *lines]).encode()).decode(),
        }  # fmt: skip
        wizard = self._make("call.rate.import", values)
        if not wizard:
            return
        answer = self.manager.once("call.rate.import", "action_apply", ids=wizard)
        if answer and answer[0] != 200:
            self.told["errors"].append(["action_apply", answer[0], str(answer[1])[:600]])
        elif answer:
            self.told["decks"].append(self.turn)
        self.rest(0.3, 1.5)

    def step_file(self):
        """Import a file of call records in the background; asking for that is not repeated."""
        content = "".join(_cdr(self.turn, n) for n in range(FILE_LINES))
        values = {
            "source_id": self.site.source_id, "filename": f"Master-{self.turn}.csv",
            "file": base64.b64encode(content.encode()).decode(),
        }  # fmt: skip
        wizard = self._make("call.source.import", values)
        if not wizard:
            return
        answer = self.manager.once("call.source.import", "action_import", ids=wizard)
        if answer and answer[0] != 200:
            self.told["errors"].append(["action_import", answer[0], str(answer[1])[:600]])
        elif answer:
            self.told["files"].append(self.turn)
        self.rest(0.5, 2)

    def _make(self, model, values):
        """Make a wizard and have it show its preview; return its ids, or None."""
        wizard = self.expect(self.manager, lambda answer: len(answer) == 1, model, "create", vals_list=[values])
        shown = wizard and self.expect(
            self.manager, lambda answer: isinstance(answer, dict), model, "action_preview", ids=wizard
        )
        return wizard if shown else None


def play(site, kind=CrashPlayer, roles=ROLES):
    """Begin all roles; return (the players, their threads, the event that ends them)."""
    over = threading.Event()
    over.is_aborted = False
    players = [kind(site, role, number, over) for number, role in enumerate(roles)]
    threads = [threading.Thread(target=player.play, name=player.name) for player in players]
    for thread in threads:
        thread.start()
    return players, threads, over


def _cdr(turn, n):
    """A line of Asterisk's Master.csv, of a call of 61 seconds to +1 415 that has just ended; times are UTC."""
    began = datetime.fromisoformat(minutes_ago(30)) + timedelta(seconds=n)
    times = [(began + timedelta(seconds=s)).strftime("%Y-%m-%d %H:%M:%S") for s in (0, 9, 70)]
    record = [
        "filed", "100", "+14155550100", "from-internal", "100", "PJSIP/100-00000001", "PJSIP/trunk-00000002",
        "Dial", "x,30", *times, "70", "61", "ANSWERED", "DOCUMENTATION", f"{int(began.timestamp())}.{turn}{n:03}", "",
    ]  # fmt: skip
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(record)
    return out.getvalue()
