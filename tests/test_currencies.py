"""Wallets in other currencies than the company's: what the settings, the packages and WhatsApp's price are there.

The company's books are in dollars. One of them is 157.3 yen (no decimals), 0.92 euros, 0.307 dinars (three decimals).
"""

from datetime import datetime
from decimal import Decimal

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form
from odoo.tools import mute_logger

from .browser import BrowserCase
from .common import CallWalletCommon
from .test_backend_screens import BackendCommon
from .test_portal import PortalCommon

RATES = {"JPY": "157.3", "EUR": "0.92", "KWD": "0.307"}


class CurrencyCommon(CallWalletCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.assertTrue(cls, cls.company.currency_id == cls.dollar)
        for code, rate in RATES.items():
            cls._set_rate(code, rate)
        currencies = cls.env["res.currency"].search([("name", "in", list(RATES))])
        cls.env["call.wallet.package"].with_context(active_test=False).search(
            [("currency_id", "in", currencies.ids)]
        ).unlink()
        cls.packages = cls.env["call.wallet.package"]

    @classmethod
    def _currency(cls, code):
        return cls.env["res.currency"].with_context(active_test=False).search([("name", "=", code)])

    @classmethod
    def _wallet_in(cls, code, **values):
        """A wallet as finance makes it: nothing set but customer, currency and recipient."""
        partner = cls.env["res.partner"].create({"name": f"Customer in {code}", "is_company": True, "lang": "en_US"})
        vals = {"partner_id": partner.id, "currency_id": cls._currency(code).id, "tz": "UTC", **values}
        wallet = cls.env["call.wallet"].create(vals)
        wallet.set_recipients(["someone@customer.example"])
        return wallet

    def _price(self, code):
        return self.env["call.wallet.price"].search(
            [("company_id", "=", self.company.id), ("currency_id.name", "=", code)]
        )

    def _charge(self, wallet, seconds=61):
        """A WhatsApp call of so long, charged or refused."""
        wallet.refund("10", "Opening credit")
        return self._record(
            self._call(
                account=wallet.account_ref, call_type="whatsapp", duration_seconds=seconds, number="+818012345678"
            )
        )


class TestWhatsAppPrice(CurrencyCommon):
    def test_a_minute_is_the_companys_price_converted(self):
        # 0.02 * 157.3 = 3.146; 0.02 * 0.92 = 0.0184; 0.02 * 0.307 = 0.00614. 61 seconds are two minutes.
        for code, rate, cost in (
            ("JPY", "3.146000", "6.292000"),
            ("EUR", "0.018400", "0.036800"),
            ("KWD", "0.006140", "0.012280"),
            ("USD", "0.020000", "0.040000"),
        ):
            with self.subTest(code):
                result = self._charge(self._wallet_in(code))
                self.assertEqual((result["result"], result["rate"], result["total_cost"]), ("charged", rate, cost))

    def test_it_has_six_places_half_up(self):
        # 0.0175 / 1.1 = 0.01590909...; 0.000001 * 0.307 = 0.000000307, and what has a price is not free.
        self.company.call_wallet_whatsapp_rate = "0.0175"
        self.env["res.currency.rate"].search([("currency_id.name", "=", "EUR")]).inverse_company_rate = 1.1
        self._wallet_in("EUR")
        self.assertEqual(self._price("EUR").whatsapp_rate, Decimal("0.015909"))
        self.company.call_wallet_whatsapp_rate = "0.000001"
        self._wallet_in("KWD")
        self.assertEqual(self._price("KWD").whatsapp_rate, Decimal("0.000001"))
        self.company.call_wallet_whatsapp_rate = 0
        self.assertEqual(self._price("KWD").whatsapp_rate, 0)

    def test_it_does_not_move_with_the_rates(self):
        wallet = self._wallet_in("JPY")
        self._set_rate("JPY", "200")
        self.assertEqual(self._charge(wallet)["rate"], "3.146000")
        self.assertEqual(self._charge(self._wallet_in("JPY"))["rate"], "3.146000", "one price for all of a company's")

    def test_another_price_of_the_company_is_converted_anew_unless_one_was_typed_in(self):
        yen, euro = self._wallet_in("JPY"), self._wallet_in("EUR")
        manager = self._make_user("price-manager", "finance_manager")
        self._price("EUR").with_user(manager).whatsapp_rate = "0.017"
        self._set_rate("JPY", "200")
        self.company.call_wallet_whatsapp_rate = "0.02"  # the same
        self.assertEqual(self._charge(yen)["rate"], "3.146000")
        self.company.call_wallet_whatsapp_rate = "0.03"
        # 0.03 * 200
        self.assertEqual(self._charge(yen)["rate"], "6.000000")
        self.assertEqual(self._charge(euro)["rate"], "0.017000")
        self.assertTrue(self._price("JPY").converted_on)
        self.assertFalse(self._price("EUR").converted_on)

    def test_a_price_set_before_the_first_wallet_is_what_it_pays(self):
        manager = self._make_user("price-manager", "finance_manager")
        prices = self.env["call.wallet.price"].with_user(manager)
        prices.create({"currency_id": self._currency("JPY").id, "whatsapp_rate": "4"})
        self.assertEqual(self._charge(self._wallet_in("JPY"))["rate"], "4.000000")

    def test_without_a_price_in_its_currency_nothing_is_sold(self):
        wallet = self._wallet_in("JPY")
        wallet.refund("1000", "Opening credit")
        self._price("JPY").unlink()
        ask = self.env["call.wallet"].authorize_call(wallet.account_ref, "no-price", "whatsapp", "+818012345678")
        self.assertEqual((ask["allowed"], ask["code"]), (False, "destination_not_contracted"))
        self.assertEqual(self._charge(wallet)["result"], "rejected")

    def test_a_plan_that_prices_whatsapp_comes_first(self):
        plan = self.env["call.rate.plan"].create(
            {
                "name": "Yen contract",
                "currency_id": self._currency("JPY").id,
                "rate_ids": [Command.create({"call_type": "whatsapp", "prefix": "81", "price_per_minute": "2.5"})],
            }
        )
        self.assertEqual(self._charge(self._wallet_in("JPY", rate_plan_id=plan.id))["rate"], "2.500000")

    def test_finance_managers_alone_set_it_in_other_currencies_than_the_companys(self):
        self._wallet_in("JPY")
        with self.assertRaises(AccessError):
            self._price("JPY").with_user(self._make_user("price-clerk", "finance")).whatsapp_rate = "1"
        with self.assertRaisesRegex(ValidationError, "one of its settings"):
            self.env["call.wallet.price"].create({"currency_id": self.dollar.id, "whatsapp_rate": "1"})

    def test_a_price_far_from_the_companys_is_pointed_out(self):
        self._wallet_in("JPY")
        price = self._price("JPY")
        self.assertEqual((price.today_rate, price.is_far), (Decimal("3.146"), False))
        price.whatsapp_rate = "0.02"  # as every currency had it
        self.assertTrue(price.is_far)
        settings = self.env["call.wallet.settings"].create({})
        self.assertIn("JPY", settings.call_wallet_price_warning)
        price.whatsapp_rate = "1.2"
        self.assertFalse(price.is_far)
        price.whatsapp_rate = "9.5"
        self.assertTrue(price.is_far)

    def test_a_company_in_yen_has_no_whatsapp_price_until_somebody_sets_it(self):
        """Made in yen, or in dollars and then turned to yen, as Odoo does when it loads the chart of accounts."""
        yen, euro = self._currency("JPY"), self._currency("EUR")
        for chart in (False, True):
            with self.subTest(chart=chart):
                values = {"currency_id": yen.id} if not chart else {"country_id": self.env.ref("base.jp").id}
                company = self.env["res.company"].create({"name": f"Tokyo {chart}", **values})
                if chart:
                    self.env["account.chart.template"].try_loading("generic_coa", company, install_demo=False)
                    company.currency_id = yen
                self.assertEqual(company.currency_id, yen)
                wallet = self._make_wallet(company_id=company.id, currency_id=yen.id, rate_plan_id=False)
                self.assertTrue(wallet.lacks_whatsapp_price)
                call = self._call(account=wallet.account_ref, call_type="whatsapp")
                self.assertEqual(self._record(call)["result"], "rejected")
                verdict = self.env["call.wallet"].authorize_call(wallet.account_ref, "w-1", "whatsapp", call["number"])
                self.assertFalse(verdict["allowed"])
                company.call_wallet_whatsapp_rate = 3
                self.assertFalse(wallet.lacks_whatsapp_price)
                result = self._record({**call, "call_ref": f"priced-{chart}"})
                # 61 seconds are two minutes.
                self.assertEqual((result["result"], result["total_cost"]), ("charged", "6.000000"))
                # What somebody has set stays; what nobody has set follows the currency.
                company.name = f"Osaka {chart}"
                self.assertEqual(company.call_wallet_whatsapp_rate, 3)
        paris = self.env["res.company"].create({"name": "Paris", "currency_id": euro.id})
        self.assertEqual(paris.call_wallet_whatsapp_rate, Decimal("0.02"))
        paris.currency_id = yen
        self.assertIsNone(paris.call_wallet_whatsapp_rate)
        dinar = self._currency("KWD").id
        kuwait, priced = self.env["res.company"].create(
            [
                {"name": "Kuwait", "currency_id": dinar},
                {"name": "Salmiya", "currency_id": dinar, "call_wallet_whatsapp_rate": "0.006"},
            ]
        )
        self.assertIsNone(kuwait.call_wallet_whatsapp_rate)
        self.assertEqual(priced.call_wallet_whatsapp_rate, Decimal("0.006"))

    def test_a_price_that_is_set_late_is_converted_for_the_wallets_that_wait_for_it(self):
        yen = self._currency("JPY")
        company = self.env["res.company"].create({"name": "Kobe", "currency_id": yen.id})
        dollar = self.env.ref("base.USD")
        self.env["res.currency.rate"].create(
            {"currency_id": dollar.id, "company_id": company.id, "name": "2020-01-01", "inverse_company_rate": 150}
        )
        wallet = self.env["call.wallet"].create(
            {"partner_id": self.env["res.partner"].create({"name": "Of Kobe", "is_company": True}).id,
             "company_id": company.id, "currency_id": dollar.id, "account_ref": "KOBE1"}
        )  # fmt: skip
        self.assertTrue(wallet.lacks_whatsapp_price)
        company.call_wallet_whatsapp_rate = 3
        prices = self.env["call.wallet.price"]
        self.assertEqual(prices._whatsapp_rate(company, dollar), Decimal("0.02"))

    def test_a_first_price_that_was_thought_of_in_dollars_is_pointed_out(self):
        company = self.env["res.company"].create({"name": "Tokyo", "currency_id": self._currency("JPY").id})
        settings = self.env["call.wallet.settings"].with_company(company)
        self.assertIn("no WhatsApp price in JPY", settings.create({}).call_wallet_price_warning)
        company.call_wallet_whatsapp_rate = "0.02"
        self.assertIn("0.02 JPY a minute is next to nothing", settings.create({}).call_wallet_price_warning)
        company.call_wallet_whatsapp_rate = 3
        self.assertFalse(settings.create({}).call_wallet_price_warning)

    def test_a_rerating_notices_another_price(self):
        wallet = self._wallet_in("JPY")
        self._charge(wallet)
        rerate = self.env["call.usage.rerate"].create(
            {
                "reason": "Wrong price",
                "wallet_ids": [Command.set(wallet.ids)],
                "date_from": datetime(2026, 9, 1),
                "date_to": datetime(2026, 11, 1),
            }
        )
        rerate.action_preview()
        before = rerate._read_price_stamp()
        self._price("JPY").whatsapp_rate = "3"
        self.assertNotEqual(rerate._read_price_stamp(), before)

    def test_the_prices_of_a_plan_stay_in_their_currency(self):
        """0.0125 dollars would be 0.0125 yen."""
        with self.assertRaisesRegex(UserError, "has prices in USD"):
            self.plan.currency_id = self._currency("JPY")
        bare = self.env["call.rate.plan"].create({"name": "Bare", "currency_id": self.dollar.id})
        bare.currency_id = self._currency("JPY")
        self._wallet_in("JPY", rate_plan_id=bare.id)
        with self.assertRaisesRegex(ValidationError, "wallets in another one"):
            bare.currency_id = self.dollar


class TestSettingsInCurrencies(CurrencyCommon):
    def test_a_wallet_is_refused_without_a_rate_by_whoever_makes_it(self):
        yen = self._currency("JPY")
        self.env["res.currency.rate"].search([("currency_id", "=", yen.id)]).unlink()
        with self.assertRaisesRegex(UserError, "no exchange rate of JPY: enter one under Invoicing > Configuration"):
            self._wallet_in("JPY")
        wallet = self._wallet_in("EUR")
        with self.assertRaisesRegex(UserError, "no exchange rate of JPY"):
            wallet.currency_id = yen

    def test_the_bounds_of_a_topup(self):
        # 1 * 157.3 and 100,000 * 157.3 = 15,730,000, in two digits; likewise by 0.92 and 0.307.
        for code, lowest, highest in (
            ("JPY", "160", "16000000"),
            ("EUR", "0.92", "92000"),
            ("KWD", "0.31", "31000"),
            ("USD", "1", "100000"),
        ):
            with self.subTest(code):
                wallet = self._wallet_in(code)
                self.assertEqual(wallet._topup_bounds(), (Decimal(lowest), Decimal(highest)))
        wallet = self._wallet_in("JPY")
        with self.assertRaisesRegex(UserError, r"between ¥.160 and ¥.16,000,000"):
            wallet.create_topup("159")
        self.assertEqual(wallet.create_topup("160").amount, 160)

    def test_what_owners_may_order(self):
        self.company.write({"call_wallet_topup_day_max": 100, "call_wallet_topup_open_sum": 0})
        self.company.call_wallet_topup_month_max = 150
        wallet = self._wallet_in("JPY")
        mine = wallet.with_user(self._owner(wallet))
        # 100 * 157.3 = 15,730 a day: 16,000. 150 * 157.3 = 23,595 a month: 24,000.
        mine.create_topup("10000")
        with self.assertRaisesRegex(UserError, r"at most ¥.16,000 may be ordered in a day; ¥.6,000 is left"):
            mine.create_topup("6001")
        self.company.write({"call_wallet_topup_day_max": 0, "call_wallet_topup_month_max": 150})
        with self.assertRaisesRegex(UserError, r"at most ¥.24,000 may be ordered in a month; ¥.14,000 is left"):
            mine.create_topup("14001")
        self.company.write({"call_wallet_topup_month_max": 0, "call_wallet_topup_open_sum": 100})
        with self.assertRaisesRegex(UserError, r"may come to ¥.16,000 together; ¥.6,000 is left"):
            mine.create_topup("6001")
        mine.create_topup("6000")

    def _owner(self, wallet):
        user = self.env["res.users"].create(
            {
                "name": "Owner abroad",
                "login": "owner-abroad",
                "group_ids": [Command.set(self.env.ref("base.group_portal").ids)],
            }
        )
        user.partner_id.parent_id = wallet.partner_id
        wallet.owner_ids = user
        return user

    def test_the_monthly_cap_of_automatic_topups(self):
        # 10,000 * 157.3 = 1,573,000: 1,600,000.
        wallet = self._wallet_in("JPY")
        errors = wallet._check_auto_topup("1000", "10000", "1600001", None, True)[1]
        self.assertRegex(errors["monthly_cap"], r"at most ¥.1,600,000")
        self.assertNotIn("monthly_cap", wallet._check_auto_topup("1000", "10000", "1600000", None, True)[1])
        # Five times what is low: 10 dollars are 1,573 yen, 1,600; 10 dollars themselves 50.
        self.assertEqual(wallet._propose_auto_topup(), 8000)
        self.assertEqual(self.wallet._propose_auto_topup(), 50)

    def test_a_new_wallet_is_low_below_about_the_companys_threshold(self):
        # 10 * 157.3 = 1573; 9.2; 3.07.
        for code, threshold in (("JPY", "1600"), ("EUR", "9.2"), ("KWD", "3.1"), ("USD", "10")):
            with self.subTest(code):
                self.assertEqual(self._wallet_in(code).low_balance_threshold, Decimal(threshold))
        self.company.call_wallet_threshold = 25
        self.assertEqual(self._wallet_in("USD").low_balance_threshold, 25)
        self.assertEqual(self._wallet_in("JPY", low_balance_threshold=7).low_balance_threshold, 7)

    def test_the_form_proposes_it_for_the_currency_that_is_chosen(self):
        self.env.user.group_ids += self.env.ref("base.group_multi_currency")
        customer = self.env["res.partner"].create({"name": "Formed", "is_company": True})
        with Form(self.env["call.wallet"]) as form:
            form.partner_id = customer
            self.assertEqual(form.low_balance_threshold, 10)
            form.currency_id = self._currency("JPY")
            self.assertEqual(form.low_balance_threshold, 1600)
            form.account_ref = "FORMED"
        wallet = self.env["call.wallet"].search([("account_ref", "=", "FORMED")])
        self.assertEqual((wallet.low_balance_threshold, wallet.currency_id.name), (1600, "JPY"))
        wallet.currency_id = self.dollar
        self.assertEqual(wallet.low_balance_threshold, 10)

    def test_another_writing_leaves_the_threshold_alone(self):
        wallet = self._wallet_in("JPY", low_balance_threshold=7)
        wallet.write({"currency_id": wallet.currency_id.id, "company_id": self.company.id})
        self.assertEqual(wallet.low_balance_threshold, 7)

    def test_a_wallet_from_before_without_a_rate_still_shows_and_says_what_to_do(self):
        wallet = self._wallet_in("JPY")
        self.env["res.currency.rate"].search([("currency_id.name", "=", "JPY")]).unlink()
        wallet.invalidate_recordset()
        self.assertTrue(wallet.auto_topup_status)
        self.assertEqual(wallet._auto_topup_cap(), 0)
        self.assertEqual(self._charge(wallet)["rate"], "3.146000")
        with self.assertRaisesRegex(UserError, "no exchange rate of JPY: enter one under"):
            wallet.create_topup("1000")

    def test_a_company_whose_currency_has_no_dollar_rate_begins_wallets_in_its_own(self):
        yen = self._currency("JPY")
        company = self.env["res.company"].create({"name": "Tokyo", "currency_id": yen.id})
        self.env["res.currency.rate"].search([("currency_id", "in", (self.dollar | yen).ids)]).unlink()
        wallets = self.env["call.wallet"].with_company(company)
        self.assertEqual(wallets._default_currency(), yen)
        self.env["res.currency.rate"].create(
            {"currency_id": self.dollar.id, "company_id": company.id, "name": "2020-01-01", "rate": 0.0064}
        )
        self.assertEqual(wallets._default_currency(), self.dollar)
        self.assertEqual(self.env["call.wallet"]._default_currency(), self.dollar)


class TestPackagesInCurrencies(CurrencyCommon):
    def _amounts(self, code):
        return [
            (str(package.amount.normalize().__format__("f")), package.is_recommended)
            for package in self.packages.search([("currency_id.name", "=", code)])
        ]

    def test_the_first_wallet_in_a_currency_brings_round_amounts(self):
        # 25, 50, 100, 250, 500 dollars: 3932.5, 7865, 15730, 39325, 78650 yen.
        self._wallet_in("JPY")
        self.assertEqual(
            self._amounts("JPY"),
            [("5000", False), ("10000", False), ("20000", True), ("50000", False), ("100000", False)],
        )
        # 23, 46, 92, 230, 460 euros.
        self._wallet_in("EUR")
        self.assertEqual([amount for amount, _ in self._amounts("EUR")], ["25", "50", "100", "250", "500"])
        # 7.675, 15.35, 30.7, 76.75, 153.5 dinars.
        self._wallet_in("KWD")
        self.assertEqual([amount for amount, _ in self._amounts("KWD")], ["10", "20", "25", "100", "200"])

    def test_they_are_finances_from_then_on(self):
        self._wallet_in("JPY")
        packages = self.packages.search([("currency_id.name", "=", "JPY")])
        packages[1:].unlink()
        packages[:1].write({"amount": 7000, "active": False})
        self._set_rate("JPY", "200")
        self._wallet_in("JPY")
        self.assertEqual(self._amounts("JPY"), [])
        self._wallet_in("USD")
        self.assertEqual([amount for amount, _ in self._amounts("USD")], ["25", "50", "100", "250", "500"])

    def test_the_dialog_offers_them_or_asks_for_an_amount(self):
        wallet = self._wallet_in("JPY")
        dialog = self.env["call.wallet.topup.wizard"].create({"wallet_id": wallet.id})
        self.assertEqual((dialog.package_id.amount, dialog.has_packages), (20000, True))
        self.packages.search([("currency_id.name", "=", "JPY")]).unlink()
        dialog = self.env["call.wallet.topup.wizard"].create({"wallet_id": wallet.id, "accept_terms": True})
        self.assertFalse(dialog.has_packages)
        with self.assertRaisesRegex(UserError, "enter the amount to add"):
            dialog.action_request_invoice()
        dialog.other_amount = 5000
        dialog.action_request_invoice()
        self.assertEqual(dialog.topup_id.amount, 5000)


class TermsCommon(CurrencyCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for code in ("es_ES", "fr_FR"):
            cls.env["res.lang"]._activate_lang(code)
        cls.terms = cls.env["call.wallet.terms"].create(
            {"body": "<p>Funds are not paid back.</p><p>Ask us first.</p>", "valid_from": "2026-01-01"}
        )
        cls.manager = cls._make_user("terms-manager", "finance_manager")

    def _translate(self, lang="es_ES", first="Los fondos no se devuelven."):
        words = {"Funds are not paid back.": first, "Ask us first.": "Pregunte antes."}
        self.terms.with_user(self.manager).update_field_translations("body", {lang: words})

    def _order(self, lang):
        return self.wallet.with_context(lang=lang).create_topup("20")


class TestTermsInLanguages(TermsCommon):
    def test_an_order_keeps_the_text_in_the_language_in_which_it_was_shown(self):
        before = self._order("es_ES")
        self._translate()
        after, english = self._order("es_ES"), self._order("en_US")
        self.assertEqual((before.terms_lang, after.terms_lang, english.terms_lang), ("en_US", "es_ES", "en_US"))
        self.assertIn("Funds are not paid back.", before.terms_body)
        self.assertIn("Los fondos no se devuelven.", after.terms_body)
        self.assertEqual(before.terms_fingerprint, english.terms_fingerprint)
        self.assertEqual(english.terms_fingerprint, self.terms.fingerprint)
        self.assertNotEqual(after.terms_fingerprint, english.terms_fingerprint)
        # As somebody who keeps the text can check.
        text = "<p>Los fondos no se devuelven.</p><p>Pregunte antes.</p>"
        self.assertEqual(str(after.terms_body), text)
        # printf '%s' "<p>Los fondos no se devuelven.</p><p>Pregunte antes.</p>" | sha256sum
        self.assertEqual(after.terms_fingerprint, "396ac32e59e743fd62dd2bce4013e3b9a0097dcd1063d817b3f428029e27e135")

    def test_another_variety_of_the_language_is_read_before_english(self):
        self._translate()
        self.env["res.lang"]._activate_lang("es_MX")
        self.assertEqual(self._order("es_MX").terms_lang, "es_ES")
        self.assertEqual(self._order("fr_FR").terms_lang, "en_US")

    def test_what_was_accepted_in_a_language_stays(self):
        self._order("en_US")
        self._translate()  # nobody has accepted it in Spanish
        self._order("es_ES")
        with self.assertRaisesRegex(UserError, "accepted by customers in Spanish"):
            self._translate(first="Todo se devuelve.")
        for lang, told in (("en_US", "Add a new version"), ("es_ES", "Añada una versión nueva")):
            with self.assertRaisesRegex(UserError, told):
                self.terms.with_context(lang=lang).write({"body": "<p>Other</p>"})
        with self.assertRaisesRegex(UserError, "Add a new version"):
            self.terms.valid_from = "2027-01-01"
        self.assertIn("no se devuelven", self.terms.with_context(lang="es_ES").body)
        self._translate("fr_FR", "Pas de remboursement.")

    def test_a_language_that_is_no_longer_active_still_shows_what_was_accepted(self):
        self._translate()
        topup = self._order("es_ES")
        self.env["res.lang"].search([("code", "=", "es_ES")]).active = False
        topup.invalidate_recordset()
        self.assertIn("Los fondos no se devuelven.", topup.terms_body)

    def test_finance_is_told_of_owners_languages_without_a_text(self):
        self.assertFalse(self.terms.missing_languages)
        owner = self._portal_user("terms-owner")
        owner.lang = "es_ES"
        self.terms.invalidate_recordset()
        self.assertRegex(self.terms.missing_languages, "^Spanish")
        self.assertIn("Spanish", self.env["call.wallet.settings"].create({}).call_wallet_terms_warning)
        self._translate()
        self.terms.invalidate_recordset()
        self.assertFalse(self.terms.missing_languages)
        self.assertFalse(self.env["call.wallet.settings"].create({}).call_wallet_terms_warning)

    def _portal_user(self, login):
        user = self.env["res.users"].create(
            {"name": login, "login": login, "group_ids": [Command.set(self.env.ref("base.group_portal").ids)]}
        )
        user.partner_id.parent_id = self.partner
        self.wallet.owner_ids = user
        return user

    def test_the_addons_own_terms_are_there_in_spanish(self):
        own = self.env.ref("call_wallet.terms_1").with_context(lang="es_ES")
        self.env["ir.module.module"]._load_module_terms(["call_wallet"], ["es_ES"])
        self.assertIn("no son reembolsables", own.body)
        self.assertIn("non-refundable", own.with_context(lang="en_US").body)


class TestDialogAbroad(BackendCommon, CurrencyCommon):
    def test_the_dialog_of_a_wallet_in_yen(self):
        wallet = self._wallet_in("JPY")
        self._on(
            self._wallet_path(wallet),
            """
            await press("Add Balance");
            await seeText(".modal [name=package_id]", "¥ 20,000 (recommended)");
            await seeText(".modal [name=total_amount]", "¥ 20,000");
            """,
        )

    def test_without_packages_it_asks_for_an_amount(self):
        wallet = self._wallet_in("KWD")
        self.packages.search([("currency_id.name", "=", "KWD")]).unlink()
        self._on(
            self._wallet_path(wallet),
            """
            await press("Add Balance");
            await seeText(".modal label[for^=other_amount]", "Amount to add");
            missing(".modal [name=package_id]");
            """,
        )


class TestAddBalanceAbroad(BrowserCase, PortalCommon, TermsCommon):
    allow_inherited_tests_method = True

    def _own(self, wallet):
        wallet.owner_ids = self.owner
        self.owner.partner_id.parent_id = wallet.partner_id
        self.wallet.owner_ids = False
        return f"/my/billing/{wallet.id}/add"

    def test_a_wallet_in_yen_offers_round_amounts_and_its_own_bounds(self):
        path = self._own(self._wallet_in("JPY"))
        self._on_portal(
            path,
            """
            await seeText(".o_call_wallet_packages", "¥ 5,000");
            await seeText(".o_call_wallet_packages", "¥ 20,000\\nRecommended");
            await seeText(".o_call_wallet_summary", "¥ 20,000");
            await click("label[for=o_package_other]");
            await seeText("#o_amount_limits", "Between ¥ 160 and ¥ 16,000,000");
            """,
            "portal-owner",
        )

    def test_without_packages_the_amount_is_asked_for_by_name(self):
        path = self._own(self._wallet_in("JPY"))
        self.packages.search([("currency_id.name", "=", "JPY")]).unlink()
        self._on_portal(
            path,
            """
            await seeText("label[for=o_other_amount]", "Amount to add");
            missing(".o_call_wallet_packages");
            await type("#o_other_amount", "5000");
            await seeText(".o_call_wallet_summary", "¥ 5,000");
            """,
            "portal-owner",
            size="390x844",
        )

    @mute_logger("odoo.http")
    def test_without_a_rate_the_page_is_there(self):
        path = self._own(self._wallet_in("JPY"))
        self.env["res.currency.rate"].search([("currency_id.name", "=", "JPY")]).unlink()
        self.assertEqual(self.open_page("portal-owner", path).status_code, 200)

    def test_a_spanish_owner_reads_and_accepts_spanish_terms(self):
        self._translate()
        self.owner.lang = "es_ES"
        path = f"/my/billing/{self.wallet.id}/add"
        self._on_portal(
            path,
            """
            await seeText(".o_call_wallet_terms", "Los fondos no se devuelven.");
            if ($(".o_call_wallet_terms").lang !== "es-ES") { throw new Error($(".o_call_wallet_terms").lang); }
            await click("#o_accept_terms");
            await next(() => $(".o_call_wallet_request").click());
            """,
            "portal-owner",
        )
        topup = self.wallet.topup_ids
        self.assertEqual((topup.terms_id, topup.terms_lang), (self.terms, "es_ES"))

    def test_terms_that_were_translated_meanwhile_are_read_first(self):
        self.owner.lang = "es_ES"
        form = {"package": "100", "accept_terms": "on", "terms_id": self.terms.id, "terms_lang": "en_US"}
        self._translate()
        page = self.post("portal-owner", f"/my/billing/{self.wallet.id}/add", list(form.items()))
        self.assertEqual(page.status_code, 422)
        self.assertFalse(self.wallet.topup_ids)
