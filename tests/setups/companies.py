"""A company in each chart of accounts that the set-ups use; run in `odoo shell`, before the addon is installed.

So the addon meets companies whose books were open before it came, as it does in most databases.
"""

# ruff: noqa: F821 -- `env` is a name that Odoo's shell gives to the script it runs
# Each chart, and the country and currency of its company.
CHARTS = {
    "generic_coa": ("us", "USD"),
    "es_pymes": ("es", "EUR"),
    "fr": ("fr", "EUR"),
    "be_comp": ("be", "EUR"),
    "de_skr03": ("de", "EUR"),
    "de_skr04": ("de", "EUR"),
    "it": ("it", "EUR"),
    "mx": ("mx", "MXN"),
    "in": ("in", "INR"),
    "jp": ("jp", "JPY"),
    "ch": ("ch", "CHF"),
    "uk": ("uk", "GBP"),
}

# The rates are the tests' own: US dollars a unit, the same on all days unless a set-up says otherwise.
env["res.currency.rate"].search([]).unlink()
for chart, (country, currency) in CHARTS.items():
    money = env["res.currency"].with_context(active_test=False).search([("name", "=", currency)])
    money.active = True
    # A company that is made with a country gets a chart that Odoo guesses, at the commit: so the country comes later.
    company = env["res.company"].create({"name": f"Books {chart}", "currency_id": money.id})
    env.cr.commit()
    company.country_id = env.ref(f"base.{country}")
    env.cr.commit()
    env["account.chart.template"].try_loading(chart, company, install_demo=False)
    env.cr.commit()
    if company.chart_template != chart:
        raise ValueError(f"{chart}: {company.chart_template} was loaded")
