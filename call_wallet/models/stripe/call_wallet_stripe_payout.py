import logging
from datetime import UTC, datetime, timedelta
from functools import partial

import stripe
from odoo import api, fields, models
from odoo.exceptions import AccessError

from ...const import FINANCE_MANAGER
from ...tools.asking import ask_and_enter
from ...tools.clock import now, utcnow
from ...tools.door import books_door, door, each, end_if_clean, in_books, worker
from ...tools.rights import as_superuser
from ...tools.sentence import telling
from ...tools.stripe_client import client
from ...tools.stripe_words import in_words
from ...tools.task import give_task, in_language_of
from .call_wallet_stripe_entry import to_major

_logger = logging.getLogger(__name__)

# Payouts are asked for again so long: one takes days to arrive, and up to five business days to fail after that.
STILL_CHANGES = timedelta(days=14)
# How far back Stripe's lists are read the first time. Older payments come with the payout that contains them.
FIRST_TIME = timedelta(days=3)
# Movements are listed a little after they are made.
OVERLAP = timedelta(hours=1)

GONE = ("failed", "canceled")
UNDER_WAY = ("pending", "in_transit")
WAITING = ("waiting", "doubt")


class CallWalletStripePayout(models.Model):
    """A payout: what Stripe sent to the bank, and the payments, refunds, disputes and fees it is made up of.

    Its line of the bank's statement is reconciled with exactly these, so that the account on which they wait
    returns to zero. Whatever is not clear is left to finance, with a task; nothing is guessed. Level-triggered:
    what waits is looked at again each hour. Times are UTC, days the bank's.
    """

    _name = "call.wallet.stripe.payout"
    _description = "Payout From Stripe"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "arrival_date desc, id desc"
    _rec_name = "reference"

    reference = fields.Char("Payout", required=True, readonly=True)
    provider_id = fields.Many2one("payment.provider", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="provider_id.company_id")
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    amount = fields.Monetary(readonly=True, help="Below zero: Stripe debits the bank account.")
    arrival_date = fields.Date("Arrives", required=True, readonly=True)
    is_automatic = fields.Boolean("Automatic", readonly=True, help="Of others Stripe does not say what they contain.")
    descriptor = fields.Char("Statement Descriptor", readonly=True)
    status = fields.Char("Status at Stripe", readonly=True, help="As Stripe names it.")
    status_text = fields.Char("At Stripe", compute="_compute_status_text")
    state = fields.Selection(
        [
            ("waiting", "Waiting for the Bank"),
            ("doubt", "To Look Into"),
            ("matched", "Matched"),
            ("by_hand", "Settled by Hand"),
            ("failed", "Failed"),
        ],
        required=True,
        readonly=True,
        default="waiting",
        index=True,
    )
    note = fields.Char("What Is in the Way", readonly=True)
    is_listed = fields.Boolean(readonly=True, help="Stripe has said what it is made up of.")
    entry_ids = fields.One2many("call.wallet.stripe.entry", "payout_id", "Made Up of", readonly=True)
    statement_line_id = fields.Many2one(
        "account.bank.statement.line", "Bank's Line", readonly=True, index="btree_not_null", ondelete="set null"
    )
    bank_entry_id = fields.Many2one(related="statement_line_id.move_id", string="Bank Entry")
    candidate_ids = fields.Many2many(
        "account.bank.statement.line", string="Lines That It May Be", compute="_compute_candidate_ids"
    )

    _once = models.UniqueIndex("(reference)", "A payout is kept once.")

    @api.depends("state")
    def _compute_candidate_ids(self):
        for payout in self:
            payout.candidate_ids = payout.sudo()._candidates() if payout.state in WAITING else False

    @api.depends("status")
    @api.depends_context("lang")
    def _compute_status_text(self):
        for record in self:
            record.status_text = in_words(self.env, record.status)

    # === WHAT STRIPE SAYS === #
    # Stripe is asked outside of any transaction; each payout is entered in one of its own.

    @api.model
    def _cron_payouts(self):
        """Ask Stripe for payouts and what else moved its balance; enter what it cost; match payouts with the bank."""
        providers = self.env["payment.provider"].search([("code", "=", "stripe"), ("state", "!=", "disabled")])
        for provider in providers.filtered("stripe_secret_key"):
            if provider._call_wallet_books_fees() and provider._call_wallet_serves_wallets():
                if not self._follow(provider.with_company(provider.company_id)):
                    break

    @worker
    def _follow(self, provider):
        """Bring one account's payouts to how they stand; return whether there is time for others."""
        begun, failures = utcnow(), []
        since = (provider.call_wallet_payouts_at or begun - FIRST_TIME).replace(tzinfo=UTC)
        open_payouts = [("provider_id", "=", provider.id), ("state", "in", WAITING)]
        # What a person has opened again is a person's, until the line is gone.
        left = [*open_payouts, ("statement_line_id", "=", False)]
        opened = [*open_payouts, ("statement_line_id", "!=", False)]
        parts = {
            "changed": (lambda: self._changed(provider, since), partial(self._enter_payout, provider)),
            "moved": (lambda: self._moved(provider, since), partial(self._enter_movement, provider)),
            "costs": (lambda: self._costs(provider), lambda entry: entry._book_costs()),
            "made_up": (lambda: self.search([*open_payouts, ("is_listed", "=", False)], order="id"), None),
            "matched": (lambda: self.search(left, order="id"), lambda payout: payout._match()),
            "by_hand": (lambda: self.search(opened, order="id"), lambda payout: payout._follow_line()),
        }
        for name, (missing, step) in parts.items():
            try:
                items = missing()
            except stripe.StripeError as error:
                _logger.warning("Stripe was not asked for the payouts of %s.", provider.name, exc_info=True)
                failures.append(error)
                continue
            enter = partial(self._enter, name, step) if step else self._ask_for_movements
            # Of what has no record yet nothing else would remember that it failed.
            failed = partial(self._note_failure, failures) if name in ("changed", "moved") else None
            if not each(self.env, items, enter, failed=failed):
                return False
        if not failures:
            with door(self.env):
                provider.call_wallet_payouts_at = begun
        return True

    @worker
    def _enter(self, _name, step, item):
        """Carry out a step for an item; its name tells apart what is noted of one that fails."""
        in_books(self.env, lambda: step(item))

    def _note_failure(self, failures, _item, error):
        failures.append(error)
        _logger.error("Something of Stripe's balance was not entered.", exc_info=error)

    def _changed(self, provider, since):
        """Return the payouts (dicts) that are new, or have another status than is known; oldest first."""
        parameters = {"created": {"gte": int((since - STILL_CHANGES).timestamp())}}
        told = list(self.env["call.wallet.stripe.event"]._listed(provider, "payouts", parameters))
        known = {payout.reference: payout.status for payout in self.search([("provider_id", "=", provider.id)])}
        # What is still on its way is asked for one by one, however old: the list ends somewhere.
        listed = {payout["id"] for payout in told}
        under_way = [name for name, status in known.items() if status in UNDER_WAY and name not in listed]
        api_ = client(provider)
        end_if_clean(self.env)
        told += [api_.payouts.retrieve(name).to_dict() for name in under_way]
        return [payout for payout in reversed(told) if known.get(payout["id"]) != payout["status"]]

    def _moved(self, provider, since):
        """Return the movements (dicts) of the balance that are not kept; oldest first."""
        parameters = {"created": {"gte": int((since - OVERLAP).timestamp())}, "expand": ["data.source"]}
        told = list(self.env["call.wallet.stripe.event"]._listed(provider, "balance_transactions", parameters))
        known = self.env["call.wallet.stripe.entry"].search([("reference", "in", [entry["id"] for entry in told])])
        known = set(known.mapped("reference"))
        return [
            entry
            for entry in reversed(told)
            if entry["id"] not in known and (entry["type"] != "payout" or entry["fee"])
        ]

    def _enter_movement(self, provider, told):
        self.env["call.wallet.stripe.entry"]._keep(provider, told)

    def _costs(self, provider):
        """Return what has cost something that is not entered yet; payments of no wallet come with their payout."""
        entries = self.env["call.wallet.stripe.entry"].search(
            [
                ("provider_id", "=", provider.id),
                ("cost", "!=", 0),
                *("|", ("move_id", "=", False), ("move_id.state", "=", "cancel")),
                # Of those that were entered with their payout, only the ones that were cancelled or deleted since.
                *("|", ("payout_id", "=", False)),
                *("&", ("payout_id.state", "!=", "by_hand"), ("payout_id.statement_line_id", "!=", False)),
            ],
            order="id",
        )
        return entries.filtered(lambda entry: entry._is_a_wallets() and entry._is_due())

    @worker
    @api.model
    def _bring_payout(self, provider, name):
        """Bring our side to how a payout stands at Stripe; return whether payouts are entered here."""
        if not provider._call_wallet_books_fees() or not provider._call_wallet_serves_wallets():
            return False
        ask_and_enter(
            self.env,
            lambda: client(provider).payouts.retrieve(name).to_dict(),
            lambda told, _asked_at: self._hear_of(provider, told),
        )
        return True

    def _hear_of(self, provider, told):
        self._enter_payout(provider, told)
        # What it is made up of is asked for by itself.
        self.env.ref("call_wallet.ir_cron_stripe_payouts")._trigger()

    @api.model
    def _enter_payout(self, provider, told):
        """Keep a payout (a dict of Stripe's), or its new status; one that failed is undone."""
        currency = self.env["payment.transaction"]._call_wallet_currency(told["currency"])
        values = {
            "amount": float(to_major(told["amount"], currency)),
            "arrival_date": datetime.fromtimestamp(told["arrival_date"], UTC).date(),
            "is_automatic": told["automatic"],
            "descriptor": told.get("statement_descriptor"),
            "status": told["status"],
        }
        payout = self.search([("provider_id", "=", provider.id), ("reference", "=", told["id"])])
        if payout:
            payout.write(values)
        else:
            names = {"reference": told["id"], "provider_id": provider.id, "currency_id": currency.id}
            payout = self.create({**names, **values})
        if payout.status in GONE and payout.state != "failed":
            payout._undo(told.get("failure_message"))
        return payout

    @worker
    def _ask_for_movements(self, payout):
        """Ask Stripe, while nothing is locked, what a payout is made up of; then enter it."""
        if not payout.is_automatic or payout.status != "paid":
            return
        parameters = {"payout": payout.reference, "expand": ["data.source"]}
        events = self.env["call.wallet.stripe.event"]
        told = list(events._listed(payout.provider_id, "balance_transactions", parameters))
        in_books(self.env, lambda: payout._made_up_of(told))

    def _made_up_of(self, told):
        """Tie the movements (dicts) to the payout; itself is among them at Stripe."""
        entries = self.env["call.wallet.stripe.entry"]
        for movement in told:
            entry = entries._keep(self.provider_id, movement)
            if (entry.kind, entry.source_ref) != ("payout", self.reference):
                entry.payout_id = self
        self.is_listed = True

    # === WHAT PEOPLE DO === #

    def action_match(self):
        """Look again whether the payout can be matched with the bank's line.

        :raise AccessError: not a finance manager
        """
        for payout in self._as_manager():
            with books_door(self.env):
                if payout.state in WAITING:
                    payout._match()

    def action_settled_by_hand(self):
        """Say that the payout's line was reconciled by hand: it is left alone.

        :raise AccessError: not a finance manager
        """
        for payout in self._as_manager().filtered(lambda payout: payout.state in WAITING):
            with books_door(self.env):
                payout._end("by_hand", payout._in_books().env._("Settled by hand: %s", self.env.user.name))

    def _as_manager(self):
        if not self.env.user.has_group(FINANCE_MANAGER):
            raise AccessError(self.env._("Only a finance manager may settle Stripe's payouts."))
        self.check_access("read")
        return as_superuser(self)

    # === WHAT FOLLOWS === #

    def _undo(self, why):
        """Open the bank's line and the payments again: the bank has not taken the money."""
        line, told = self.statement_line_id, self._for_finance()
        _ = telling(told.env)
        self.write({"state": "failed", "statement_line_id": False})
        if line:
            self.env["call.wallet.failure"]._beside("Undo a payout", self, line.action_undo_reconciliation)
        amount = told.currency_id.format(self.amount)
        told._tell(
            _("Payout %(payout)s of %(amount)s failed", payout=self.reference, amount=amount),
            _(
                "%(why)s The money is at Stripe again and comes with a later payout. Where the bank's statement shows "
                "it coming and going, reconcile these two lines with each other.",
                why=why or _("The bank did not take it."),
            ),
        )

    def _reopen(self):
        """The bank's line, or something that it had settled, was opened again by a person: the payout is not matched.

        It is left to people, with a task: matching it again by itself would undo what they have done.
        """
        for payout in self.filtered(lambda payout: payout.state == "matched"):
            _ = payout._for_finance().env._
            payout._leave(
                _(
                    "It was matched with the bank's line %s, which was opened again, or something that it had settled. "
                    "Reconcile the line by hand, or have the payout matched again.",
                    payout.statement_line_id.payment_ref or "-",
                )
            )

    def _forget_line(self):
        """The bank's line is deleted, such as with a statement that is imported again: another one is waited for."""
        for payout in self.filtered(lambda payout: payout.state in ("matched", *WAITING)):
            payout._end("waiting", payout._in_books().env._("The bank's line was deleted; another one is waited for."))
            payout.statement_line_id = False

    def _follow_line(self):
        """End a payout whose line was opened again, once a person has reconciled all of the line."""
        line = self.statement_line_id
        items = line.line_ids.filtered(lambda item: item.account_id.reconcile)
        others = items.matched_debit_ids.debit_move_id | items.matched_credit_ids.credit_move_id
        are_posted = {*(line.line_ids | others).mapped("parent_state")} == {"posted"}
        if are_posted and line.is_reconciled and all(items.mapped("reconciled")):
            self._end("by_hand", self._in_books().env._("The bank's line is reconciled."))

    def _in_books(self):
        """Return the payout in the language of the company, in which its texts are kept."""
        return in_language_of(self, None, self.company_id)

    def _end(self, state, text):
        self.write({"state": state, "note": False})
        self.activity_ids.unlink()
        self.message_post(body=text)

    def _leave(self, doubt):
        """Leave the payout to finance, with one task that says what is in the way and what to do."""
        if self.state == "doubt" and self.note == doubt:
            return
        self.write({"state": "doubt", "note": doubt})
        self.activity_ids.unlink()
        told = self._for_finance()
        amount, _ = told.currency_id.format(self.amount), telling(told.env)
        told._tell(_("Payout %(payout)s of %(amount)s is not matched", payout=self.reference, amount=amount), doubt)

    def _for_finance(self):
        """Return the payout in the language of who in finance gets a task about it."""
        return in_language_of(self, self.company_id._call_wallet_finance_user(), self.company_id)

    def _tell(self, summary, note):
        """Give finance a task; its texts are in the language of ``_for_finance``."""
        self.message_post(body=str(note), subject=str(summary))
        give_task(self, self.company_id._call_wallet_finance_user(), summary, note, self.company_id)

    def _is_late(self):
        return now().date() > self.arrival_date + LATE


# So long after its arrival the bank's statement should have been imported.
LATE = timedelta(days=7)
