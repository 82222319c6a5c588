from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ...tools.task import read_task, text_of

KINDS = [
    ("task", "Task"),
    ("refund", "Refund to approve"),
    ("rejected", "Rejected calls"),
    ("noted", "Calls with a note"),
    ("report", "Usage report failed"),
    ("closed", "Closed wallet with a balance"),
    ("source", "Call source"),
    ("failure", "Failed by itself"),
]


class CallWalletWaiting(models.Model):
    """All that waits for somebody in finance, in one list: what, why, and what to do next.

    A view over what the other models keep; an entry goes when its cause does. Times are UTC.
    """

    _name = "call.wallet.waiting"
    _description = "Waiting for Finance"
    _auto = False
    _order = "deadline, since desc, id"
    _rec_name = "reason"
    _rec_names_search = ["summary", "detail"]

    kind = fields.Selection(KINDS, readonly=True)
    wallet_id = fields.Many2one("call.wallet", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    user_id = fields.Many2one("res.users", "Responsible", readonly=True)
    model = fields.Char(readonly=True)
    res_id = fields.Many2oneReference("Record", model_field="model", readonly=True)
    code = fields.Char(readonly=True)
    summary = fields.Char(readonly=True)
    detail = fields.Char(readonly=True)
    count = fields.Integer(readonly=True, aggregator="sum")
    since = fields.Datetime(readonly=True)
    deadline = fields.Date(readonly=True)
    words = fields.Json(readonly=True, help="How a task's texts were made, in whatever language it was given.")
    readers = fields.Char(
        "Shown To",
        readonly=True,
        groups="base.group_system",
        help="Calls of an unknown account belong to no company: the ids, between commas, of those whose platforms "
        "have reported them.",
    )
    reason = fields.Char(compute="_compute_reason", help="What happened.")
    next_step = fields.Char(compute="_compute_reason", help="What to do about it.")

    @property
    def _table_query(self):
        return SQL(WAITING)

    @api.depends("kind", "code", "summary", "detail", "words")
    @api.depends_context("lang")
    def _compute_reason(self):
        for entry in self:
            entry.reason, entry.next_step = entry._in_words()

    def _in_words(self):
        """Return what happened and what to do about it, in the reader's language."""
        _ = self.env._
        if self.kind == "task":
            kept = self.words if isinstance(self.words, dict) else {}
            summary = read_task(self.env, kept.get("summary"), self.summary)
            return summary or _("Task"), read_task(self.env, kept.get("note"), text_of(self.detail))
        if self.kind == "refund":
            return self.detail or "", _("A finance manager who did not ask for it approves or refuses the refund.")
        if self.kind == "rejected" and self.code == "conflict":
            return self.detail or "", _("Charge it as a call of its own if it took place, else dismiss it.")
        if self.kind == "rejected":
            return self.detail or "", _("Mend the cause, then retry; or dismiss calls that are not to be charged.")
        if self.kind == "noted":
            sentences = self.env["call.usage"]._note_sentences((self.code or "").split(","))
            return " ".join(sentences), _("Look at the calls; refund what should not have been charged.")
        if self.kind == "closed":
            reason = _("A call or a payment came after the wallet was closed.")
            return reason, _("Close it again, which settles the balance, or reopen it.")
        if self.kind == "source":
            return self.detail or "", _("Open the source's calls; add lines that are missing, then retry.")
        if self.kind == "report":
            return self.detail or "", _("Ask for the report again, for fewer days if it was too long.")
        return self.detail or "", self.env["call.wallet.failure"]._next_step(self.code)

    def action_open(self):
        """Open what the entry is about: the record, or the list of calls.

        :raise AccessError: not finance staff, or not a record of the user's companies
        :raise UserError: the record is an administrator's, such as a payment provider
        """
        self.ensure_one()
        self.check_access("read")
        if self.kind in ("rejected", "noted"):
            name = "action_call_usage_rejection" if self.kind == "rejected" else "action_call_usage"
            action = self.env["ir.actions.act_window"]._for_xml_id(f"call_wallet.{name}")
            wallet = [("wallet_id", "=", self.wallet_id.id)]
            if self.kind == "rejected":
                return {**action, "context": {}, "domain": [*wallet, ("code", "=", self.code), ("state", "=", "open")]}
            return {**action, "context": {}, "domain": [*wallet, ("note_codes", "=", self.code)]}
        record = self._record()
        if record and not record.has_access("read"):
            raise UserError(self.env._("Your role may not open it; ask your administrator to do what the list says."))
        return record.get_formview_action() if record else False

    def _record(self):
        """Return the record to look at: the one that a task is about, else the one that it stands on."""
        record = self.env[self.model].browse(self.res_id).exists() if self.model in self.env else self.wallet_id
        is_closed_to_user = self.kind == "task" and self.wallet_id and record and not record.has_access("read")
        return self.wallet_id if is_closed_to_user else record or self.wallet_id


# Tasks are Odoo's activities; a refund request gives each manager one, and stands here once. An activity's company is
# its wallet's, or else that of whoever is to do it. Notes are of the last 30 days, by when a month is closed. Calls of
# an unknown account are told apart by who may read them, as the rule of rejected calls has it.
WAITING = r"""
    SELECT a.id::bigint * 8 AS id, 'task' AS kind, w.id AS wallet_id,
           COALESCE(w.company_id, u.company_id) AS company_id, a.user_id,
           COALESCE(a.call_wallet_about_model, a.res_model) AS model,
           CASE WHEN a.call_wallet_about_model IS NULL THEN a.res_id ELSE a.call_wallet_about_id END AS res_id,
           NULL AS code, a.summary, a.note AS detail, 1 AS count,
           a.create_date AS since, a.date_deadline AS deadline,
           NULL AS readers, a.call_wallet_words AS words
      FROM mail_activity a
      LEFT JOIN call_wallet w ON a.res_model = 'call.wallet' AND w.id = a.res_id
      LEFT JOIN res_users u ON u.id = a.user_id
     WHERE a.active AND a.res_model <> 'call.wallet.refund.request'
       AND (starts_with(a.res_model, 'call.')
            OR a.res_model = 'account.account' AND EXISTS (
               SELECT FROM ir_model_data d
                WHERE d.model = a.res_model AND d.res_id = a.res_id AND d.name LIKE '%%call\_wallet\_%%'))
    UNION ALL
    SELECT r.id::bigint * 8 + 1, 'refund', r.wallet_id, r.company_id, NULL, 'call.wallet.refund.request', r.id, NULL,
           NULL, r.reason, 1, r.create_date, r.create_date::date, NULL, NULL
      FROM call_wallet_refund_request r
     WHERE r.state = 'waiting'
    UNION ALL
    SELECT min(r.id)::bigint * 8 + 2, 'rejected', r.wallet_id, w.company_id, NULL, 'call.usage.rejection', min(r.id),
           r.code, NULL, max(r.reason), count(*)::int, min(r.first_seen), min(r.first_seen)::date, seen.readers,
           NULL
      FROM call_usage_rejection r
      LEFT JOIN call_wallet w ON w.id = r.wallet_id
      LEFT JOIN LATERAL (
           SELECT ',' || string_agg(DISTINCT m.cid::text, ',') || ',' AS readers
             FROM res_company_users_rel m
            WHERE m.user_id = r.create_uid
               OR m.user_id IN (SELECT o.user_id FROM call_usage_rejection_reporter_rel o WHERE o.rejection_id = r.id)
           ) seen ON r.wallet_id IS NULL
     WHERE r.state = 'open'
     GROUP BY r.code, r.wallet_id, w.company_id, seen.readers
    UNION ALL
    SELECT min(c.id)::bigint * 8 + 3, 'noted', c.wallet_id, w.company_id, NULL, 'call.usage', min(c.id), c.note_codes,
           NULL, NULL, count(*)::int, min(c.reported_at), min(c.reported_at)::date, NULL, NULL
      FROM call_usage c
      JOIN call_wallet w ON w.id = c.wallet_id
     WHERE c.note_codes IS NOT NULL AND c.reported_at > (now() AT TIME ZONE 'UTC') - interval '30 days'
     GROUP BY c.note_codes, c.wallet_id, w.company_id
    UNION ALL
    SELECT j.id::bigint * 8 + 4, 'report', j.wallet_id, w.company_id, j.user_id, 'call.usage.report.job', j.id, NULL,
           NULL, j.error, 1, j.create_date, j.create_date::date, NULL, NULL
      FROM call_usage_report_job j
      JOIN call_wallet w ON w.id = j.wallet_id
     WHERE j.state = 'failed'
    UNION ALL
    SELECT f.id::bigint * 8 + 5, 'failure', f.wallet_id, f.company_id, NULL, f.model, f.res_id, f.cause, NULL, f.error,
           f.count, f.first_at, f.first_at::date, NULL, NULL
      FROM call_wallet_failure f
    UNION ALL
    SELECT w.id::bigint * 8 + 6, 'closed', w.id, w.company_id, w.closed_by_id, 'call.wallet', w.id, NULL, NULL, NULL, 1,
           w.closed_at, w.closed_at::date, NULL, NULL
      FROM call_wallet w
      JOIN call_wallet_balance b ON b.wallet_id = w.id AND b.balance <> 0
     WHERE NOT w.active AND w.closed_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM mail_activity a WHERE a.res_model = 'call.wallet' AND a.res_id = w.id AND a.active)
    UNION ALL
    SELECT s.id::bigint * 8 + 7, 'source', NULL, s.company_id, NULL, 'call.source', s.id, NULL, NULL,
           s.name || ': ' || (array_agg(p.problem ORDER BY p.at DESC))[1], count(*)::int, min(p.at), min(p.at)::date,
           NULL, NULL
      FROM call_source s
      JOIN (SELECT source_id, COALESCE(problem, ref) AS problem, last_at AS at
              FROM call_source_call
             WHERE state IN ('unassigned', 'unusable')
             UNION ALL
            SELECT source_id, COALESCE(problem, ''), last_at
              FROM call_source_message
             WHERE state = 'failed') p ON p.source_id = s.id
     GROUP BY s.id
"""
