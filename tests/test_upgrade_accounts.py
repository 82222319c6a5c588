"""An upgrade gives the wallets' accounts their place in each country's chart, and moves no money.

Version 19.0.2.0.0 made the deposit account in class 21 of every chart but Odoo's generic one, and all others behind
the default income account. `upgrade/charts.py` does business with it in some of the companies.
"""

import os
import re
from collections import namedtuple
from decimal import Decimal

import pytest

from .conftest import REPO, a_private_registry
from .upgrade import inventory, run

pytestmark = [pytest.mark.real_commits, pytest.mark.long]

ARCHIVE = REPO / "tests/upgrade/call_wallet-19.0.2.0.0.tar.xz"
BUSINESS = REPO / "tests/upgrade/charts.py"
DEPOSIT, LIVE = "call_wallet_deposit_account_id", "call_wallet_live_account_id"
OTHERS = ["call_wallet_whatsapp_account_id", "call_wallet_adjustment_account_id", "call_wallet_breakage_account_id"]
BEFORE = [DEPOSIT, LIVE, *OTHERS]
AFTER = [*BEFORE, "call_wallet_bad_debt_account_id", "call_wallet_overdrawn_account_id"]

# Deposit, live, WhatsApp, adjustments, breakage before; the same after, and bad debt and overdrawn wallets,
# which are new.
CODES = {
    "generic_coa": ("212001 400001 400002 400003 400004", "212001 400001 400002 400003 450001 600001 121001"),
    "es_pymes": ("210001 700001 700002 700003 700004", "438001 705001 705002 705003 759001 650001 430901"),
    "fr": ("210001 707001 707002 707003 707004", "419101 706001 706002 706003 758001 654101 418101"),
    # Somebody chose 489900.
    "be_comp": ("489900 700001 700002 700003 700004", "489900 700101 700102 700103 743001 642001 404001"),
    # Odoo's German books refuse another code for an account with entries: the deposits'. Breakage has none.
    "de_skr03": ("210001 8401 8402 8403 8404", "210001 8401 8402 8403 2701 2404 1452"),
    "de_skr04": ("210001 4401 4402 4403 4404", "3251 4401 4402 4403 4831 6934 1222"),
    # Somebody booked to the deposits by hand.
    "it": ("210001 310101 310102 310103 310104", "210001 310101 310102 310103 320201 490501 150901"),
    "mx": (
        "210001 401.01.02 401.01.03 401.01.04 401.01.05",
        "206.01.02 401.01.02 401.01.03 401.01.04 401.01.05 601.84.03 105.01.03",
    ),
    "in": ("210001 200111 200112 200113 200114", "100851 200211 200212 200213 201201 210701 100401"),
    "jp": ("210001 410001 410002 410003 410004", "330401 410001 410002 410003 426001 510301 123401"),
    "ch": ("210001 3201 3202 3203 3204", "2031 3401 3402 3403 3601 3808 1191"),
    "uk": ("210001 400001 400002 400003 400004", "210201 400001 400002 400003 400004 785001 110201"),
    "later": ("2101 4401 4402 4403 4404", "3251 4401 4402 4403 4831 6934 1222"),
}
# What is left for finance: the company, the deposit account's code that fits, and why it was left.
LEFT = {
    "be_comp": ("460001", "Somebody changed the code."),
    "de_skr03": ("1712", "You can not change the code of an account."),
    "it": ("253001", "The account has entries that are not of call wallets."),
}

Upgrade = namedtuple("Upgrade", "database log again before after after_again")


@pytest.fixture(scope="module")
def upgrade(databases):
    """A database with the books of several countries after `-u call_wallet`, done twice."""
    name = f"{os.environ.get('CALL_WALLET_TEST_DATABASE', f'cw_private_{os.getpid()}')}_upgrade_accounts"
    databases.clone(databases.earlier_charts_template(ARCHIVE, BUSINESS), name)
    try:
        before = read(name, BEFORE)
        log = run_upgrade(name, "first")
        after = read(name, AFTER)
        again = run_upgrade(name, "second")
        yield Upgrade(name, log, again, before, after, read(name, AFTER))
    finally:
        databases.drop(name)


def run_upgrade(name, which):
    code, log = run.upgrade(name, f"upgrade-accounts-{which}")
    assert code == 0, log[-5000:]
    return log


def read(name, fields):
    """Return the codes by chart, every account's sums, the entries, and what is told."""
    found = {}
    with inventory.cursor(name) as cr:
        codes = ", ".join(
            f"(SELECT a.code_store->>(c.id::text) FROM account_account a WHERE a.id = c.{field})" for field in fields
        )
        cr.execute(f"SELECT substr(name, 7), concat_ws(' ', {codes}) FROM res_company c WHERE name LIKE 'Books %'")
        found["codes"] = dict(cr.fetchall())
        for kind, query in {
            "sums": "SELECT account_id, count(*), sum(balance), sum(amount_currency) FROM account_move_line GROUP BY 1",
            "entries": "SELECT id, name, state, date, amount_total FROM account_move",
            "lines": "SELECT id, move_id, account_id, balance, name FROM account_move_line",
            "tasks": "SELECT id, res_model, res_id, summary FROM mail_activity",
            "notes": "SELECT id FROM mail_message WHERE model = 'account.account'",
            "accounts": "SELECT id, code_store::text, name::text, account_type FROM account_account",
        }.items():
            cr.execute(query)
            found[kind] = sorted(cr.fetchall())
    return found


@pytest.fixture(scope="module")
def registry(upgrade):
    with a_private_registry(upgrade.database) as registry:
        yield registry


@pytest.fixture
def env(registry):
    import odoo

    with registry.cursor() as cr:
        yield odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})
        cr.rollback()


def books(env, chart):
    return env["res.company"].search([("name", "=", f"Books {chart}")])


def test_it_succeeds_and_warns_of_nothing(upgrade):
    assert "call_wallet: Running migration" in upgrade.log
    for log in (upgrade.log, upgrade.again):
        assert [line for line in log.splitlines() if re.search(r" (WARNING|ERROR|CRITICAL) |Traceback", line)] == []


def test_each_account_is_in_its_place_of_the_chart(upgrade):
    assert upgrade.before["codes"] == {chart: before for chart, (before, _after) in CODES.items()}
    assert upgrade.after["codes"] == {chart: after for chart, (_before, after) in CODES.items()}


def test_no_entry_is_made_or_changed(upgrade):
    for kind in ("sums", "entries", "lines"):
        assert upgrade.before[kind], kind
        assert upgrade.after[kind] == upgrade.before[kind], kind


def test_the_money_stands_under_the_new_codes(env, upgrade):
    """100.00 were ordered and two minutes used at 0.25 each: 99.50 are the customer's, 0.50 is revenue."""
    for chart in ("generic_coa", "es_pymes", "fr", "de_skr03", "be_comp"):
        company = books(env, chart)
        sums = [
            sum(Decimal(str(line.balance)) for line in env["account.move.line"].search([("account_id", "=", account)]))
            for account in (company[DEPOSIT].id, company[LIVE].id)
        ]
        assert sums == [Decimal("-99.5"), Decimal("-0.5")], chart


def test_what_is_left_alone_is_a_task_of_finance(env, upgrade):
    tasks = env["mail.activity"].search([("res_model", "=", "account.account")])
    accounts = {books(env, chart)[DEPOSIT].id: chart for chart in LEFT}
    assert sorted(accounts[task.res_id] for task in tasks) == sorted(LEFT)
    for task in tasks:
        code, reason = LEFT[accounts[task.res_id]]
        assert task.user_id.login == "upgrade-finance"
        assert task.summary == f"Call wallets: the account's code should be {code}"
        assert f"It was left as it is: {reason} A code beside" in task.note
        assert f"would be {code}." in task.note
    assert books(env, "be_comp")[DEPOSIT].name == "Prepaid calls of customers"


def test_who_has_the_task_can_open_the_account(env, upgrade):
    finance = env["res.users"].search([("login", "=", "upgrade-finance")])
    tasks = env["mail.activity"].with_user(finance).with_context(allowed_company_ids=finance.company_ids.ids)
    tasks = tasks.search([("res_model", "=", "account.account")])
    assert len(tasks) == 3
    accounts = tasks.env["account.account"].browse(tasks.mapped("res_id"))
    assert all(account.name for account in accounts)


def test_a_renumbered_account_says_so(env, upgrade):
    [note] = books(env, "es_pymes")[DEPOSIT].message_ids.filtered(lambda message: "wrong class" in message.body)
    assert "is 438001 now. Entries stay with their account." in note.body


def test_both_ledgers_agree(env, upgrade):
    assert env["call.wallet"].check_invariants() == []
    for chart in ("generic_coa", "es_pymes", "fr", "de_skr03", "be_comp"):
        [line] = reconciled(env, chart)
        assert Decimal(line["general_ledger"]) == Decimal("99.5"), chart
        assert not any(Decimal(line[name]) for name in line if name.startswith("unexplained")), (chart, line)


def reconciled(env, chart):
    company = books(env, chart)
    lines = env["call.wallet"].reconciliation(company._call_wallet_today(), company)
    return [line for line in lines if line["wallet"]]


@pytest.mark.parametrize("chart", ["es_pymes", "fr", "de_skr03", "be_comp"])
def test_new_business_goes_to_the_same_accounts(env, chart):
    """Another 40.00 is ordered, and a minute used at 0.25: 99.50 + 40.00 - 0.25 = 139.25."""
    company = books(env, chart)
    at = env(context={"allowed_company_ids": company.ids, "tz": "UTC"})
    wallet = at["call.wallet"].search([("account_ref", "=", chart)])
    invoice = wallet.create_topup("40").invoice_id
    codes = CODES[chart][1].split()
    assert invoice.invoice_line_ids.account_id.with_company(company).mapped("code") == codes[:1]
    register = at["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids)
    register.create({})._create_payments()
    call = {
        "account": chart,
        "call_ref": "after",
        "call_type": "live",
        "number": "+14155550100",
        "started_at": f"{wallet._today()}T00:00:00Z",
        "duration_seconds": 60,
        "status": "completed",
    }
    assert at["call.usage"].record_calls([call])[0]["result"] == "charged"
    before = at["account.move"].search([])
    at["call.wallet"].post_transactions(None, wallet._today(), company)
    posted = at["account.move"].search([]) - before
    assert sorted(posted.line_ids.account_id.with_company(company).mapped("code")) == sorted(codes[:2])
    env.flush_all()
    env.invalidate_all()
    assert wallet.balance == Decimal("139.25")
    [line] = reconciled(env, chart)
    assert Decimal(line["general_ledger"]) == Decimal("139.25")
    assert not any(Decimal(line[name]) for name in line if name.startswith("unexplained")), line
    assert env["call.wallet"].check_invariants() == []


def test_a_second_upgrade_changes_nothing(upgrade):
    assert upgrade.after_again == upgrade.after
