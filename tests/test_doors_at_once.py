"""Two sessions at the same documents: money is used once, whoever is first. Real commits; they wait on locks."""

from decimal import Decimal

import pytest
from psycopg2 import errors

from .doors_table import lay_the_ground, ordered, paid, pay, received_and_left
from .real_commits import environment
from .sessions import in_another_session

pytestmark = [pytest.mark.real_commits, pytest.mark.rest]


@pytest.fixture(scope="module")
def registry(shared_registry):
    with environment(shared_registry) as env:
        lay_the_ground(env)
        env.cr.commit()
    return shared_registry


def committed(registry, prepare):
    """Return the id of what ``prepare`` makes, or their ids."""
    with environment(registry) as env:
        records = prepare(env)
        env.cr.commit()
        return records.ids


def topup_of(env, topup_id):
    return env["call.wallet.topup"].browse(topup_id)


def write_something(env):
    """Whoever has written makes the doors join."""
    env["res.partner"].create({"name": "Written before"})


# === A STEP IN THE BOOKS === #


@pytest.fixture
def partner_id(registry):
    [partner_id] = committed(registry, lambda env: env["res.partner"].create({"name": "Contended", "ref": "start"}))
    return partner_id


def add(env, partner_id, word):
    partner = env["res.partner"].browse(partner_id)
    partner.ref = f"{partner.ref} {word}"


def theirs(registry, partner_id):
    with environment(registry) as env:
        add(env, partner_id, "theirs")
        env.cr.commit()


def reference(registry, partner_id):
    with environment(registry) as env:
        return env["res.partner"].browse(partner_id).ref


@pytest.mark.parametrize("written", ["inside the step", "at its end"])
def test_a_step_in_the_books_that_others_came_before_is_repeated(registry, partner_id, written):
    from odoo.addons.call_wallet.tools.door import in_books

    tries = []
    with environment(registry) as env:

        def step():
            add(env, partner_id, "mine")
            tries.append(1)
            if len(tries) == 1:
                theirs(registry, partner_id)
            if written == "inside the step":
                env.flush_all()
            return len(tries)

        assert in_books(env, step) == 2
    assert reference(registry, partner_id) == "start theirs mine"


def test_a_step_in_the_books_that_waits_for_others_is_repeated_when_they_have_ended(registry, partner_id):
    from odoo.addons.call_wallet.tools.door import in_books

    def work(env):
        return in_books(env, lambda: add(env, partner_id, "mine"))

    with environment(registry) as env:
        add(env, partner_id, "theirs")
        env.flush_all()
        with in_another_session(registry, work) as other:
            assert other.waits_or_is_done()
            env.cr.commit()
            other.result.result()
    assert reference(registry, partner_id) == "start theirs mine"


def test_a_step_that_is_part_of_the_caller_s_transaction_is_left_to_the_caller_to_repeat(registry, partner_id):
    from odoo.addons.call_wallet.tools.door import in_books

    tries = []
    with environment(registry) as env:
        write_something(env)
        env["res.partner"].browse(partner_id).ref

        def step():
            tries.append(1)
            theirs(registry, partner_id)
            add(env, partner_id, "mine")
            env.flush_all()

        with pytest.raises(errors.SerializationFailure):
            in_books(env, step)
    assert len(tries) == 1
    assert reference(registry, partner_id) == "start theirs"


def test_a_step_that_others_always_come_before_is_given_up(registry, partner_id):
    from odoo.addons.call_wallet.tools.door import TRIES, in_books

    tries = []
    with environment(registry) as env:

        def step():
            add(env, partner_id, "mine")
            tries.append(1)
            theirs(registry, partner_id)

        with pytest.raises(errors.SerializationFailure):
            in_books(env, step)
        # The transaction is a clean one again.
        assert env["res.partner"].browse(partner_id).ref == "start" + TRIES * " theirs"
    assert len(tries) == TRIES


# === WHAT IS RECONCILED === #


def receivable(moves):
    return moves.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")


def assert_sound(registry, *topup_ids):
    """Of each item no more is reconciled than there is, and what is left is what Odoo says."""
    with environment(registry) as env:
        topups = env["call.wallet.topup"].browse(topup_ids)
        invoices = topups.invoice_id
        lines = receivable(invoices | invoices.reversal_move_ids)
        lines |= lines.matched_credit_ids.credit_move_id | lines.matched_debit_ids.debit_move_id
        for line in lines:
            used = sum((line.matched_credit_ids | line.matched_debit_ids).mapped("amount"))
            left = abs(line.balance) - used
            assert left > -0.005, (line.move_id.name, "was reconciled twice")
            assert abs(abs(line.amount_residual) - left) < 0.005, (line.move_id.name, line.amount_residual, left)
        for topup in topups:
            noted = sum(
                topup.invoice_id.reversal_move_ids.filtered(lambda n: n.state == "posted").mapped("amount_total")
            )
            assert noted <= (topup.invoice_id.amount_total if topup.invoice_id.state == "posted" else 0)
        assert env["call.wallet"].check_invariants(topups.wallet_id) == []


@pytest.fixture
def overpaid(registry):
    """Three top-ups of one customer: 25 more than needed were paid for the first, the others cost 25 each."""

    def prepare(env):
        first = ordered(env)
        pay(first.invoice_id, 125)
        return first | first.wallet_id.create_topup("25") | first.wallet_id.create_topup("25")

    with environment(registry) as env:
        topups = prepare(env)
        env.cr.commit()
        return sorted(topups.ids)


def apply(topup_id):
    return lambda env: topup_of(env, topup_id).apply_outstanding_credit()


def test_of_two_top_ups_that_want_the_same_credit_the_second_waits_and_gets_nothing(registry, overpaid):
    first, second, third = overpaid
    with environment(registry) as env:
        write_something(env)  # the door joins, and the locks stay
        assert apply(second)(env) == 25
        with in_another_session(registry, apply(third)) as other:
            assert other.waits_or_is_done()
            env.cr.commit()
            assert other.result.result() == 0
    with environment(registry) as env:
        assert [topup_of(env, one).invoice_id.amount_residual for one in (first, second, third)] == [0, 0, 25]
        assert topup_of(env, first).wallet_id.balance == 125
    assert_sound(registry, *overpaid)


def assign_by_hand(env, topup_id):
    """Odoo's own button on the invoice."""
    invoice = topup_of(env, topup_id).invoice_id
    for item in topup_of(env, topup_id).wallet_id._outstanding_items():
        invoice.js_assign_outstanding_line(item.id)


def test_an_accountant_who_assigns_the_credit_first_is_waited_for(registry, overpaid):
    _first, second, third = overpaid
    with environment(registry) as env:
        assign_by_hand(env, second)
        env.flush_all()
        with in_another_session(registry, apply(third)) as other:
            assert other.waits_or_is_done()
            env.cr.commit()
            assert other.result.result() == 0
    assert_sound(registry, *overpaid)


def test_an_accountant_who_assigns_the_credit_second_begins_anew(registry, overpaid):
    from odoo.service.model import retrying

    _first, second, third = overpaid
    with environment(registry) as env:
        assert topup_of(env, second).missing_amount == 25  # as the invoice's page showed it
        with environment(registry) as other:
            assert apply(third)(other) == 25
        retrying(lambda: assign_by_hand(env, second), env)
    with environment(registry) as env:
        assert [topup_of(env, one).missing_amount for one in (second, third)] == [25, 0]
    assert_sound(registry, *overpaid)


# === PAYING BACK WHILE OTHERS ARE AT THE INVOICE === #


def paid_and_noted(env):
    """Paid, and an accountant has written a credit note that is still a draft."""
    topup = paid(env)
    invoice = topup.invoice_id
    # In another journal: credit notes of one would be in each other's way already because of their numbers.
    journal = env["account.journal"].search([("code", "=", "NOTES"), ("company_id", "=", invoice.company_id.id)])
    journal = journal or journal.create({"name": "Credit notes", "type": "sale", "code": "NOTES"})
    day = invoice.invoice_date
    note = invoice._reverse_moves([{"invoice_date": day, "date": day, "journal_id": journal.id}])
    note.invoice_line_ids.price_unit = 60
    return topup


def post_credit_note(topup):
    topup.invoice_id.reversal_move_ids.filtered(lambda note: note.state == "draft").action_post()


def cancel_invoice(topup):
    topup.invoice_id.button_draft()
    topup.invoice_id.button_cancel()


def cancel_payment(topup):
    payment = topup.invoice_id._get_reconciled_payments()
    payment.action_draft()
    payment.action_cancel()


def unreconcile(topup):
    receivable(topup.invoice_id).remove_move_reconcile()


# What is done to a paid top-up of 100 of which 60 are paid back; the funds after either order of the two.
AT_THE_INVOICE = {
    "credit note": (paid_and_noted, post_credit_note, 40, 40),
    "invoice cancelled": (paid, cancel_invoice, 0, 40),
    # 60 are credited and 40 open: what was received is no longer there.
    "payment cancelled": (paid, cancel_payment, 0, 0),
    "unreconciled": (paid, unreconcile, 0, 0),
}


def give_back(topup_id, amount="60"):
    from odoo.exceptions import UserError

    def work(env):
        try:
            return topup_of(env, topup_id).pay_back(amount, "Not needed").amount_total
        except UserError as error:
            return str(error)

    return work


def balance_of(registry, topup_id):
    with environment(registry) as env:
        return topup_of(env, topup_id).wallet_id.balance


@pytest.mark.parametrize("name", AT_THE_INVOICE)
def test_paying_back_waits_for_whoever_is_at_the_invoice(registry, name):
    prepare, act, left, _left = AT_THE_INVOICE[name]
    [topup_id] = committed(registry, prepare)
    with environment(registry) as env:
        act(topup_of(env, topup_id))
        env.flush_all()
        with in_another_session(registry, give_back(topup_id)) as other:
            assert other.waits_or_is_done()
            env.cr.commit()
            assert "left to pay back" in other.result.result()
    assert balance_of(registry, topup_id) == left
    assert_sound(registry, topup_id)


@pytest.mark.parametrize("name", AT_THE_INVOICE)
def test_whoever_comes_to_the_invoice_after_it_was_paid_back_sees_that(registry, name):
    from odoo.exceptions import UserError
    from odoo.service.model import retrying

    prepare, act, _left, left = AT_THE_INVOICE[name]
    [topup_id] = committed(registry, prepare)
    with environment(registry) as env:
        assert topup_of(env, topup_id).credited_amount == 100  # their transaction's view begins here
        with environment(registry) as other:
            assert give_back(topup_id)(other) == 60
        try:
            retrying(lambda: act(topup_of(env, topup_id)), env)
        except UserError:
            env.cr.rollback()
    assert balance_of(registry, topup_id) == left
    assert_sound(registry, topup_id)


def partly_paid(env):
    """40 of 100 paid, and 30 more that nobody has assigned yet."""
    topup = ordered(env)
    pay(topup.invoice_id, 40)
    journal = topup.invoice_id._get_reconciled_payments().journal_id
    payment = env["account.payment"].create(
        {"partner_id": topup.partner_id.id, "amount": 30, "payment_type": "inbound", "journal_id": journal.id}
    )
    payment.action_post()
    return topup


@pytest.mark.parametrize("is_first", [True, False])
def test_a_payment_is_assigned_while_part_of_the_top_up_is_paid_back(registry, is_first):
    from odoo.service.model import retrying

    [topup_id] = committed(registry, partly_paid)
    with environment(registry) as env:
        assert topup_of(env, topup_id).missing_amount == 60
        if is_first:
            assign_by_hand(env, topup_id)
            env.flush_all()
            with in_another_session(registry, give_back(topup_id, "20")) as other:
                assert other.waits_or_is_done()
                env.cr.commit()
                # 70 were received: the credit note is of 20, and of the 30 that were not.
                assert other.result.result() == 50
        else:
            with environment(registry) as other:
                # 40 were received: of 20, and of the 60 that were not.
                assert give_back(topup_id, "20")(other) == 80
            retrying(lambda: assign_by_hand(env, topup_id), env)
    assert balance_of(registry, topup_id) == (50 if is_first else 20)
    assert_sound(registry, topup_id)


# === A PAYMENT'S RESULT === #


def show_result(env, topup_id):
    """What the page does to which the customer comes back."""
    payment = topup_of(env, topup_id).invoice_id.transaction_ids
    if not payment.is_post_processed:
        payment._post_process()


def assert_entered_once(registry, topup_id):
    with environment(registry) as env:
        topup = topup_of(env, topup_id)
        transaction = topup.invoice_id.transaction_ids
        assert transaction.is_post_processed
        assert env["account.payment"].search_count([("payment_transaction_id", "=", transaction.id)]) == 1
        assert receivable(topup.invoice_id).matched_credit_ids.mapped("amount") == [100]
        assert topup.wallet_id.balance == 100
        assert topup.transaction_ids.mapped("amount") == [Decimal(100)]
    assert_sound(registry, topup_id)


def test_the_sweep_leaves_a_result_to_the_page_that_is_processing_it(registry):
    [topup_id] = committed(registry, received_and_left)
    with environment(registry) as env:
        show_result(env, topup_id)
        with in_another_session(registry, lambda other: other["call.wallet.topup"]._cron_sync()) as sweep:
            sweep.waits_or_is_done()
            env.cr.commit()
            sweep.result.result()
    assert_entered_once(registry, topup_id)


def test_a_page_that_processes_a_result_after_the_sweep_has_begins_anew(registry):
    from odoo.service.model import retrying

    [topup_id] = committed(registry, received_and_left)
    with environment(registry) as env:
        assert not topup_of(env, topup_id).invoice_id.transaction_ids.is_post_processed
        with environment(registry) as other:
            other["call.wallet.topup"]._cron_sync()
        retrying(lambda: show_result(env, topup_id), env)
    assert_entered_once(registry, topup_id)
