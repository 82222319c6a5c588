"""What the tests of Stripe's fees and payouts have in common: the accounts they look at, and short ways to pay."""

from datetime import timedelta

from odoo.fields import Date

from .stripe_case import StripeFakeCase


class StripeBooks(StripeFakeCase):
    """The stand-in keeps 2.9 % and 0.30 of each charge: 3.20 of 100.00, 1.75 of 50.00."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fees = cls.company._call_wallet_fee_accounts()[:1]
        cls.clearing = cls.stripe._call_wallet_clearing_account()
        cls.payouts = cls.env["call.wallet.stripe.payout"]
        cls.bank = cls.stripe.journal_id
        cls.last = cls.env["account.move.line"].search([], order="id desc", limit=1).id  # the demo's before

    def _balance(self, accounts, currency=None):
        """Return what is on accounts in posted entries, in the company's currency or in another."""
        lines = self.env["account.move.line"].search(
            [("account_id", "in", accounts.ids), ("parent_state", "=", "posted"), ("id", ">", self.last)]
        )
        if currency:
            lines = lines.filtered(lambda line: line.currency_id == currency)
            return round(sum(lines.mapped("amount_currency")), 2)
        return round(sum(lines.mapped("balance")), 2)

    def _paid(self, amount="100", wallet=None):
        """A top-up paid with a saved card: its transaction."""
        wallet = wallet or self.wallet
        topup = wallet.create_topup(amount)
        token = self._save_card(partner=wallet.partner_id)
        return self._charge(topup, token, partner_id=wallet.partner_id.id)

    def _refund(self, transaction, minor):
        """Refund in Stripe's dashboard."""
        self.fake.money_back.create_refund({"payment_intent": transaction.provider_reference, "amount": str(minor)})
        self._deliver_all("refund.created")

    def _bank_line(self, amount, text="STRIPE PAYMENTS UK LTD", days=0, journal=None):
        return self.env["account.bank.statement.line"].create(
            {
                "journal_id": (journal or self.bank).id,
                "date": Date.today() + timedelta(days=days),
                "payment_ref": text,
                "amount": amount,
            }
        )

    def _follow(self):
        """The scheduled action."""
        self.payouts._cron_payouts()
        self.env.invalidate_all()

    def _payout(self):
        """The one payout that is kept."""
        payout = self.payouts.search([])
        payout.ensure_one()
        return payout
