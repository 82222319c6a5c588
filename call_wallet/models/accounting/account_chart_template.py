import re

from odoo import Command, models

from ...const import DEPOSIT_ACCOUNT, JOURNAL
from ...tools.account_code import beside
from .res_company import BAD_DEBT_ACCOUNT, OVERDRAWN_ACCOUNT

JOURNAL_CODE = "CWAL"
ADJUSTMENT, BREAKAGE = "call_wallet_adjustment_account_id", "call_wallet_breakage_account_id"
REVENUE = ("call_wallet_live_account_id", "call_wallet_whatsapp_account_id", ADJUSTMENT)

# The account of a chart that ours stands beside: {chart: {our setting: id of the chart's account}}. A chart that is
# built on another one has the other's too. Deposits: advances received from customers. Revenue: services, where it
# is not the chart's default. Breakage: other operating income. Bad debt: losses on receivables. Overdrawn wallets: what
# customers owe that is not invoiced, else other debtors.
SIBLINGS = {
    "generic_coa": {DEPOSIT_ACCOUNT: "deferred_revenue", BREAKAGE: "other_income", OVERDRAWN_ACCOUNT: "receivable"},
    "be": {
        DEPOSIT_ACCOUNT: "a46",
        "revenue": "a7001",
        BREAKAGE: "a743",
        BAD_DEBT_ACCOUNT: "a642",
        OVERDRAWN_ACCOUNT: "a404",
    },
    "ch": {
        DEPOSIT_ACCOUNT: "ch_coa_2030",
        "revenue": "ch_coa_3400",
        BREAKAGE: "ch_coa_3600",
        BAD_DEBT_ACCOUNT: "ch_coa_3805",
        OVERDRAWN_ACCOUNT: "ch_coa_1190",
    },
    "de_skr03": {
        DEPOSIT_ACCOUNT: "account_1710",
        BREAKAGE: "account_2700",
        BAD_DEBT_ACCOUNT: "account_2400",
        OVERDRAWN_ACCOUNT: "account_1451",
    },
    "de_skr04": {
        DEPOSIT_ACCOUNT: "chart_skr04_3250",
        BREAKAGE: "chart_skr04_4830",
        BAD_DEBT_ACCOUNT: "chart_skr04_6930",
        OVERDRAWN_ACCOUNT: "chart_skr04_1221",
    },
    "es_common": {
        DEPOSIT_ACCOUNT: "account_common_438",
        "revenue": "account_common_7050",
        BREAKAGE: "account_common_759",
        BAD_DEBT_ACCOUNT: "account_pymes_650",
        OVERDRAWN_ACCOUNT: "account_common_4309",
    },
    "fr": {
        DEPOSIT_ACCOUNT: "pcg_4191",
        "revenue": "pcg_706",
        BREAKAGE: "pcg_758",
        BAD_DEBT_ACCOUNT: "pcg_6541",
        OVERDRAWN_ACCOUNT: "pcg_4181",
    },
    "in": {
        DEPOSIT_ACCOUNT: "p10085",
        "revenue": "p20021",
        BREAKAGE: "2012",
        BAD_DEBT_ACCOUNT: "p2132",
        OVERDRAWN_ACCOUNT: "p10040",
    },
    "it": {DEPOSIT_ACCOUNT: "2530", BREAKAGE: "3202", BAD_DEBT_ACCOUNT: "4905", OVERDRAWN_ACCOUNT: "1509"},
    "jp": {
        DEPOSIT_ACCOUNT: "l10n_jp_330400",
        BREAKAGE: "l10n_jp_426000",
        BAD_DEBT_ACCOUNT: "l10n_jp_510300",
        OVERDRAWN_ACCOUNT: "l10n_jp_123400",
    },
    "mx": {DEPOSIT_ACCOUNT: "cuenta206_01", BREAKAGE: "cuenta401_01", OVERDRAWN_ACCOUNT: "cuenta105_01"},
    "uk": {DEPOSIT_ACCOUNT: "210200", BAD_DEBT_ACCOUNT: "785000", OVERDRAWN_ACCOUNT: "110200"},
}

# For any other chart, by the English names that Odoo's charts have: accounts of that type that speak of the first
# and not of the second; the patterns in order. Without one, the first account of the type that no tax uses.
NOT_OURS = (
    r"supplier|vendor|employee|director|personnel|staff|bank|shareholder|partner|state\b|tax|vat\b|gst|purchas"
    r"|withh|security|guarant|associat|expens|cost|long.term|non.?current|due after|after more"
)
NAMES = {
    DEPOSIT_ACCOUNT: (
        "liability_current",
        NOT_OURS,
        (
            r"(advance|pre-?pa|down.?payment|deposit|on account).*(customer|client|order|received|sales|due to)",
            r"receipt.*(customer|client)",
            r"(customer|client|received).*(advance|pre-?pay|down.?payment|deposit)",
            r"contract liab|(deferred|unearned).*(revenue|income)",
        ),
    ),
    BREAKAGE: ("income_other", r"interest|financ|cash|exchange|discount", (r"other|misc|sundry",)),
    BAD_DEBT_ACCOUNT: (
        "expense",
        r"loan|provision|allowance for|impairment|asset",
        (r"bad.?debt|uncollect|irrecover|insolven", r"(loss|writ).*(receivable|customer|debtor)"),
    ),
    OVERDRAWN_ACCOUNT: (
        "asset_current",
        NOT_OURS + r"|doubt|allow|impair|interest|loan|insur|social|rent|grant|subsid|writ",
        (
            r"(invoice|bill)s? (to be|not yet|to) |unbilled|not invoiced|pending invoice",
            r"accrued.*(income|revenue)|(income|revenue) receivable|contract asset",
            r"(other|sundry|misc).*(debtor|receivable)",
        ),
    ),
}


class AccountChartTemplate(models.AbstractModel):
    _inherit = "account.chart.template"

    def _get_accounts_data_values(self, company, template_data, bank_prefix="", code_digits=0):
        """Add the wallets' accounts to every chart that is loaded from now on.

        Odoo's hook for accounts that a field of the company names.
        """
        accounts = super()._get_accounts_data_values(company, template_data, bank_prefix, code_digits)
        if not company.parent_id:  # a branch finds its parent's, see `res.company._call_wallet_setting`
            accounts |= self._call_wallet_accounts_vals(company, template_data)
        return accounts

    def _post_load_data(self, template_code, company, template_data):
        result = super()._post_load_data(template_code, company, template_data)
        self._call_wallet_add_accounts(company or self.env.company)
        return result

    # === WHERE IN THE CHART === #

    def _call_wallet_accounts_vals(self, company, template_data):
        """Return {field of the company: what its account is made of}."""
        digits = int(template_data.get("code_digits") or 6)
        deposits, live = self.env._("Call wallet deposits"), self.env._("Revenue from Live Calls")
        whatsapp, adjustments = self.env._("Revenue from WhatsApp calls"), self.env._("Call wallet adjustments")
        breakage, bad_debt = self.env._("Call wallet breakage"), self.env._("Call wallet bad debt")
        overdrawn = self.env._("Overdrawn call wallets")
        accounts = (
            (DEPOSIT_ACCOUNT, deposits, "liability_current", "21"),
            ("call_wallet_live_account_id", live, "income", "40"),
            ("call_wallet_whatsapp_account_id", whatsapp, "income", "40"),
            (ADJUSTMENT, adjustments, "income", "40"),
            (BREAKAGE, breakage, "income_other", "40"),
            (BAD_DEBT_ACCOUNT, bad_debt, "expense", "60"),
            (OVERDRAWN_ACCOUNT, overdrawn, "asset_current", "14"),
        )
        return {
            name: {"name": label, "account_type": kind, **self._call_wallet_place(company, name, prefix, digits)}
            for name, label, kind, prefix in accounts
        }

    def _call_wallet_place(self, company, name, prefix, digits):
        """Return the code and the tags for our account ``name``: those of the chart's account beside it.

        :param prefix: of the code, in a company whose chart has nothing like it
        :param digits: how long its code is then
        """
        types = dict(self._call_wallet_codes(company))
        for sibling in self._call_wallet_siblings(company, name):
            code = sibling.with_company(company).code
            free = code and self.env["account.account"].with_company(company)._search_new_account_code(code)
            if free and beside(types, code, free):
                return {"prefix": free, "code_digits": len(free), "tag_ids": [Command.set(sibling.tag_ids.ids)]}
        return {"prefix": prefix, "code_digits": digits}

    def _call_wallet_codes(self, company):
        """Return [(code, type)] of the company's accounts, closed ones included."""
        accounts = self.env["account.account"].with_company(company).with_context(active_test=False)
        found = accounts.search(accounts._check_company_domain(company))
        return [(account.code, account.account_type) for account in found if account.code]

    def _call_wallet_siblings(self, company, name):
        """Return the chart's accounts that ours could stand beside, the best one first."""
        known = self._call_wallet_known_sibling(company, name)
        default = company.income_account_id
        if name in REVENUE:
            return known | default | self._call_wallet_by_type(company, "income")
        by_name = self._call_wallet_by_name(company, name)
        if name == DEPOSIT_ACCOUNT:
            deferred = self.with_company(company).ref("deferred_revenue", raise_if_not_found=False)
            deferred = deferred or self.env["account.account"]
            return known | by_name | deferred | self._call_wallet_by_type(company, "liability_current")
        if name == BREAKAGE:
            return known | by_name | self._call_wallet_by_type(company, "income_other") | default
        if name == OVERDRAWN_ACCOUNT:
            return known | by_name | self._call_wallet_by_type(company, "asset_receivable")
        return known | by_name | company.expense_account_id | self._call_wallet_by_type(company, "expense")

    def _call_wallet_known_sibling(self, company, name):
        """Return the account that ``SIBLINGS`` names for the company's chart, or none."""
        chart, charts = company.chart_template, self._get_chart_template_mapping(get_all=True)
        key = "revenue" if name in REVENUE else name
        while chart:
            known = SIBLINGS.get(chart, {}).get(key)
            account = known and self.with_company(company).ref(known, raise_if_not_found=False)
            if account:
                return account
            chart = charts.get(chart, {}).get("parent")
        return self.env["account.account"]

    def _call_wallet_by_name(self, company, name):
        """Return accounts by their English names, as ``NAMES`` says, without those for taxes."""
        kind, other, patterns = NAMES[name]
        accounts = self._call_wallet_by_type(company, kind).with_context(lang="en_US")
        accounts = accounts.filtered(lambda account: not re.search(other, account.name, re.IGNORECASE))
        found = accounts.browse()
        for pattern in patterns:
            found |= accounts.filtered(lambda account, like=pattern: re.search(like, account.name, re.IGNORECASE))
        return found.with_env(self.env)

    def _call_wallet_by_type(self, company, kind):
        """Return the company's accounts of a type by code, without ours, those of taxes and of cash differences."""
        accounts = self.env["account.account"].with_company(company)
        domain = [*accounts._check_company_domain(company), ("account_type", "=", kind)]
        taxed = self.env["account.tax.repartition.line"].search([("company_id", "=", company.id)]).account_id
        left_out = taxed | company._call_wallet_accounts() | company.default_cash_difference_income_account_id
        return accounts.search(domain, order="code") - left_out

    # === MAKING THEM === #

    def _call_wallet_add_accounts(self, companies):
        """Give companies with a chart the accounts and the journal that they miss."""
        for company in companies.filtered("chart_template").sorted("parent_path"):
            if company.parent_id:
                continue
            self._call_wallet_add_missing_accounts(company)
            if not company[JOURNAL]:
                company[JOURNAL] = self._call_wallet_add_journal(company)

    def _call_wallet_add_missing_accounts(self, company):
        template = self.with_company(company)
        mapping = template._get_chart_template_mapping(get_all=True).get(company.chart_template, {})
        missing = {
            name: vals
            for name, vals in template._call_wallet_accounts_vals(company, mapping).items()
            if not company[name]
        }
        accounts = (
            self.env["account.account"]
            .with_company(company)
            ._load_records(
                [
                    {"xml_id": template.company_xmlid(name, company), "values": vals, "noupdate": True}
                    for name, vals in missing.items()
                ]
            )
        )
        for name, account in zip(missing, accounts, strict=True):
            company[name] = account

    def _call_wallet_add_journal(self, company):
        template = self.with_company(company)
        journals = self.env["account.journal"].with_company(company)
        taken = set(journals.with_context(active_test=False).search([("company_id", "=", company.id)]).mapped("code"))
        codes = [JOURNAL_CODE, *(f"CWA{number}" for number in range(1, 100))]
        values = {
            "name": self.env._("Call wallet"),
            "type": "general",
            "code": next(code for code in codes if code not in taken),
            "company_id": company.id,
            "show_on_dashboard": False,
        }
        xml_id = template.company_xmlid(JOURNAL, company)
        return journals._load_records([{"xml_id": xml_id, "values": values, "noupdate": True}])
