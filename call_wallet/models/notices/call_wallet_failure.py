import logging

from odoo import api, fields, models
from psycopg2 import OperationalError

from ...tools.clock import utcnow

_logger = logging.getLogger(__name__)

MAX_ERROR = 500


class CallWalletFailure(models.Model):
    """Something that a scheduled action, or a step beside the money, could not do for one record.

    One row an action and record, however often it fails: the next run that succeeds, or has nothing to do there,
    deletes it. ``call.wallet.waiting`` shows it to finance. Times are UTC.
    """

    _name = "call.wallet.failure"
    _description = "Call Wallet Failure"
    _order = "last_at desc, id desc"
    _rec_name = "error"
    _log_access = False

    action = fields.Char(required=True, readonly=True, help="What was to be done: the name of a step in the program.")
    model = fields.Char(required=True, readonly=True)
    res_id = fields.Many2oneReference("Record", model_field="model", required=True, readonly=True)
    wallet_id = fields.Many2one("call.wallet", readonly=True, ondelete="cascade", index="btree_not_null")
    company_id = fields.Many2one("res.company", readonly=True, ondelete="cascade", index="btree_not_null")
    error = fields.Char(required=True, readonly=True)
    cause = fields.Char(readonly=True, help="Which of the reasons that have a next step of their own; empty: another.")
    count = fields.Integer("Times", required=True, readonly=True, default=1, aggregator="sum")
    first_at = fields.Datetime(required=True, readonly=True)
    last_at = fields.Datetime(required=True, readonly=True)

    _once = models.UniqueIndex("(action, model, res_id)", "A failure is noted once.")

    @api.model
    def _failing(self, action):
        """Return {(model, record id)} of what has failed in ``action`` and is not mended."""
        return {(failure.model, failure.res_id) for failure in self.sudo().search([("action", "=", action)])}

    @api.model
    def _note_failure(self, action, record, error, cause=None):
        """Note that ``action`` failed for ``record``; a failure that is noted already is counted.

        :param str cause: one of those that ``_next_step`` explains
        """
        self.env.flush_all()
        now = utcnow()
        wallet = self._wallet_of(record)
        company = wallet.company_id or ("company_id" in record._fields and record.sudo().company_id)
        if record._name == "res.company":
            company = record
        text = " ".join(f"{type(error).__name__}: {error}".replace("\0", " ").split())[:MAX_ERROR]
        self.env.cr.execute(
            NOTE,
            [
                *(action, record._name, record.id, wallet.id or None, company.id if company else None),
                *(text, cause or None, now, now),
            ],
        )
        self.env.invalidate_all(flush=False)

    @api.model
    def _next_step(self, cause):
        """Return what to do about a failure by its cause, in the reader's language."""
        _ = self.env._
        match cause:
            case "provider_key":
                return _(
                    "Stripe does not accept the account's key: it was revoked, has expired or is mistyped. Have an "
                    "administrator enter a new secret key on the payment provider; nothing else has to be done."
                )
            case "provider_permission":
                return _(
                    "The account's restricted key may not do this. Have an administrator give it the permission at "
                    "Stripe, Developers, API keys, or enter a secret key on the payment provider."
                )
            case "provider_account":
                return _(
                    "Stripe does not let the account take payments: it is closed, restricted or not activated. See "
                    "what Stripe asks for in its dashboard; until then, offer bank transfers."
                )
            case "provider_busy":
                return _("Stripe was asked too often at once. It is tried again by itself; if it goes on, tell Stripe.")
            case "provider_silent":
                return _("Stripe does not answer. It is tried again by itself; see status.stripe.com if it goes on.")
            case "provider_unknown":
                return _(
                    "The account that the key belongs to does not know it: it was made with another account, or in the "
                    "other mode. Enter that account's key, or see there how it stands and enter it by hand. A payment "
                    "under way is given up after a day; you get a task then."
                )
            case "mail_server":
                return _(
                    "Mails are not sent: the outgoing mail server refuses them or does not answer. Have an "
                    "administrator mend it under Settings, Technical, Outgoing Mail Servers, and retry what failed "
                    "under Emails."
                )
            case "provider_request":
                return _(
                    "Stripe refused a payment; nothing was charged, and the customer was told. This entry goes with "
                    "the next payment that Stripe takes. If it stays, see Stripe's dashboard, Developers, Logs."
                )
        return _("It is tried again by itself. If it goes on, mend the cause or ask your administrator.")

    def _wallet_of(self, record):
        if record._name == "call.wallet":
            return record.sudo()
        has_wallet = "wallet_id" in record._fields and record._fields["wallet_id"].comodel_name == "call.wallet"
        return record.sudo().wallet_id if has_wallet else self.env["call.wallet"].sudo()

    @api.model
    def _forget_failures(self, action, keys):
        """Delete what was noted of ``action`` for records that are mended.

        :param keys: pairs of model and record id
        """
        failures = self.sudo().search([("action", "=", action)])
        failures.filtered(lambda failure: (failure.model, failure.res_id) in keys).unlink()

    @api.model
    def _beside(self, action, record, step):
        """Carry out a step that is not essential, such as a note in the history, a task or a notice.

        What fails is undone, logged and noted; it neither raises nor undoes what came before.

        :param str action: what it is, in a word or two
        :param record: whom it is about
        :param step: function without parameters
        :return: whether it was done
        :raise psycopg2.OperationalError: others were in the way; the whole is to be repeated
        """
        try:
            with self.env.cr.savepoint():
                step()
                self.env.flush_all()
        except OperationalError:
            raise
        except Exception as error:  # whatever it is, the money and the other people come first
            _logger.exception("%s failed for %s; the rest was done.", action, record)
            self._note_failure(action, record, error)
            return False
        if (record._name, record.id) in self._failing(action):
            self._forget_failures(action, {(record._name, record.id)})
        return True


NOTE = """
    INSERT INTO call_wallet_failure AS f
           (action, model, res_id, wallet_id, company_id, error, cause, count, first_at, last_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 1, %s, %s)
    ON CONFLICT (action, model, res_id) DO UPDATE
       SET error = EXCLUDED.error, cause = EXCLUDED.cause, count = f.count + 1, last_at = EXCLUDED.last_at
"""
