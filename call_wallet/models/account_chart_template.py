from odoo import models

DEPOSIT_ACCOUNT = "call_wallet_deposit_account_id"


class AccountChartTemplate(models.AbstractModel):
    _inherit = "account.chart.template"

    def _get_accounts_data_values(self, company, template_data, bank_prefix="", code_digits=0):
        """Add the deposits' account to every chart that is loaded from now on.

        Odoo's hook for accounts that a field of the company names.
        """
        accounts = super()._get_accounts_data_values(company, template_data, bank_prefix, code_digits)
        accounts[DEPOSIT_ACCOUNT] = self._call_wallet_deposit_account_vals(company, template_data)
        return accounts

    def _call_wallet_deposit_account_vals(self, company, template_data):
        # Beside the chart's own account for income received in advance, where it has one.
        sibling = self.with_company(company).ref("deferred_revenue", raise_if_not_found=False)
        code = sibling.with_company(company).code if sibling else ""
        return {
            "name": self.env._("Call wallet deposits"),
            "prefix": code or "21",
            "code_digits": len(code) or int(template_data.get("code_digits", 6)),
            "account_type": "liability_current",
        }

    def _call_wallet_add_accounts(self, companies):
        """Give companies whose chart is loaded already the accounts they miss."""
        for company in companies.filtered("chart_template").sorted("parent_path"):
            if company[DEPOSIT_ACCOUNT]:
                continue
            if company.parent_id:
                company[DEPOSIT_ACCOUNT] = company.root_id[DEPOSIT_ACCOUNT]
                continue
            template = self.with_company(company)
            mapping = template._get_chart_template_mapping().get(company.chart_template, {})
            vals = template._call_wallet_deposit_account_vals(company, mapping)
            [account] = (
                self.env["account.account"]
                .with_company(company)
                ._load_records(
                    [{"xml_id": template.company_xmlid(DEPOSIT_ACCOUNT, company), "values": vals, "noupdate": True}]
                )
            )
            company[DEPOSIT_ACCOUNT] = account
