"""The wallets' accounts and journal: in every chart, for every company, and the wallet on the items."""

from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form
from odoo.tools import mute_logger

from .common import CallWalletCommon

INCOME = {
    "call_wallet_live_account_id": "income",
    "call_wallet_whatsapp_account_id": "income",
    "call_wallet_adjustment_account_id": "income",
    "call_wallet_breakage_account_id": "income_other",
}


def check_books(company):
    """The company has each account, of its type and under a code of its own, and the journal."""
    types = {"call_wallet_deposit_account_id": "liability_current", **INCOME}
    accounts = [company[name] for name in types]
    assert [account.account_type for account in accounts] == list(types.values()), company.chart_template
    codes = [account.with_company(company).code for account in accounts]
    assert len(set(codes)) == 5, codes
    assert all(code.isdigit() for code in codes), codes
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


def test_charts_of_other_countries_get_the_accounts(private_registry):
    """Real charts, installed for it: Germany's with 4 digits, Spain's with 6."""
    from odoo import SUPERUSER_ID, api

    def environment(cr):
        return api.Environment(cr, SUPERUSER_ID, {})

    with private_registry.cursor() as cr:
        modules = environment(cr)["ir.module.module"].search([("name", "in", ["l10n_de", "l10n_es"])])
        assert len(modules) == 2
        modules.button_immediate_install()
    for chart in ("de_skr03", "es_pymes"):
        with private_registry.cursor() as cr:
            env = environment(cr)
            company = env["res.company"].create({"name": f"Books of {chart}"})
            env["account.chart.template"].try_loading(chart, company, install_demo=False)
            check_books(company)
