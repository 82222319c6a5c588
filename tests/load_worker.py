"""The calling platform and its staff as programs of their own, for the load tests.

    python tests/load_worker.py < job.json

A job says what to play (``ROLES``), until when, against which servers. What was answered goes to
standard output as JSON; the test compares it with the ledger. Standard library only: a client
is not Odoo, and eight of them must start quickly.
"""

import contextlib
import http.client
import json
import random
import sys
import time

# How long a request is repeated whose answer never came: until the servers are back.
PATIENCE = 60
# What a client must have been told once before it ends, however slow the machine.
WANTED = {"charge": "acknowledged", "fund": "credits", "topup": "topups"}


class Client:
    """A JSON-2 client that repeats a request until it has an answer, at one server or another."""

    def __init__(self, ports, key, rng=random):
        self.ports, self.rng = ports, rng
        self.headers = {
            "Authorization": f"bearer {key}",
            "Content-Type": "application/json",
            "Connection": "close",
        }
        self.broken = 0

    def once(self, model, method, **arguments):
        """Send one request; return (status, answer), or None when no whole answer came."""
        connection = http.client.HTTPConnection("127.0.0.1", self.rng.choice(self.ports), timeout=60)
        try:
            connection.request("POST", f"/json/2/{model}/{method}", json.dumps(arguments), self.headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException):
            self.broken += 1
            return None
        finally:
            connection.close()

    def call(self, model, method, **arguments):
        """Return (status, answer), however often the connection breaks before it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            answer = self.once(model, method, **arguments)
            if answer:
                return answer
            time.sleep(self.rng.uniform(0.05, 0.3))
        raise TimeoutError(f"{model}.{method}: no server answered for {PATIENCE} s")


def make_call(account, ref):
    """Return the call that a reference stands for: whoever reports it reports the same."""
    rng = random.Random(ref)
    return {
        "account": account,
        "call_ref": ref,
        "call_type": rng.choice(("live", "whatsapp")),
        "number": rng.choice(("+14155550100", "+12125550100", "+442071838750")),
        "started_at": f"2026-10-{rng.randrange(1, 29):02}T{rng.randrange(24):02}:30:00Z",
        "duration_seconds": rng.randrange(0, 900),
        "status": rng.choice(("completed", "completed", "completed", "no_answer")),
        # Mostly the same few, now and then a name that nobody has used before.
        "campaign": rng.choice(("", "Spring", "Autumn", f"Campaign {rng.randrange(300)}")),
        "manager": rng.choice(("", "anna@example.com", f"manager{rng.randrange(300)}@example.com")),
    }


class Player:
    """One client process: what it does until the time is up, and what it was told."""

    def __init__(self, job):
        self.job = job
        self.account = job["account"]
        self.wallet_id = job["wallet_id"]
        self.name = job["name"]
        self.rng = random.Random(f"{job['seed']} {self.name}")
        self.platform = Client(job["ports"], job["platform_key"], self.rng)
        self.staff = Client(job["ports"], job["staff_key"], self.rng)
        self.numbers = iter(range(10**9))
        self.told = {"acknowledged": [], "conflicts": [], "credits": [], "topups": [], "errors": []}

    def play(self):
        deadline = time.monotonic() + self.job["seconds"]
        step = getattr(self, "step_" + self.job["role"])
        wanted = self.told.get(WANTED.get(self.job["role"]), [True])
        while time.monotonic() < deadline or not (wanted or self.told["errors"]):
            step()
        self.told["broken"] = self.platform.broken + self.staff.broken
        return self.told

    def fresh_ref(self):
        return f"{self.name}-{next(self.numbers)}"

    def expect(self, client, expected, model, method, **arguments):
        """Call a method; note any answer that is not 200 or that ``expected`` does not accept."""
        status, answer = client.call(model, method, **arguments)
        if status != 200 or not expected(answer):
            self.told["errors"].append([method, status, str(answer)[:600]])
            return None
        return answer

    def authorize(self, ref, codes, **options):
        return self.expect(
            self.platform, lambda answer: answer["code"] in codes, "call.wallet", "authorize_call",
            account=self.account, call_ref=ref, call_type="live", number="+14155550100", **options,
        )  # fmt: skip

    # === ROLES === #

    def step_charge(self):
        """Report a few calls: new ones, ones that others report too, own ones once more."""
        refs = [self.fresh_ref() for _ in range(self.rng.randrange(1, 6))]
        refs += [f"shared-{self.rng.randrange(self.job['shared'])}" for _ in range(self.rng.randrange(3))]
        if self.told["acknowledged"] and self.rng.random() < 0.5:
            refs.append(self.rng.choice(self.told["acknowledged"])["call_ref"])
        if self.rng.random() < 0.2:
            refs.append(refs[0])
        self.rng.shuffle(refs)
        if self.rng.random() < 0.3:
            self.authorize(refs[0], ("ok", "paused", "no_funds", "already_settled"))
        answer = self.expect(
            self.platform, self.are_charged, "call.usage", "record_calls",
            calls=[make_call(self.account, ref) for ref in refs],
        )  # fmt: skip
        self.told["acknowledged"] += answer or []
        if self.rng.random() < 0.1 and self.told["acknowledged"]:
            self.report_otherwise(self.rng.choice(self.told["acknowledged"])["call_ref"])

        if self.rng.random() < 0.1:
            self.report_elsewhere()

    def report_elsewhere(self):
        """Report a call to a country that is not in the contract."""
        call = make_call(self.account, self.fresh_ref()) | {"call_type": "live", "number": "+81312345678"}
        self.expect(
            self.platform, lambda answer: answer[0]["result"] == "rejected", "call.usage", "record_calls",
            calls=[call],
        )  # fmt: skip

    def are_charged(self, answer):
        return all(result["result"] in ("charged", "duplicate") for result in answer)

    def report_otherwise(self, ref):
        call = make_call(self.account, ref)
        call["duration_seconds"] += 60
        answer = self.expect(
            self.platform, lambda answer: answer[0]["result"] == "conflict", "call.usage", "record_calls",
            calls=[call],
        )  # fmt: skip
        self.told["conflicts"] += [ref] if answer else []

    def step_authorize(self):
        """A call from start to end: authorise, ask again, extend, then report or release it."""
        ref = self.fresh_ref()
        codes = ("ok", "paused", "no_funds")
        first = self.authorize(ref, codes, expected_seconds=self.rng.randrange(60, 1200))
        if not first or not first["allowed"]:
            return
        again = self.authorize(ref, ("ok",))
        if again and again["hold"] != first["hold"]:
            self.told["errors"].append(["authorize_call", 200, f"{ref}: two holds {first} {again}"])
        if self.rng.random() < 0.5:
            self.expect(
                self.platform, lambda answer: answer["code"] in codes, "call.wallet",
                "extend_hold", account=self.account, call_ref=ref, seconds=120,
            )  # fmt: skip
        if self.rng.random() < 0.5:
            self.expect(
                self.platform, lambda answer: answer["code"] == "ok", "call.wallet", "release_hold",
                account=self.account, call_ref=ref,
            )  # fmt: skip
        elif self.rng.random() < 0.5:
            self.told["acknowledged"] += (
                self.expect(
                    self.platform, self.are_charged, "call.usage", "record_calls",
                    calls=[make_call(self.account, ref)],
                )
                or []
            )  # fmt: skip

    def step_pause(self):
        """Pause: from then on no new call, but running ones are charged; then resume."""
        done = lambda answer: answer is True  # noqa: E731 (named for the two lines below)
        wallet = {"ids": [self.wallet_id]}
        self.expect(self.staff, done, "call.wallet", "action_pause", reason="Load test", **wallet)
        self.authorize(self.fresh_ref(), ("paused",))
        self.told["acknowledged"] += (
            self.expect(
                self.platform, self.are_charged, "call.usage", "record_calls",
                calls=[make_call(self.account, self.fresh_ref())],
            )
            or []
        )  # fmt: skip
        self.expect(self.staff, done, "call.wallet", "action_resume", **wallet)
        time.sleep(self.rng.uniform(0.2, 0.8))

    def step_fund(self):
        """Return funds, each with a key of its own, so that repeating it adds nothing."""
        key, amount = self.fresh_ref(), f"{self.rng.randrange(1, 500) / 100:.2f}"
        answer = self.expect(
            self.staff, lambda answer: len(answer) == 1, "call.wallet", "refund", ids=[self.wallet_id],
            amount=amount, reason="Load test", request_key=key,
        )  # fmt: skip
        if answer:
            self.told["credits"].append([key, amount, answer[0]])
        time.sleep(self.rng.uniform(0.05, 0.2))

    def step_topup(self):
        """Order a top-up and register its payment, as finance does when a wire has come."""
        one = lambda answer: len(answer) == 1  # noqa: E731 (named for the lines below)
        ordered = self.expect(
            self.staff, one, "call.wallet", "create_topup", ids=[self.wallet_id], amount="25.00",
            accept_terms=True,
        )  # fmt: skip
        topup = ordered and self.expect(
            self.staff, one, "call.wallet.topup", "read", ids=ordered, fields=["invoice_id"], load=None
        )
        if not topup:
            return
        context = {"active_model": "account.move", "active_ids": [topup[0]["invoice_id"]]}
        wizard = self.expect(self.staff, one, "account.payment.register", "create", vals_list=[{}], context=context)
        # Registering is not repeated: the invoice may be paid though the answer was lost.
        answer = wizard and self.staff.once(
            "account.payment.register", "action_create_payments", ids=wizard, context=context
        )
        if answer and answer[0] != 200:
            self.told["errors"].append(["action_create_payments", answer[0], str(answer[1])[:600]])
        elif answer:
            self.told["topups"].append(topup[0]["invoice_id"])
        time.sleep(self.rng.uniform(0.2, 0.6))


def main():
    with contextlib.suppress(BrokenPipeError):
        json.dump(Player(json.load(sys.stdin)).play(), sys.stdout)


if __name__ == "__main__":
    main()
