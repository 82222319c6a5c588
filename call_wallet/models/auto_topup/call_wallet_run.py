from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from odoo import Command, api, fields, models
from odoo.exceptions import UserError

from ...const import FINANCE
from ...tools.ask import ask
from ...tools.clock import now, utcnow
from ...tools.door import door, each, end_if_clean, worker
from ...tools.fields import ZERO, parse_amount
from ...tools.money import to_coins
from .call_wallet_auto_topup import COUNTED, OPEN, STOPPING

COOL_DOWN = timedelta(minutes=15)

DAY = timedelta(hours=24)

SUCCESSES_A_DAY = 3


class Decision(NamedTuple):
    """Charge ``amount`` (net of tax; ``total`` with it), or why not and not before when."""

    reason: str = None
    until: datetime = None
    amount: Decimal = ZERO
    total: Decimal = ZERO


STOPS = dict(STOPPING)

WARN = timedelta(days=30)


class CallWalletAutoTopupRun(models.Model):
    """Deciding whether a wallet's card is charged, charging it, and looking after the card's end."""

    _inherit = "call.wallet"

    auto_topup_card_expires_on = fields.Date(related="auto_topup_token_id.call_wallet_expires_on")

    @api.model
    def _auto_topup_candidates(self):
        """Return the wallets below their level: {wallet id: (waiting because, until)}.

        By the index of the wallets that have it switched on; the ledger is not touched.
        """
        self.env.flush_all()
        self.env.cr.execute(CANDIDATES)
        return {wallet_id: (code, until) for wallet_id, code, until in self.env.cr.fetchall()}

    def _auto_topup_decide(self, by_hand=False):
        """Decide for one wallet, which the caller has locked.

        :param by_hand: a person asks, whatever the balance and the last decline
        :return: ``Decision``; None where the balance is not below the level after all
        """
        self.ensure_one()
        pending = self._auto_topup_pending()
        is_low = self.available_balance + pending < self.auto_topup_level
        if not (by_hand or is_low or self.available_balance < self.auto_topup_level):
            return None
        token = self.auto_topup_token_id
        # Also one that has become another customer's.
        if token not in self._payment_tokens():
            return Decision("card_removed")
        if token._call_wallet_is_expired(self._today()):
            return Decision("card_expired")
        if not self.is_set_up:
            return Decision("not_set_up")
        if self.is_paused_by_hand:
            return Decision("paused")
        if not (is_low or by_hand) or self._auto_topups("state", OPEN):
            return Decision("payment_in_progress")
        return self._auto_topup_wait(by_hand) or self._auto_topup_size(pending)

    def _auto_topup_wait(self, by_hand):
        """Return for which earlier attempts nothing is charged yet."""
        moment = utcnow()
        recent = self._auto_topups("state", ("done",)).filtered(lambda done: done.finished_at > moment - DAY)
        if recent and recent[0].finished_at + COOL_DOWN > moment:
            return Decision("cool_down", recent[0].finished_at + COOL_DOWN)
        if len(recent) >= SUCCESSES_A_DAY:
            return Decision("daily_limit", recent[SUCCESSES_A_DAY - 1].finished_at + DAY)
        if not by_hand and self.auto_topup_wait_code == "backing_off" and self.auto_topup_wait_until > moment:
            return Decision("backing_off", self.auto_topup_wait_until)

    def _auto_topup_size(self, pending):
        """Return one charge sized to the need: the set amount, or what brings the balance to the level.

        Never more than the company's largest top-up, nor than the cap leaves; never less than
        the set amount.
        """
        left = self._auto_topup_cap() - self._auto_topup_charged_this_month()
        need = to_coins(self.auto_topup_level - self.available_balance - pending, self.currency_id, ROUND_CEILING)
        most = self._company_amount("call_wallet_topup_max", without_rate=self.auto_topup_amount)
        wanted = min(max(self.auto_topup_amount, need), most)
        wanted = self._auto_topup_chargeable(wanted)
        total = self._quote_topup(wanted).total
        if total > left:
            # As much of it as the cap leaves, if that is not less than was agreed to.
            wanted = to_coins(max(left, ZERO) * wanted / total, self.currency_id, ROUND_FLOOR)
            wanted = self._auto_topup_chargeable(max(wanted, self.auto_topup_amount))
            total = self._quote_topup(wanted).total
        if total > left and wanted != self.auto_topup_amount:
            wanted = self.auto_topup_amount
            total = self._quote_topup(wanted).total
        if total > left:
            return Decision("cap_reached", self._auto_topup_month_begins(1))
        return Decision(amount=parse_amount(wanted), total=parse_amount(total))

    def _auto_topup_chargeable(self, amount):
        """Return the amount, or the next one that the card's provider charges in this currency."""
        provider = self.auto_topup_token_id.provider_id
        return provider._call_wallet_chargeable(self, amount) if provider.code == "stripe" else amount

    # === WHAT IT RESTS ON === #

    def _auto_topups(self, field, values):
        return self.env["call.wallet.auto.topup"].search([("wallet_id", "=", self.id), (field, "in", values)])

    def _auto_topup_pending(self):
        """Return what top-ups will add whose payment is under way: somebody is paying, or the bank is.

        Bank transfers do not count: they take days, and may never come.
        """
        self.env.flush_all()
        self.env.cr.execute(PENDING, [self.id])
        return parse_amount(self.env.cr.fetchone()[0])

    def _auto_topup_cap(self):
        # Without a rate of the currency nothing is ordered anyway: the order itself says so.
        cap = self.auto_topup_monthly_cap
        return min(cap, self._company_amount("call_wallet_auto_topup_max", without_rate=cap))

    def _auto_topup_charged_this_month(self):
        """Return what was charged in this calendar month of the wallet's time zone, or is about to be."""
        attempts = self.env["call.wallet.auto.topup"].sudo()
        [(total,)] = attempts._read_group(
            [
                ("wallet_id", "=", self.id),
                ("state", "in", COUNTED),
                ("date", ">=", self._auto_topup_month_begins(0)),
            ],
            [],
            ["total_amount:sum"],
        )
        return parse_amount(total)

    def _auto_topup_month_begins(self, ahead):
        """Return when this month (or the next: 1) begins where the wallet is, naive UTC."""
        local = now().astimezone(ZoneInfo(self.tz))
        months = local.year * 12 + local.month - 1 + ahead
        begins = datetime(months // 12, months % 12 + 1, 1, tzinfo=ZoneInfo(self.tz))
        return begins.astimezone(UTC).replace(tzinfo=None)

    # === CHARGING === #
    # From the decision to the charge: what the scheduled action does every minute.
    #
    # A wallet that falls below its level waits for at most a minute. The debit itself does not
    # wake this up: it stays as quick as it is, and holds lower the available balance as well.

    @api.model
    def _cron_auto_topup(self):
        """Finish what was begun, then charge where a balance is below its level."""
        log = self.env["call.wallet.auto.topup"]
        if not (log._resume_all() and log._drop_all()):
            return
        moment = utcnow()
        waiting, due = {}, []
        for wallet_id, (code, until) in self._auto_topup_candidates().items():
            if until and until > moment:
                waiting[wallet_id] = (code, until, None)
            else:
                due.append(wallet_id)
        with door(self.env):
            log._note_reasons(waiting)
        each(self.env, self.browse(due), lambda wallet: wallet._auto_topup_run(), part="charges")

    def auto_topup_now(self, joined=False):
        """Charge the saved card now, whatever the balance, as automatic top-up would.

        Not twice: what is under way, the cool-down after a success, the daily limit and the
        monthly cap hold here as well.

        :param bool joined: also inside a transaction of the caller's, who then sees to it that it is not
            rolled back after the card was charged
        :return: ``call.wallet.auto.topup``, the attempt
        :raise UserError: automatic top-up is not on, or nothing may be charged now; says why
        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        wallet = self._permitted(FINANCE, owner=True)
        wallet.ensure_one()
        if not joined and not end_if_clean(self.env):
            # What the provider charged could be rolled back here with the rest.
            raise UserError(self.env._("Cards are charged by a request of their own; save first, then top up."))
        attempt = wallet._auto_topup_run(by_hand=True)
        return attempt.with_env(self.env)

    def _auto_topup_now_words(self, total):
        """Return what is asked before the card is charged at once, and the text of the button that does it.

        :param str total: what is charged at least, tax included, as it is shown
        """
        question = self.env._(
            "%(card)s is charged %(total)s now, or more where that does not bring the balance to its level.",
            card=self.sudo().auto_topup_token_id.display_name,
            total=total,
        )
        return question, self.env._("Charge %s", total)

    def action_ask_auto_topup_now(self):
        """Ask whether the saved card is to be charged now: which card, and how much.

        :raise UserError: automatic top-up is off
        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        self.ensure_one()
        wallet = self._permitted(FINANCE, owner=True)
        if wallet.auto_topup_state != "on":
            raise UserError(self.env._("Automatic top-up is not switched on."))
        total = wallet._quote_topup(wallet.auto_topup_amount).total
        question, answer = wallet._auto_topup_now_words(wallet._format_exactly(parse_amount(total)))
        return ask(
            self,
            "action_auto_topup_now",
            title=self.env._("Charge the card now?"),
            question=question,
            answer=answer,
            keep=self.env._("Do Not Charge"),
        )

    def action_auto_topup_now(self):
        """Charge the saved card now, and say how it went."""
        attempt = self.auto_topup_now()
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": {"done": "success", "failed": "danger"}.get(attempt.state, "info"),
                "message": attempt.sudo().sentence,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    @worker
    def _auto_topup_run(self, by_hand=False):
        """Decide and charge, each in a transaction of its own; return the attempt, if there is one.

        What is about to be charged is committed before the provider hears of it, so that a
        crash in between is seen and made up for, by the same payment and not by another.
        """
        token = self.auto_topup_token_id
        if token._call_wallet_is_expired(self._today()):  # the bank may have renewed it
            token._call_wallet_refresh_apart()
        with door(self.env):
            attempt = self._auto_topup_begin(by_hand)
        if attempt:
            attempt._charge()
        return attempt

    def _auto_topup_begin(self, by_hand):
        self._auto_topup_lock()
        nothing = self.env["call.wallet.auto.topup"]
        if self.auto_topup_state != "on":
            if by_hand:
                raise UserError(self._auto_topup_sentence())
            return nothing
        decision = self._auto_topup_decide(by_hand)
        if decision is None:
            return nothing
        if not decision.reason:
            try:
                with self.env.cr.savepoint():
                    return self._auto_topup_start(decision, by_hand)
            except UserError as error:
                decision = decision._replace(reason="refused")
                message = str(error)
        else:
            message = None
        if by_hand:
            raise UserError(nothing._explain(self, decision.reason, decision.until, message))
        self._auto_topup_refrain(decision, message)
        return nothing

    def _auto_topup_refrain(self, decision, message):
        """Keep the reason; the next runs do not work it out again before its time."""
        if decision.reason in STOPS:
            self._auto_topup_suspend(decision.reason)
            return
        self.env["call.wallet.auto.topup"]._note_reasons({self.id: (decision.reason, decision.until, message)})
        if decision.until:
            self.write({"auto_topup_wait_code": decision.reason, "auto_topup_wait_until": decision.until})
        if decision.reason == "cap_reached":
            self.env["call.wallet.alert"]._note_auto_topup_cap(self, 100)

    def _auto_topup_suspend(self, reason, attempt=None, message=None):
        """Stop charging until a person does something about the reason, and tell them."""
        # What a person must look at is not lifted by the next payment of theirs.
        is_worse = self.auto_topup_state == "suspended" and reason == "taken_back"
        if self.auto_topup_state != "on" and not is_worse:
            return
        self.write(
            {
                **self._auto_topup_reset(),
                "auto_topup_state": "suspended",
                "auto_topup_reason": reason,
                "auto_topup_message": message,
            }
        )
        if not attempt:
            self.env["call.wallet.auto.topup"]._note_reasons({self.id: (reason, None, message)})
        self.env["call.wallet.alert"]._note_auto_topup(self, "auto_off", attempt)

    # === THE ORDER === #

    def _auto_topup_start(self, decision, by_hand):
        """Make top-up, invoice and payment; nothing is charged yet."""
        token = self.auto_topup_token_id
        topup = self._auto_topup_reuse(decision.amount) or self.create_topup(decision.amount)
        transaction = self.env["payment.transaction"].create(self._prepare_auto_topup_transaction(topup))
        return self.env["call.wallet.auto.topup"].create(
            {
                "wallet_id": self.id,
                "state": "charging",
                "available": self.available_balance,
                "level": self.auto_topup_level,
                "amount": topup.amount,
                "total_amount": transaction.amount,
                "topup_id": topup.id,
                "transaction_id": transaction.id,
                "card": token.display_name,
                "requested_by_id": self.env.uid if by_hand else False,
            }
        )

    def _prepare_auto_topup_transaction(self, topup):
        token, invoice = self.auto_topup_token_id, topup.invoice_id
        return {
            "provider_id": token.provider_id.id,
            "payment_method_id": token.payment_method_id.id,
            "token_id": token.id,
            "operation": "offline",
            "amount": invoice.amount_residual,
            "currency_id": invoice.currency_id.id,
            "partner_id": token.partner_id.id,
            "invoice_ids": [Command.set(invoice.ids)],
            "reference": self.env["payment.transaction"]._compute_reference(token.provider_code, prefix=invoice.name),
        }

    def _auto_topup_reuse(self, amount):
        """Return the unpaid top-up of the last failed attempt, if it is what is wanted now; else cancel it.

        So there is never more than one open invoice of automatic top-ups, and a link to pay
        it by hand stays good.
        """
        failed = self._auto_topups("has_open_invoice", [True])
        usable = failed.filtered(lambda attempt: attempt.amount == amount and attempt._is_unpaid())[:1]
        (failed - usable)._drop_invoice(keep=usable.topup_id)
        usable.has_open_invoice = False
        return usable.topup_id

    # === AFTER MONEY MOVED === #

    def _auto_topup_rearm(self):
        """Let the card be charged again after a person has paid, unless the card itself was the reason to stop."""
        for wallet in self:
            if wallet.auto_topup_reason in ("declined", "authentication"):
                wallet.write({"auto_topup_state": "on", **self._auto_topup_reset()})
            elif wallet.auto_topup_declines:
                wallet.write(self._auto_topup_reset())

    # === THE CARD'S END === #
    # The end of the card that automatic top-up charges: told beforehand, and not charged afterwards.

    @api.model
    def _cron_auto_topup_cards(self):
        """Look once a day at the cards that are charged automatically.

        :return: the number of wallets whose card ends soon or has ended
        """
        wallets = self.search([("auto_topup_state", "!=", "off"), ("auto_topup_token_id", "!=", False)], order="id")
        asked, ending = set(), []

        def look(wallet):
            token = wallet.auto_topup_token_id
            if token.id not in asked:  # several wallets may have the same card
                asked.add(token.id)
                token._call_wallet_refresh_apart()
            if wallet._auto_topup_look_at_card():
                ending.append(wallet.id)

        each(self.env, wallets, look, part="cards")
        return len(ending)

    @worker
    def _auto_topup_look_at_card(self):
        if not self._auto_topup_card_ends():
            return False
        with door(self.env):
            self._auto_topup_lock()
            # The owner may have chosen another one just now.
            if self.auto_topup_state != "on" or not self._auto_topup_card_ends():
                return False
            if self.auto_topup_token_id._call_wallet_is_expired(self._today()):
                self._auto_topup_suspend("card_expired")
            else:
                self.env["call.wallet.alert"]._note_auto_topup_card(self)
        return True

    def _auto_topup_card_ends(self):
        expires_on = self.auto_topup_token_id.call_wallet_expires_on
        return bool(expires_on) and expires_on - self._today() <= WARN


CANDIDATES = """
    SELECT w.id, w.auto_topup_wait_code, w.auto_topup_wait_until
      FROM call_wallet w
      JOIN call_wallet_balance b ON b.wallet_id = w.id
     WHERE w.auto_topup_state = 'on' AND w.active
       AND b.balance - b.held_amount < w.auto_topup_level
     ORDER BY w.id
"""


PENDING = """
    SELECT COALESCE(sum(t.amount - t.credited_amount), 0)::text
      FROM call_wallet_topup t
     WHERE t.wallet_id = %s AND t.state IN ('pending', 'partial')
       AND EXISTS (
           SELECT FROM account_invoice_transaction_rel r
             JOIN payment_transaction x ON x.id = r.transaction_id
             JOIN payment_provider p ON p.id = x.provider_id
            WHERE r.invoice_id = t.invoice_id AND p.code NOT IN ('none', 'custom')
              AND (x.state IN ('pending', 'authorized')
                   OR x.state = 'done' AND x.is_post_processed IS NOT TRUE
                   OR x.state IN ('draft', 'done')
                      AND x.last_state_change > now() AT TIME ZONE 'UTC' - interval '15 minutes')
           )
"""
