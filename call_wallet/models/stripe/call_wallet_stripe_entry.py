from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from odoo import api, fields, models
from odoo.addons.payment import const as payment_const
from odoo.addons.payment_stripe import const
from odoo.exceptions import UserError

from ...tools.clock import day_in
from ...tools.fields import parse_amount
from ...tools.stripe_words import in_words
from ...tools.task import in_language_of

# Balance transactions that are nothing but a cost; of all others the cost is their `fee`.
# https://docs.stripe.com/reports/balance-transaction-types
COSTS = ("stripe_fee", "stripe_fx_fee", "network_cost", "tax_fee")
REFUNDS = ("refund", "payment_refund", "refund_failure")
CHARGES = ("charge", "payment")
BACK_AT_STRIPE = ("payout_failure", "payout_cancel")


class Doubt(Exception):
    """Why a payout cannot be matched, for people, with what to do next."""


class CallWalletStripeEntry(models.Model):
    """A movement of the balance at Stripe ("balance transaction"): a payment, refund, dispute or fee.

    Kept once by Stripe's name of it, so what it cost is entered in the books once. Amounts are whole coins (hence
    Monetary) of the currency in which Stripe settles, which may be another than the payment's. Times are UTC.
    """

    _name = "call.wallet.stripe.entry"
    _description = "Movement of the Balance at Stripe"
    _order = "created_at desc, id desc"
    _rec_name = "reference"

    reference = fields.Char("Balance Transaction", required=True, readonly=True)
    provider_id = fields.Many2one("payment.provider", required=True, readonly=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="provider_id.company_id")
    kind = fields.Char("Kind at Stripe", required=True, readonly=True, help="As Stripe names it.")
    kind_text = fields.Char("Kind", compute="_compute_kind_text")
    source_ref = fields.Char("Source", readonly=True, help="Stripe's name of the charge, refund, dispute or payout.")
    intent_ref = fields.Char(readonly=True, help="Stripe's name of the payment that the source is about.")
    description = fields.Char(readonly=True)
    transaction_id = fields.Many2one("payment.transaction", "Payment", readonly=True, index="btree_not_null")
    created_at = fields.Datetime("Date", required=True, readonly=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    # Stripe counts in the currency's coins: nothing of a movement has more places.
    amount = fields.Monetary(readonly=True)
    cost = fields.Monetary(readonly=True, help="What Stripe keeps of it.")
    tax = fields.Monetary(readonly=True, help="What of the cost is tax that Stripe has charged on its fee.")
    net = fields.Monetary(readonly=True, help="The amount less the cost.")
    exchange_rate = fields.Char(
        readonly=True, help="What one unit of the payment's currency is worth in this one, where they differ."
    )
    move_id = fields.Many2one(
        "account.move", "Entry of the Cost", readonly=True, index="btree_not_null", ondelete="set null"
    )
    payout_id = fields.Many2one("call.wallet.stripe.payout", readonly=True, index="btree_not_null", ondelete="set null")

    _once = models.UniqueIndex("(reference)", "A movement of the balance is kept once.")

    @api.depends("kind")
    @api.depends_context("lang")
    def _compute_kind_text(self):
        for record in self:
            record.kind_text = in_words(self.env, record.kind)

    # === WHAT STRIPE SAYS === #

    @api.model
    def _keep(self, provider, told, payment=None):
        """Keep a balance transaction unless it is kept; return its record.

        :param dict told: Stripe's balance transaction
        :param payment: ``payment.transaction`` that it is about, where that is known; else it is looked for by the
            source, if that is given in full
        :return: the record; none in a currency that Odoo does not know
        """
        currency = self.env["payment.transaction"]._call_wallet_currency(told["currency"])
        if not currency:
            return self.browse()
        self.flush_model()
        values = self._values(provider, told, currency)
        # Others may keep it at this moment: that must not fail a payment.
        self.env.cr.execute(KEEP, {**values, "transaction_id": payment.id if payment else None})
        record = self.search([("provider_id", "=", provider.id), ("reference", "=", told["id"])])
        if values["intent_ref"] and not record.intent_ref:
            record.intent_ref = values["intent_ref"]
        record._tie()
        return record

    @api.model
    def _values(self, provider, told, currency):
        amount, fee = (to_major(told[name], currency) for name in ("amount", "fee"))
        source = told.get("source") or {}
        if not isinstance(source, dict):
            source = {"id": source}
        rate = told.get("exchange_rate")
        cost = fee - amount if told["type"] in COSTS else fee
        taxes = [part["amount"] for part in told.get("fee_details") or () if part["type"] == "tax"]
        return {
            "reference": told["id"],
            "provider_id": provider.id,
            "kind": told["type"],
            "source_ref": source.get("id"),
            "intent_ref": source.get("payment_intent"),
            "description": told.get("description"),
            "created_at": datetime.fromtimestamp(told["created"], UTC).replace(tzinfo=None),
            "currency_id": currency.id,
            # Stripe takes a pure cost as an amount without a fee.
            "amount": 0 if told["type"] in COSTS else amount,
            "cost": cost,
            "tax": cost if told["type"] == "tax_fee" else to_major(sum(taxes), currency),
            "net": amount - fee,
            "exchange_rate": None if rate is None else str(rate),
        }

    def _tie(self):
        """Look for the payment or refund of Odoo's that a movement is about, where it is not known yet."""
        transactions = self.env["payment.transaction"]
        for entry in self.filtered(lambda entry: not entry.transaction_id):
            is_refund = entry.kind in REFUNDS
            name = entry.source_ref if is_refund else entry.intent_ref
            if name:
                entry.transaction_id = transactions.search(
                    [
                        ("provider_id", "=", entry.provider_id.id),
                        ("provider_reference", "=", name),
                        ("operation", "=" if is_refund else "!=", "refund"),
                    ],
                    limit=1,
                )

    def _is_a_wallets(self):
        """Tell whether it is about a top-up, or about no payment at all."""
        return self.kind in (*COSTS, "payout") or bool(self.transaction_id._call_wallet_topups())

    # === WHAT IT COST, IN THE BOOKS === #

    def _book_costs(self):
        """Enter the costs that are not in the books; one that cannot be is finance's to see, and tried again."""
        for entry in self.filtered(lambda entry: entry._is_due()):
            self.env["call.wallet.failure"]._beside("Stripe's fee", entry, entry._book_cost)

    def _is_due(self):
        # One that was cancelled or deleted is not in the books; one that is reset is somebody's work.
        is_missing = not self.move_id or self.move_id.state == "cancel"
        return (
            is_missing
            and not self.currency_id.is_zero(self.cost)
            and self.provider_id._call_wallet_books_fees()
            and bool(self._clearing_account())
        )

    def _clearing_account(self):
        """Return the account on which the payment waits for Stripe's payout: the one it was booked to.

        Empty where payments have no entry (Enterprise without an outstanding account), and where they are booked
        to the bank at once: then nothing waits.
        """
        if self.transaction_id.payment_id:
            account = self.transaction_id.payment_id.move_id and self.transaction_id.payment_id.outstanding_account_id
        else:
            account = self.provider_id._call_wallet_clearing_account()
        return account.filtered("reconcile") if account else self.env["account.account"]

    def _book_cost(self):
        """Enter what Stripe keeps: to the fee account, from the account on which the payment waits.

        Tax that Stripe has charged goes to the account for it. Where it charges none, and a tax is chosen for its
        fees because the company owes it in its country (reverse charge), that is put on the fee, and Odoo computes it.

        :raise UserError: there is no account for fees, or no exchange rate
        """
        # A write: whoever else is at it fails, and is repeated, instead of entering it twice.
        self.env.cr.execute("UPDATE call_wallet_stripe_entry SET move_id = move_id WHERE id = %s", [self.id])
        self.invalidate_recordset()
        if not self._is_due():
            return
        company = self.company_id
        journal = self.transaction_id.payment_id.journal_id or self.provider_id.journal_id
        date = self.transaction_id.payment_id.date or self._day()
        date = company._call_wallet_open_day(date, journal, has_tax=bool(self._reverse_charge()))
        move = self.env["account.move"].with_company(company)
        move = move.create(
            {
                "move_type": "entry",
                "journal_id": journal.id,
                "date": date,
                "ref": f"{self._label()} ({self.reference})",
                "line_ids": [fields.Command.create(line) for line in self._cost_lines(date)],
            }
        )
        move.action_post()
        self.move_id = move

    def _day(self):
        return day_in(self.company_id._call_wallet_tz(), self.created_at)

    def _label(self):
        what = self.transaction_id.reference or self.description or self.source_ref
        _ = in_language_of(self, None, self.company_id).env._
        return _("Stripe's fee: %s", what) if what else _("Stripe's fee")

    def _cost_lines(self, date):
        company = self.company_id
        currency, amount = self._cost_in_books()
        company._call_wallet_refuse_without_rate(currency)
        balance = currency._convert(amount, company.currency_id, company, date)
        common = {"name": self._label(), "currency_id": currency.id}
        clearing = {"account_id": self._clearing_account().id, "amount_currency": -amount, "balance": -balance}
        return [
            *({**common, **part} for part in self._cost_parts(currency, amount, balance)),
            {**common, **clearing},
        ]

    def _cost_parts(self, currency, amount, balance):
        """Return the values of the items that a cost is booked to: the fee, and the tax that Stripe has charged."""
        own, account = self.company_id.currency_id, self.company_id._call_wallet_fee_tax_account()
        share = Decimal(str(self.tax)) / Decimal(str(self.cost)) if account else Decimal(0)
        tax, tax_balance = (
            rounding.round(float(Decimal(str(whole)) * share))
            for rounding, whole in ((currency, amount), (own, balance))
        )
        fee = {"amount_currency": amount - tax, "balance": balance - tax_balance}
        taxes = [fields.Command.set(self._reverse_charge().ids)]
        parts = [{"account_id": self._fee_account().id, **fee, "tax_ids": taxes}] if share != 1 else []
        if tax:
            parts.append({"account_id": account.id, "amount_currency": tax, "balance": tax_balance})
        return parts

    def _reverse_charge(self):
        """Return the tax that the company itself owes on this fee; none where Stripe has charged tax."""
        taxes = self.company_id._call_wallet_fee_tax()
        return taxes if self.currency_id.is_zero(self.tax) else taxes.browse()

    def _cost_in_books(self):
        """Return (currency, cost) in which it is booked: Stripe's where it is the payment's or the company's.

        Another one may have no rate here: then the cost is in the payment's currency, by Stripe's exchange rate.
        """
        payment, own = self.transaction_id.currency_id, self.company_id.currency_id
        if not payment or self.currency_id in payment | own or not self.exchange_rate:
            return self.currency_id, self.cost
        return payment, payment.round(float(Decimal(str(self.cost)) / Decimal(self.exchange_rate)))

    def _fee_account(self):
        account = self.company_id._call_wallet_fee_accounts()[:1]
        if not account:
            raise UserError(
                self.env._(
                    "%s has no account for Stripe's fees: choose one under Fee accounts, in the settings of Call "
                    "Wallet. The fee is entered by itself then.",
                    self.company_id.name,
                )
            )
        return account

    # === WHAT A PAYOUT SETTLES OF IT === #

    def _add_open_items(self, groups):
        """Add the journal items that wait for this movement's payout to ``groups``, and what it cost.

        :param groups: {(account, currency, partner, whether they are debits): Group}
        :raise Doubt: something of it is not in the books, or settled otherwise
        """
        if self.kind in BACK_AT_STRIPE:
            self._add_failed_payout(groups)
        elif not self.currency_id.is_zero(self.amount):
            payment = self._payment()
            if payment.move_id:
                self._add_lines(payment._seek_for_lines()[0], payment.amount, groups)
            else:
                self._add_documents(payment, groups)
        if not self.currency_id.is_zero(self.cost):
            self._add_cost(groups)

    def _payment(self):
        """Return Odoo's payment of this movement: received, sent back, or taken back by the customer's bank."""
        direction = "inbound" if self.amount > 0 else "outbound"
        returns = self.env["call.wallet.stripe.return"].search([("reference", "=", self.source_ref)])
        payments = self.transaction_id.payment_id
        if returns and self.kind not in CHARGES:
            payments = returns.payment_ids.sorted("id")
        fits = payments.filtered(
            lambda payment: (
                payment.payment_type == direction
                and payment.state in ("in_process", "paid")
                and (
                    payment.currency_id != self.currency_id
                    or not self.currency_id.compare_amounts(payment.amount, abs(self.amount))
                )
            )
        )
        if not fits:
            raise self._doubt(self.env._("not in the books"))
        return fits.filtered(lambda payment: not payment.is_matched)[:1] or fits[:1]

    def _doubt(self, why):
        what = self.transaction_id.reference or self.source_ref or self.description or self.reference
        amount = self.currency_id.format(self.net)
        return Doubt(
            self.env._("%(amount)s (%(kind)s, %(what)s): %(why)s.", amount=amount, kind=self.kind, what=what, why=why)
        )

    def _add_lines(self, lines, amount, groups):
        """Add items on the account on which payments wait, which have to be open as a whole."""
        left = sum(lines.mapped("amount_residual_currency"))
        if not lines.account_id.reconcile or lines.currency_id.compare_amounts(abs(left), abs(amount)):
            raise self._doubt(self.env._("settled otherwise already"))
        key = (lines.account_id, lines.currency_id, self.env["res.partner"], left > 0)
        # Stripe may take several movements for one dispute: which of them is the payment, it does not say.
        if lines & groups[key].lines:
            raise self._doubt(self.env._("another movement is about the same payment"))
        groups[key].add(lines, left, sum(lines.mapped("amount_residual")))

    def _add_documents(self, payment, groups):
        """Add what the invoices, or the credit notes, of a payment without an entry still ask for."""
        documents = self.transaction_id.call_wallet_credit_note_ids or payment.invoice_ids
        lines = documents.line_ids.filtered(
            lambda line: line.account_id == payment.destination_account_id and not line.reconciled
        )
        signed = payment.amount if payment.payment_type == "inbound" else -payment.amount
        left = sum(lines.mapped("amount_residual_currency"))
        if len(lines.currency_id) != 1 or payment.currency_id.compare_amounts(left, signed):
            raise self._doubt(self.env._("not what its documents ask for"))
        key = (payment.destination_account_id, lines.currency_id, lines.partner_id[:1], left > 0)
        groups[key].add(lines, left, sum(lines.mapped("amount_residual")))

    def _add_cost(self, groups):
        if self.move_id:
            if self.move_id.state != "posted":
                raise self._doubt(self.env._("the entry of what it cost is not posted"))
            if "posted" in self.move_id.reversal_move_ids.mapped("state"):
                raise self._doubt(self.env._("the entry of what it cost was reversed"))
            lines = self.move_id.line_ids.filtered(lambda line: line.balance * self.cost < 0 and not line.tax_line_id)
            self._add_lines(lines, sum(lines.mapped("amount_currency")), groups)
            return
        if self._clearing_account():
            raise self._doubt(self.env._("what it cost is not in the books"))
        company, currency = self.company_id, self.currency_id
        balance = currency._convert(self.cost, company.currency_id, company, self._day())
        for part in self._cost_parts(currency, self.cost, balance):
            account = self.env["account.account"].browse(part["account_id"])
            key = (account, currency, self.env["res.partner"], self.cost < 0)
            groups[key].add(self.env["account.move.line"], -part["amount_currency"], -part["balance"])

    def _add_failed_payout(self, groups):
        """Add all that is open again of a payout whose money has come back to Stripe."""
        failed = self.env["call.wallet.stripe.payout"].search([("reference", "=", self.source_ref)])
        if failed.state != "failed" or not failed.is_listed:
            raise self._doubt(self.env._("not known as a payout that failed"))
        for entry in failed._standing_entries():
            entry._add_open_items(groups)


def to_major(minor, currency):
    """Return an amount of Stripe's, in what is smallest of its currency there, as a ``Decimal`` of whole units."""
    return Decimal(minor).scaleb(-places_at_stripe(currency))


def to_minor(amount, currency):
    """Return an amount of whole units in what is smallest of its currency at Stripe, as Stripe takes it: an int."""
    return int(parse_amount(amount).scaleb(places_at_stripe(currency)).to_integral_value(ROUND_HALF_UP))


def places_at_stripe(currency):
    name = currency.name
    return const.CURRENCY_DECIMALS.get(name, payment_const.CURRENCY_MINOR_UNITS.get(name, currency.decimal_places))


KEEP = """
    INSERT INTO call_wallet_stripe_entry
           (reference, provider_id, kind, source_ref, intent_ref, description, transaction_id, created_at, currency_id,
            amount, cost, tax, net, exchange_rate, create_date)
    VALUES (%(reference)s, %(provider_id)s, %(kind)s, %(source_ref)s, %(intent_ref)s, %(description)s,
            %(transaction_id)s, %(created_at)s, %(currency_id)s, %(amount)s, %(cost)s, %(tax)s, %(net)s,
            %(exchange_rate)s, now() AT TIME ZONE 'UTC')
    ON CONFLICT (reference) DO NOTHING
"""
