from time import monotonic

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ...const import CALL_TYPES, FINANCE, FINANCE_MANAGER
from ...tools.background import CRON_SECONDS, go_on_by_schedule, wake
from ...tools.door import door, each, worker
from ...tools.rights import as_superuser, refuse_move_to_others, with_own_defaults

STATES = [
    ("draft", "Draft"),
    ("previewing", "Comparing"),
    ("previewed", "To Review"),
    ("posting", "Posting"),
    ("posted", "Posted"),
    ("discarded", "Discarded"),
]

RUNNING = ("previewing", "posting")


class CallUsageRerate(models.Model):
    """Calls of a period priced anew, after a price turned out to be wrong.

    The preview rates every call of the period, by the start that was reported first, with the
    prices that the contract has today for the moment the call started, and compares that to
    what the call has cost so far: its charge, what the platform corrected of it, and earlier
    re-ratings. Calls whose numbers were deleted are left as they are. A person reviews the differences;
    posting then enters exactly these, one correcting transaction a call, and changes no
    transaction or call that is there.

    Refunds that people gave stand: a re-rating neither takes them back nor adds to them
    beyond what the call cost. A call that cost 1.00, of which 0.60 was refunded, gets at
    most another 0.40 back.

    Works in batches, each in a transaction of its own that waits for this document first, so
    that a click, another person's click and the scheduled action take turns, and that after a
    crash the next one goes on where the last batch ended.
    Times are UTC; amounts are in each wallet's currency, 6 places.
    """

    _name = "call.usage.rerate"
    _description = "Re-rating"
    _inherit = ["mail.thread"]
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char("Number", readonly=True, copy=False, default=lambda self: self.env._("New"))
    reason = fields.Char(
        required=True, tracking=True, help="Why; shown in the ledger and on the customer's usage report."
    )
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    rate_plan_id = fields.Many2one(
        "call.rate.plan", ondelete="restrict", help="Every wallet that has this plan, or those chosen among them."
    )
    wallet_ids = fields.Many2many(
        "call.wallet", string="Wallets", check_company=True, help="Empty: every wallet that has the rate plan."
    )
    call_type = fields.Selection(CALL_TYPES, help="Empty: both.")
    date_from = fields.Datetime("Calls From", required=True, help="Calls that started at this time or later.")
    date_to = fields.Datetime("Calls Until", required=True, help="Calls that started before this time.")
    state = fields.Selection(STATES, readonly=True, required=True, copy=False, default="draft", tracking=True)
    scope_ids = fields.One2many("call.usage.rerate.wallet", "rerate_id", "Totals per Wallet", readonly=True)
    line_ids = fields.One2many("call.usage.rerate.line", "rerate_id", "Differences", readonly=True)
    price_stamp = fields.Char(readonly=True, copy=False, help="Which prices the preview compared with.")
    done_count = fields.Integer("Done", readonly=True, copy=False)
    total_count = fields.Integer("Of", readonly=True, copy=False)
    progress = fields.Float(compute="_compute_progress", help="Percent of the running step.")
    change_count = fields.Integer("To Correct", compute="_compute_counts")
    no_rate_count = fields.Integer("Without a Rate", compute="_compute_counts")
    left_alone_count = fields.Integer("Left Alone", compute="_compute_counts")
    posted_count = fields.Integer("Corrected", compute="_compute_counts")
    refused_count = fields.Integer("Refused", compute="_compute_counts")
    previewed_at = fields.Datetime(readonly=True, copy=False)
    posted_by_id = fields.Many2one("res.users", "Posted by", readonly=True, copy=False)
    posted_at = fields.Datetime(readonly=True, copy=False)

    _period = models.Constraint("CHECK(date_from < date_to)", "Calls until: must be after calls from.")

    # === COMPUTE METHODS === #

    @api.depends("done_count", "total_count")
    def _compute_progress(self):
        for rerate in self:
            rerate.progress = 100 * rerate.done_count / rerate.total_count if rerate.total_count else 0

    def _compute_counts(self):
        counts = {
            (rerate, state): count
            for rerate, state, count in self.env["call.usage.rerate.line"]._read_group(
                [("rerate_id", "in", self.ids)], ["rerate_id", "state"], ["__count"]
            )
        }
        for rerate in self:
            rerate.change_count = counts.get((rerate, "change"), 0)
            rerate.no_rate_count = counts.get((rerate, "no_rate"), 0)
            rerate.left_alone_count = counts.get((rerate, "left_alone"), 0)
            rerate.posted_count = counts.get((rerate, "posted"), 0)
            rerate.refused_count = counts.get((rerate, "refused"), 0)

    # === CRUD METHODS === #

    @api.model
    def default_get(self, fields):
        """Odoo's hook; take no state from the context: a re-rating begins as a draft."""
        values = super().default_get(fields)
        return values if self.env.su else with_own_defaults(self, values, READONLY)

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su and any(READONLY & vals.keys() for vals in vals_list):
            raise self._moves_by_buttons()
        for vals in vals_list:
            vals["name"] = self.env["ir.sequence"].next_by_code("call.usage.rerate")
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su:
            if READONLY & vals.keys():
                raise self._moves_by_buttons()
            if SCOPE & vals.keys() and any(rerate.state != "draft" for rerate in self):
                raise UserError(
                    self.env._("What is re-rated is fixed once compared. Discard this one and make another.")
                )
        result = super().write(vals)
        if "company_id" in vals:
            refuse_move_to_others(self, self.sudo().company_id)
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_posted(self):
        if any(rerate.state not in ("draft", "previewed", "discarded") for rerate in self):
            raise UserError(self.env._("A re-rating that was posted is kept, with what it did."))

    def _moves_by_buttons(self):
        return UserError(self.env._("A re-rating moves on by Preview, Post and Discard only."))

    # === ACTIONS === #

    def action_preview(self):
        """Compare every call of the period; money does not move.

        Long ones go on in the background; ``state`` is ``previewed`` when they are done.
        Again on a document that was previewed: compares anew.

        :raise UserError: neither wallets nor a rate plan chosen, or already posted
        :raise AccessError: not finance staff
        """
        rerate = self._permitted(FINANCE)
        with door(self.env):
            if rerate._lock_state() not in ("draft", "previewing", "previewed"):
                raise UserError(self.env._("This re-rating is over. Duplicate it to compare again."))
            rerate._start_preview()
        rerate._run_for_a_click()
        return True

    def action_post(self):
        """Enter the previewed differences in the wallets' ledgers, one transaction a call.

        Too much charged becomes a ``refund`` linked to the call, too little a further
        ``usage``. Exactly the previewed amounts: a call whose charge was corrected since then
        is refused and says so on its line. Long ones go on in the background; ``state`` is
        ``posted`` when they are done. Again while posting: goes on, nothing is doubled.

        :raise UserError: not previewed, or posted already; or it gives back more than one person may refund, and
            nobody else has made it
        :raise AccessError: not a finance manager
        """
        rerate = self._permitted(FINANCE_MANAGER)
        with door(self.env):
            state = rerate._lock_state()
            if state == "posted":
                raise UserError(self.env._("This re-rating was posted already."))
            if state not in ("previewed", "posting"):
                raise UserError(self.env._("Preview the differences first; posting enters what was shown."))
            if state == "previewed":
                if not self.env.su:
                    rerate._refuse_alone()
                rerate._start_posting()
        rerate._run_for_a_click()
        return True

    def _refuse_alone(self):
        """Refuse to give back what needs a second person, where whoever posts it has made it, too."""
        limit = self.company_id.call_wallet_refund_limit
        given = sum(scope.wallet_id._in_company_currency(scope.to_refund) for scope in self.scope_ids)
        if limit and given > limit and self.create_uid == self.env.user:
            raise UserError(
                self.env._(
                    "This gives back more than %s, which needs a second person: another finance manager posts it.",
                    self.company_id.currency_id.with_env(self.env).format(float(limit)),
                )
            )

    def action_discard(self):
        """Give the re-rating up; it stays on record.

        :raise UserError: posting has begun
        :raise AccessError: not finance staff
        """
        rerate = self._permitted(FINANCE)
        with door(self.env):
            if rerate._lock_state() in ("posting", "posted"):
                raise UserError(self.env._("Posting has begun. Correct it with another re-rating."))
            rerate.state = "discarded"
        return True

    def action_view_lines(self):
        """Return the action that lists the differences."""
        self.check_access("read")
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_usage_rerate_line")
        action["domain"] = [("rerate_id", "=", self.id)]
        return action

    def _permitted(self, group):
        """Return the document as superuser, for a user of ``group`` who may read it."""
        self.ensure_one()
        if self.env.su:
            return self
        if not self.env.user.has_group(group):
            name = self.env.ref(group).sudo().full_name
            raise AccessError(self.env._("Re-rating: this needs the role %s.", name))
        self.check_access("read")
        return as_superuser(self)

    # === BATCHES === #

    def _lock_state(self):
        """Wait for the document and keep others waiting; return its state as it is then."""
        self.env.flush_all()
        self.env.cr.execute("SELECT state FROM call_usage_rerate WHERE id = %s FOR NO KEY UPDATE", [self.id])
        row = self.env.cr.fetchone()
        self.invalidate_recordset()
        return row and row[0]

    def _run_for_a_click(self):
        go_on_by_schedule(self.env, "ir_cron_rerate", self._run)

    @worker
    def _run(self, seconds):
        """Work through batches for so many seconds; return whether the running step is finished."""
        deadline = monotonic() + seconds
        while self._step():
            if monotonic() > deadline:
                return False
        return True

    @worker
    def _step(self):
        """Do one batch of whatever is to do; return whether there may be more."""
        with door(self.env):
            state = self._lock_state()
            if state == "previewing":
                return self._preview_batch()
            if state == "posting":
                return self._post_batch()
        return False

    @api.model
    def _cron_advance(self):
        """Go on with what a click left, or a crash."""
        each(self.env, self.search([("state", "in", RUNNING)], order="id"), self._advance)

    @worker
    def _advance(self, rerate):
        if not rerate._run(CRON_SECONDS):
            with door(self.env):
                wake(self.env, "ir_cron_rerate")


READONLY = {
    "name", "state", "scope_ids", "line_ids", "price_stamp", "done_count", "total_count", "previewed_at",
    "posted_by_id", "posted_at",
}  # fmt: skip


SCOPE = {"reason", "company_id", "rate_plan_id", "wallet_ids", "call_type", "date_from", "date_to"}
