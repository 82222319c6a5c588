from odoo import fields, models

from ...rating.money import plain
from ...tools.clock import utcnow
from ...tools.fields import parse_amount
from ...tools.sql import array
from ..ledger.call_wallet_ledger import Entry
from .call_usage_rerate_preview import FIGURES, Figures

# A batch holds its wallets' balances for a few hundredths of a second, while calls wait.
BATCH = 1_000

# Kept from being deleted until the batch is entered: the transactions refer to them.
CALLS = "SELECT * FROM call_usage WHERE id = ANY(%s) FOR KEY SHARE"

CURRENT = FIGURES.format(calls=CALLS)


class CallUsageReratePost(models.Model):
    """The second half of a re-rating: enter what was previewed, once, as new transactions."""

    _inherit = "call.usage.rerate"

    def _start_posting(self):
        self.write(
            {
                "state": "posting",
                "done_count": 0,
                "total_count": self.change_count,
                "posted_by_id": self.env.uid,
                "posted_at": fields.Datetime.now(),
            }
        )

    def _post_batch(self):
        """Enter the next ``BATCH`` differences; return whether there may be more."""
        lines = self.env["call.usage.rerate.line"].search(
            [("rerate_id", "=", self.id), ("state", "=", "change")], order="id", limit=BATCH
        )
        if not lines:
            self._finish_posting()
            return False
        locked = self.env["call.wallet.ledger"]._lock(lines.wallet_id.ids)
        entered = self._find_entered(lines)
        fresh = lines.filtered(lambda line: line.id not in entered)
        current = self._load_current(fresh)
        entries, refused = self._to_entries(fresh, current)
        if entries:
            appended = self.env["call.wallet.ledger"]._append(list(entries.values()), locked)
            for line_id, entry in entries.items():
                entered[line_id] = appended[entry.wallet_id, entry.key][0]
            self._tell_platform(fresh.filtered(lambda line: line.id in entries), current, entered)
        self._note_outcome(entered, refused)
        self.env.invalidate_all()
        self.done_count += len(lines)
        return True

    def _find_entered(self, lines):
        """Return {line id: transaction id} of those that are in the ledger already."""
        self.env.cr.execute(
            """
            SELECT asked.line_id, t.id
              FROM unnest(%s::int[], %s::int[], %s::text[]) AS asked(line_id, wallet_id, key)
              JOIN call_wallet_transaction t ON t.wallet_id = asked.wallet_id AND t.key = asked.key
            """,
            [
                array(lines.ids),
                array(line.wallet_id.id for line in lines),
                array(self._key(line) for line in lines),
            ],
        )
        return dict(self.env.cr.fetchall())

    def _key(self, line):
        return f"rerate/{self.id}/{line.usage_id.id}"

    def _load_current(self, lines):
        """Return {call id: ``Figures``} of the lines' calls, as they are under the lock."""
        self.env.cr.execute(CURRENT, [lines.usage_id.ids])
        return {row[1]: Figures.read(row) for row in self.env.cr.fetchall()}

    def _to_entries(self, lines, current):
        """Return ({line id: ``Entry``}, {line id: why not}), by what the calls cost now."""
        lang = self.posted_by_id.lang
        speaker = self.with_context(lang=lang) if lang else self
        now = utcnow()
        entries, refused = {}, {}
        for line in lines:
            call = current.get(line.usage_id.id)
            objection = speaker._object(line, call)
            if objection:
                refused[line.id] = objection
            else:
                entries[line.id] = self._to_entry(line, call, now)
        return entries, refused

    def _object(self, line, call):
        """Return why the previewed difference may not be posted, or None."""
        if call is None:
            return self.env._("The call was deleted since the preview.")
        if (call.cost, call.refunded) == (line.old_cost, line.refunded):
            return None
        return self.env._(
            "Its charge was corrected since the preview: it has cost %(now)s with %(refunded)s refunded by hand, "
            "the preview saw %(then)s and %(then_refunded)s. Re-rate it again.",
            now=plain(call.cost),
            refunded=plain(call.refunded),
            then=plain(line.old_cost),
            then_refunded=plain(line.refunded),
        )

    def _to_entry(self, line, call, now):
        customer, company = line.wallet_id.partner_id, line.wallet_id.company_id
        reader = self.with_context(lang=customer._call_wallet_lang(company)).env
        labels = dict(reader["call.usage"]._fields["call_type"]._description_selection(reader))
        return Entry(
            wallet_id=line.wallet_id.id,
            date=now,
            type="refund" if line.difference < 0 else "usage",
            amount=-line.difference,
            description=reader._(
                "%(reason)s (re-rating %(number)s): %(call_type)s %(call_ref)s, cost %(old)s, now %(new)s",
                reason=self.reason,
                number=self.name,
                call_type=labels[call.call_type],
                call_ref=line.call_ref,
                old=plain(line.old_cost),
                new=plain(line.old_cost + line.difference),
            ),
            key=self._key(line),
            fingerprint=str(line.difference),
            is_call=True,
            call_type=call.call_type,
            rate=parse_amount(line.new_price),
            billed_minutes=line.minutes_difference,
            usage_id=call.usage_id,
            campaign_id=call.campaign_id,
        )

    def _tell_platform(self, lines, current, entered):
        """Put ``call.corrected`` in the outbox for each call that has changed; one statement for all of them.

        :param lines: those that have just been entered
        :param dict entered: {line id: transaction id}
        """
        rows = []
        for line in lines:
            call = current[line.usage_id.id]
            data = {
                "call_ref": line.call_ref,
                "kind": "rerate",
                "old_cost": call.cost,
                "total_cost": call.cost + line.difference,
                "billed_minutes": call.minutes + line.minutes_difference,
                "difference": line.difference,
                "transaction": entered[line.id],
            }
            rows.append((line.wallet_id.id, "call.corrected", data))
        self.env["call.wallet.event"]._add(rows)

    def _note_outcome(self, entered, refused):
        """Write on the lines what became of them."""
        outcome = [(line_id, "posted", None, transaction_id) for line_id, transaction_id in entered.items()]
        outcome += [(line_id, "refused", reason, None) for line_id, reason in refused.items()]
        self.env.cr.execute(
            """
            UPDATE call_usage_rerate_line line
               SET state = o.state, note = COALESCE(o.note, line.note), transaction_id = o.transaction_id
              FROM unnest(%s::int[], %s::text[], %s::text[], %s::int[]) AS o(line_id, state, note, transaction_id)
             WHERE line.id = o.line_id
            """,
            [array(column) for column in zip(*outcome, strict=True)],
        )

    def _finish_posting(self):
        self.write({"state": "posted", "done_count": self.total_count})
        self.message_post(
            body=self.env._(
                "Posted by %(user)s: %(posted)s calls corrected, %(refused)s refused, %(no_rate)s without a rate "
                "and %(left)s others left alone.",
                user=self.posted_by_id.name,
                posted=self.posted_count,
                refused=self.refused_count,
                no_rate=self.no_rate_count,
                left=self.left_alone_count,
            )
        )
