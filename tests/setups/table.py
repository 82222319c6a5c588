"""The set-ups in which the main flow must hold: who else installs this.

Each says in a line what is unusual about it. Amounts of the flow depend on the currency's smallest coin alone
(``flow.py``); a set-up gives the invoice's total where tax comes on top.
"""

from typing import NamedTuple

from . import books, customers, payments
from .flow import CENTS, FILS, RAPPEN, YEN, Amounts


class Setup(NamedTuple):
    name: str
    chart: str = "generic_coa"
    currency: str = ""  # of the wallet; the company's when empty
    amounts: Amounts = CENTS
    lang: str = "en_US"
    total: str = ""  # of the invoice, where it is not the amount ordered
    before: tuple = ()
    after: tuple = ()
    quick: bool = False  # runs in `make rest` as well


EURO_RATE = books.rate("EUR", 0.8)
PLAIN = (books.no_tax,)

SETUPS = [
    # Charts of accounts
    Setup("generic", before=PLAIN, quick=True),
    Setup("es_pymes", "es_pymes", before=PLAIN, lang="es_ES", quick=True),
    Setup("fr", "fr", before=PLAIN),
    Setup("be", "be_comp", before=PLAIN),
    Setup("de_skr03", "de_skr03", before=PLAIN),
    Setup("de_skr04", "de_skr04", before=PLAIN),
    Setup("it", "it", before=PLAIN),
    Setup("mx", "mx", before=PLAIN),
    Setup("in", "in", before=PLAIN),
    Setup("jp", "jp", before=PLAIN, amounts=YEN, quick=True),
    Setup("ch", "ch", before=PLAIN),
    Setup("uk", "uk", before=PLAIN),
    # Languages
    Setup("arabic", lang="ar_001", before=PLAIN, quick=True),
    # Currencies
    Setup("coins of five", "ch", amounts=RAPPEN, before=(books.no_tax, books.coins_of_five), quick=True),
    Setup("three decimals", currency="KWD", amounts=FILS, before=(books.no_tax, books.rate("KWD", 0.3)), quick=True),
    Setup(
        "yen in dollars' books", currency="JPY", amounts=YEN, before=(books.no_tax, books.rate("JPY", 150)), quick=True
    ),
    Setup("euros in dollars' books", currency="EUR", before=(books.no_tax, EURO_RATE)),
    Setup("dollars in Spain", "es_pymes", currency="USD", before=(books.no_tax, books.rate("USD", 1.25)), lang="es_ES"),
    Setup("dollars in Japan", "jp", currency="USD", before=(books.no_tax, books.rate("USD", 0.007))),
    Setup("other currencies inactive", before=(books.no_tax, books.others_inactive)),
    # Taxes: 100 net of tax are 121 with 21 %
    Setup("tax on top", before=(books.tax(),), total="121", quick=True),
    Setup("tax included", before=(books.tax(included=True),), total="121"),
    Setup("tax when paid", before=(books.cash_basis,), total="121", quick=True),
    Setup("tax withheld", before=(books.withheld,), total="121", quick=True),
    Setup("tax in Spain", "es_pymes", before=(books.tax(),), total="121", lang="es_ES"),
    # Books
    Setup("hashed invoices", before=(books.no_tax, books.hashed_sales), quick=True),
    Setup("hashed journals", before=(books.no_tax, books.hashed_all)),
    Setup("hashed in Germany", "de_skr03", before=(books.no_tax, books.hashed_all)),
    Setup("audit trail", before=(books.no_tax, books.audit_trail)),
    Setup("sales locked", before=(books.no_tax, books.locked("sale_lock_date"))),
    Setup("taxes locked", before=(books.tax(), books.locked("tax_lock_date")), total="121"),
    Setup("year locked", before=(books.no_tax, books.locked("fiscalyear_lock_date"))),
    Setup("all locked", before=(books.no_tax, books.locked("hard_lock_date", "purchase_lock_date")), quick=True),
    Setup("analytic plan mandatory", before=(books.no_tax, books.analytic), quick=True),
    # Ways to pay
    Setup("by bank", before=(books.no_tax, payments.by_bank)),
    Setup("by reference", before=(books.no_tax, payments.by_reference), quick=True),
    Setup("by bank, in euros", currency="EUR", before=(books.no_tax, EURO_RATE, payments.by_bank)),
    Setup("the bank keeps a fee", before=(books.no_tax, payments.bank_fee), quick=True),
    Setup("in two parts", before=(books.no_tax, payments.in_two_parts)),
    Setup("two at once", before=(books.no_tax, payments.two_at_once), quick=True),
    Setup("payments without entry", before=(books.no_tax, payments.without_entry), quick=True),
    Setup("outstanding receipts", before=(books.no_tax, payments.outstanding)),
    Setup("early discount", before=(books.no_tax, payments.early_discount)),
    # Customers
    Setup("several addresses", before=(books.no_tax, customers.several_addresses)),
    Setup("invoice address", before=PLAIN, after=(customers.invoice_address,)),
    Setup("renamed", before=PLAIN, after=(customers.renamed,)),
    Setup("customer archived", before=PLAIN, after=(customers.archived,)),
    Setup("customer given a parent", before=(books.no_tax, customers.with_parent), quick=True),
    Setup("customer merged", before=(books.no_tax, customers.merged), quick=True),
    Setup("branch", before=(books.no_tax, customers.branch), quick=True),
    Setup("two companies", before=PLAIN, after=(customers.second_company,), quick=True),
    Setup("two wallets", before=PLAIN, after=(customers.second_wallet,)),
    # Wallets and calls
    Setup("in another company", before=PLAIN, after=(customers.elsewhere,), quick=True),
    Setup("west of the date line", before=(books.no_tax, customers.far_away("Pacific/Pago_Pago"))),
    Setup("east of it", before=(books.no_tax, customers.far_away("Pacific/Kiritimati"))),
    Setup("paused", before=PLAIN, after=(customers.paused,)),
    Setup("used up before", before=PLAIN, after=(customers.used_up,)),
    Setup("names archived", before=PLAIN, after=(customers.archived_names,)),
    Setup("names refused", before=PLAIN, after=(customers.no_names,), quick=True),
    Setup("product archived", before=PLAIN, after=(customers.product_archived,)),
]
