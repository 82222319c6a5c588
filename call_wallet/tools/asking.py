"""Asking a payment provider while nothing is locked and nothing unsaved, then entering what it answered.

A request may take a minute. Whoever locks a wallet, a top-up or a payment meanwhile keeps calls, customers and other
messages waiting for as long. So what is needed is read and committed first; the answer is entered in a transaction of
its own, unless somebody else has entered a newer one by then.
"""

from typing import NamedTuple

import stripe

from .door import TRIES, end_if_clean, in_books
from .stripe_client import client


class Superseded(Exception):
    """Something was entered after the provider was asked: its answer may be the older one."""


class Answer(NamedTuple):
    """What Stripe answered to one request: an object as a dict, or the error."""

    content: dict = None
    error: stripe.StripeError = None


def ask_stripe(provider, request):
    """Send one request to a provider's account; return the ``Answer``, a refusal as well.

    :param request: function of the client, returning one of Stripe's objects; it reads nothing from the database
    """
    api = client(provider.sudo())
    end_if_clean(provider.env)
    try:
        return Answer(content=request(api).to_dict())
    except stripe.StripeError as error:
        return Answer(error=error)


def ask_and_enter(env, ask, enter):
    """Ask with nothing locked, then enter the answer in Odoo's books in a transaction of its own.

    :param ask: function without parameters; only reads
    :param enter: function of what ``ask`` returned and of when it was asked (the database's clock, naive UTC); raises
        ``Superseded`` where a newer answer has been entered, on which it is asked anew
    :return: what ``enter`` returns
    """
    for left in reversed(range(TRIES)):
        asked_at = _database_time(env)
        end_if_clean(env)
        answer = ask()
        try:
            return in_books(env, lambda answer=answer, asked_at=asked_at: _enter(env, enter, answer, asked_at))
        except Superseded:
            if not left:
                raise


def refuse_superseded(records, asked_at):
    """Refuse an answer that is older than what is known of these records. Call it once they are locked.

    A transaction's writes carry the time at which it began, which is after it had asked.

    :param asked_at: when Stripe was asked; None where it was asked inside this transaction
    :raise Superseded: ask again
    """
    records.invalidate_recordset(["write_date"])
    if asked_at and any(record.write_date >= asked_at for record in records):
        raise Superseded


def _enter(env, enter, answer, asked_at):
    # Inside a transaction of the caller's, what a failing step has begun is undone by the savepoint.
    with env.cr.savepoint():
        return enter(answer, asked_at)


def _database_time(env):
    env.cr.execute("SELECT clock_timestamp() AT TIME ZONE 'UTC'")
    return env.cr.fetchone()[0]
