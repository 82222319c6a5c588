from functools import partial

from odoo import SUPERUSER_ID, api, fields, models

from ...tools import meter
from ...tools.call_log import log_answer, log_results
from ...tools.door import door
from ...tools.intake import CALL_TYPES, Refused, choice


class CallWalletMeter(models.Model):
    """A figure for monitoring: what all processes have counted since the installation, or how something stood last."""

    _name = "call.wallet.meter"
    _description = "Call Wallet Meter"
    _log_access = False
    _order = "name, labels"

    name = fields.Char(required=True, readonly=True)
    labels = fields.Char(required=True, readonly=True, help="As the text format of Prometheus has them; none: empty.")
    value = fields.Float(required=True, readonly=True, aggregator=None)

    _once = models.UniqueIndex("(name, labels)", "A figure is kept once.")

    @api.model
    def _note_calls(self, calls, answers, is_committed):
        """Count and log what became of reported calls, once that is committed: by the door, or by its caller."""
        if not is_committed:
            self.env.cr.postcommit.add(partial(self._note_calls, calls, answers, True))
            return
        database = self.env.cr.dbname
        log_results(answers)
        for call, answer in zip(calls, answers, strict=False):
            meter.count(
                database,
                "call_wallet_calls_total",
                call_type=_kind_of(call),
                result=answer["result"],
                code=answer.get("code") or "",
            )
        self._flush()

    @api.model
    def _note_answer(self, method, answer, is_committed):
        """Count and log an answer about a hold by its code, such as ``ok`` or ``no_funds``, once that is committed."""
        if not is_committed:
            self.env.cr.postcommit.add(partial(self._note_answer, method, answer, True))
            return
        log_answer(method, answer)
        meter.count(self.env.cr.dbname, "call_wallet_answers_total", method=method, code=answer["code"])
        self._flush()

    @api.model
    def _flush(self, is_due_only=True):
        meter.flush(self.env.registry, _add, is_due_only)

    @api.model
    def _set(self, name, value, **labels):
        """Keep how something stands; what stood there before is gone."""
        self.env.cr.execute(SET, [name, meter.written(labels), float(value)])

    @api.model
    def _forget(self, name):
        """Delete what is kept under a name: what is no more is not told any more."""
        self.env.cr.execute("DELETE FROM call_wallet_meter WHERE name = %s", [name])


def _kind_of(call):
    """Return the type of a reported call, as it is counted."""
    try:
        return choice(call, "call_type", CALL_TYPES)
    except (Refused, AttributeError):
        return "other"


def _add(registry, rows):
    with registry.cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        with door(env):
            # In one order, so that two processes wait for each other and none for ever.
            cr.execute(ADD, [list(column) for column in zip(*rows, strict=True)])
        env["call.wallet.schedule"]._check_if_nobody_does()


ADD = """
    INSERT INTO call_wallet_meter AS m (name, labels, value)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::float8[])
        ON CONFLICT (name, labels) DO UPDATE SET value = m.value + EXCLUDED.value
"""
SET = """
    INSERT INTO call_wallet_meter (name, labels, value) VALUES (%s, %s, %s)
        ON CONFLICT (name, labels) DO UPDATE SET value = EXCLUDED.value
"""
