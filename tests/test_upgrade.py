"""An installed database takes the present version: nothing is lost, made twice, or left lying about.

Each archive in `tests/upgrade` is the addon as it once landed. Its own code installs it and does business in it
(`upgrade/business.py`); then Odoo runs with `-u call_wallet` on that database. CONTRIBUTING.md says how an archive is
made.
"""

import functools
import importlib.util
import os
import re
from collections import namedtuple
from datetime import timedelta
from decimal import Decimal

import pytest

from .conftest import REPO
from .flow import main_flow
from .upgrade import inventory, run

pytestmark = [pytest.mark.real_commits, pytest.mark.rest]

ARCHIVES = sorted((REPO / "tests/upgrade").glob("*.tar.xz"))
# `make test` upgrades the oldest and the newest, which goes through all migrations and the last one; `make long` each.
CHOSEN = [
    pytest.param(archive, marks=() if archive in (ARCHIVES[0], ARCHIVES[-1]) else pytest.mark.long)
    for archive in ARCHIVES
]
BUSINESS = REPO / "tests/upgrade/business.py"
MIGRATIONS = REPO / "call_wallet/migrations"

# What a version changed, by that version; an upgrade goes through all versions above the archive's.
#
# XML ids that are gone for good, as regular expressions of whole names, each with the reason. An id that was renamed
# stands in RENAMED of the version's migration instead.
REMOVED = {
    "19.0.2.0.0": {
        "res_company_view_form_call_wallet": "finance managers have a form of their own, without write access to "
        "companies",
        "access_res_company_finance_manager": "likewise",
        "(model|field)_call_wallet_demo.*": "the demo's loader is no model any more",
        "field_call_wallet__posting_item_ids": "nothing used it",
    },
    "19.0.4.0.0": {
        "field_payment_transaction__call_wallet_credit_note_id": "a refund may pay back several documents",
    },
    "19.0.6.0.0": {
        "menu_call_wallet_activity": "its entries are under Money, Calls and Analysis",
    },
    "19.0.7.0.0": {
        "constraint_call_(wallet_transaction_wallet_date|wallet_hold_live|usage_wallet_started|usage_rerate_line_to_do"
        "|source_file_line_of_file)": "the index has the name that Odoo gives to one on its first column",
        "portal_billing_tabs_(auto_topup|limits|payment|settings)": "the portal has four tabs, in one template",
    },
    "19.0.8.0.0": {
        "portal_billing_usage_compared": "the spend is compared in one sentence, which the page is given",
    },
}
# Tables and columns that go by another name now: {"old table": "new table"} and {("old table", "old column"): "new
# column"}.
RENAMED_TABLES = {}
RENAMED_COLUMNS = {}
# Those that are gone for good, and columns whose values the version changes: "table" or ("table", "column") by its name
# before, each with the reason.
REMOVED_TABLES = {}
REMOVED_COLUMNS = {
    "19.0.4.0.0": {
        ("payment_transaction", "call_wallet_credit_note_id"): "in call_wallet_refund_note_rel, with others",
    },
}
CHANGED = {
    "19.0.6.0.0": {
        ("call_wallet_terms", "body"): 'it can be translated: {"en_US": the text}',
        "call_wallet_package": "a currency of wallets that had none has round amounts to choose from",
    },
    "19.0.8.0.0": {
        "call_rate_import": "an import of rates is a record that stays; what dialogs left behind is none",
        "call_rate_import_line": "likewise",
        "call_rate_import_error": "likewise",
    },
}

Upgrade = namedtuple("Upgrade", "version database log code before after")


def number(version):
    return tuple(int(part) for part in version.split("."))


def is_before(version, upgrade):
    return number(upgrade.version) < number(version)


def version_of(archive):
    """Return the version in an archive's name: `call_wallet-19.0.1.0.0.tar.xz`."""
    return archive.name.removesuffix(".tar.xz").rpartition("-")[2]


def since(version, changes):
    """Return what all versions above this one changed, of {version: dict}."""
    found = {}
    for later in sorted(changes, key=number):
        if number(later) > number(version):
            found |= changes[later]
    return found


@functools.cache
def migration(version="19.0.2.0.0"):
    """Return a version's script that renames XML ids as a module, or None."""
    path = MIGRATIONS / version / "pre-migrate.py"
    if not path.exists():
        return None
    spec = importlib.util.spec_from_file_location("call_wallet_pre_migrate", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def renamed_since(version):
    """Return {XML id before: now} over all versions above this one; an id may be renamed again."""
    found = {}
    for later in sorted((path.name for path in MIGRATIONS.iterdir()), key=number):
        if number(later) > number(version) and migration(later):
            names = migration(later).RENAMED
            found = {old: names.get(new, new) for old, new in found.items()} | {
                old: new for old, new in names.items() if old not in found.values()
            }
    return found


def present(name):
    """Return the full XML id of what had this name in the first version."""
    return f"call_wallet.{renamed_since('19.0.1.0.0').get(name, name)}"


# === THE UPGRADE === #


@pytest.fixture(scope="module", params=CHOSEN, ids=lambda path: path.name.removesuffix(".tar.xz"))
def upgrade(request, databases):
    """A database of an earlier version after `-u call_wallet`, with what was in it before and after."""
    version = version_of(request.param)
    name = f"{os.environ.get('CALL_WALLET_TEST_DATABASE', f'cw_private_{os.getpid()}')}_upgrade"
    databases.clone(databases.earlier_template(request.param, BUSINESS), name)
    try:
        with inventory.cursor(name) as cr:
            kept = _kept(version, inventory.columns(cr))
            before = _read(cr, version, kept)
        code, log = run.upgrade(name, f"upgrade-{request.param.name}")
        with inventory.cursor(name) as cr:
            after = _read(cr, version, kept, now=True) if not code else {}
        yield Upgrade(version, name, log, code, before, after)
    finally:
        databases.drop(name)


def _read(cr, version, kept, now=False):
    """Return everything about a database.

    :param version: the earlier version
    :param kept: {table: [columns]} of the earlier version, without what is gone for good or changed on purpose
    :param now: whether they go by their present names
    """
    names = {table: (table, columns) for table, columns in kept.items()}
    if now:
        tables, renamed = since(version, RENAMED_TABLES), since(version, RENAMED_COLUMNS)
        names = {
            table: (tables.get(table, table), [renamed.get((table, name), name) for name in columns])
            for table, columns in kept.items()
        }
    return {
        "contents": inventory.contents(cr, names),
        "sums": inventory.sums(cr),
        "xml_ids": inventory.xml_ids(cr),
        "customised": inventory.customised(cr),
    }


def _kept(version, columns):
    """Return {table: [columns]} without what the tables above say is gone for good, or changed on purpose."""
    left_out = since(version, REMOVED_COLUMNS) | since(version, CHANGED)
    return {
        table: [name for name in names if (table, name) not in left_out]
        for table, names in columns.items()
        if table not in since(version, REMOVED_TABLES) and table not in left_out
    }


@pytest.fixture(scope="module")
def upgraded_registry(upgrade):
    """The registry of the upgraded database. What its tests do to it is seen by those after them."""
    import odoo.sql_db
    from odoo.modules.registry import Registry

    odoo.tools.config["test_enable"] = False
    odoo.modules.module.current_test = None
    try:
        yield Registry(upgrade.database)
    finally:
        odoo.tools.config["test_enable"] = True
        Registry.delete(upgrade.database)
        odoo.sql_db.close_db(upgrade.database)


@pytest.fixture
def env(upgraded_registry):
    import odoo

    with upgraded_registry.cursor() as cr:
        yield odoo.api.Environment(cr, odoo.SUPERUSER_ID, {})


# === WHAT IT LEAVES ALONE === #


def test_it_succeeds_and_warns_of_nothing(upgrade):
    assert upgrade.code == 0, upgrade.log[-5000:]
    scripts = any(is_before(path.name, upgrade) for path in MIGRATIONS.iterdir())
    assert ("module call_wallet: Running migration" in upgrade.log) == scripts
    problems = [line for line in upgrade.log.splitlines() if re.search(r" (WARNING|ERROR|CRITICAL) |Traceback", line)]
    assert problems == []


def test_every_row_of_every_table_is_as_it_was(upgrade):
    before, after = upgrade.before["contents"], upgrade.after["contents"]
    changed = {table: (content, after[table]) for table, content in before.items() if content != after[table]}
    assert changed == {}
    # It was about something: one row at least in every kind of record that lasts.
    assert before["call_wallet_transaction"][0] > 3000
    passing = re.compile("wizard|import|settings|_rel$|pause|close_line|post_now|refusal|platform_key|metrics_token")
    empty = {table for table, (rows, _digest) in before.items() if not rows and not passing.search(table)}
    # Nothing of Stripe's, no failure of a scheduled action, and no month whose end had anything to enter.
    without = re.compile("call_wallet_(stripe_|watch$|failure$|month_end$)")
    assert {table for table in empty if not without.match(table)} == set()


def test_the_sums_are_as_they_were(upgrade):
    assert upgrade.after["sums"] == upgrade.before["sums"]


def test_what_administrators_changed_is_still_theirs(upgrade):
    for name, rows in upgrade.before["customised"].items():
        if name == "mail templates":  # what nobody edited is renewed; `test_mails_upgrade` compares it
            rows = {row for row in rows if "Your own words" in row}
        assert told(rows) - told(upgrade.after["customised"][name]) == set(), name
    rows = upgrade.after["customised"]
    assert any("Your own words" in row for row in rows["mail templates"])
    assert any("2098, 5, 4, 3, 2, 1" in row for row in rows["scheduled actions"])
    assert any("Prepaid minutes" in row for row in rows["products"])
    assert len(rows["views"]) == 1


def told(rows):
    """Return rows without the expressions that write amounts in mails, which ``post-input`` renews."""
    amounts = re.compile(r"\{\{[^{}]*format_amount[^{}]*\}\}|t-out=\\*\"[^\"]*format_amount[^\"]*\"")
    return {amounts.sub("AMOUNT", row) for row in rows}


def test_settings_are_still_theirs(upgrade, env):
    company = env.ref("base.main_company")
    assert company.call_wallet_hold_seconds == 1234
    assert company.call_wallet_refund_limit == Decimal("77.5")
    assert env.ref(present("package_25")).amount == 27
    assert not env.ref(present("ir_cron_statement")).active
    assert "create_date" in env["call.wallet"].get_view(view_type="form")["arch"]
    demo = env.ref("base.user_demo")
    assert demo.has_group(present("group_account_manager"))


def test_a_wallet_in_euros_is_sold_whatsapp_at_what_it_was(upgrade, env):
    wallet = env["call.wallet"].search([("account_ref", "=", "UPEURO")])
    price = env["call.wallet.price"].search([("currency_id", "=", wallet.currency_id.id)])
    if is_before("19.0.6.0.0", upgrade):  # it was a plain number until then, and stays the price
        assert (price.whatsapp_rate, price.converted_on) == (Decimal("0.02"), False)
    else:  # 0.02 dollars at 0.8
        assert (price.whatsapp_rate, bool(price.converted_on)) == (Decimal("0.016"), True)
    assert price.company_id == wallet.company_id


def test_what_was_accepted_is_known_by_language_and_fingerprint(upgrade, env):
    topups = env["call.wallet.topup"].search([("terms_id", "!=", False)])
    assert topups
    assert {(one.terms_lang, one.terms_fingerprint) for one in topups} == {
        ("en_US", fingerprint) for fingerprint in topups.terms_id.mapped("fingerprint")
    }


def test_every_xml_id_is_there_or_renamed_or_said_to_be_gone(upgrade):
    renames, found_now = renamed_since(upgrade.version), upgrade.after["xml_ids"]
    renamed = dict(renames)
    for old, new in renames.items():
        suffix = migration().COMPANIONS.get(upgrade.before["xml_ids"][old][0])
        if suffix:
            renamed[old + suffix] = new + suffix
    lost = {}
    for name, record in upgrade.before["xml_ids"].items():
        found = found_now.get(renamed.get(name, name))
        if found != record and not any(re.fullmatch(pattern, name) for pattern in since(upgrade.version, REMOVED)):
            lost[name] = (record, found)
    assert lost == {}


def test_what_is_said_to_be_renamed_or_gone_really_is(upgrade):
    """Tables that are not true any more are worse than none."""
    known = set(upgrade.before["xml_ids"])
    assert set(renamed_since(upgrade.version)) <= known
    # What a version takes away is looked for in the one before it; those still earlier may not have had it yet.
    following = [version_of(archive) for archive in ARCHIVES if number(version_of(archive)) > number(upgrade.version)]
    removed = REMOVED.get(following[0], {}) if following else since(upgrade.version, REMOVED)
    unused = [pattern for pattern in removed if not any(re.fullmatch(pattern, name) for name in known)]
    assert unused == []


def test_nothing_points_to_nothing(upgrade, env):
    lost = []
    for name, (model, record) in upgrade.after["xml_ids"].items():
        if model not in env or not env[model].browse(record).exists():
            lost.append((name, model, record))
    assert lost == []
    for model in ("ir.model", "ir.ui.view", "ir.actions.act_window", "ir.model.fields"):
        field = {"ir.actions.act_window": "res_model"}.get(model, "model")
        named = set(env[model].search([(field, "=like", "call.%")]).mapped(field))
        assert {name for name in named if name not in env} == set(), model
    fields = env["ir.model.fields"].search([("model", "=like", "call.%")])
    assert fields.filtered(lambda field: field.name not in env[field.model]._fields).mapped("display_name") == []


# === WHAT IT MAKES === #


def test_it_is_shaped_like_a_fresh_installation(upgrade, private_database):
    with inventory.cursor(upgrade.database) as cr:
        upgraded, upgraded_ids = inventory.shape(cr), set(inventory.xml_ids(cr))
    with inventory.cursor(private_database) as cr:
        fresh, fresh_ids = inventory.shape(cr), set(inventory.xml_ids(cr))
    for kind, things in fresh.items():
        assert sorted(upgraded[kind] ^ things) == [], kind
    # The demo's stories are told at an installation alone.
    told = {name for name in fresh_ids - upgraded_ids if name.startswith("demo_")}
    assert sorted((upgraded_ids ^ fresh_ids) - told) == []


def test_calls_that_wait_for_their_entry_have_the_day_on_which_they_took_place(upgrade, env):
    env.cr.execute(
        """
        SELECT t.accounting_day = u.started_at::date
          FROM call_wallet_transaction t JOIN call_usage u ON u.id = t.usage_id
         WHERE t.key = 'call/up-2' AND t.move_id IS NULL
        """
    )
    assert env.cr.fetchall() == [(True,)]
    env.cr.execute(
        "SELECT count(*) FROM call_wallet_transaction WHERE move_id IS NOT NULL AND accounting_day IS NOT NULL"
    )
    # Entries of versions that went by the day on which the wallet paid stand; the later ones went by the call's.
    assert (env.cr.fetchone() == (0,)) == is_before("19.0.4.0.0", upgrade)


def test_a_refund_keeps_its_credit_note_and_the_rules_compare_owners(upgrade, env, private_database):
    refund = env["payment.transaction"].search([("operation", "=", "refund"), ("amount", "=", -10)])
    note = refund.call_wallet_credit_note_ids
    # What was sent back before was of one document, and is not looked at again.
    assert (len(refund), refund.call_wallet_is_divided) == (1, is_before("19.0.4.0.0", upgrade))
    assert (note.move_type, note.amount_total, note.payment_state) == ("out_refund", 10, "paid")
    domains = """
        SELECT d.name, r.domain_force FROM ir_rule r
          JOIN ir_model_data d ON d.model = 'ir.rule' AND d.res_id = r.id AND d.module = 'call_wallet'
         WHERE r.domain_force LIKE '%owner_ids%' OR d.name = 'call_usage_rejection_company_rule'
    """
    found = []
    for database in (upgrade.database, private_database):
        with inventory.cursor(database) as cr:
            cr.execute(domains)
            found.append({name: " ".join(domain.split()) for name, domain in cr.fetchall()})
    assert found[0] == found[1]
    assert len(found[0]) > 10


def test_all_is_sound_and_what_is_due_is_posted_once(upgrade, env):
    assert env["call.wallet"].check_invariants() == []
    env.cr.execute("SELECT id, move_id FROM call_wallet_transaction WHERE move_id IS NOT NULL")
    posted = dict(env.cr.fetchall())
    assert posted
    env.cr.execute("SELECT min(started_at)::date FROM call_usage WHERE call_ref LIKE 'AC-%'")
    [began] = env.cr.fetchone()
    days = (f"{began - timedelta(days=30):%F}", f"{began + timedelta(days=31):%F}")
    env["call.wallet"].post_transactions(*days)
    env.cr.commit()
    env.cr.execute("SELECT id, move_id, topup_id FROM call_wallet_transaction WHERE day <= %s", days[1:])
    rows = env.cr.fetchall()
    assert {row: move for row, move, _topup in rows if row in posted} == posted
    assert all(move or topup for _row, move, topup in rows)
    env.cr.execute("SELECT count(*) FROM account_move")
    moves = env.cr.fetchone()
    env["call.wallet"].post_transactions(*days)
    env.cr.execute("SELECT count(*) FROM account_move")
    assert env.cr.fetchone() == moves
    assert env["call.wallet"].check_invariants() == []


def test_what_was_under_way_goes_on(upgrade, env):
    """The open hold is settled, the other half of the top-up paid, the refund approved, the report made."""
    hold = env["call.wallet.hold"].search([("call_ref", "=", "open")])
    call = {
        "account": "GLOBEX",
        "call_ref": "open",
        "call_type": "live",
        "number": "+14155550100",
        "started_at": "2026-11-01T00:00:00Z",
        "duration_seconds": 60,
        "status": "completed",
    }
    assert env["call.usage"].record_calls([call])[0]["result"] == "charged"
    assert env["call.usage"].record_calls([{**call, "account": "ACME", "call_ref": "up-1"}])[0]["result"] == "conflict"
    env.invalidate_all()
    assert hold.state == "settled"
    acme = env.ref(present("demo_wallet_acme"))
    balance = acme.balance
    request = env["call.wallet.refund.request"].search([("state", "=", "waiting")])
    request.with_user(env.ref("base.user_admin")).action_approve()
    part = env["call.wallet.topup"].search([("wallet_id", "=", acme.id), ("amount", "=", 60)])
    env["account.payment.register"].with_context(active_model="account.move", active_ids=part.invoice_id.ids).create(
        {}
    )._create_payments()
    env.invalidate_all()
    assert acme.balance == balance + Decimal("42.5")
    env.cr.commit()
    env.ref(present("ir_cron_usage_report")).method_direct_trigger()
    env.cr.rollback()
    env.invalidate_all()
    assert set(env["call.usage.report.job"].search([]).mapped("state")) == {"ready"}
    assert env["call.wallet"].check_invariants() == []


def test_calls_that_were_rejected_name_the_field(upgrade, env):
    kept = env["call.usage.rejection"].search([("call_ref", "=", "up-3")])
    assert (kept.code, kept.field_name) == ("invalid_number", "number")
    [read] = [one for one in env["call.usage"].list_rejections("ACME") if one["call_ref"] == "up-3"]
    assert (read["field"], read["payload"]["number"]) == ("number", "no number")


def test_new_business_goes_the_whole_way(upgrade, env):
    main_flow(env)


# === RENAMING === #


def test_an_xml_id_takes_its_record_along_and_a_second_run_changes_nothing(private_registry):
    with private_registry.cursor() as cr:
        before = inventory.xml_ids(cr)
        names = {model: name for name, (model, _record) in sorted(before.items())}
        view, cron, product = names["ir.ui.view"], names["ir.cron"], names["product.product"]
        renamed = {view: "cw_test_view", cron: "cw_test_cron", product: "cw_test_product", "cw_test_unknown": "cw_test"}
        pairs = {
            **renamed,
            f"{cron}_ir_actions_server": "cw_test_cron_ir_actions_server",
            f"{product}_product_template": "cw_test_product_product_template",
        }
        expected = {pairs.get(name, name): record for name, record in before.items()}
        for _run in range(2):
            migration().rename_xml_ids(cr, renamed)
            assert inventory.xml_ids(cr) == expected
        cr.rollback()


def test_a_new_name_that_is_taken_is_left_alone_unless_it_is_the_same_record(private_registry):
    from odoo.tools import mute_logger

    with private_registry.cursor() as cr:
        before = inventory.xml_ids(cr)
        same, other = sorted(name for name, (model, _record) in before.items() if model == "call.wallet.package")[:2]
        for name in (same, other):
            cr.execute(
                "INSERT INTO ir_model_data (module, name, model, res_id) VALUES ('call_wallet', %s, %s, %s)",
                [f"cw_test_{name}", *before[same]],
            )
        with mute_logger("call_wallet_pre_migrate"):
            migration().rename_xml_ids(cr, {name: f"cw_test_{name}" for name in (same, other)})
        after = inventory.xml_ids(cr)
        assert (same in after, after[f"cw_test_{same}"]) == (False, before[same])
        assert (after[other], after[f"cw_test_{other}"]) == (before[other], before[same])
        cr.rollback()


def test_a_name_is_not_renamed_from_and_to_at_once(private_registry):
    with private_registry.cursor() as cr, pytest.raises(ValueError, match="at once: b"):
        migration().rename_xml_ids(cr, {"a": "b", "b": "c"})
