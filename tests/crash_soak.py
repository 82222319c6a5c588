"""A mixed load on a server of its own, killed again and again: nothing acknowledged is lost or doubled, all goes on.

    make soak ARGS="--crashes 100"
    make soak ARGS="--crashes 20 --seed 7"

Calls are charged, top-ups paid and credited, usage posted, reports made, price lists and files of call records
imported, calls re-rated and events delivered, while at random moments a worker, a scheduled action, all of Odoo, one
session of PostgreSQL, all of PostgreSQL, or everything is ended by SIGKILL. PostgreSQL is one of its own, with
``fsync``. After each kill what was acknowledged before is compared with the ledger; at the end, when the server has
done by itself what was left, everything is. Ends with 1 where anything is lost, doubled or left. The seed chooses the
kills and what is done; the moment that a kill hits is the machine's.
"""

import argparse
import os
import random
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# How long the server may take, without anybody's help, to do what was left: a killed sender's events are left alone
# for five minutes, a killed run of the posting for ten. What comes by schedule comes sooner here, see ``SOONER``.
LEFT_SECONDS = 1000
SOONER = """
    UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC'
     WHERE id IN (SELECT res_id FROM ir_model_data WHERE model = 'ir.cron' AND module = 'call_wallet'
                     AND name IN ('ir_cron_posting', 'ir_cron_topup_sync', 'ir_cron_webhook', 'ir_cron_usage_report',
                                  'ir_cron_rerate', 'ir_cron_source_file', 'ir_cron_expire_holds'))
       AND id IN (SELECT id FROM ir_cron WHERE nextcall > now() AT TIME ZONE 'UTC' AND active FOR UPDATE SKIP LOCKED)
"""
KINDS = ["worker"] * 3 + ["action"] * 2 + ["odoo"] * 2 + ["session"] * 2 + ["postgresql"] * 2 + ["everything"] * 2


class Killer:
    """Ends processes by SIGKILL, and starts again what does not start by itself."""

    def __init__(self, site, rng):
        self.site, self.rng = site, rng
        # Each kind in turn, in an order of the seed's, so that a short run has all of them.
        self.kinds, self.counts, self.longest = [], Counter(), Counter()

    def kill(self):
        """Kill something, wait until all answers again; return the kind."""
        if not self.kinds:
            self.kinds = self.rng.sample(KINDS, len(KINDS))
        kind = self.kinds.pop()
        getattr(self, f"_{kind}")()
        self.counts[kind] += 1
        self.longest[kind] = max(self.longest[kind], round(self.site.wait_until_it_answers(), 1))
        return kind

    def _worker(self):
        self._end(self.rng.choice(self._children("WorkerHTTP") or self.site.server.worker_pids))

    def _action(self):
        self._end(self.rng.choice(self._children("WorkerCron") or self.site.server.worker_pids))

    def _odoo(self):
        self.site.server.kill()
        self.site.server.start()

    def _session(self):
        self.site.postgres.kill_one(self.rng.choice)

    def _postgresql(self):
        self.site.postgres.kill()
        time.sleep(self.rng.uniform(0, 2))
        self.site.postgres.start()

    def _everything(self):
        self.site.postgres.kill()
        self.site.server.kill()
        self.site.postgres.start()
        self.site.server.start()

    def _children(self, title):
        import psutil

        found = []
        for child in psutil.Process(self.site.server.pid).children():
            with suppress(psutil.Error):
                if title in " ".join(child.cmdline()):
                    found.append(child.pid)
        return found

    @staticmethod
    def _end(process):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crashes", type=int, default=100)
    parser.add_argument("--seed", default=str(random.randrange(10**6)))
    parser.add_argument("--pause", type=float, default=12, help="seconds between two kills, at most")
    options = parser.parse_args(arguments)
    os.environ["CALL_WALLET_LOAD_SEED"] = options.seed
    from tests.crash_site import a_crash_site

    say(f"seed {options.seed}")
    with a_crash_site() as site:
        figures, problems = soak(site, options)
    for name, figure in figures.items():
        say(f"{name:44}{figure}")
    say("\n".join([f"{'lost, doubled, left or wrong':44}{len(problems)}", *problems[:30]]))
    return bool(problems)


def soak(site, options):
    """Let everybody work while servers are killed; return what was measured and what is wrong."""
    from tests.crash_checks import Checks
    from tests.crash_load import play

    rng, began = random.Random(f"{options.seed} killer"), time.monotonic()
    site.server.start()
    players, threads, over = play(site)
    checks, killer = Checks(site, players), Killer(site, rng)
    try:
        time.sleep(5)
        for number in range(1, options.crashes + 1):
            time.sleep(rng.uniform(options.pause / 8, options.pause))
            kind = killer.kill()
            checks.after_a_kill()
            so_far = len(checks.told("acknowledged"))
            say(f"    {time.monotonic() - began:5.0f} s  {number:3} {kind:12}{so_far:7} calls acknowledged")
            if checks.problems:
                break
    except BaseException:
        over.is_aborted = True
        raise
    finally:
        over.set()
    for thread in threads:
        thread.join()
    lasted, left = wait_for_the_rest(checks)
    if left:
        checks.problems.append(f"not done by itself in {LEFT_SECONDS} s: {left}")
    checks.at_the_end()
    return _figures(site, checks, killer, time.monotonic() - began, lasted), checks.problems


def wait_for_the_rest(checks):
    """Wait until the server has done what was left; return the seconds, and what it has not done."""
    began, told, sooner = time.monotonic(), None, 0
    while (left := checks.left()) and time.monotonic() - began < LEFT_SECONDS:
        if left != told:
            say(f"    left: {left}")
            told = left
        if time.monotonic() > sooner:
            sooner = time.monotonic() + 30
            with checks.site.env() as env:
                env.cr.execute(SOONER)
        time.sleep(2)
    return time.monotonic() - began, left


def _figures(site, checks, killer, lasted, rest):
    refusals = Counter()
    for player in checks.players:
        for client in player.clients:
            refusals.update({text[:3]: count for text, count in client.refusals.items()})
    [[fsync]] = site.select("SHOW fsync")
    return {
        "PostgreSQL": f"{site.postgres.major}, fsync {fsync}",
        "kills": f"{sum(killer.counts.values())}: {dict(killer.counts)}",
        "seconds until all answered again, at most": dict(killer.longest),
        "answers that never came": sum(c.broken for player in checks.players for c in player.clients),
        "answers of servers without a database": dict(refusals),
        "reports of calls acknowledged": len(checks.told("acknowledged")),
        "calls charged": len(site.charges("STORM")),
        "calls refused as of other content": len(checks.told("conflicts")),
        "refunds acknowledged": len(checks.told("credits")),
        "top-ups paid and acknowledged": len(checks.told("topups")),
        "journal entries acknowledged": len(set(checks.told("posted"))),
        "reports in the background": len(set(checks.told("reports"))),
        "re-ratings posted": len(checks.told("rerates")),
        "price lists imported": len(checks.told("decks")),
        "files of call records imported": len(checks.told("files")),
        "events delivered": f"{len(set(checks._arrived()))}, with repetitions {sum(checks._arrived().values())}",
        "seconds, and until nothing was left": f"{lasted:.0f}, {rest:.0f}",
    }


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
