"""The wallets' accounts and journal: in every chart, for every company, and the wallet on the items."""

import os

import pytest
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form
from odoo.tools import mute_logger

from .common import CallWalletCommon
from .conftest import a_private_registry

DEPOSIT = "call_wallet_deposit_account_id"

INCOME = {
    "call_wallet_live_account_id": "income",
    "call_wallet_whatsapp_account_id": "income",
    "call_wallet_adjustment_account_id": "income",
    "call_wallet_breakage_account_id": "income_other",
    "call_wallet_bad_debt_account_id": "expense",
    "call_wallet_overdrawn_account_id": "asset_current",
}


def check_books(company):
    """The company has each account, of its type and under a code of its own, and the journal."""
    types = {"call_wallet_deposit_account_id": "liability_current", **INCOME}
    accounts = [company[name] for name in types]
    assert [account.account_type for account in accounts] == list(types.values()), company.chart_template
    codes = [account.with_company(company).code for account in accounts]
    assert len(set(codes)) == 7, codes
    assert all(code.replace(".", "").isdigit() for code in codes), codes
    assert all(account.company_ids == company for account in accounts)
    journal = company.call_wallet_journal_id
    assert (journal.type, journal.code, journal.company_id) == ("general", "CWAL", company)


class TestPostingAccounts(CallWalletCommon):
    def _company(self, **values):
        return self.env["res.company"].create({"name": "New books", **values})

    def _load(self, company, chart="generic_coa"):
        self.env["account.chart.template"].try_loading(chart, company, install_demo=False)
        return company

    def test_the_company_that_was_there_and_a_new_one_have_the_accounts(self):
        check_books(self.company)
        check_books(self._load(self._company()))

    def test_loading_a_chart_again_keeps_the_accounts(self):
        company = self._load(self._company())
        chosen = [company[name].id for name in INCOME] + [company.call_wallet_journal_id.id]
        self._load(company)
        self.assertEqual([company[name].id for name in INCOME] + [company.call_wallet_journal_id.id], chosen)

    def test_a_journal_of_that_code_is_left_alone(self):
        company = self._company()
        taken = self.env["account.journal"].create(
            {"name": "Own", "code": "CWAL", "type": "general", "company_id": company.id}
        )
        # A chart is loaded without Odoo's clearing of what was there, as where entries exist.
        company.chart_template = "generic_coa"
        with mute_logger("odoo.addons.account.models.chart_template"):
            self.env["account.chart.template"]._call_wallet_add_accounts(company)
        self.assertNotEqual(company.call_wallet_journal_id, taken)
        self.assertEqual(company.call_wallet_journal_id.code, "CWA1")

    def test_a_branch_uses_its_parents_unless_it_has_its_own(self):
        company = self._load(self._company())
        branch = self._company(name="Branch", parent_id=company.id)
        self.env.cr.precommit.run()  # where Odoo gives a branch its books
        name = "call_wallet_live_account_id"
        self.assertEqual(branch._call_wallet_setting(name), company[name])
        self.assertEqual(branch._call_wallet_setting("call_wallet_journal_id"), company.call_wallet_journal_id)
        own = company[name].copy({"name": "Live Calls, branch"})
        company[name] = own
        self.assertEqual(branch._call_wallet_setting(name), own)

    def test_without_a_chart_the_error_names_what_is_missing(self):
        company = self._company()
        with self.assertRaisesRegex(UserError, "New books has no account for revenue from Live Calls: install a chart"):
            company._call_wallet_setting("call_wallet_live_account_id")
        with self.assertRaisesRegex(UserError, "New books has no call wallet journal"):
            company._call_wallet_setting("call_wallet_journal_id")

    def test_settings_change_them_and_refuse_accounts_of_another_nature(self):
        other = self.company.call_wallet_live_account_id.copy({"name": "Calls"})
        with Form(self.env["res.config.settings"]) as settings:
            settings.call_wallet_live_account_id = other
        self.assertEqual(self.company.call_wallet_live_account_id, other)
        sales = self.env["account.journal"].search(
            [("type", "=", "sale"), ("company_id", "=", self.company.id)], limit=1
        )
        for name, wrong, message in (
            ("call_wallet_live_account_id", self.company.call_wallet_deposit_account_id, "not an income account"),
            ("call_wallet_deposit_account_id", other, "not a liability account"),
            ("call_wallet_journal_id", sales, "Miscellaneous"),
        ):
            with self.assertRaisesRegex(ValidationError, message), self.env.cr.savepoint():
                self.company[name] = wrong

    def test_an_account_in_use_is_replaced_and_never_emptied(self):
        with self.assertRaisesRegex(UserError, "cannot be invoiced or posted without it"):
            self.company.call_wallet_deposit_account_id = False
        company = self._load(self._company())
        company.call_wallet_deposit_account_id = False  # it has no wallets

    def test_an_account_stays_of_the_type_it_was_chosen_for(self):
        for name, kind in (
            ("call_wallet_deposit_account_id", "income"),
            ("call_wallet_deposit_account_id", "asset_current"),
            ("call_wallet_live_account_id", "expense"),
        ):
            with self.subTest(name=name), self.assertRaisesRegex(ValidationError, "account"), self.env.cr.savepoint():
                self.company[name].account_type = kind
        self.company.call_wallet_deposit_account_id.account_type = "liability_non_current"

    def test_the_deposit_lines_of_invoice_and_credit_note_know_their_wallet(self):
        tax = self.env["account.tax"].create({"name": "VAT 15%", "amount": 15, "type_tax_use": "sale"})
        self.env.ref("call_wallet.product_topup").taxes_id = tax
        invoice = self.wallet.create_topup("100").invoice_id
        note = invoice._reverse_moves([{"date": invoice.date}])
        note.action_post()
        for move, sign in ((invoice, 1), (note, -1)):
            [line] = move.line_ids.filtered("call_wallet_id")
            self.assertEqual((line.call_wallet_id, line.partner_id), (self.wallet, self.partner))
            self.assertEqual(line.account_id, self.company.call_wallet_deposit_account_id)
            self.assertEqual(line.amount_currency, -100 * sign)
        self.assertFalse(invoice.copy().line_ids.call_wallet_id)


# Codes by hand from each chart: deposits beside advances from customers, revenue beside services, breakage beside other
# operating income, bad debt beside losses on receivables, overdrawn wallets beside what customers owe that is not
# invoiced, else beside other debtors or the customers; each the first code that the chart leaves free there.
CODES = {
    "es_pymes": (["438001", "705001", "705002", "705003", "759001", "650001", "430901"], []),
    "fr": (["419101", "706001", "706002", "706003", "758001", "654101", "418101"], []),
    "be_comp": (["460001", "700101", "700102", "700103", "743001", "642001", "404001"], []),
    "de_skr03": (["1712", "8401", "8402", "8403", "2701", "2404", "1452"], ["l10n_de.tag_de_liabilities_bs_C_3"]),
    "de_skr04": (["3251", "4401", "4402", "4403", "4831", "6934", "1222"], ["l10n_de.tag_de_liabilities_bs_C_3"]),
    "it": (["253001", "310101", "310102", "310103", "320201", "490501", "150901"], ["l10n_it.account_tag_D_PASS"]),
    "mx": (
        ["206.01.02", "401.01.02", "401.01.03", "401.01.04", "401.01.05", "601.84.03", "105.01.03"],
        ["l10n_mx.tag_credit_balance_account"],
    ),
    "in": (["100851", "200211", "200212", "200213", "201201", "210701", "100401"], []),
    "jp": (["330401", "410001", "410002", "410003", "426001", "510301", "123401"], []),
    "ch": (["2031", "3401", "3402", "3403", "3601", "3808", "1191"], []),
    "uk": (["210201", "400001", "400002", "400003", "400004", "785001", "110201"], []),
    "generic_coa": (["212001", "400001", "400002", "400003", "450001", "600001", "121001"], []),
}


@pytest.fixture(scope="module")
def countries(databases):
    """The registry of a database with a company in each chart."""
    name = f"{os.environ.get('CALL_WALLET_TEST_DATABASE', f'cw_private_{os.getpid()}')}_countries"
    databases.clone(databases.charts_template(), name)
    with a_private_registry(name) as registry:
        yield registry
    databases.drop(name)


@pytest.mark.rest
@pytest.mark.parametrize("chart", CODES)
def test_charts_of_other_countries_have_the_accounts_in_their_places(countries, chart):
    from odoo import SUPERUSER_ID, api

    with countries.cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        company = env["res.company"].search([("name", "=", f"Books {chart}")])
        check_books(company)
        codes, tags = CODES[chart]
        assert [company[name].with_company(company).code for name in (DEPOSIT, *INCOME)] == codes
        external = company.call_wallet_deposit_account_id.tag_ids.get_external_id().values()
        assert sorted(external) == tags


@pytest.mark.rest
@pytest.mark.parametrize("chart", ["es_pymes", "de_skr04", "generic_coa"])
def test_a_chart_that_is_loaded_after_the_addon_gets_the_same(countries, chart):
    from odoo import SUPERUSER_ID, api

    with countries.cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        company = env["res.company"].create({"name": "Later"})
        env["account.chart.template"].try_loading(chart, company, install_demo=False)
        check_books(company)
        assert [company[name].with_company(company).code for name in (DEPOSIT, *INCOME)] == CODES[chart][0]
        cr.rollback()
