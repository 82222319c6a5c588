"""Reading while others write: each transaction is read once, by whoever goes on after the last one. Real commits."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from .doors_table import call, funded, lay_the_ground
from .real_commits import environment
from .sessions import in_another_session

pytestmark = pytest.mark.real_commits

WRITERS, REQUESTS, CALLS = 4, 12, 7


@pytest.fixture(scope="module")
def registry(shared_registry):
    with environment(shared_registry) as env:
        lay_the_ground(env)
        env.cr.commit()
    return shared_registry


def two_wallets(registry):
    with environment(registry) as env:
        accounts = [funded(env).account_ref for _number in range(2)]
        env.cr.commit()
    return accounts


def write(registry, accounts, writer):
    """Report calls of both wallets in each request, so that the ids of their transactions are interleaved."""
    for request in range(REQUESTS):
        with environment(registry) as env:
            calls = [call(accounts[n % 2], f"{writer}-{request}-{n}") for n in range(CALLS)]
            assert {one["result"] for one in env["call.usage"].record_calls(calls)} == {"charged"}
            env.cr.commit()


def read_on(registry, account, after, limit=5):
    with environment(registry) as env:
        return env["call.wallet"].list_transactions(account, after=after, limit=limit)


def test_a_reader_gets_each_transaction_once_while_others_are_entered(registry):
    accounts = two_wallets(registry)
    read, after, is_over = [], None, False
    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write, registry, accounts, number) for number in range(WRITERS)]
        while not is_over:
            # Looked at before reading: what was written by then is there.
            is_done = all(writer.done() for writer in writers)
            page = read_on(registry, accounts[0], after)
            read += page
            after = page[-1]["transaction"] if page else after
            is_over = is_done and not page
        for writer in writers:
            writer.result()
    # The opening credit, and of each request of 7 calls the first, third, fifth and seventh
    assert [row["sequence"] for row in read] == list(range(1, 1 + WRITERS * REQUESTS * 4 + 1))
    assert len({row["transaction"] for row in read}) == len(read)
    # 100 - 192 x 0.02
    assert read[-1]["balance_after"] == "96.160000"


def test_what_is_not_committed_yet_comes_later_and_not_below(registry):
    """The first session has its numbers and does not commit; the second one waits, so that nothing overtakes."""
    account, _other = two_wallets(registry)
    first = read_on(registry, account, None)
    with environment(registry) as env:
        env["res.partner"].create({"name": "Written before"})  # so that the caller's transaction is joined
        env["call.usage"].record_calls([call(account, "slow")])

        def quick(other):
            return other["call.usage"].record_calls([call(account, "quick")])

        with in_another_session(registry, quick) as session:
            assert session.waits_or_is_done()
            assert read_on(registry, account, first[-1]["transaction"]) == []
            env.cr.commit()
            session.result.result()
    rest = read_on(registry, account, first[-1]["transaction"])
    assert [row["call_ref"] for row in rest] == ["slow", "quick"]
