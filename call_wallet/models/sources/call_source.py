from datetime import timedelta
from secrets import token_hex, token_urlsafe

from odoo import api, fields, models
from odoo.addons.base.models.res_partner import _tz_get
from odoo.exceptions import AccessError, UserError, ValidationError

from ...const import FINANCE_MANAGER
from ...tools.clock import now, utcnow
from ...tools.door import door, worker
from ...tools.rights import as_superuser, refuse_all_but
from ...tools.sentence import translated
from ...tools.sources import KINDS
from ...tools.sources.event import LOGIN, Unusable
from ...tools.task import in_company_language

ROUTE = "/call_wallet/source"
# While both are valid, messages with either are taken.
OLD_SECRET_VALID = timedelta(hours=24)
# A call that has not ended by then has ended without a word.
LONGEST_CALL = timedelta(hours=24)
KEPT = {"token", "previous_secret", "previous_until", "refused_at", "refused_count"}
# Nobody who only sends forged messages makes us write more often.
REFUSAL_PAUSE = timedelta(seconds=10)


class CallSource(models.Model):
    """A provider's account, a switch, or a kind of file from which calls come by themselves. Times are UTC."""

    _name = "call.source"
    _description = "Call Source"
    _inherit = ["mail.thread"]
    _order = "name, id"
    _check_company_auto = True

    name = fields.Char(required=True, tracking=True, help="Such as the name of the provider or of the exchange.")
    active = fields.Boolean(default=True, tracking=True)
    company_id = fields.Many2one(
        "res.company", required=True, ondelete="cascade", default=lambda self: self.env.company, tracking=True
    )
    kind = fields.Selection(
        [(kind.name, kind.label) for kind in KINDS.values()], required=True, tracking=True, help="Who sends the calls."
    )
    has_webhook = fields.Boolean(compute="_compute_kind")
    makes_secret = fields.Boolean(compute="_compute_kind")
    has_legs = fields.Boolean(compute="_compute_kind")
    has_challenge = fields.Boolean(compute="_compute_kind")
    setup = fields.Text("What to Enter Where", compute="_compute_kind")
    token = fields.Char(
        "Verify Token",
        required=True,
        readonly=True,
        copy=False,
        default=lambda self: token_hex(16),
        help="A provider who asks for one is told it beside the address, and so knows that the address is yours.",
    )
    asks = fields.Boolean(compute="_compute_kind")
    address = fields.Char(
        "Webhook Address", compute="_compute_address", help="Enter it at the provider, for the events of calls."
    )
    secret = fields.Char(
        copy=False,
        groups=FINANCE_MANAGER,
        help="By it we check that a message is the sender's. When it is replaced, the old one stays valid for a day.",
    )
    previous_secret = fields.Char(readonly=True, copy=False, groups=FINANCE_MANAGER)
    previous_until = fields.Datetime("Old Secret Valid Until", readonly=True, copy=False)
    wallet_id = fields.Many2one(
        "call.wallet",
        "Wallet Otherwise",
        ondelete="set null",
        check_company=True,
        help="The wallet of calls that name no account and come over no line of the list. Empty: they wait.",
    )
    line_ids = fields.One2many("call.source.line", "source_id", "Lines", copy=False)
    legs = fields.Selection(
        [("one", "One leg of a call: the one that was dialled last"), ("all", "Each leg to a telephone")],
        required=True,
        default="one",
        tracking=True,
        help="A call that is passed on has several legs. Charging all of them charges such a call twice.",
    )
    longest_call = fields.Integer(
        "Longest Call (min)",
        required=True,
        default=60,
        help="A switch is told once, before the call, how long it may last. Funds are held for as long, or for as long"
        " as they suffice; what a shorter call leaves is free again when it ends.",
    )
    tz = fields.Selection(
        _tz_get,
        "Time Zone",
        required=True,
        default="UTC",
        help="Of times that have no offset, in files and in Plivo's messages. Other webhooks name theirs.",
    )
    keep_days = fields.Integer(
        "Keep Messages (days)",
        required=True,
        default=30,
        help="How long messages are kept as they came; calls and charges stay.",
    )
    refused_at = fields.Datetime("Last Refused", readonly=True, copy=False)
    refused_count = fields.Integer("Refused Senders", readonly=True, copy=False)
    last_event_at = fields.Datetime("Last Message", compute="_compute_health")
    lag_seconds = fields.Integer(
        "Lag (s)", compute="_compute_health", help="How long after its end a call was reported: the mean of a day."
    )
    unassigned_count = fields.Integer("Without Wallet", compute="_compute_health")
    problem_count = fields.Integer("Not Usable", compute="_compute_health")
    lost_count = fields.Integer("Without End", compute="_compute_health")
    health = fields.Selection(
        [("new", "Nothing yet"), ("good", "Works"), ("attention", "Look at it"), ("off", "Switched off")],
        compute="_compute_health",
    )

    _token = models.UniqueIndex("(token)", "A source's address is its own.")
    _longest_call = models.Constraint("CHECK (longest_call BETWEEN 1 AND 1440)", "A call lasts 1 to 1,440 minutes.")
    _keep_days = models.Constraint("CHECK (keep_days BETWEEN 1 AND 90)", "Messages are kept for 1 to 90 days.")

    # === COMPUTE METHODS === #

    @api.depends("kind")
    @api.depends_context("lang")
    def _compute_kind(self):
        for source in self:
            kind = KINDS.get(source.kind)
            source.has_webhook = bool(kind and kind.verify)
            source.makes_secret = bool(kind and kind.makes_secret)
            source.has_legs = bool(kind and kind.has_legs)
            source.has_challenge = bool(kind and kind.challenge)
            source.setup = translated(self.env, kind.setup) if kind and kind.setup else False
            source.asks = bool(kind and kind.asks)

    @api.depends("token", "kind")
    def _compute_address(self):
        for source in self:
            has_address = source.has_webhook and source.id
            source.address = f"{source.get_base_url()}{ROUTE}/{source.token}" if has_address else False

    @api.depends("active", "refused_at")
    def _compute_health(self):
        self.env.flush_all()
        self.env.cr.execute(HEALTH, {"ids": self.ids, "lost": utcnow() - LONGEST_CALL, "day": utcnow() - timedelta(1)})
        found = {row[0]: row[1:] for row in self.env.cr.fetchall()}
        for source in self:
            last, lag, unassigned, problems, lost, has_calls = found.get(source.id, (None, 0, 0, 0, 0, False))
            source.last_event_at, source.lag_seconds = last, lag
            source.unassigned_count, source.problem_count, source.lost_count = unassigned, problems, lost
            # Anybody may send what is not signed; what the sender has sent since says that all is well.
            yesterday = utcnow() - timedelta(1)
            refused = source.refused_at and source.refused_at > max(last or yesterday, yesterday)
            is_good = not (unassigned or problems or lost or refused)
            source.health = (
                "off"
                if not source.active
                else "new"
                if not (last or refused or has_calls)
                else "good"
                if is_good
                else "attention"
            )

    # === CONSTRAINT METHODS === #

    @api.constrains("kind", "secret")
    def _check_secret(self):
        for source in as_superuser(self):
            check = KINDS[source.kind].check_secret
            if not (check and source.secret):
                continue
            try:
                check(source.secret)
            except Unusable as error:
                raise ValidationError(translated(self.env, error.sentence)) from error

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        vals_list = [dict(vals) for vals in vals_list]
        for vals in vals_list:
            self._refuse_kept(vals)
            kind = KINDS.get(vals.get("kind"))
            if kind and kind.makes_secret and not vals.get("secret"):
                vals["secret"] = token_urlsafe(24)
            vals["secret"] = self._stripped_secret(vals.get("secret"))
            # Else they would come from the context or from the user's own defaults.
            vals.update({"token": token_hex(16), **dict.fromkeys(KEPT - {"token"}, False)})
        return super().create(vals_list)

    def write(self, vals):
        """Change a source. A secret that is replaced stays valid for a day, so that no message is lost meanwhile.

        :raise AccessError: for what the source keeps by itself
        :raise UserError: another company
        """
        self._refuse_kept(vals)
        if "company_id" in vals and any(source.company_id.id != vals["company_id"] for source in self.sudo()):
            raise UserError(self.env._("A call source stays with its company. Make another one for another company."))
        if "kind" in vals and any(source.kind != vals["kind"] and source._has_calls() for source in self.sudo()):
            raise UserError(self.env._("Kind: calls have come in already. Make another call source."))
        if "secret" in vals:
            vals = {**vals, "secret": self._stripped_secret(vals["secret"])}
            self._keep_old_secret(vals["secret"])
        result = super().write(vals)
        if vals.keys() & {"wallet_id", "line_ids", "legs"}:
            self.env["call.source.call"]._look_again(self)
        return result

    def _refuse_kept(self, vals):
        kept = KEPT & vals.keys()
        if kept and not self.env.su:
            names = ", ".join(sorted(kept))
            raise AccessError(self.env._("%s: kept by the source itself; it cannot be typed in.", names))

    def _has_calls(self):
        return bool(self.env["call.source.call"].search_count([("source_id", "=", self.id)], limit=1))

    def _keep_old_secret(self, secret):
        self.check_access("write")
        for source in as_superuser(self):
            if source.secret and source.secret != secret:
                # One that is taken away, because others know it, is valid no longer.
                until = utcnow() + OLD_SECRET_VALID if secret else False
                source.write({"previous_secret": secret and source.secret, "previous_until": until})
                source.message_post(body=in_company_language(source).env._("New secret."))
            elif not secret:
                source.write({"previous_secret": False, "previous_until": False})

    def _stripped_secret(self, secret):
        """Return a secret as it is kept: without blanks around it; False for none, with which nobody is verified."""
        return secret.strip() or False if isinstance(secret, str) else False

    # === ACTION METHODS === #

    def action_rotate_secret(self):
        """Make a new secret, where it is ours to make. The old one is valid for a day.

        :raise AccessError: not a finance manager
        :raise UserError: the secret is the provider's
        """
        refuse_all_but(self, FINANCE_MANAGER)
        with door(self.env):
            for source in as_superuser(self):
                if not source.makes_secret:
                    raise UserError(self.env._("Make the new secret at the provider, and enter it here."))
                source.write({"secret": token_urlsafe(24)})
        return True

    def action_open_calls(self):
        """Open the calls that have come from the source.

        :raise AccessError: not finance staff
        """
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_source_call")
        return {**action, "domain": [("source_id", "in", self.ids)], "context": {"active_test": False}}

    def action_open_messages(self):
        """Open the messages of the source, as they came.

        :raise AccessError: not finance staff
        """
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_source_message")
        return {**action, "domain": [("source_id", "in", self.ids)], "context": {}}

    # === RECEIVING === #

    @api.model
    def _find_by_token(self, token):
        """Return the source that a webhook's address names; empty where there is none, or it is switched off."""
        return self.search([("token", "=", token)]) if token else self.browse()

    def _is_sender(self, candidates):
        """Tell whether a request is the sender's.

        :param candidates: ``Received`` under each address that the sender may have called
        """
        kind, moment = KINDS[self.kind], now()
        secrets = self._valid_secrets()
        return any(kind.verify(received, secret, moment) for secret in secrets for received in candidates)

    @worker
    def _note_refused(self):
        """Note that somebody has sent what is not signed with the source's secret; many in a moment are one note."""
        with door(self.env):
            self.env.cr.execute(NOTE_REFUSED, {"id": self.id, "now": utcnow(), "before": utcnow() - REFUSAL_PAUSE})
            self.invalidate_recordset(["refused_at", "refused_count"])

    def _valid_secrets(self):
        is_old_valid = self.previous_secret and self.previous_until > utcnow()
        return [secret for secret in (self.secret, is_old_valid and self.previous_secret) if secret]

    # === ASKED BEFORE A CALL === #

    def _authorize(self, asked):
        """Say whether a call may begin, and hold funds for it.

        :param asked: ``Request`` of a kind whose switches ask
        :return: as ``authorize_call``; where there is no wallet, ``allowed`` and ``message`` alone
        :raise UserError: what it says of the call is malformed
        """
        source = in_company_language(self)
        [account] = source._find_accounts([(asked.facts, asked.lines)])
        if account is None:
            return {"allowed": False, "message": source.env._("No call wallet is known for this call.")}
        call_ref = asked.ref or token_hex(8)
        another = f"{call_ref}.{token_hex(4)}"
        # After a restart switches begin anew to count, and a caller may repeat the name of a call. One that has begun
        # is another call than this, and the switch is told this one's reference.
        has_begun = [("source_id", "=", self.id), ("ref", "=", call_ref)]
        if self.env["call.source.call"].search_count(has_begun, limit=1):
            return source._ask(account, another, asked.facts)
        verdict = source._ask(account, call_ref, asked.facts)
        if verdict["code"] in ("already_settled", "conflict"):
            verdict = source._ask(account, another, asked.facts)
        return verdict

    def _ask(self, account, call_ref, facts):
        told = {name: facts[name] for name in ("campaign", "manager", "application_ref", "direction") if name in facts}
        return self.env["call.wallet"].authorize_call(
            account,
            call_ref,
            KINDS[self.kind].call_type,
            facts.get("number"),
            expected_seconds=self.longest_call * 60,
            **told,
        )

    # === WALLETS === #

    def _find_accounts(self, calls):
        """Return the account of each call, or None.

        :param calls: pairs of the facts of a call and of the lines by which its wallet may be found
        """
        self.env.flush_all()
        asked = {facts[name] for facts, _lines in calls for name in ("account", LOGIN) if facts.get(name)}
        self.env.cr.execute(ACCOUNTS, {"accounts": list(asked), "company": self.company_id.id})
        accounts = {account for (account,) in self.env.cr.fetchall()}
        keys = {line for _facts, lines in calls for line in lines}
        self.env.cr.execute(LINES, {"source": self.id, "keys": list(keys)})
        by_line = dict(self.env.cr.fetchall())
        otherwise = self.wallet_id.account_ref or None
        found = []
        for facts, lines in calls:
            if facts.get("account"):
                found.append(facts["account"] if facts["account"] in accounts else None)
            elif lines and lines[0] in by_line:
                found.append(by_line[lines[0]])  # the most exact, such as a login with its domain
            elif facts.get(LOGIN) in accounts:
                found.append(facts[LOGIN])
            else:
                found.append(next((by_line[line] for line in lines if line in by_line), otherwise))
        return found


ACCOUNTS = """
    SELECT account_ref FROM call_wallet WHERE account_ref = ANY(%(accounts)s) AND company_id = %(company)s
"""

LINES = """
    SELECT l.key, w.account_ref
      FROM call_source_line l JOIN call_wallet w ON w.id = l.wallet_id
      JOIN call_source s ON s.id = l.source_id AND s.company_id = w.company_id
     WHERE l.source_id = %(source)s AND l.key = ANY(%(keys)s)
"""

NOTE_REFUSED = """
    UPDATE call_source
       SET refused_at = %(now)s, refused_count = COALESCE(refused_count, 0) + 1
     WHERE id IN (SELECT id FROM call_source
                   WHERE id = %(id)s AND (refused_at IS NULL OR refused_at < %(before)s)
                     FOR UPDATE SKIP LOCKED)
"""

HEALTH = """
    SELECT s.id,
           (SELECT max(m.last_at) FROM call_source_message m WHERE m.source_id = s.id),
           (SELECT COALESCE(avg(EXTRACT(EPOCH FROM c.reported_at - c.ended_at)), 0)::int FROM call_source_call c
             WHERE c.source_id = s.id AND c.state = 'reported' AND c.reported_at > %(day)s AND c.ended_at IS NOT NULL),
           (SELECT count(*) FROM call_source_call c WHERE c.source_id = s.id AND c.state = 'unassigned')::int,
           (SELECT count(*) FROM call_source_call c
             WHERE c.source_id = s.id AND c.state IN ('unusable', 'rejected'))::int
           + (SELECT count(*) FROM call_source_message m WHERE m.source_id = s.id AND m.state = 'failed')::int,
           (SELECT count(*) FROM call_source_call c
             WHERE c.source_id = s.id AND c.state = 'open' AND c.last_at < %(lost)s)::int,
           -- Those that a file has brought came with no message.
           EXISTS (SELECT FROM call_source_call c WHERE c.source_id = s.id)
      FROM call_source s
     WHERE s.id = ANY(%(ids)s)
"""
