"""Real calls through Asterisk at a steady rate: what the servers take must stay as it is.

    make soak ARGS="--steady 3600"
    make soak ARGS="--steady 600 --rate 2"

Scheduled actions run meanwhile, as in any installation. Each minute tells how long a telephone waited for its ringing,
what Odoo, the connector and PostgreSQL have in memory, and how often somebody waited for a lock. The figures stay in
``build/soak/steady.csv``, drawn in ``steady.svg``. Ends with 1 where calls and ledger differ, where the last quarter
needs more memory than the second, or rings later, or where a lock was waited for.
"""

import argparse
import csv
import shutil
import statistics
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.asterisk_site import ANSWERS, SECOND, a_site, all_reported, an_exchange, assert_agree
from tests.audit import private_registry

ACCOUNTS = tuple(f"STEADY{number}" for number in range(10))
FOLDER = Path(__file__).resolve().parents[1] / "build/soak"
# How long callers talk; calls of one length are begun together, each minute anew.
TALKS = (3.3, 7.3, 14.3)
MINUTE = 60
# What a quarter may differ by from an earlier one before it counts as growth.
MORE_MEMORY, LATER = 1.1, 1.5
MIB = 2**20


class Watch(threading.Thread):
    """Looks each second at locks, and every five at memory, until it is told that it is over."""

    def __init__(self, site, line):
        super().__init__(daemon=True)
        self.site, self.line, self.over = site, line, threading.Event()
        self.began, self.memory, self.waits = time.monotonic(), [], []

    def run(self):
        second = 0
        while not self.over.wait(1):
            second += 1
            passed = time.monotonic() - self.began
            self.waits += [(passed, text) for [text] in self._waiting_for_locks()]
            if second % 5 == 0:
                self.memory.append((passed, self._memory()))

    def _waiting_for_locks(self):
        return self.site.select(
            "SELECT left(query, 200) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock' AND now() - query_start > '100 ms'"
        )

    def _memory(self):
        """Return what each part has in memory of its own, in MiB; pages that processes share are not counted."""
        odoo = psutil.Process(self.site.server.pid)
        sessions = self.site.select("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return {
            "Odoo": own([odoo, *odoo.children()]),
            "connector": own([psutil.Process(self.line.service.pid)]),
            "PostgreSQL's sessions": own(map(process, (pid for [pid] in sessions))),
        }


def process(pid):
    with suppress(psutil.Error):
        return psutil.Process(pid)


def own(processes):
    total = 0
    for one in processes:
        with suppress(psutil.Error, AttributeError):  # it may end meanwhile
            total += one.memory_full_info().uss
    return round(total / MIB, 1)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steady", type=int, default=3600, metavar="SECONDS")
    parser.add_argument("--rate", type=float, default=1.5, help="calls begun a second")
    options = parser.parse_args(arguments)
    minutes = max(4, options.steady // MINUTE)
    shutil.rmtree(FOLDER, ignore_errors=True)
    with (
        private_registry() as registry,
        a_site(registry, crons=1) as site,
        an_exchange(site, FOLDER, options={"hold_seconds": "10", "extend_before": "3"}) as line,
    ):
        rows, problems, figures = soak(site, line, minutes, options.rate)
    write(rows)
    for name, figure in figures.items():
        sys.stdout.write(f"{name:44}{figure}\n")
    sys.stdout.write("\n".join([f"{'wrong':44}{len(problems)}", *problems]) + "\n")
    return bool(problems)


def soak(site, line, minutes, rate):
    """Place the calls; return a row a minute, what is wrong, and the figures of the whole."""
    # More than an hour of talk for each account.
    site.make_wallets(*ACCOUNTS, funds=str(SECOND * 100_000))
    each = max(1, round(rate * MINUTE / len(TALKS)))
    watch = Watch(site, line)
    watch.start()
    slices = []
    for minute in range(minutes):
        calls = [(ACCOUNTS[(minute + number) % len(ACCOUNTS)], ANSWERS) for number in range(each)]
        slices.append([line.begin(calls, seconds, rate=rate / len(TALKS)) for seconds in TALKS])
        time.sleep(max(0, watch.began + MINUTE * (minute + 1) - time.monotonic()))
    placed = [[call for wait in waits for call in wait(600)] for waits in slices]
    watch.over.set()
    watch.join()
    all_reported(line)
    for account in ACCOUNTS:
        assert_agree(line, site, account)
    rows = [row(minute, calls, watch) for minute, calls in enumerate(placed)]
    return rows, [*wrong(rows, placed, watch)], summary(rows, placed, watch)


def row(minute, calls, watch):
    """Return the figures of one minute."""
    rang = sorted(call.rang_after for call in calls if call.rang_after is not None)
    first, last = minute * MINUTE, (minute + 1) * MINUTE
    memory = [parts for passed, parts in watch.memory if first <= passed < last]
    return {
        "minute": minute + 1,
        "calls": len(calls),
        "until ringing, median, s": round(statistics.median(rang), 3),
        "until ringing, 99 %, s": round(rang[int(0.99 * len(rang))], 3),
        "waits for locks": sum(first <= passed < last for passed, _text in watch.waits),
        **{f"{part}, MiB": max(parts[part] for parts in memory) for part in memory[0]},
    }


def wrong(rows, placed, watch):
    """Yield what should not be."""
    for text in sorted({text for _passed, text in watch.waits}):
        yield f"a lock was waited for: {text}"
    others = [call.status for calls in placed for call in calls if call.status != 200]
    if others:
        yield f"calls that were refused, of SIP: {sorted(set(others))}, {len(others)} times"
    quarter = len(rows) // 4
    for name in rows[0]:
        limit = MORE_MEMORY if name.endswith("MiB") else LATER if "median" in name else None
        parts = rows[quarter : 2 * quarter], rows[-quarter:]
        before, after = (statistics.mean(one[name] for one in part) for part in parts)
        if limit and after > before * limit:
            yield f"{name}: {before:.3f} in the second quarter, {after:.3f} in the last"


def summary(rows, placed, watch):
    first, last = rows[len(rows) // 4], rows[-1]
    return {
        "minutes": len(rows),
        "calls": sum(map(len, placed)),
        "waits for locks of more than 0.1 s": len(watch.waits),
        **{
            f"{name}, a quarter in and at the end": f"{first[name]}, {last[name]}"
            for name in rows[0]
            if name.endswith((" s", "MiB"))
        },
    }


def write(rows):
    """Keep the figures as CSV, and draw them."""
    import pygal

    with open(FOLDER / "steady.csv", "w", newline="") as target:
        writer = csv.DictWriter(target, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    chart = pygal.XY(
        title=f"{len(rows)} minutes of calls: ms until it rings (left), MiB of memory (right)",
        x_title="minutes", js=[], show_dots=False, width=900, height=420, legend_at_bottom=True,
    )  # fmt: skip
    for name in rows[0]:
        if name.endswith(" s"):
            chart.add(name.removesuffix(", s") + ", ms", [(r["minute"], 1000 * r[name]) for r in rows])
        elif name.endswith("MiB"):
            chart.add(name, [(r["minute"], r[name]) for r in rows], secondary=True)
    chart.render_to_file(str(FOLDER / "steady.svg"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
