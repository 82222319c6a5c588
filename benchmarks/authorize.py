"""(3) authorize_call over HTTP, against a JSON-2 method that returns at once."""

import statistics

from common import Client, Result, Server, crowd, environment, interleave, milliseconds, percentile, seeded

TITLE = "authorize_call over HTTP / a JSON-2 method that returns at once"
# Of the core's public methods one that needs neither a query nor a right; it is called with the
# same key, so that authentication and Odoo's own handling of a request are in both.
EMPTY_METHOD = ("res.lang", "get_installed")


def run(bench):
    platform = bench.platform
    results = []
    with Server(platform.database) as server:
        for clients in (1, 2):
            results.append(_measure(bench, server, clients))
    with environment(platform.database) as env:
        violations = env["call.wallet"].check_invariants()
    results[-1].details["violations of the invariants"] = len(violations)
    return results


def _measure(bench, server, clients):
    client = Client(server.port, bench.platform.key)
    rng = seeded(f"authorize {clients}")
    numbers = iter(range(10**9))
    every = {"ours": [], "baseline": []}

    def authorize(_number):
        status, answer, seconds = client.post(
            "call.wallet", "authorize_call", account=rng.choice(bench.platform.accounts),
            call_ref=f"authorize-{clients}-{next(numbers)}", call_type="live", number="+14155550100",
        )  # fmt: skip
        if status != 200 or answer["code"] != "ok":
            raise SystemExit(f"authorize_call answered {status}: {answer}")
        return seconds

    def nothing(_number):
        status, answer, seconds = client.post(*EMPTY_METHOD)
        if status != 200:
            raise SystemExit(f"{EMPTY_METHOD} answered {status}: {answer}")
        return seconds

    def measured(name, work):
        def arm():
            seconds, _elapsed = crowd(clients, bench.seconds(2, 1), work)
            every[name] += seconds
            return statistics.median(seconds)

        return arm

    ours, baseline = interleave(bench.rounds(9, 3), measured("ours", authorize), measured("baseline", nothing))
    ratios = [a / b for a, b in zip(ours, baseline, strict=True)]
    plural = "s" if clients > 1 else ""
    return Result(
        3, f"{TITLE}, {clients} client{plural}", milliseconds(statistics.median(ours)),
        milliseconds(statistics.median(baseline)), statistics.median(ratios), "<= 1.5",
        {
            f"{clients} client{plural}, slowest 1%, authorize_call / nothing":
            f"{milliseconds(percentile(every['ours'], 0.99))} / {milliseconds(percentile(every['baseline'], 0.99))}"
        },
    )  # fmt: skip
