"""Doors: the only places where a transaction begins and ends.

Public methods, buttons, scheduled actions and what they set going in the background are doors. A door
decides once, before it does anything, whose transaction it works in:

- Where the caller's transaction is clean (nothing written in it, no savepoint open, nothing waiting for
  its end), the door owns it: it ends that transaction, which loses nothing, begins one of its own and
  commits it. What such a door has answered is kept, whatever the caller does afterwards.
- Otherwise the door joins: what it does is part of the caller's transaction and is kept, or undone, with
  it. A door never commits what is not its own.

Behind a door nothing decides again: inner methods lock and write.

Scheduled actions go through what they have to do by ``each``: item by item, each with doors of its own.
"""

import logging
from contextlib import contextmanager

from psycopg2 import OperationalError, errors

_logger = logging.getLogger(__name__)

# PostgreSQL does not say whether a savepoint is open. But what is done inside of one is done under a number of the
# savepoint's own. So a row of a table made for this is locked: it then shows the number under which that was done. In
# a clean transaction it is the transaction's. Each session has its row, or shares it with few; nothing is written, and
# the lock ends with the transaction, which is rolled back next.
PLACES = 1024
IS_CLEAN = f"""
    WITH begun AS MATERIALIZED (
        SELECT pg_current_xact_id_if_assigned() IS NULL
               AND current_setting('transaction_isolation') <> 'read committed' AS is_new
    ), place AS MATERIALIZED (
        SELECT id FROM call_wallet_door_place
         WHERE id = pg_backend_pid() % {PLACES} AND (SELECT is_new FROM begun)
           FOR UPDATE SKIP LOCKED
    )
    SELECT begun.is_new,
           (SELECT (SELECT d.xmax FROM call_wallet_door_place d WHERE d.id = place.id) = pg_current_xact_id()::xid
              FROM place)
      FROM begun
"""
# Where another session is at the row, or no row may be locked: a transaction that has to have a number takes one for
# itself and one for each savepoint it is inside of, and holds a lock on every number it has. The message takes the
# numbers; it goes nowhere. The list of all locks is long on a busy server, so it is not the first thing to ask for.
HAS_ONE_NUMBER = """
    SELECT count(*) = 1
      FROM (SELECT pg_logical_emit_message(TRUE, 'call_wallet', '') AS place) AS numbered,
   LATERAL (SELECT l.pid
              FROM pg_lock_status() l
             WHERE l.locktype = 'transactionid' AND l.pid = pg_backend_pid()
               AND numbered.place IS NOT NULL) AS held
"""
# A replica gives no numbers, so that nobody knows there whether a savepoint is open; its transaction goes on.
IS_NEW = """
    SELECT pg_current_xact_id_if_assigned() IS NULL
           AND current_setting('transaction_isolation') <> 'read committed'
           AND NOT pg_is_in_recovery(), NULL
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

    :return: whether it was ended; False inside a transaction that has written, or inside a savepoint, and on a replica
    """
    is_clean = _is_clean(env)
    if is_clean:
        env.cr.rollback()
    return is_clean


def _is_clean(env):
    """Tell whether nothing is lost or kept where the transaction ends: nothing written, and no savepoint open."""
    cr = env.cr
    env.flush_all()
    if any(map(len, (cr.precommit, cr.postcommit, cr.prerollback, cr.postrollback))):
        return False
    cr.execute(IS_NEW if cr.readonly else IS_CLEAN)
    is_new, is_own_number = cr.fetchone()
    if is_new and is_own_number is None:
        cr.execute(HAS_ONE_NUMBER)
        [is_own_number] = cr.fetchone()
    return is_new and is_own_number


def make_places(cr):
    """Make the table by which a door knows whether a savepoint is open."""
    cr.execute(
        f"""
        CREATE TABLE IF NOT EXISTS call_wallet_door_place (id int PRIMARY KEY);
        INSERT INTO call_wallet_door_place SELECT generate_series(0, {PLACES - 1}) ON CONFLICT DO NOTHING
        """
    )


def each(env, items, step, failed=None, part=None):
    """Carry out ``step(item)`` for one item after another; one that fails keeps no other waiting.

    The step opens its own doors. What it did is kept before the next item's turn; what a failing step has
    begun is undone, and logged. A record for which it fails is also noted once (``call.wallet.failure``), where
    finance sees it, until the step succeeds or the scheduled action no longer lists it. In a
    transaction of the caller's, a savepoint does what the end of the transaction does otherwise.

    Odoo gives a scheduled action some seconds, then it starts it again; so it is told of each item. Where an
    item stays in the list although it is done, the next start would begin with it again: ``part`` names the
    place up to which the last one came.

    :param items: recordset, or list of anything
    :param step: function of one item
    :param failed: function of an item and the exception, called after a step was undone, instead of the log;
        it opens its own doors. Returns True where finance is told of it otherwise
    :param str part: go on where an earlier start ran out of time with the part of this name; only for records
        in the order of their ids, or for batches of them
    :return: whether all had their turn; False: Odoo's time is up, the scheduled action should end here
    """
    if hasattr(items, "browse"):
        # One by one: each reads itself anew in its own transaction, not all the others with it.
        items = [items.browse(item_id) for item_id in items.ids]
    failures = _Failures(env, step)
    failures.forget_others(items)
    if part:
        items = _left(env, items, part)
    for left, item in zip(reversed(range(len(items))), items, strict=True):
        try:
            _in_its_own_transaction(env, lambda item=item: step(item))
            failures.forget(item)
        except Exception as error:  # whatever it is, it must not keep the others waiting
            is_told = failed(item, error) if failed else log_failure(item, error)
            if not is_told:
                failures.note(item, error)
        if not _commit_item(env, left, part and f"{part}/{item.ids[-1]}"):
            return False
    return True


class _Failures:
    """What a step has failed at, as ``call.wallet.failure`` keeps it; one look at it unless something changes."""

    def __init__(self, env, step):
        self.env = env
        self.action = _name_of(step)
        self.known = env["call.wallet.failure"]._failing(self.action)

    def note(self, item, error):
        """Note a failure. Somebody else at the record is none."""
        if _key(item) and not isinstance(error, OperationalError):
            with door(self.env):
                self.env["call.wallet.failure"]._note_failure(self.action, item, error)

    def forget(self, item):
        """Delete what is noted of a record, now that the step has succeeded."""
        self._delete({_key(item)} & self.known)

    def forget_others(self, items):
        """Delete what is noted of records that a scheduled action has not in its list any more."""
        if self.known and self.env.context.get("ir_cron_progress_id"):
            self._delete(self.known - {_key(item) for item in items})

    def _delete(self, keys):
        if keys:
            with door(self.env):
                self.env["call.wallet.failure"]._forget_failures(self.action, keys)
            self.known -= keys


def _key(item):
    return (item._name, item.id) if hasattr(item, "browse") and len(item) == 1 else None


def _name_of(step):
    """Return a name for a step that is the same at each run: its function's, and the names it is told."""
    told = [part for part in getattr(step, "args", ()) if isinstance(part, str) and part.isidentifier()]
    function = getattr(step, "func", step)
    return "/".join([getattr(function, "__qualname__", type(function).__name__), *told])


def log_failure(item, error):
    """Say in the log that an item of a scheduled action failed; somebody else at it is nothing to look into."""
    if isinstance(error, OperationalError):
        _logger.info("%s is being worked on; the next run of the scheduled action looks again.", item)
    else:
        _logger.error("%s failed; the scheduled action tries again.", item, exc_info=error)


def _in_its_own_transaction(env, step):
    if not end_if_clean(env):
        with env.cr.savepoint():
            step()
        return
    try:
        step()
    except BaseException:
        env.cr.rollback()
        raise


def _left(env, items, part):
    """Return what an earlier start of the scheduled action has not come to; all, after one that came to the end."""
    context = env.context
    if not context.get("ir_cron_progress_id"):
        return items
    last = env["ir.cron.progress"].sudo()
    last = last.search(
        [("cron_id", "=", context["cron_id"]), ("id", "<", context["ir_cron_progress_id"])], order="id desc", limit=1
    )
    name, _slash, item_id = (last.call_wallet_place or "").partition("/")
    return [item for item in items if item.ids[-1] > int(item_id)] if last.remaining and name == part else items


def _commit_item(env, left, place):
    """Tell Odoo that one more item had its turn; return whether there is time for others."""
    progress_id = env.context.get("ir_cron_progress_id")
    if not progress_id:
        return True  # nobody counts; and what is the caller's is not committed
    if place:
        env["ir.cron.progress"].sudo().browse(progress_id).call_wallet_place = place
    return bool(env["ir.cron"]._commit_progress(1, remaining=left))


@contextmanager
def _door(env, isolation):
    cr = env.cr
    if not _is_clean(env):
        yield False
        return
    if isolation:
        # What ``rollback`` does where nothing waits for it; one way to the database instead of three.
        cr.clear()
        cr._now = None
        cr.execute(f"ROLLBACK; BEGIN ISOLATION LEVEL {isolation}")
    else:
        cr.rollback()
    try:
        yield True
        # What the ORM still has to write can be refused like anything else, and is then undone like it.
        cr.flush()
    except BaseException:
        cr.rollback()
        raise
    cr.commit()  # pylint: disable=invalid-commit  (a door is the one place that may)
