"""Doors: the only places where a transaction begins and ends.

Public methods, buttons, scheduled actions and what they set going in the background are doors. A door
decides once, before it does anything, whose transaction it works in:

- Where the caller's transaction is clean (nothing written in it, no savepoint open, nothing waiting for
  its end), the door owns it: it ends that transaction, which loses nothing, begins one of its own and
  commits it. What such a door has answered is kept, whatever the caller does afterwards.
- Otherwise the door joins: what it does is part of the caller's transaction and is kept, or undone, with
  it. A door never commits what is not its own.

Behind a door nothing decides again: inner methods lock and write.
"""

from contextlib import contextmanager
from math import inf

from psycopg2 import errors

# PostgreSQL does not say whether a savepoint is open. But a transaction that has to have a number takes
# one for itself and one for each savepoint it is inside of, and holds a lock on every number it has. The
# message takes the numbers; it goes nowhere, because a clean transaction is rolled back next.
IS_CLEAN = """
    SELECT CASE
           WHEN pg_current_xact_id_if_assigned() IS NOT NULL
             OR current_setting('transaction_isolation') = 'read committed' THEN FALSE
           ELSE (SELECT count(*) = 1
                   FROM (SELECT pg_logical_emit_message(TRUE, 'call_wallet', '') AS place) AS numbered,
                LATERAL (SELECT l.pid
                           FROM pg_locks l
                          WHERE l.locktype = 'transactionid' AND l.pid = pg_backend_pid()
                            AND numbered.place IS NOT NULL) AS held)
           END
"""
# How often a transaction of our own in Odoo's books is tried when others are at the same records.
TRIES = 5
BUSY = (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable)


@contextmanager
def door(env):
    """Move money: run the block READ COMMITTED and commit it, or join the caller's transaction.

    Odoo's transactions are REPEATABLE READ: the second writer of a busy wallet fails there, and its request
    is repeated after random sleeps. READ COMMITTED, writers queue for the wallet's row and all succeed.
    Nothing that was read before the block counts inside it: checks belong inside, under the lock.

    :return: whether the door owns the transaction
    """
    with _door(env, "READ COMMITTED") as owns:
        yield owns


@contextmanager
def books_door(env):
    """Work in Odoo's books: run the block REPEATABLE READ and commit it, or join the caller's transaction.

    Odoo's own code counts on being refused when somebody else reconciles or posts the same records. Inside
    another door's transaction the block joins; whoever calls it there locks what is reconciled first.

    :return: whether the door owns the transaction
    """
    with _door(env, None) as owns:
        yield owns


def in_books(env, step):
    """Carry out ``step`` in Odoo's books in a transaction of its own, again when others were in the way.

    :param step: function without parameters; it can be repeated
    :return: what ``step`` returns
    :raise psycopg2.OperationalError: others were in the way each time, or the caller's transaction, which the
        step has joined, has to be repeated as a whole
    """
    for left in reversed(range(TRIES)):
        owns = False
        try:
            with books_door(env) as owns:
                return step()
        except BUSY:
            if not (owns and left):
                raise


def worker(method):
    """Mark a method that runs one transaction after another, each as a door of its own.

    Only doors call it, and not inside a transaction of theirs.
    """
    return method


def end_if_clean(env):
    """End the transaction where nothing is lost or kept by it; the next statement begins a new one.

    Also between the batches of a long reading: a snapshot that is held open keeps PostgreSQL from clearing
    old versions of the busy wallets' rows.

    :return: whether it was ended; False inside a transaction that has written, or inside a savepoint
    """
    cr = env.cr
    env.flush_all()
    if any(map(len, (cr.precommit, cr.postcommit, cr.prerollback, cr.postrollback))):
        return False
    cr.execute(IS_CLEAN)
    [is_clean] = cr.fetchone()
    if is_clean:
        cr.rollback()
    return is_clean


def note_progress(env, done, remaining):
    """Tell the scheduled action that runs how far it is, which commits; anybody else keeps their transaction.

    :param int done: how many were finished since the last time
    :param int remaining: how many are left
    :return: for how many seconds the scheduled action may go on
    """
    if not env.context.get("ir_cron_progress_id"):
        return inf
    return env["ir.cron"]._commit_progress(done, remaining=remaining)


@contextmanager
def _door(env, isolation):
    cr = env.cr
    if not end_if_clean(env):
        yield False
        return
    if isolation:
        cr.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")  # pylint: disable=sql-injection
    try:
        yield True
        # What the ORM still has to write can be refused like anything else, and is then undone like it.
        cr.flush()
    except BaseException:
        cr.rollback()
        raise
    cr.commit()  # pylint: disable=invalid-commit
