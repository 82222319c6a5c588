"""(3) A call's requests over HTTP: against a JSON-2 method that returns at once, and against the version before."""

import statistics

from common import (
    Client,
    Result,
    Server,
    crowd,
    environment,
    interleave,
    make_calls,
    median_ratio,
    milliseconds,
    per_second,
    percentile,
    seeded,
)

TITLE = "One call a request over HTTP"
CLIENTS = 1, 16
# Of the core's public methods one that needs neither a query nor a right. An ordinary employee's key calls it, so that
# authentication and handling of a request are Odoo's own.
EMPTY_METHOD = ("res.lang", "get_installed")


def run(bench):
    results = []
    platform = bench.platform
    with Server(platform.database) as server:
        ours = Requests("ours", server, platform)
        for method in ("authorize_call", "record_calls"):
            results += [_against_nothing(bench, ours, method, clients) for clients in CLIENTS]
        landed_platform, config = bench.landed()
        # With the options with which it was released and measured.
        options = [f"--db-filter=^{landed_platform.database}$"]
        with Server(landed_platform.database, options=options, config=config) as landed_server:
            landed = Requests("landed", landed_server, landed_platform, names_database=False)
            for method in ("authorize_call", "record_calls"):
                results.append(_against_landed(bench, ours, landed, method))
    with environment(platform.database) as env:
        violations = env["call.wallet"].check_invariants()
    results[-1].details["violations of the invariants"] = len(violations)
    return results


class Requests:
    """The requests that a server is asked; each method returns how long one took."""

    def __init__(self, name, server, platform, names_database=True):
        self.name, self.server, self.accounts = name, server, platform.accounts
        database = platform.database if names_database else None
        self.platform = Client(server.port, platform.key, database)
        self.employee = Client(server.port, platform.ordinary_key, database)
        self.rng = seeded(f"authorize {name}")
        self.numbers = iter(range(10**9))

    def authorize_call(self, _number):
        status, answer, seconds = self.platform.post(
            "call.wallet", "authorize_call", account=self.rng.choice(self.accounts),
            call_ref=f"authorize-{self.name}-{next(self.numbers)}", call_type="live", number="+14155550100",
        )  # fmt: skip
        if status != 200 or answer["code"] != "ok":
            raise SystemExit(f"authorize_call answered {status}: {answer}")
        return seconds

    def record_calls(self, _number):
        calls = make_calls(self.accounts, 1, f"single-{self.name}-{next(self.numbers)}", self.rng)
        status, answer, seconds = self.platform.post("call.usage", "record_calls", calls=calls)
        if status != 200 or answer[0]["result"] != "charged":
            raise SystemExit(f"record_calls answered {status}: {answer}")
        return seconds

    def nothing(self, _number):
        status, answer, seconds = self.employee.post(*EMPTY_METHOD)
        if status != 200:
            raise SystemExit(f"{EMPTY_METHOD} answered {status}: {answer}")
        return seconds


class Arm:
    """One method of a server under so many clients, round after round: time, processor time, requests a second."""

    def __init__(self, bench, requests, method, clients):
        self.requests, self.work, self.clients = requests, getattr(requests, method), clients
        self.length = bench.seconds(2, 1)
        self.seconds, self.rates, self.cpu = [], [], 0

    def median(self):
        """Run a round and return the median time of a request in seconds."""
        return statistics.median(self._round())

    def rate(self):
        """Run a round and return the requests a second."""
        self._round()
        return self.rates[-1]

    def _round(self):
        before = self.requests.server.cpu_seconds()
        seconds, elapsed = crowd(self.clients, self.length, self.work)
        self.cpu += self.requests.server.cpu_seconds() - before
        self.seconds += seconds
        self.rates.append(len(seconds) / elapsed)
        return seconds

    def describe(self):
        """Say what one request costs."""
        return (
            f"{milliseconds(self.cpu / len(self.seconds))} of processor time, "
            f"slowest 1% {milliseconds(percentile(self.seconds, 0.99))}, {per_second(statistics.median(self.rates))}"
        )


def _against_nothing(bench, ours, method, clients):
    arm, empty = Arm(bench, ours, method, clients), Arm(bench, ours, "nothing", clients)
    values, baseline = interleave(bench.rounds(7, 3), arm.median, empty.median)
    label = _label(method, clients)
    return Result(
        3, f"{label} / a JSON-2 method that returns at once", milliseconds(statistics.median(values)),
        milliseconds(statistics.median(baseline)), median_ratio(values, baseline), "<= 0.8",
        {f"{label}: a call": arm.describe(), f"{label}: a request that does nothing": empty.describe()},
    )  # fmt: skip


def _against_landed(bench, ours, landed, method):
    clients = max(CLIENTS)
    arm, before = Arm(bench, ours, method, clients), Arm(bench, landed, method, clients)
    values, baseline = interleave(bench.rounds(5, 2), arm.rate, before.rate)
    label = _label(method, clients)
    return Result(
        3, f"{label} / the version before", per_second(statistics.median(values)),
        per_second(statistics.median(baseline)), median_ratio(values, baseline), ">= 3",
        {f"{label}: this version": arm.describe(), f"{label}: the version before": before.describe()},
    )  # fmt: skip


def _label(method, clients):
    return f"{method} over HTTP, {clients} client{'s' if clients > 1 else ''}"
