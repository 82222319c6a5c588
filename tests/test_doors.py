"""Who owns the transaction of each door: the door, where the caller's is clean; otherwise the caller. Real commits."""

import ast
from contextlib import contextmanager
from pathlib import Path

import pytest
from odoo.addons.call_wallet.tools.door import end_if_clean

from .doors_table import ALONE, DOORS, ELSEWHERE, MORE_WAYS, lay_the_ground
from .real_commits import environment

pytestmark = pytest.mark.real_commits

WAYS = {**DOORS, **MORE_WAYS}
JOINING = [name for name in WAYS if name not in ALONE]
ADDON = Path(__file__).resolve().parents[1] / "call_wallet"
OPENERS = {"door", "books_door", "in_books", "each"}
# What a door can change, beside the addon's own tables.
BOOKS = {
    "account_move", "account_move_line", "account_partial_reconcile", "account_payment", "payment_transaction",
}  # fmt: skip

# Requests are counted for monitoring by the process, which adds them up between commits, now and then.
LEFT_OUT = {"call_wallet_meter": "WHERE name !~ '^call_wallet_(calls|answers|api)_'"}


@pytest.fixture(scope="module")
def registry(shared_registry):
    with environment(shared_registry) as env:
        lay_the_ground(env)
        env.cr.commit()
    return shared_registry


def stage(registry, name):
    """Commit what the door needs; return a function of an environment that opens it there."""
    prepare, act = WAYS[name]
    with environment(registry) as env:
        record = prepare(env)
        env.cr.commit()
        model, ids = record._name, record.ids
    return lambda env: act(env[model].browse(ids))


def digest(cr):
    """Return what the tables hold, as this transaction sees them."""
    cr.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'call\\_%' ORDER BY 1")
    tables = [*(name for [name] in cr.fetchall()), *sorted(BOOKS)]
    cr.execute(
        " UNION ALL ".join(
            f"SELECT '{table}', count(*), sum(hashtextextended(t::text, 0)) FROM {table} t {LEFT_OUT.get(table, '')}"
            for table in tables
        )
    )
    return {table: (rows, content) for table, *(rows, content) in cr.fetchall()}


def seen_by_others(registry):
    with registry.cursor() as cr:
        return digest(cr)


def note_something(env):
    """Write, and leave it to the ORM when that reaches the database."""
    env.company.partner_id.comment = "Written by the caller"


def is_noted(registry):
    with environment(registry) as env:
        return "Written by the caller" in str(env.company.partner_id.comment or "")


def forget_the_note(registry):
    with environment(registry) as env:
        env.company.partner_id.comment = False
        env.cr.commit()


@pytest.mark.parametrize("name", WAYS)
def test_of_a_clean_caller_it_is_committed_when_the_door_returns(registry, name):
    act = stage(registry, name)
    before = seen_by_others(registry)
    with environment(registry) as env:
        env["call.wallet"].search_count([])  # whoever calls has read something
        act(env)
        after = seen_by_others(registry)
        env.cr.rollback()
    assert after != before
    assert seen_by_others(registry) == after


@pytest.mark.rest
@pytest.mark.parametrize("name", JOINING)
def test_of_a_caller_that_has_written_it_is_kept_or_undone_with_that(registry, name):
    act = stage(registry, name)
    forget_the_note(registry)
    before = seen_by_others(registry)
    with environment(registry) as env:
        note_something(env)
        act(env)
        assert seen_by_others(registry) == before and not is_noted(registry)
        env.cr.rollback()
        assert seen_by_others(registry) == before and not is_noted(registry)
        note_something(env)
        act(env)
        assert seen_by_others(registry) == before and not is_noted(registry)
        env.cr.commit()
    assert seen_by_others(registry) != before and is_noted(registry)


@pytest.mark.rest
@pytest.mark.parametrize("name", JOINING)
def test_inside_a_savepoint_before_anything_was_written_it_is_undone_with_that(registry, name):
    act = stage(registry, name)
    before = seen_by_others(registry)
    for savepoint in (odoo_s_savepoint, plain_savepoint):
        with environment(registry) as env:
            env["call.wallet"].search_count([])
            with savepoint(env):
                act(env)
                env.flush_all()
                assert digest(env.cr) != before
                assert seen_by_others(registry) == before
            env.cr.commit()
        assert seen_by_others(registry) == before


@contextmanager
def odoo_s_savepoint(env):
    with env.cr.savepoint() as savepoint:
        yield
        savepoint.rollback()  # an error where there is no such savepoint any more


@contextmanager
def plain_savepoint(env):
    env.cr.execute("SAVEPOINT callers_own")
    yield
    env.cr.execute("ROLLBACK TO SAVEPOINT callers_own")
    env.invalidate_all(flush=False)


@pytest.mark.parametrize("name", sorted(ALONE))
def test_no_card_is_charged_inside_what_others_may_undo(registry, name):
    from odoo.exceptions import UserError

    act = stage(registry, name)
    before = seen_by_others(registry)
    with environment(registry) as env:
        note_something(env)
        with pytest.raises(UserError, match="a request of their own"):
            act(env)
    with environment(registry) as env, env.cr.savepoint(), pytest.raises(UserError, match="a request of their own"):
        act(env)
    assert seen_by_others(registry) == before


@pytest.mark.parametrize("hooks", ["precommit", "postcommit", "prerollback", "postrollback"])
def test_what_a_caller_has_left_for_the_end_of_its_transaction_is_not_brought_forward(registry, hooks):
    act = stage(registry, "call.wallet.refund")
    before, called = seen_by_others(registry), []
    with environment(registry) as env:
        getattr(env.cr, hooks).add(lambda: called.append(hooks))
        act(env)
        assert not called
        assert seen_by_others(registry) == before
        env.cr.rollback() if "rollback" in hooks else env.cr.commit()
    assert called == [hooks]


def test_a_door_tells_a_clean_transaction_while_others_are_at_the_rows_by_which_it_does(registry):
    act = stage(registry, "call.wallet.refund")
    before = seen_by_others(registry)
    with environment(registry) as other:
        other.cr.execute("SELECT FROM call_wallet_door_place FOR UPDATE")
        with environment(registry) as env, odoo_s_savepoint(env):
            act(env)
        assert seen_by_others(registry) == before
        with environment(registry) as env:
            act(env)
            env.cr.rollback()
        assert seen_by_others(registry) != before


def test_the_transaction_of_a_reader_is_ended_too(registry):
    with environment(registry) as env:
        env.cr.rollback()
        env.cr.connection.set_session(readonly=True)
        try:
            env["call.wallet"].search_count([])
            assert end_if_clean(env)
            with env.cr.savepoint():
                assert not end_if_clean(env)
        finally:
            env.cr.rollback()
            env.cr.connection.set_session(readonly=False)


def test_a_savepoint_that_was_released_and_held_nothing_is_no_reason_to_join(registry):
    act = stage(registry, "call.wallet.refund")
    before = seen_by_others(registry)
    with environment(registry) as env:
        with env.cr.savepoint():
            env["call.wallet"].search_count([])
        act(env)
        assert seen_by_others(registry) != before


def test_a_door_that_fails_undoes_what_it_did_and_leaves_the_caller_a_clean_transaction(registry):
    from odoo.exceptions import UserError

    act = stage(registry, "call.wallet.refund")
    with environment(registry) as env:
        wallet = env["call.wallet"].search([], order="id desc", limit=1)
        before = seen_by_others(registry)
        with pytest.raises(UserError, match="more than zero"):
            wallet.refund("-1", "Wrong")
        assert seen_by_others(registry) == before
        act(env)
        assert seen_by_others(registry) != before


# === THE TABLE IS COMPLETE === #


def test_every_door_of_the_addon_is_in_the_table():
    assert {*DOORS, *ELSEWHERE} == doors_in_the_source()


def doors_in_the_source():
    """Return ``model.method`` of what others call, and scheduled actions, that open a door or call a worker."""
    methods = [found for path in ADDON.rglob("*.py") for found in methods_of(ast.parse(path.read_text()))]
    workers = {method.name for _model, method in methods if "worker" in decorators_of(method)}
    return {
        f"{model}.{method.name}"
        for model, method in methods
        if (not method.name.startswith("_") or method.name.startswith("_cron_"))
        and calls_of(method) & (OPENERS | workers)
    }


def methods_of(module):
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef):
            named = {
                target.id: statement.value.value
                for statement in node.body
                if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
                for target in statement.targets
            }
            model = named.get("_name") or named.get("_inherit")
            for method in node.body:
                if model and isinstance(method, ast.FunctionDef):
                    yield model, method


def decorators_of(method):
    return {getattr(node, "id", getattr(node, "attr", None)) for node in method.decorator_list}


def calls_of(method):
    functions = [node.func for node in ast.walk(method) if isinstance(node, ast.Call)]
    return {getattr(node, "id", getattr(node, "attr", None)) for node in functions}
