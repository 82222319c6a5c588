import hmac
from collections import defaultdict
from datetime import UTC
from hashlib import sha256

from odoo import api, models
from odoo.modules import get_manifest

from ...tools.clock import utcnow
from ...tools.exposition import Family, gauge, histogram, text_of
from ..notices.call_wallet_waiting import WAITING
from . import metrics_sql as queries
from .call_wallet_schedule import CHECKED, due_at

# The digest of the token by which a monitoring system may ask; without it nobody may.
DIGEST = "call_wallet.metrics_token_digest"
COUNTED = {
    "call_wallet_calls_total": "Reported calls by what became of them, also by call sources and the call button.",
    "call_wallet_answers_total": "Answers to requests about holds, by code: ok, or why a call was refused.",
}
NOTED = {
    "call_wallet_books_differing_wallets": "Wallets whose balance the general ledger does not explain.",
    "call_wallet_books_unfunded_wallets": "Wallets with top-ups that were settled without funds.",
    CHECKED: "When the wallets were last compared with the general ledger; done once an hour.",
    "call_wallet_ledger_violations": "What the last nightly check of the ledger found.",
}
SECONDS = "call_wallet_api_request_seconds"


class CallWalletMetrics(models.AbstractModel):
    """The figures of a database for a monitoring system, in the text format of Prometheus. Times are UTC."""

    _name = "call.wallet.metrics"
    _description = "Call Wallet Metrics"

    @api.model
    def _is_on(self):
        return bool(self.env["ir.config_parameter"].sudo().get_param(DIGEST))

    @api.model
    def _is_token(self, token):
        """Tell whether it is the token, by its digest; how long that takes tells nothing about the token."""
        digest = self.env["ir.config_parameter"].sudo().get_param(DIGEST) or ""
        return bool(digest) and hmac.compare_digest(digest.encode(), sha256(token.encode()).hexdigest().encode())

    @api.model
    def _document(self):
        """Return all figures as text."""
        self.env.flush_all()
        version = get_manifest("call_wallet")["version"]
        return text_of(
            [
                gauge("call_wallet_info", "The version of the addon.", [({"version": version}, 1)]),
                *self._queues(),
                *self._standing(),
                *self._actions(),
                *self._meters(),
            ]
        )

    def _rows(self, query):
        self.env.cr.execute(query, {"now": utcnow()})
        return self.env.cr.fetchall()

    def _queues(self):
        now = utcnow()
        found = {name: self._rows(query)[0] for name, query in queries.QUEUES.items()}
        ages = {
            name: max((now - oldest).total_seconds(), 0) if oldest else 0 for name, (_count, oldest) in found.items()
        }
        yield gauge(
            "call_wallet_queue_entries",
            "What waits for a scheduled action or the mail server.",
            [({"queue": name}, number) for name, (number, _oldest) in found.items()],
        )
        yield gauge(
            "call_wallet_queue_oldest_age_seconds",
            "For how long the oldest entry of a queue has been due; 0 where nothing waits.",
            [({"queue": name}, age) for name, age in ages.items()],
        )

    def _standing(self):
        [(held, _expires)] = self._rows(queries.HOLDS)
        [(failed,)] = self._rows(queries.FAILED_MAILS)
        yield gauge("call_wallet_live_holds", "Calls in progress that hold funds.", [({}, held)])
        yield gauge("call_wallet_failed_mails", "Mails that the mail server refused.", [({}, failed)])
        yield gauge(
            "call_wallet_wallets",
            "Wallets by how they stand.",
            [({"state": state}, number) for state, number in self._rows(queries.WALLETS)],
        )
        yield gauge(
            "call_wallet_work_waiting",
            "What waits for a person, as in Waiting for You.",
            [({"kind": kind}, number) for kind, number in self._rows(queries.WORK.format(waiting=WAITING))],
        )

    def _actions(self):
        rows, now = self.env["call.wallet.schedule"]._rows(), utcnow()
        named = [({"action": row["name"].removeprefix("ir_cron_")}, row) for row in rows]

        def figures(name, text, figure):
            values = [(labels, figure(row)) for labels, row in named]
            return gauge(f"call_wallet_scheduled_action_{name}", text, values)

        yield figures(
            "last_success_timestamp_seconds",
            "When it last succeeded.",
            lambda row: row["good_at"] and _seconds(row["good_at"]),
        )
        yield figures(
            "due_timestamp_seconds", "When it is late, unless it succeeds before.", lambda row: _seconds(due_at(row))
        )
        yield figures("late", "1: it has not succeeded in its time.", lambda row: due_at(row) < now)
        yield figures("failures", "How often it has failed since it last succeeded.", lambda row: row["failure_count"])

    def _meters(self):
        """Return what processes have counted, and what was noted."""
        kept, buckets, sums = defaultdict(list), {}, {}
        for name, labels, value in self._rows(queries.METERS):
            if name == f"{SECONDS}_bucket":
                bound = labels.partition('le="')[2].partition('"')[0]
                buckets[labels.replace(f'le="{bound}",', ""), bound] = value
            elif name == f"{SECONDS}_sum":
                sums[labels] = value
            else:
                kept[name].append(("", labels, value))
        for name, text in COUNTED.items():
            yield Family(name, "counter", text, kept[name])
        for name, text in NOTED.items():
            yield Family(name, "gauge", text, kept[name])
        yield histogram(SECONDS, "How long requests of the API took, in seconds, with their commits.", buckets, sums)


def _seconds(moment):
    return moment.replace(tzinfo=UTC).timestamp()
