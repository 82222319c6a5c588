"""Two Odoo servers, HAProxy, PgBouncer and a replica, each killed in turn: nothing acknowledged is lost or doubled.

    make cluster
    make cluster ARGS="--seconds 60 --rounds 3"
    make cluster ARGS="--only replica,primary"    some of it
    make cluster ARGS="--pool transaction"        PgBouncer in a mode in which Odoo hears nothing

Calls are charged, top-ups paid, usage posted, reports made, calls re-rated, files imported and events delivered through
the entrance, while a platform and people read. An Odoo server, the replica, the connections of the primary, PgBouncer
and the primary itself are ended in turn, as by a power cut, and started again some seconds later, as systemd would; in
the end both Odoo servers are restarted one after the other, as for an update. After each of these, what was
acknowledged is compared with the ledger, and at the end everything is. Dashboards and reports have to be read from
the replica wherever there is one. Ends with 1 where anything is lost, doubled, left or read elsewhere.
"""

import argparse
import http.client
import os
import random
import sys
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# For how long what was killed stays away, in seconds: a server's restart, and that of a pool or a database.
AWAY, AWAY_POOL = 10, 2
# For how long Odoo asks the primary instead of a replica that was away (``_REPLICA_RETRY_TIME`` of its registry).
SHUNNED = 20 * 60
# For how long Odoo's live messages may stay away: it listens again after 50 seconds.
LIVE_SECONDS = 90
SESSIONS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND usename = 'call_wallet' AND pid <> pg_backend_pid()
"""
HEADERS = ("killed", "acknowledged", "no answer, s", "longest wait, s", "no live message, s", "on the replica")


class Killer:
    """What is killed, in turn. Each method begins again what it ended."""

    def __init__(self, site, options):
        self.site, self.options = site, options

    def steps(self):
        """Return [(name, what is said, what is done)]."""
        a, b = self.site.nodes
        return [
            ("nothing", "for comparison: nothing is killed", lambda: None),
            ("Odoo server", f"Odoo server {a.name} is killed, and back after {AWAY} s", lambda: self._node(a)),
            ("replica", f"the replica is killed, and back after {AWAY} s", self._replica),
            ("connections", "all connections of the primary are ended", self._connections),
            ("PgBouncer", f"PgBouncer is killed, and back after {AWAY_POOL} s", self._pool),
            ("primary", f"the primary is killed, and back after {AWAY_POOL} s", self._primary),
            ("restarts", "both Odoo servers are restarted, one after the other", lambda: self._restart(b, a)),
        ]

    def _node(self, node):
        node.kill()
        time.sleep(AWAY)
        node.start()

    def _replica(self):
        self.site.replica.kill()
        time.sleep(AWAY)
        self.site.replica.start()
        if self.options.patient:
            tell(f"the replica is back; Odoo leaves it alone for {SHUNNED // 60} minutes")
            time.sleep(SHUNNED + 10)
        else:
            tell(f"the replica is back; new workers of Odoo find it at once, others after {SHUNNED // 60} minutes")
            for node in self.site.nodes:
                node.renew()

    def _connections(self):
        self.site.postgres.sql(SESSIONS, user="postgres")

    def _pool(self):
        self.site.pool.kill()
        time.sleep(AWAY_POOL)
        self.site.pool.start()

    def _primary(self):
        self.site.postgres.kill()
        time.sleep(AWAY_POOL)
        self.site.postgres.start()

    def _restart(self, *nodes):
        for node in nodes:
            node.stop()
            node.start()


class Soak:
    """Everybody's work while servers are killed, and what was measured."""

    def __init__(self, site, options):
        from tests.cluster_load import ROLES, Browser, ClusterPlayer
        from tests.crash_checks import Checks
        from tests.crash_load import play

        self.site, self.options, self.rest = site, options, None
        self.began, self.rows, self.lags = time.monotonic(), [], []
        self.browser = Browser(site)
        self.players, self.threads, self.over = play(site, ClusterPlayer, ROLES)
        self.checks = Checks(site, self.players)
        self.threads.append(threading.Thread(target=self._watch_lag))

    @property
    def problems(self):
        return self.checks.problems

    def run(self):
        self.browser.start()
        self.threads[-1].start()
        try:
            time.sleep(self.options.seconds / 2)  # with their first requests workers load what they need
            for number in range(self.options.rounds):
                for step in Killer(self.site, self.options).steps()[bool(number) :]:
                    if step[0] in {"nothing", *(self.options.only or [step[0]])}:
                        self._round(*step)
                    if self.problems:
                        return
        except BaseException:
            self.over.is_aborted = True
            self.browser.close()
            raise
        finally:
            self.over.set()
            for thread in self.threads:
                thread.join()

    def _round(self, name, sentence, end):
        tell(sentence)
        place, since, known = self.site.place(), time.monotonic(), len(self.checks.told("acknowledged"))
        end()
        self.site.wait_until_it_answers()
        back = self.site.place()
        time.sleep(self.options.seconds)
        until = time.monotonic()
        row = {
            "name": name,
            "acknowledged": len(self.checks.told("acknowledged")) - known,
            "gap": longest_gap(list(self.site.answered), since, until),
            "wait": max((wait for began, wait in list(self.site.waited) if since < began < until), default=0),
            "silence": longest_gap(list(self.browser.heard.values()), since, until),
            "reads": self.site.reads(place),
            "after": self.site.reads(back),
            "counted": self.site.counted(back),
        }
        self.rows.append(row)
        self._check_reads(row)
        self.checks.after_a_kill()
        say(
            f"    {row['acknowledged']} calls acknowledged; nobody had an answer for {row['gap']:.1f} s; "
            f"on the replica {share(row['reads'])} of {answered(row['reads'])} dashboards and reports"
        )

    def _check_reads(self, row):
        """While all is there, each dashboard and report is read from the replica, as Odoo and PostgreSQL both say."""
        reads, (_primary, replica) = row["after"], row["counted"]
        failed = reads.pop("failed", 0)
        if failed and row["name"] in ("nothing", "restarts"):
            self.problems.append(f"{row['name']}: {failed} dashboards or reports failed while all was there")
        if not reads or reads["ro"] < sum(reads.values()):
            self.problems.append(f"{row['name']}: read elsewhere while the replica was there: {dict(reads)}")
        if replica[0] < reads["ro"]:
            self.problems.append(f"the replica counted {replica[0]} transactions, Odoo {reads['ro']} requests of it")

    def _watch_lag(self):
        while not self.over.wait(2):
            with suppress(Exception):  # the primary is away
                lag = self.site.replica.lag()
                self.lags += [] if lag is None else [lag]

    def finish(self):
        """Wait for what the servers have still to do by themselves, and compare everything."""
        from tests.crash_soak import LEFT_SECONDS, wait_for_the_rest

        tell("the load has ended; what is left is waited for")
        self.rest, left = wait_for_the_rest(self.checks)
        if left:
            self.problems.append(f"not done by itself in {LEFT_SECONDS} s: {left}")
        unheard = self.browser.close(LIVE_SECONDS)
        if unheard:
            self.problems.append(f"{len(unheard)} live messages never came: {unheard[:10]}")
        tell("everything is compared: answers, ledgers, books, events, both PostgreSQL servers")
        self.checks.at_the_end()
        primary, replica = self.site.ledgers()
        if primary != replica:
            self.problems.append(f"the replica has another ledger: {replica} instead of {primary}")

    # === WHAT IS TOLD === #

    def table(self):
        rows = [HEADERS]
        for row in self.rows:
            numbers = (f"{row[name]:.1f}" for name in ("gap", "wait", "silence"))
            rows.append((row["name"], str(row["acknowledged"]), *numbers, share(row["reads"])))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        first, *others = widths
        return "\n".join(
            "  ".join([f"{name:<{first}}", *(f"{cell:>{width}}" for cell, width in zip(cells, others, strict=True))])
            for name, *cells in rows
        )

    def figures(self):
        told, site = self.checks.told, self.site
        clients = [client for player in self.players for client in player.clients]
        answers, fresh, looked = told("acknowledged"), told("fresh"), told("looked")
        arrived = self.checks._arrived()
        (primary, primary_rows), (replica, replica_rows) = self.rows[0]["counted"]
        reads = sum((row["reads"] for row in self.rows), Counter())
        failed = reads.pop("failed", 0)
        late = [seconds for seconds in fresh if seconds]
        return {
            "calls acknowledged, with repetitions": f"{len({a['call_ref'] for a in answers})}, {len(answers)}",
            "calls charged": len(site.charges("STORM")),
            "refunds acknowledged": len(told("credits")),
            "top-ups paid and acknowledged": len(told("topups")),
            "journal entries, re-ratings, files of calls": ", ".join(
                str(len(set(told(name)))) for name in ("posted", "rerates", "files")
            ),
            "reports in the background": f"{len(set(told('reports')))}, made after {middle(told('made_after')):.1f} s",
            "reports downloaded in one session": f"{len(looked)}, the last of {looked[-1] if looked else 0} rows",
            "events delivered": f"{len(set(arrived))}, with repetitions {sum(arrived.values())}",
            "live messages heard, sent": f"{len(self.browser.heard)}, {len(self.browser.sent)}",
            "answers that never came, asked for again": sum(client.broken for client in clients),
            "dashboards and reports on the replica": f"{share(reads)} of {sum(reads.values())}; {failed} failed",
            "the same while nothing was killed": share(self.rows[0]["reads"]),
            "then transactions on primary, replica": f"{primary}, {replica}",
            "then rows read on primary, replica": f"{primary_rows}, {replica_rows}",
            "replica behind, at most": f"{max(self.lags, default=0):.2f} s",
            "calls that it did not know yet": f"{len(late)} of {len(fresh)}, for {max(late, default=0):.2f} s at most",
            "seconds, and until nothing was left": f"{time.monotonic() - self.began:.0f}, {self.rest:.0f}",
        }


def longest_gap(moments, since, until):
    """Return the longest time without any of the moments, from ``since`` to ``until``."""
    within = sorted(moment for moment in moments if since < moment < until)
    return max(b - a for a, b in zip([since, *within], [*within, until], strict=True))


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=45, help="of work after each kill")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", type=lambda text: text.split(","), help="names of the table, such as replica,primary")
    parser.add_argument("--pool", choices=("session", "transaction"), default="session")
    parser.add_argument("--patient", action="store_true", help="wait until Odoo finds the replica again by itself")
    parser.add_argument("--seed", default=str(random.randrange(10**6)))
    options = parser.parse_args(arguments)
    os.environ["CALL_WALLET_LOAD_SEED"] = options.seed
    from tests.cluster_site import a_cluster

    say(f"seed {options.seed}")
    with a_cluster(tell, options.pool) as site:
        problems = check_entrance(site) + check_pool(site)
        tell("everybody begins to work")
        soak = Soak(site, options)
        soak.problems.extend(problems)
        soak.run()
        if not soak.problems:
            soak.finish()
        say("\n" + soak.table() + "\n")
        if soak.rest is not None:
            for name, figure in soak.figures().items():
                say(f"{name:44}{figure}")
    say("\n".join([f"{'lost, doubled, left or wrong':44}{len(soak.problems)}", *soak.problems[:30]]))
    return bool(soak.problems)


def check_entrance(site):
    """Odoo knows from where a request came, whatever the client says of that (``proxy_mode``)."""
    tell("who asks is known behind HAProxy, and nobody can pass for another")
    there = http.client.HTTPConnection("127.0.0.1", site.server.port, source_address=("127.0.0.2", 0))
    with closing(there) as connection:
        connection.request("GET", "/web/login?entrance=1", headers={"X-Forwarded-For": "203.0.113.7"})
        connection.getresponse().read()
    lines = b"".join(node.log.read_bytes() for node in site.nodes).splitlines()
    [line] = [line for line in lines if b"entrance=1" in line] or [b"not found"]
    return [] if b" 127.0.0.2 - - " in line else [f"behind HAProxy a request came from elsewhere: {line.decode()}"]


def check_pool(site):
    """A session that listens hears what is notified by session; by transaction it does not."""
    import psycopg2

    tell("PgBouncer: what listens is notified by session, and is not by transaction")
    heard = {}
    for database in ("postgres", "by_transaction"):
        options = {"host": str(site.pool.folder), "port": site.pool.port, "user": "call_wallet", "dbname": database}
        with closing(psycopg2.connect(**options)) as session:
            session.autocommit = True
            session.cursor().execute(f"LISTEN cluster_{database}")
            site.postgres.sql(f"NOTIFY cluster_{database}")
            time.sleep(0.5)
            session.poll()
            heard[database] = len(session.notifies)
    say(f"    heard by session {heard['postgres']}, by transaction {heard['by_transaction']}")
    is_right = heard == {"postgres": int(site.pool.mode == "session"), "by_transaction": 0}
    return [] if is_right else [f"PgBouncer passed on {heard}"]


def share(reads):
    """Return the share of requests that the replica answered, in percent."""
    return f"{100 * reads['ro'] / answered(reads):.0f} %" if answered(reads) else "-"


def answered(reads):
    return sum(reads.values()) - reads["failed"]


def middle(values):
    return sorted(values)[len(values) // 2] if values else 0


def tell(sentence):
    say(f"==> {sentence}")


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
