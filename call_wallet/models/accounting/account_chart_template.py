from odoo import models

from ...const import DEPOSIT_ACCOUNT, JOURNAL

JOURNAL_CODE = "CWAL"


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

    def _call_wallet_accounts_vals(self, company, template_data):
        """Return {field of the company: what its account is made of}."""
        digits = int(template_data.get("code_digits", 6))
        # Beside the chart's own accounts of the same nature, where it has them.
        deferred = self.with_company(company).ref("deferred_revenue", raise_if_not_found=False)
        deposits = self._call_wallet_code(company, deferred, "21", digits)
        revenue = self._call_wallet_code(company, company.income_account_id, "40", digits)
        return {
            DEPOSIT_ACCOUNT: {
                "name": self.env._("Call wallet deposits"), "account_type": "liability_current", **deposits,
            },
            "call_wallet_live_account_id": {
                "name": self.env._("Revenue from Live Calls"), "account_type": "income", **revenue,
            },
            "call_wallet_whatsapp_account_id": {
                "name": self.env._("Revenue from WhatsApp calls"), "account_type": "income", **revenue,
            },
            "call_wallet_adjustment_account_id": {
                "name": self.env._("Call wallet adjustments"), "account_type": "income", **revenue,
            },
            "call_wallet_breakage_account_id": {
                "name": self.env._("Call wallet breakage"), "account_type": "income_other", **revenue,
            },
        }  # fmt: skip

    def _call_wallet_code(self, company, sibling, prefix, digits):
        code = sibling.with_company(company).code if sibling else ""
        return {"prefix": code or prefix, "code_digits": len(code or "") or digits}

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
