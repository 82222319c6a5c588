"""What goes on by itself: after a commit, or after the seconds that a click may take.

Nothing here is the only way: what fails or is cut short is found by a scheduled action.
"""

import logging
from functools import partial

from odoo import SUPERUSER_ID, api

_logger = logging.getLogger(__name__)

GATHERED = "call_wallet.after_commit"
# How long somebody waits at a button, and a scheduled action works at one item before the next has its turn.
CLICK_SECONDS, CRON_SECONDS = 10, 60


def after_commit(env, model, method, ids):
    """Call a method of a model once this transaction is committed, in a cursor of its own, as superuser.

    What several steps of a transaction ask for becomes one call, with the sorted ids of all of them. A failure is
    logged: what was committed stands, and whoever waits for its answer must not hear of it.

    :param str method: takes a list of ids, and opens its own doors
    """
    waiting = env.cr.postcommit.data.setdefault(GATHERED, {})
    if not waiting:
        env.cr.postcommit.add(partial(_call_gathered, env.registry, env.cr))
    waiting.setdefault((model, method), set()).update(ids)


def _call_gathered(registry, committed):
    for (model, method), ids in committed.postcommit.data.pop(GATHERED, {}).items():
        try:
            with registry.cursor() as cr:
                getattr(api.Environment(cr, SUPERUSER_ID, {})[model], method)(sorted(ids))
        except Exception:  # whatever it is, it must not keep the others waiting
            _logger.exception("%s.%s of %s failed; a scheduled action tries again.", model, method, sorted(ids))


def wake(env, action):
    """Start a scheduled action as soon as this transaction is committed, whoever the user is.

    :param str action: its XML id without the addon's name
    """
    env.ref(f"call_wallet.{action}").sudo()._trigger()


def go_on_by_schedule(env, action, run):
    """Work for the seconds that somebody waits at a button; a scheduled action does the rest.

    :param run: function of a number of seconds that tells whether everything is done; it opens its own doors
    """
    if not run(CLICK_SECONDS):
        wake(env, action)
