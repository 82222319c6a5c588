import re
from collections import defaultdict
from datetime import timedelta

from odoo import models
from odoo.fields import Command

from .call_wallet_stripe_entry import Doubt
from .call_wallet_stripe_payout import WAITING

# The bank's line may be dated a little before the day that Stripe has announced, or some days after it.
BEFORE, AFTER = timedelta(days=3), timedelta(days=14)

# How many of the movements that are in the way a task names.
NAMED = 5


class CallWalletStripePayoutMatch(models.Model):
    """A payout against the bank's line: which journal items it settles, and the entry that settles them."""

    _inherit = "call.wallet.stripe.payout"

    def _match(self, line=None):
        """Settle the payout with the bank's line, if there is no doubt; tell finance if there is.

        :param line: ``account.bank.statement.line`` that a person has chosen
        """
        self.ensure_one()
        # A write: whoever else is at it fails, and is repeated.
        self.env.cr.execute("UPDATE call_wallet_stripe_payout SET state = state WHERE id = %s", [self.id])
        self.invalidate_recordset()
        if self.state not in WAITING or self.status != "paid":
            return
        try:
            # What is in the way is written for whoever gets the task.
            reader = self._for_finance()
            groups = reader._items_by_group()
            line = line or reader._line()
            if line or self.currency_id.is_zero(self.amount):
                with self.env.cr.savepoint():
                    self._reconcile_line(line, groups)
        except Doubt as doubt:
            self._leave(str(doubt))

    # === WHICH LINE === #

    def _line(self):
        """Return the bank's line of this payout; none while it may still come, or where there is none to come."""
        if self.currency_id.is_zero(self.amount):
            return self.env["account.bank.statement.line"]
        _ = self.env._
        lines = self._candidates()
        if len(lines) == 1 and not self._rivals(lines):
            return lines
        if lines:
            raise Doubt(
                _("%s lines of the bank, or payouts of the same amount, are alike: choose the line.", len(lines))
                if len(lines) > 1
                else _("Another payout has this amount, too: choose the line.")
            )
        if self._is_late():
            raise Doubt(
                _(
                    "No line of the bank over %s that names Stripe has come. Import the statement, or say that it was "
                    "settled by hand.",
                    self.currency_id.format(self.amount),
                )
            )
        return lines

    def _candidates(self):
        """Return the open lines of the bank's statements with this amount, day and sender."""
        if not self.arrival_date:
            return self.env["account.bank.statement.line"]
        lines = self.env["account.bank.statement.line"].search(
            [
                ("company_id", "=", self.company_id.id),
                ("is_reconciled", "=", False),
                ("date", ">=", self.arrival_date - BEFORE),
                ("date", "<=", self.arrival_date + AFTER),
            ],
            order="id",
        )
        return lines.filtered(self._may_be)

    def _may_be(self, line):
        currency = line.foreign_currency_id or line.currency_id
        amount = line.amount_currency if line.foreign_currency_id else line.amount
        if currency != self.currency_id or currency.compare_amounts(amount, self.amount):
            return False
        told = " ".join(filter(None, (line.payment_ref, line.narration, line.ref, line.partner_name))).upper()
        told += f" {(line.partner_id.name or '').upper()}"
        names = ("STRIPE", self.reference, self.descriptor)
        return any(_plain(name) in _plain(told) for name in names if name)

    def _rivals(self, line):
        """Return other payouts that this line may be as well."""
        others = self.search(
            [
                ("id", "!=", self.id),
                ("provider_id.company_id", "=", self.company_id.id),
                ("state", "in", WAITING),
                ("currency_id", "=", self.currency_id.id),
                ("arrival_date", ">=", line.date - AFTER),
                ("arrival_date", "<=", line.date + BEFORE),
            ]
        )
        return others.filtered(lambda other: other._may_be(line))

    # === WHAT IT IS MADE UP OF === #

    def _items_by_group(self):
        """Return the journal items that the payout settles: {(account, currency, partner, is debit): Group}.

        Debits and credits have a counterpart each. So none is reconciled with another payment's, and opening the
        bank's line again opens all of them as they were.

        :raise Doubt: Stripe does not say what it contains, or something of it is not in the books
        """
        _ = self.env._
        if not self.is_automatic:
            raise Doubt(
                _("It was made by hand at Stripe, which does not say what such a payout contains: reconcile by hand.")
            )
        if not self.is_listed:
            raise Doubt(_("Stripe has not said yet what it contains; it is asked again."))
        difference = self.amount - sum(self.entry_ids.mapped("net"))
        if not self.currency_id.is_zero(difference):
            raise Doubt(
                _(
                    "%s of it is in no movement that Stripe lists: ask Stripe, then reconcile by hand.",
                    self.currency_id.format(difference),
                )
            )
        return self._groups_of_entries()

    def _groups_of_entries(self):
        groups, unclear = defaultdict(lambda: Group(self.company_id)), []
        self.entry_ids._tie()
        self.entry_ids._book_costs()
        for entry in self._standing_entries():
            try:
                entry._add_open_items(groups)
            except Doubt as doubt:
                unclear.append(str(doubt))
        if unclear:
            more = ["..."] if len(unclear) > NAMED else []
            text = " ".join(unclear[:NAMED] + more)
            raise Doubt(self.env._("%s Enter what is missing, or reconcile by hand.", text))
        return groups

    def _standing_entries(self):
        """Return the movements less the refunds that failed again in the same payout."""
        by_source = self.entry_ids.grouped("source_ref")
        undone = {
            source
            for source, entries in by_source.items()
            if "refund_failure" in entries.mapped("kind") and not sum(entries.mapped("net"))
        }
        return self.entry_ids.filtered(lambda entry: entry.source_ref not in undone).sorted("id")

    # === THE ENTRY === #

    def _reconcile_line(self, line, groups):
        """Book the line to the accounts on which the payments wait, and reconcile it with them.

        :raise Doubt: somebody has begun to reconcile the line, or the amounts differ
        """
        if line:
            for key, counterpart in self._book_counterparts(line, groups).items():
                (groups[key].lines | counterpart).reconcile()
        else:
            self._settle_nothing(groups)
        self.statement_line_id = line
        self._end("matched", self._in_books().env._("Matched with the bank's line: %s", line.payment_ref or "-"))

    def _settle_nothing(self, groups):
        """Reconcile the items of a payout of nothing with each other: no line of the bank stands against them."""
        for key in {key[:3] for key in groups}:
            debits_and_credits = [group for group_key, group in groups.items() if group_key[:3] == key]
            lines = self.env["account.move.line"].union(*(group.lines for group in debits_and_credits))
            left = sum(group.amount_currency for group in debits_and_credits)
            if not key[1].is_zero(left) or not lines:
                raise Doubt(
                    self.env._("It is over nothing, but its movements are on different accounts: reconcile by hand.")
                )
            lines.reconcile()

    def _book_counterparts(self, line, groups):
        """Write one item for each group in the place of the suspense item.

        :return: {key: item} of the groups that are reconciled
        """
        liquidity, suspense, other = line._seek_for_lines()
        if other or len(suspense) != 1:
            raise Doubt(self.env._("Somebody has begun to reconcile the bank's line: finish it by hand."))
        label = self._in_books().env._("Payout %s", self.reference)
        values = [group.counterpart(key, label) for key, group in groups.items()]
        difference = -sum(liquidity.mapped("balance")) - sum(item["balance"] for item in values)
        own = self.company_id.currency_id
        if not own.is_zero(difference):
            if all(currency == own for _account, currency, _partner, _debit in groups) and liquidity.currency_id == own:
                raise Doubt(self.env._("%s is not explained: reconcile by hand.", own.format(difference)))
            values.append(self._exchange_difference(own.round(difference)))
        line.with_context(force_delete=True, skip_readonly_check=True).write(
            {"line_ids": [Command.delete(suspense.id), *map(Command.create, values)]}
        )
        written = line._seek_for_lines()[2]
        items = {
            (item.account_id, item.currency_id, item.partner_id, item.amount_currency < 0): item for item in written
        }
        return {key: items[key] for key, group in groups.items() if group.lines}

    def _exchange_difference(self, amount):
        """Return the item of what the currencies have gained or lost between the payments and the bank's line."""
        own = self.company_id.currency_id
        return {
            "name": self._in_books().env._("Exchange difference"),
            "account_id": self.company_id._call_wallet_exchange_account(amount).id,
            "currency_id": own.id,
            "amount_currency": amount,
            "balance": amount,
        }


class Group:
    """Open journal items of one account, currency and partner, and the sum that the payout settles of them."""

    def __init__(self, company):
        self.own = company.currency_id
        self.lines = company.env["account.move.line"]
        self.amount_currency = self.balance = 0

    def add(self, lines, amount_currency, balance):
        self.lines |= lines
        self.amount_currency += amount_currency
        self.balance += balance

    def counterpart(self, key, label):
        """Return the values of the journal item that settles the group."""
        account, currency, partner, _is_debit = key
        return {
            "name": label,
            "account_id": account.id,
            "partner_id": partner.id,
            "currency_id": currency.id,
            "amount_currency": currency.round(-self.amount_currency),
            "balance": self.own.round(-self.balance),
        }


def _plain(text):
    return re.sub("[^A-Z0-9]", "", text.upper())
