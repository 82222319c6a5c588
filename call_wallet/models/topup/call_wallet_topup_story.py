from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import html2plaintext

from ...const import ACCOUNT_MANAGER, FINANCE
from ...tools.clock import day_in
from ...tools.fields import parse_amount

# In which order things happen that the books know the day of, and no time.
ORDER = ("asked", "terms", "invoiced", "mailed", "tried", "paid", "settled", "counted", "credited", "disputed",
         "undone", "note", "taken", "sent", "released", "cancelled")  # fmt: skip


class Event(NamedTuple):
    """Something that happened to a top-up, as one document tells it.

    ``at`` is naive UTC; documents that were entered on another day than their own have a ``day`` alone. ``amount``
    is a ``Decimal`` in the wallet's currency, below zero for what leaves.
    """

    kind: str
    title: str
    at: object = None
    day: object = None
    amount: object = None
    detail: str = ""
    about: object = None


class CallWalletTopupStory(models.Model):
    """What happened to a top-up, told by the documents that it left: nothing is kept for this twice.

    Each event names its document, which readers can open if they may.
    """

    _inherit = "call.wallet.topup"

    story = fields.Json(
        compute="_compute_story", groups=ACCOUNT_MANAGER, help="What happened to it, from the order on, in its order."
    )

    @api.depends_context("lang", "uid")
    def _compute_story(self):
        for topup in self:
            topup.story = [topup._story()]

    def _story(self):
        """Return what the web client shows: a dict with the ``events``, and what is still to be paid.

        Amounts are decimal strings in ``currency``, moments UTC, days the company's.
        """
        topup = self.sudo()
        events = [
            *topup._story_of_order(),
            *topup._story_of_invoice(),
            *topup._story_of_mails(),
            *topup._story_of_attempts(),
            *topup._story_of_settlements(),
            *topup._story_of_ledger(),
            *topup._story_of_notes(),
            *topup._story_of_decisions(),
            *topup._stripe_story(),
        ]
        missing = topup.missing_amount
        return {
            "id": topup.id,
            "name": topup.display_name,
            "tz": topup.tz,
            "currency": topup.wallet_id._dashboard_currency(),
            "missing": str(missing) if missing > 0 else False,
            "due": str(topup.invoice_id.invoice_date_due or "") or False,
            "events": [self._event_data(event) for event in topup._in_order(events)],
        }

    def _in_order(self, events):
        """Sort events by time; on a day of which one has no time, by what follows from what."""
        wallet, dated = self.wallet_id, {}
        for event in events:
            day = event.day or wallet._local_day(event.at)
            dated.setdefault(day, []).append(event)
        for day, of_day in dated.items():
            if all(event.at for event in of_day):
                dated[day] = sorted(of_day, key=lambda event: (event.at, ORDER.index(event.kind)))
            else:
                dated[day] = sorted(of_day, key=lambda event: ORDER.index(event.kind))
        return [event for day in sorted(dated) for event in dated[day]]

    def _event_data(self, event):
        about = event.about and event.about.with_env(self.env)
        may_open = about and about.has_access("read")
        return {
            "kind": event.kind,
            "title": event.title,
            "at": fields.Datetime.to_string(event.at) or False,
            "day": str(event.day or "") or False,
            "amount": str(event.amount) if event.amount is not None else False,
            "detail": event.detail or "",
            "model": about._name if may_open else False,
            "res_id": about.id if may_open else False,
        }

    def _when(self, day, entered_at):
        """Return ``{"at": ...}`` of a document that was entered on its own day, else ``{"day": ...}``."""
        if not day or day_in(self.company_id._call_wallet_tz(), entered_at) == day:
            return {"at": self._at(entered_at)}
        return {"day": day}

    def _at(self, entered_at):
        """Return when a document was entered: what was written with the order came after it.

        Odoo stamps records with the beginning of their transaction; the ledger tells the second itself.
        """
        return max(entered_at.replace(microsecond=0), self._ordered_at())

    def _ordered_at(self):
        return self.accepted_at or self.create_date

    # === THE ORDER === #

    def _story_of_order(self):
        _, user = self.env._, self.requested_by_id
        at = self._ordered_at()
        by_itself = self._auto_topup_asked()
        if by_itself:
            title, where = _("Automatic top-up asked for it"), by_itself
        else:
            title = _("Asked for by %s", user.name)
            where = _("On the pages of the customer's owners") if user.share else _("In the back office")
        yield Event("asked", title, at=at, amount=self.amount, detail=where)
        if self.terms_id:
            language = self.terms_lang and self.env["res.lang"]._get_data(code=self.terms_lang).name
            address = self.accepted_from if self._is_read_by_finance() else False
            yield Event(
                "terms",
                _("Terms of agreement accepted, version %s", self.terms_id.version),
                at=at,
                detail=" · ".join(filter(None, (language, address))),
                about=self.terms_id,
            )

    def _story_of_invoice(self):
        _, invoice = self.env._, self.invoice_id
        if not invoice:
            return
        tax = parse_amount(invoice.amount_tax)
        yield Event(
            "invoiced",
            _("Invoice %s", invoice.name or ""),
            amount=parse_amount(invoice.amount_total),
            detail=_("Tax included: %s", self.wallet_id._format_amount(tax)) if tax else "",
            about=invoice,
            # Made in the order's own transaction.
            **self._when(invoice.invoice_date, self._ordered_at()),
        )
        if invoice.state == "cancel":
            changes = invoice.message_ids.tracking_value_ids.filtered(lambda value: value.field_id.name == "state")
            at = self._at(changes.sorted("id")[-1:].create_date or invoice.write_date)
            yield Event("cancelled", _("Invoice cancelled"), at=at, about=invoice)

    def _is_read_by_finance(self):
        return self.env.user.has_group(FINANCE)

    def _story_of_mails(self):
        """What was mailed from the invoice to people outside: the invoice itself, or a link to pay it."""
        _ = self.env._
        for message in self.invoice_id.message_ids.sorted("id"):
            people = message.partner_ids.filtered("partner_share")
            if not people or message.message_type not in ("comment", "email_outgoing", "auto_comment"):
                continue
            is_lost = set(message.notification_ids.mapped("notification_status")) & {"exception", "bounce"}
            whom = ", ".join(person.email or person.name or "" for person in people)
            what = _("Invoice mailed") if message.attachment_ids else _("Mailed: %s", message.subject or "")
            yield Event(
                "mailed",
                what,
                at=self._at(message.date),
                detail=_("Not delivered: %s", whom) if is_lost else _("To %s", whom),
                about=self.invoice_id,
            )

    # === PAYMENTS === #

    def _story_of_attempts(self):
        """Payments that brought nothing, or nothing yet. Those that did stand on the invoice."""
        _ = self.env._
        for transaction in self.invoice_id.transaction_ids.sorted("id"):
            if transaction.operation == "refund" or transaction.state == "draft":
                continue
            title = {
                "error": _("Payment failed"),
                "cancel": _("Payment given up"),
                "done": _("Payment confirmed, and not in the books yet"),
                "authorized": _("Payment authorised"),
            }.get(transaction.state)
            if transaction.state == "pending":
                is_wire = transaction.provider_code == "custom"
                title = _("Bank transfer announced") if is_wire else _("Payment is being processed")
            if transaction.state == "done" and (transaction.payment_id or transaction.is_post_processed):
                continue
            why = html2plaintext(transaction.state_message or "").strip() if transaction.state == "error" else ""
            yield Event(
                "tried",
                title,
                at=self._at(transaction.last_state_change),
                amount=parse_amount(transaction.amount),
                detail=" · ".join(filter(None, (self._story_method(transaction), why))),
                about=transaction,
            )

    def _story_of_settlements(self):
        """What settles the invoice, and payments that did and do not any more."""
        _, invoice = self.env._, self.invoice_id
        present = self.env["account.payment"]
        for partial in invoice.line_ids.matched_credit_ids.sorted("id"):
            entry = partial.credit_move_id.move_id
            payment = entry.origin_payment_id
            present |= payment
            if entry.reversed_entry_id == invoice:
                continue  # told as a credit note
            yield self._story_of_settlement(entry, payment, partial)
        for payment in (invoice.matched_payment_ids - present).sorted("id"):
            if payment.payment_type == "inbound" and payment.state != "draft":
                yield Event(
                    "undone",
                    _("Payment %s does not pay the invoice any more", payment.name or ""),
                    day=payment.date,
                    detail=" · ".join((self._story_method_of(payment), self._story_label(payment, "state"))),
                    about=payment,
                )

    def _story_of_settlement(self, entry, payment, partial):
        _ = self.env._
        about, kind = payment or entry, "paid"
        if entry.move_type == "out_refund":
            title, detail = _("Paid with credit note %s", entry.name), _("What the customer had paid before")
        elif payment.state in ("rejected", "canceled", "draft"):
            title, detail, kind = _("Payment bounced"), self._story_label(payment, "state"), "undone"
        elif payment:
            title, detail = _("Paid"), self._story_method_of(payment)
        elif entry.statement_line_id:
            title, detail = _("Paid by bank transfer"), entry.statement_line_id.payment_ref
        else:
            title, detail, kind = _("Settled without a payment, by %s", entry.name), entry.ref, "settled"
        amount = parse_amount(partial.debit_amount_currency)
        when = self._when(entry.date, partial.create_date)
        return Event(kind, title, amount=amount, detail=detail, about=about, **when)

    def _story_method_of(self, payment):
        transaction = payment.payment_transaction_id
        if transaction:
            return self._story_method(transaction)
        return f"{payment.payment_method_line_id.name or ''} · {payment.name or ''}".strip(" ·")

    def _story_method(self, transaction):
        card = transaction.token_id.payment_details
        method = transaction.payment_method_id.name or transaction.provider_id.name
        return " · ".join(filter(None, (f"{method} {card}" if card else method, transaction.reference)))

    def _story_label(self, record, name):
        return dict(record._fields[name]._description_selection(self.env)).get(record[name], "")

    # === THE WALLET === #

    def _story_of_ledger(self):
        _, wallet = self.env._, self.wallet_id
        for row in self.transaction_ids.sorted("sequence"):
            is_credit = row.type == "balance_added"
            yield Event(
                "credited" if is_credit else "taken",
                _("Credited to the wallet") if is_credit else _("Taken back from the wallet"),
                at=row.date,
                amount=row.amount,
                detail=_("Balance then: %s", wallet._format_amount(row.balance_after)),
                about=row,
            )

    # === CREDIT NOTES AND DECISIONS === #

    def _story_of_notes(self):
        _ = self.env._
        for note in self.invoice_id.reversal_move_ids.filtered(lambda note: note.state == "posted").sorted("id"):
            yield Event(
                "note",
                _("Credit note %s", note.name),
                amount=-parse_amount(note.amount_total),
                detail=note.ref or "",
                about=note,
                **self._when(note.invoice_date, note.create_date),
            )
            for refund in note.call_wallet_refund_ids.filtered(lambda refund: refund.state != "done"):
                yield Event(
                    "sent",
                    _("Sending back: %s", self._story_label(refund, "state")),
                    at=self._at(refund.last_state_change),
                    amount=parse_amount(refund.amount),
                    detail=self._story_method(refund),
                    about=refund,
                )
            for partial in note.line_ids.matched_debit_ids.sorted("id"):
                entry = partial.debit_move_id.move_id
                payment = entry.origin_payment_id
                if entry == self.invoice_id or not (payment or entry.statement_line_id):
                    continue
                yield Event(
                    "sent",
                    _("Sent back to the customer"),
                    amount=-parse_amount(partial.credit_amount_currency),
                    detail=self._story_method_of(payment) if payment else entry.statement_line_id.payment_ref,
                    about=payment or entry,
                    **self._when(entry.date, partial.create_date),
                )

    def _story_of_decisions(self):
        """What finance decided on a settlement without funds."""
        _ = self.env._
        if self.counted_amount:
            yield Event("counted", _("Counted as received"), day=self.counted_on, amount=self.counted_amount)
        in_force = self._release_entries()
        for entry in self.release_move_ids.filtered(lambda move: move.state == "posted").sorted("id"):
            name = entry.name
            yield Event(
                "released",
                _("Released by %s", name) if entry in in_force else _("Released by %s, which was reversed", name),
                amount=-entry.call_wallet_released,
                detail=entry.ref or "",
                about=entry,
                **self._when(entry.date, entry.create_date),
            )
