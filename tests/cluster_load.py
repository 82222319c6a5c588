"""Who works on the cluster: as in the crash soak, and besides people and a platform that read while others write."""

import csv
import http.client
import io
import json
import threading
import time
from contextlib import closing, suppress
from decimal import Decimal

from .cluster_site import READER
from .crash_load import NO_ANSWER, CrashPlayer, PatientClient
from .load_worker import make_call

ROLES = ["charge"] * 3 + ["authorize", "pause", "fund", "topup", "post", "report", "rerate", "file", "read", "look"]
# How often a live message is sent, in seconds, and how soon a browser connects again.
BEAT = 0.5


class TimedClient(PatientClient):
    """A patient client that notes when it had an answer, and how long it waited for that."""

    def __init__(self, site, over, key, rng):
        super().__init__(over, [site.server.port], key, rng)
        self.site = site

    def once(self, model, method, **arguments):
        began = time.monotonic()
        answer = super().once(model, method, **arguments)
        if answer:
            self.site.answered.append(time.monotonic())
            self.site.waited.append((began, time.monotonic() - began))
        return answer

    def call(self, model, method, **arguments):
        began = time.monotonic()
        answer = super().call(model, method, **arguments)
        self.site.waited.append((began, time.monotonic() - began))
        return answer


class Person:
    """Somebody with a browser: a session that either server takes, and that no kill ends."""

    def __init__(self, site, login):
        self.site, self.login, self.cookie = site, login, None

    def log_in(self):
        """Begin a session; return whether it was answered."""
        values = {"db": self.site.registry.db_name, "login": self.login, "password": self.login}
        answer = self._ask("POST", "/web/session/authenticate", json.dumps({"jsonrpc": "2.0", "params": values}))
        self.cookie = answer and answer[2]
        return bool(self.cookie)

    def get(self, path):
        """Return (status, text), or None where no whole answer came."""
        answer = self._ask("GET", path)
        return answer and answer[:2]

    def _ask(self, method, path, body=None):
        headers = {"Content-Type": "application/json", "Connection": "close"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        with closing(http.client.HTTPConnection("127.0.0.1", self.site.server.port, timeout=60)) as connection:
            try:
                connection.request(method, path, body, headers)
                response = connection.getresponse()
                text = response.read().decode("utf-8-sig")
            except (OSError, http.client.HTTPException):
                return None
            cookie = response.getheader("Set-Cookie", "").partition(";")[0]
            return None if response.status in NO_ANSWER else (response.status, text, cookie)


class ClusterPlayer(CrashPlayer):
    """As ``CrashPlayer``, through the entrance; reads what should come from the replica."""

    def __init__(self, site, role, number, over):
        super().__init__(site, role, number, over)
        self.platform, self.staff, self.manager = (
            TimedClient(site, over, key, self.rng) for key in (site.platform_key, site.staff_key, site.manager_key)
        )
        self.told |= {"fresh": [], "made_after": [], "looked": []}
        self.after, self.sequence = None, 0
        self.person = Person(site, READER)

    def step_report(self):
        """As ``CrashPlayer``; notes how long it took from the order to the file."""
        began, known = time.monotonic(), len(self.told["reports"])
        super().step_report()
        if len(self.told["reports"]) > known and not self.over.is_set():
            self.told["made_after"].append(time.monotonic() - began)

    def step_read(self):
        """Read the ledger on, without gaps; ask for a call that has just been reported."""
        rows = self.expect(
            self.platform, lambda answer: isinstance(answer, list), "call.wallet", "list_transactions",
            account=self.account, after=self.after, limit=1000,
        )  # fmt: skip
        for row in rows or []:
            self.sequence += 1
            if row["sequence"] != self.sequence:
                self.told["errors"].append(["list_transactions", 200, f"{row['sequence']} instead of {self.sequence}"])
                self.sequence = row["sequence"]
            self.after = row["transaction"]
        self.expect(
            self.platform, lambda answer: answer[0]["code"] == "ok", "call.wallet", "get_wallets",
            accounts=[self.account],
        )  # fmt: skip
        self._ask_for_a_fresh_call()
        self.rest(0.1, 0.4)

    def _ask_for_a_fresh_call(self):
        """Note for how many seconds what was acknowledged could not be read; 0 where the first answer had it."""
        ref = self.fresh_ref()
        calls = self.expect(
            self.platform, self.are_charged, "call.usage", "record_calls", calls=[make_call(self.account, ref)]
        )
        self.told["acknowledged"] += calls or []
        began, late = time.monotonic(), 0
        while calls and not self.over.is_set():
            answer = self.expect(
                self.platform, lambda answer: answer[0]["state"] in ("charged", "unknown"), "call.usage", "get_calls",
                account=self.account, call_refs=[ref],
            )  # fmt: skip
            if answer is None or answer[0]["state"] == "charged":
                self.told["fresh"].append(late)
                return
            late = time.monotonic() - began

    def step_look(self):
        """Look at dashboards, and download a usage report in a browser: it adds up, whenever it is read."""
        self.expect(
            self.manager, lambda answer: "amounts" in answer, "call.wallet", "dashboard_data", ids=[self.wallet_id]
        )
        self.expect(self.manager, lambda answer: "wallets" in answer, "call.wallet.overview", "overview")
        self.expect(
            self.manager, lambda answer: len(answer) > 2, "call.wallet", "reconciliation",
            date=self.site.today, company=self.site.company_id,
        )  # fmt: skip
        if self.person.cookie or self.person.log_in():
            answer = self.person.get(f"/call_wallet/usage_report/{self.wallet_id}?format=csv")
            if answer:
                self.site.answered.append(time.monotonic())
                self._check_report(*answer)
        self.rest(0.2, 1)

    def _check_report(self, status, text):
        """A session that was lost answers with the way to the login, which is an error here."""
        if status != 200:
            self.told["errors"].append(["usage_report", status, text[:300]])
            return
        rows = list(csv.DictReader(io.StringIO(text)))
        total = sum(Decimal(row["Amount"]) for row in rows)
        if not rows or Decimal(rows[-1]["Balance After"]) != total:
            self.told["errors"].append(["usage_report", status, f"{len(rows)} rows, together {total}"])
        self.told["looked"].append(len(rows))


class Browser:
    """A browser that is open all the time: live messages come to it, and after a break it connects again."""

    def __init__(self, site):
        self.site = site
        # When each message was sent and first heard, by its number; in seconds of the monotonic clock.
        self.sent, self.heard = {}, {}
        self.last = 0
        self.is_quiet, self.is_closed = threading.Event(), threading.Event()
        self.threads = [threading.Thread(target=work, name=work.__name__) for work in (self._send, self._listen)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def close(self, seconds=0):
        """Send no more, and close when all was heard that was sent, or the time is up; return what was not heard."""
        self.is_quiet.set()
        self.threads[0].join()
        deadline = time.monotonic() + seconds
        while self.sent.keys() - self.heard.keys() and time.monotonic() < deadline:
            time.sleep(0.2)
        self.is_closed.set()
        self.threads[1].join()
        return sorted(self.sent.keys() - self.heard.keys())

    def _send(self):
        while not self.is_quiet.wait(BEAT):
            with suppress(Exception):  # the primary is away: nothing was sent
                self.sent[self.site.send_live()] = time.monotonic()

    def _listen(self):
        person = Person(self.site, READER)
        while not self.is_closed.is_set():
            with suppress(Exception):  # whatever has ended the connection, it is made again
                if person.cookie or person.log_in():
                    self._hear(person)
            self.is_closed.wait(BEAT)

    def _hear(self, person):
        import websocket

        address = f"127.0.0.1:{self.site.server.port}"
        options = {"cookie": person.cookie, "origin": f"http://{address}", "timeout": 5}
        with closing(websocket.create_connection(f"ws://{address}/websocket", **options)) as line:
            line.send(json.dumps({"event_name": "subscribe", "data": {"channels": [], "last": self.last}}))
            while not self.is_closed.is_set():
                try:
                    messages = json.loads(line.recv())
                except websocket.WebSocketTimeoutException:
                    continue  # nothing to say; a connection that is gone says so
                for one in messages:
                    self.last = max(self.last, one["id"])
                    if one["message"]["type"] == "call_wallet_cluster":
                        self.heard.setdefault(one["message"]["payload"]["number"], time.monotonic())
