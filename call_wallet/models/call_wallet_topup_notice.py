import logging
from functools import partial

from odoo import SUPERUSER_ID, api, models

from ..door import door
from ..fields import Amount

_logger = logging.getLogger(__name__)

WAITING = "call_wallet.notices"


class CallWalletTopupNotice(models.Model):
    """Tell the recipients that funds have arrived: once for each credit.

    What was told is a level beside the credit, so a mail that a crash prevented is sent by the
    scheduled action, and none is sent twice.
    """

    _inherit = "call.wallet.topup"

    notified_amount = Amount(
        required=True, default=0, readonly=True, copy=False, help="How much of the credit the recipients were told of."
    )

    def _notify_after_commit(self):
        """Mail the recipients once what was credited is committed."""
        waiting = self.env.cr.postcommit.data.setdefault(WAITING, set())
        if not waiting:
            self.env.cr.postcommit.add(partial(notify_now, self.env.registry, self.env.cr))
        waiting.add(self.id)

    @api.model
    def _cron_notify(self, topup_ids=None):
        """Mail what was credited since the last mail, each top-up in a transaction of its own.

        :param topup_ids: only these; None: all
        """
        failed = []
        while True:
            with door(self.env):
                topup = self._take_credited(topup_ids, failed)
                if not topup:
                    break
                try:
                    with self.env.cr.savepoint():
                        topup._notify_one()
                except Exception:  # one bad address or template must not hold up the others
                    failed.append(topup.id)
                    _logger.exception("Call wallet top-up %s: its mail was not sent.", topup.id)

    def _take_credited(self, topup_ids, failed):
        self.env.flush_all()
        self.env.cr.execute(TAKE, {"all": topup_ids is None, "ids": list(topup_ids or []), "failed": failed})
        row = self.env.cr.fetchone()
        self.env.invalidate_all()
        return self.sudo().browse(row[0]) if row else self.browse()

    def _notify_one(self):
        added = self.credited_amount - self.notified_amount
        self.notified_amount = self.credited_amount
        if added > 0:
            self.wallet_id._mail_recipients("mail_template_topup_received", self.id, added=added)


def notify_now(registry, committed):
    """Mail what a transaction credited, now that it is committed. A failure is the scheduled action's."""
    topup_ids = committed.postcommit.data.pop(WAITING, ())
    try:
        with registry.cursor() as cr:
            topups = api.Environment(cr, SUPERUSER_ID, {})["call.wallet.topup"]
            topups._cron_notify(sorted(topup_ids))
    except Exception:  # the credit is committed; whoever paid must not see this
        _logger.exception("Call wallet top-ups %s: no mail yet; the scheduled action tries again.", topup_ids)


# The level falls silently where money was taken back: what comes again is told again.
TAKE = """
    SELECT id FROM call_wallet_topup
     WHERE credited_amount <> notified_amount AND (%(all)s OR id = ANY(%(ids)s)) AND id <> ALL(%(failed)s::int[])
     ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
