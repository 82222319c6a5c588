"""Set-ups of how an invoice is paid: each puts its own way into `world.pay`."""

from decimal import Decimal
from unittest.mock import patch

from .books import journals, make_account
from .flow import balance, match, receive, register


def by_bank(world):
    def pay(world, topup):
        match(receive(world, topup.total_amount), topup.invoice_id)

    world.pay = pay


def by_reference(world):
    """The bank's line names the reference; the addon matches it."""

    def pay(world, topup):
        receive(world, topup.total_amount, f"TRANSFER {topup.invoice_id.payment_reference}")
        world.root["call.wallet.topup"].match_transfers()

    world.pay = pay


def bank_fee(world):
    """The bank keeps 9 of 100: the seller's cost."""

    def pay(world, topup):
        account = _fee_account(world)
        match(receive(world, "91"), topup.invoice_id, account=account, amount="9")

    world.pay = pay


def _fee_account(world):
    fees = getattr(world.company, "_call_wallet_fee_accounts", None)
    assert fees, "no setting says which accounts are fees"
    return fees()[:1]


def in_two_parts(world):
    def pay(world, topup):
        register(world, topup.invoice_id, amount=40)
        assert balance(world) == 40
        register(world, topup.invoice_id)

    world.pay = pay


def two_at_once(world):
    """One payment over this top-up and another of 50, which is used up at once."""

    def pay(world, topup):
        second = world.order("50")
        register(world, topup.invoice_id | second.invoice_id, group_payment=True)
        assert balance(world) == Decimal("150")
        second.pay_back("50", "Not wanted")

    world.pay = pay


def without_entry(world):
    """Payments make no entry; the bank's line settles the invoice.

    So it is with Enterprise, which cannot be had here: its one answer is given in its place.
    """
    moves = world.root.registry["account.move"]
    world.patches.enter_context(patch.object(moves, "_get_invoice_in_payment_state", lambda self: "in_payment"))
    for journal in journals(world, "bank"):
        journal.inbound_payment_method_line_ids.payment_account_id = False

    def pay(world, topup):
        payment = register(world, topup.invoice_id)
        assert (payment.state, bool(payment.move_id)) == ("in_process", False)
        assert (topup.invoice_id.payment_state, balance(world)) == ("in_payment", 0)
        match(receive(world, topup.total_amount), topup.invoice_id)

    world.pay = pay


def outstanding(world):
    """Payments wait on an account of their own for the bank's line, as Odoo did up to 17."""
    account = make_account(world, "Outstanding receipts", "asset_current", "994", reconcile=True)
    for journal in journals(world, "bank"):
        journal.inbound_payment_method_line_ids.payment_account_id = account


def early_discount(world):
    term = world.root["account.payment.term"].create(
        {"name": "2 % in 7 days", "early_discount": True, "discount_days": 7, "discount_percentage": 2}
    )
    world.customer_values["property_payment_term_id"] = term.id
