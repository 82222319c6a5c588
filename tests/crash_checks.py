"""What was acknowledged against what is in the database: after each kill, and at the end."""

import base64
import csv
import io
import json
from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal

from .crash_load import DECK_LINES, FILE_LINES, RERATED_CALLS
from .crash_site import RERATED_PRICES, now
from .load_site import expected_cost
from .load_worker import make_call

FILED_COST = Decimal("0.025")  # 61 seconds to +1 415 are 2 minutes at 0.0125
CREDITED = """
    SELECT t.invoice_id FROM call_wallet_topup t JOIN call_wallet_transaction x ON x.topup_id = t.id
     WHERE t.wallet_id = %s AND x.type = 'balance_added' AND x.amount = 25
"""
PAID = """
    SELECT m.id FROM account_move m JOIN call_wallet_topup t ON t.invoice_id = m.id
     WHERE t.wallet_id = %s AND m.payment_state IN ('paid', 'in_payment')
"""
REFUNDS = """
    SELECT substr(key, 8), amount::text, id FROM call_wallet_transaction WHERE wallet_id = %s AND type = 'refund'
"""
# What the scheduled actions have still to do.
OPEN = {
    "reports": "SELECT count(*) FROM call_usage_report_job WHERE state IN ('waiting', 'running')",
    "re-ratings": "SELECT count(*) FROM call_usage_rerate WHERE state = 'posting'",
    "files": "SELECT count(*) FROM call_source_file WHERE state IN ('waiting', 'running')",
    "source calls": "SELECT count(*) FROM call_source_call WHERE due_at < now() AT TIME ZONE 'UTC' + interval '1 hour'",
    "postings": "SELECT count(*) FROM call_wallet_posting WHERE state IN ('waiting', 'running')",
    "events": "SELECT count(*) FROM call_wallet_event WHERE number IS NULL",
    "webhooks": "SELECT count(*) FROM call_wallet_webhook_delivery WHERE state = 'waiting'",
    "holds": "SELECT count(*) FROM call_wallet_hold h WHERE state = 'held' AND expires_at < now() AT TIME ZONE 'UTC'",
}


class Checks:
    """Compares a site with what its players were told; ``problems`` are sentences, none where all is well."""

    def __init__(self, site, players):
        self.site, self.players, self.problems = site, players, []

    def told(self, name):
        return [item for player in self.players for item in list(player.told[name])]

    def _say(self, is_so, problem):
        if not is_so and len(self.problems) < 50:
            self.problems.append(problem)

    # === AFTER EACH KILL === #

    def after_a_kill(self):
        """What was acknowledged before is there once; the ledger keeps its promises. Work goes on meanwhile."""
        acknowledged, credits = self.told("acknowledged"), self.told("credits")
        topups, decks, posted = self.told("topups"), self.told("decks"), self.told("posted")
        self._acknowledged(acknowledged)
        self._credits(credits)
        self._topups(topups)
        self._decks(decks)
        there = {row[0] for row in self.site.select("SELECT id FROM account_move WHERE state = 'posted'")}
        self._say(set(posted) <= there, f"entries that were posted are gone: {sorted(set(posted) - there)[:5]}")
        self._invariants()

    def _acknowledged(self, answers):
        charges, first = self.site.charges("STORM"), Counter()
        for answer in answers:
            told = (answer["total_cost"], answer["transaction"], answer["balance_after"])
            kept = charges.get(answer["call_ref"])
            self._say(kept == [told], f"{answer['call_ref']}: told {told}, in the ledger {kept}")
            first[answer["call_ref"]] += answer["result"] == "charged"
        self._say(max(first.values(), default=0) <= 1, f"charged twice: {first.most_common(3)}")
        for ref, entries in charges.items():
            right = expected_cost(make_call("STORM", ref))
            self._say(len(entries) == 1 and Decimal(entries[0][0]) == right, f"{ref}: {entries}, costs {right}")

    def _credits(self, credits):
        kept = defaultdict(list)
        for key, amount, transaction in self.site.select(REFUNDS, self.site.ids["STORM"]):
            kept[key].append((Decimal(amount), transaction))
        for key, amount, transaction in credits:
            told = [(Decimal(amount), transaction)]
            self._say(kept[key] == told, f"credit {key}: told {told}, in the ledger {kept[key]}")

    def _topups(self, acknowledged, is_last=False):
        """A payment that was acknowledged stands. Where the server died over it, the credit comes by schedule."""
        paid = {row[0] for row in self.site.select(PAID, self.site.ids["STORM"])}
        credited = Counter(row[0] for row in self.site.select(CREDITED, self.site.ids["STORM"]))
        self._say(set(acknowledged) <= paid, f"payments of {sorted(set(acknowledged) - paid)[:5]} are gone")
        self._say(max(credited.values(), default=1) == 1, f"credited twice: {credited.most_common(3)}")
        if is_last:
            self._say(credited.keys() == paid, f"paid or credited alone: {sorted(credited.keys() ^ paid)[:5]}")

    def _decks(self, acknowledged):
        """A price list is there as a whole or not at all."""
        query = "SELECT substr(prefix, 2, 4)::int, count(*) FROM call_rate WHERE plan_id = %s GROUP BY 1"
        there = dict(self.site.select(query, self.site.deck_id))
        for turn in acknowledged:
            self._say(there.get(turn) == DECK_LINES, f"price list {turn}: {there.get(turn)} of {DECK_LINES} lines")
        self._say(set(there.values()) <= {DECK_LINES}, f"a part of a price list: {there}")

    def _invariants(self):
        with self.site.env() as env:
            found = env["call.wallet"].check_invariants(list(self.site.ids.values()))
        self._say(not found, f"invariants: {found}")

    # === AT THE END === #

    def left(self):
        """Return what still has to be done by the server itself: {what: how many}."""
        found = {name: self.site.select(query)[0][0] for name, query in OPEN.items()}
        credited = len(self.site.select(CREDITED, self.site.ids["STORM"]))
        found["top-ups"] = len(self.site.select(PAID, self.site.ids["STORM"])) - credited
        found["events to arrive"] = len(self._events().keys() - self._arrived().keys())
        return {name: number for name, number in found.items() if number}

    def at_the_end(self):
        """Nothing goes on any more: everything adds up."""
        self.after_a_kill()
        for error in self.told("errors"):
            self._say(False, f"an answer that nobody expects: {error}")
        self._topups(self.told("topups"), is_last=True)
        self._sent()
        self._reports()
        self._rerated()
        self._filed()
        self._books()

    def _reports(self):
        with self.site.env() as env:
            for job in env["call.usage.report.job"].browse(set(self.told("reports"))):
                self._say(job.state == "ready", f"report {job.id} is {job.state}: {job.error}")
                if job.state != "ready" or job.format != "csv":
                    continue
                text = base64.b64decode(job.attachment_id.datas).decode("utf-8-sig")
                rows = list(csv.DictReader(io.StringIO(text)))
                total = sum(Decimal(row["Amount"]) for row in rows)
                # Made later than it was asked for, it may have more rows than there were.
                is_whole = len(rows) >= job.row_count and (not rows or Decimal(rows[-1]["Balance After"]) == total)
                self._say(is_whole, f"report {job.id}: {len(rows)} rows of {job.row_count}, together {total}")

    def _rerated(self):
        """Each call of the wallet that is re-rated costs what the last price says, once it is re-rated once more."""
        posted = dict(self.site.select("SELECT id, state FROM call_usage_rerate"))
        for rerate in self.told("rerates"):
            self._say(posted.get(rerate) == "posted", f"re-rating {rerate} is {posted.get(rerate)}")
        [[price]] = self.site.select(
            "SELECT price_per_minute::text FROM call_rate WHERE id = %s", self.site.rerated_rate_id
        )
        wallet_id = self.site.ids["RERATED"]
        with self.site.env() as env:
            values = {
                "reason": "The end", "wallet_ids": [(6, 0, [wallet_id])], "company_id": self.site.company_id,
                "date_from": "2026-09-01", "date_to": "2027-12-31",
            }  # fmt: skip
            rerate = env["call.usage.rerate"].create(values)
            env.cr.commit()
            rerate.action_preview()
            rerate.action_post()
            self._say(rerate.state == "posted", f"the last re-rating is {rerate.state}")
        refs = {row[0] for row in self.site.select("SELECT call_ref FROM call_usage WHERE wallet_id = %s", wallet_id)}
        lost = set(self.told("rerated")) - refs
        self._say(not lost, f"calls of RERATED were lost: {sorted(lost)[:5]}")
        [[balance]] = self.site.select("SELECT balance::text FROM call_wallet_balance WHERE wallet_id = %s", wallet_id)
        right = 1000 - len(refs) * Decimal(price)
        self._say(Decimal(balance) == right, f"RERATED has {balance}; {len(refs)} calls at {price} leave {right}")
        self._say(str(price) in {f"{one}0000" for one in RERATED_PRICES}, f"a price that nobody entered: {price}")
        self._say(len(refs) % RERATED_CALLS == 0, f"a part of a report: {len(refs)} calls")

    def _filed(self):
        """Of a file that was taken over each line is charged once; of another one all or none."""
        wallet_id = self.site.ids["FILED"]
        charges = self.site.charges("FILED")
        turns = Counter(int(ref.rpartition(".")[2]) // 1000 for ref in charges)
        for turn in self.told("files"):
            self._say(turns[turn] == FILE_LINES, f"file {turn}: {turns[turn]} of {FILE_LINES} calls are charged")
        self._say(set(turns.values()) <= {FILE_LINES}, f"a part of a file: {turns}")
        wrong = [ref for ref, rows in charges.items() if len(rows) != 1 or Decimal(rows[0][0]) != FILED_COST]
        self._say(not wrong, f"charged otherwise than once with {FILED_COST}: {wrong[:5]}")
        [[balance]] = self.site.select("SELECT balance::text FROM call_wallet_balance WHERE wallet_id = %s", wallet_id)
        self._say(Decimal(balance) == 1000 - len(charges) * FILED_COST, f"FILED has {balance}, {len(charges)} calls")

    def _events(self):
        """Return the events that the webhook was to hear of: {id: number}."""
        events, after = {}, self.site.last_event
        with self.site.env() as env:
            while page := env["call.wallet"].list_events(after, 1000):
                after = page[-1]["event"]
                events.update((event["id"], event["event"]) for event in page)
        return events

    def _arrived(self):
        """Return what the receiver was told: {id: how often}."""
        return Counter(one["id"] for one in list(self.site.receiver.accepted))

    def _sent(self):
        events, arrived = self._events(), self._arrived()
        numbers = sorted(events.values())
        first = self.site.last_event + 1
        self._say(numbers == list(range(first, first + len(numbers))), "the numbers of events have gaps")
        self._say(events.keys() <= arrived.keys(), f"{len(events.keys() - arrived.keys())} events did not arrive")
        unknown = [one for one in list(self.site.receiver.accepted) if one["id"] not in events]
        self._say(not unknown, f"events arrived that there are not: {json.dumps(unknown[:3], default=str)}")

    def _books(self):
        """All is posted, and both ledgers agree."""
        with self.site.env() as env:
            tomorrow = now().date() + timedelta(days=1)  # in every time zone that is today's end
            env["call.wallet"].post_transactions(None, tomorrow, [self.site.company_id])
            for row in env["call.wallet"].reconciliation(tomorrow, self.site.company_id):
                if row["wallet"] in self.site.ids.values():
                    wrong = {name: row[name] for name in ("unexplained", "not_posted") if Decimal(row[name])}
                    self._say(not wrong, f"reconciliation of wallet {row['wallet']}: {wrong}")
        self._invariants()
