"""What the tests of the wallet have in common: a customer, a contract, and short ways to call and pay."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

from odoo import Command
from odoo.tests import TransactionCase, new_test_user, tagged

_numbers = count(1)


@tagged("post_install", "-at_install", "standard")
class CallWalletCommon(TransactionCase):
    """A customer with a contract, and the people who work with wallets.

    ``cls.wallet`` is set up and empty; ``_fund`` gives it money. Amounts are US dollars.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("en_US")
        cls.env = cls.env(context=dict(cls.env.context, tracking_disable=True, lang="en_US"))
        cls.company = cls.env.company
        if not cls.company.chart_template:
            cls.env["account.chart.template"].try_loading("generic_coa", cls.company, install_demo=False)
        # The calls of the tests stay as they are, whenever the tests are run.
        cls.company.call_wallet_call_days = 3660
        cls.dollar = cls.env.ref("base.USD")
        cls.partner = cls.env["res.partner"].create(
            {"name": "Initrode", "is_company": True, "email": "billing@initrode.example", "lang": "en_US"}
        )
        cls.plan = cls.env["call.rate.plan"].create(
            {
                "name": "Test contract",
                "currency_id": cls.dollar.id,
                "rate_ids": [
                    Command.create({"prefix": prefix, "price_per_minute": price, **terms})
                    for prefix, price, terms in cls._contract()
                ],
            }
        )
        cls.wallet = cls._make_wallet(partner_id=cls.partner.id)
        cls.usage = cls.env["call.usage"]
        cls.ledger = cls.env["call.wallet.ledger"]

    @classmethod
    def _contract(cls):
        """Prefix, price a minute, other terms: one example of each way to bill."""
        return [
            ("1", "0.01", {}),
            ("1415", "0.0125", {}),
            ("44", "0.0391", {"connection_fee": "0.01"}),
            ("33", "0.03", {"increment_seconds": 1}),
            ("49", "0.06", {"increment_seconds": 6, "minimum_seconds": 30}),
            ("39", "0.05", {"free_seconds": 60}),
            ("81", "0.000001", {"increment_seconds": 1}),
        ]

    # === FACTORIES === #

    @classmethod
    def _make_wallet(cls, recipients=("billing@initrode.example",), **values):
        """A wallet of a new customer (or ``partner_id``), set up unless ``recipients`` is empty."""
        number = next(_numbers)
        if "partner_id" not in values:
            partner = cls.env["res.partner"].create({"name": f"Customer {number}", "is_company": True, "lang": "en_US"})
            values["partner_id"] = partner.id
        cls._price_whatsapp(values)
        wallet = cls.env["call.wallet"].create(
            {
                "account_ref": f"TEST{number}",
                "rate_plan_id": cls.plan.id,
                "currency_id": cls.dollar.id,
                "tz": "UTC",
                "low_balance_threshold": 10,
                **values,
            }
        )
        if recipients:
            wallet.set_recipients(list(recipients))
        return wallet

    @classmethod
    def _price_whatsapp(cls, values):
        """Set 0.02 as the price of WhatsApp in whatever currency a wallet has: by it the tests reckon."""
        company = cls.env["res.company"].browse(values.get("company_id", cls.company.id))
        currency = cls.env["res.currency"].browse(values.get("currency_id", cls.dollar.id))
        prices = cls.env["call.wallet.price"]
        if currency != company.currency_id and prices._whatsapp_rate(company, currency) is None:
            prices.create({"company_id": company.id, "currency_id": currency.id, "whatsapp_rate": "0.02"})

    @classmethod
    def _set_rate(cls, code, rate, company=None, day="2020-01-01"):
        """Use a currency that is worth so much: ``rate`` of it for one of the company's. Returns it."""
        currency = cls.env["res.currency"].with_context(active_test=False).search([("name", "=", code)])
        currency.active = True
        cls.env["res.currency.rate"].search([("currency_id", "=", currency.id)]).unlink()
        company = company or cls.company
        cls.env["res.currency.rate"].create(
            {"currency_id": currency.id, "company_id": company.root_id.id, "name": day, "rate": float(rate)}
        )
        return currency

    @classmethod
    def _make_house_wallet(cls, **values):
        """The company's own wallet, at whose expense its employees call; instead of the demo's."""
        demo = cls.env["call.wallet"].search([("partner_id", "=", cls.company.partner_id.id)])
        cls._archive(demo)
        demo.flush_recordset()
        return cls._make_wallet(partner_id=cls.company.partner_id.id, **values)

    @classmethod
    def _make_user(cls, login, group):
        """A user of one group only: ``finance``, ``account_manager``, ``platform``, or a full name."""
        group = group if "." in group else f"call_wallet.group_{group}"
        return new_test_user(cls.env, login=login, groups=group)

    def _call(self, **overrides):
        """A valid call of ``self.wallet``: 61 s to +1 415, with a reference of its own.

        A field given as ``...`` is left out.
        """
        call = {
            "account": self.wallet.account_ref,
            "call_ref": f"ref-{next(_numbers)}",
            "call_type": "live",
            "number": "+14155550100",
            "started_at": "2026-10-01T10:00:00Z",
            "duration_seconds": 61,
            "status": "completed",
            **overrides,
        }
        return {field: value for field, value in call.items() if value is not ...}

    # === SHORT WAYS === #

    def _record(self, *calls):
        """Report calls; return the results, or the one result of the one call."""
        results = self.usage.record_calls(list(calls))
        return results[0] if len(calls) == 1 else results

    def _fund(self, wallet, amount, by="refund"):
        """Bring a wallet's balance up: by a plain credit, or ``by="topup"`` as customers do."""
        if by == "refund":
            return wallet.refund(amount, "Opening credit")
        topup = wallet.create_topup(amount)
        self._pay(topup.invoice_id)
        return topup

    @staticmethod
    def _archive(wallet):
        """Have a wallet closed, with whatever it has on it."""
        wallet.write({"active": False, "closed_at": "2026-10-01 00:00:00"})

    def _pay(self, invoice, amount=None):
        """Register a payment of an invoice, in full unless ``amount`` is given."""
        wizard = (
            self.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"amount": amount} if amount else {})
        )
        return wizard._create_payments()

    def _save_for(self, wallet, card):
        """Have a card as if it had been saved with the payment of a top-up of the wallet, which came to nothing."""
        topup = wallet.create_topup("20")
        self.env["payment.transaction"].create(
            {
                "provider_id": card.provider_id.id,
                "payment_method_id": card.payment_method_id.id,
                "amount": topup.invoice_id.amount_total,
                "currency_id": topup.currency_id.id,
                "partner_id": card.partner_id.id,
                "operation": "online_redirect",
                "token_id": card.id,
                "invoice_ids": [Command.set(topup.invoice_id.ids)],
            }
        )
        topup.cancel_order()

    def _made_in(self, tz):
        """Have ``self.wallet`` as if it had been made in another time zone: with transactions it cannot be moved."""
        self.env.flush_all()
        self.env.cr.execute("UPDATE call_wallet SET tz = %s WHERE id = %s", [tz, self.wallet.id])
        self.env.invalidate_all()

    # === WHAT TESTS ASK === #

    def _usage_of(self, call):
        return self.usage.search([("wallet_id.account_ref", "=", call["account"]), ("call_ref", "=", call["call_ref"])])

    def assertBalance(self, wallet, expected):
        self.env.invalidate_all()
        self.assertEqual(wallet.balance, Decimal(str(expected)))

    def assertSound(self, wallets=None):
        """All invariants hold, for these wallets or for all."""
        self.assertEqual(self.env["call.wallet"].check_invariants(wallets), [])

    @staticmethod
    def _utc(text):
        """``2026-10-01 10:00:00`` as the time zone aware text the API takes."""
        return datetime.fromisoformat(text).replace(tzinfo=UTC).isoformat()
