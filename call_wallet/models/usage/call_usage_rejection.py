import json
from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import hmac, split_every

from ...const import FINANCE, PLATFORM
from ...tools.clock import utcnow
from ...tools.door import door
from ...tools.fields import ZERO
from ...tools.rights import as_superuser
from ...tools.sentence import translated
from ...tools.sql import array
from ...tools.task import in_language_of
from .rejection_payload import MAX_TEXT, digest, to_payload, to_text
from .rejection_reading import read_asked
from .rejection_sql import ACCEPTED, ADD_REPORTER, COMPANIES, DECIDE, RESOLVE, RESOLVE_CORRECTED, UPSERT

# Results after which nothing is left to do.
SETTLED = ("charged", "duplicate", "corrected")

# What the platform is told of the charge of a call that it was refused at first.
TOLD = ("call_ref", "billed_minutes", "rate", "total_cost", "balance_after", "transaction")

# One number among PostgreSQL's advisory locks: whoever writes rejections. It is the last lock
# a request takes, so requests that keep the same ones cannot wait for each other in a circle.
KEEPING = 0x63_77_72_6A

CHUNK = 1_000


class CallUsageRejection(models.Model):
    """A reported call that was not charged: nothing reported is lost.

    Kept by ``record_calls`` with the reason and the payload as it came. One row a content:
    the same content reported again is counted. Once the cause is mended (a missing rate, an
    unknown account), finance sends it through ``record_calls`` again. Times are UTC.
    """

    _name = "call.usage.rejection"
    _description = "Rejected Call"
    _order = "last_seen desc, id desc"
    _rec_name = "call_ref"

    account = fields.Char(readonly=True, help="The account reference as it was reported.")
    call_ref = fields.Char("Call Reference", readonly=True)
    wallet_id = fields.Many2one(
        "call.wallet", readonly=True, ondelete="set null", index="btree_not_null", help="Empty: unknown account."
    )
    code = fields.Char(readonly=True, help="The kind of reason, such as destination_not_contracted.")
    field_name = fields.Char("Field", readonly=True, help="Which field is wrong; empty: the call as a whole.")
    reason = fields.Char(readonly=True)
    payload = fields.Text(readonly=True, help="The call as it was reported, as JSON.")
    fingerprint = fields.Char(
        required=True,
        readonly=True,
        # Whoever knows the rest of a call's content can try numbers on it.
        groups="base.group_system",
        help="Digest of the payload; once that is deleted, a digest of it that only this database can make.",
    )
    state = fields.Selection(
        [("open", "Open"), ("resolved", "Resolved"), ("dismissed", "Dismissed")],
        required=True,
        readonly=True,
        default="open",
        help="Resolved: the call was charged since. Dismissed: finance decided that it will not be.",
    )
    correction = fields.Selection(
        [("amend", "Amendment"), ("void", "Voiding")],
        readonly=True,
        index="btree_not_null",
        help="What was to be done with a call that was charged before. Empty: a call was reported.",
    )
    dismissed_by_id = fields.Many2one("res.users", readonly=True, index="btree_not_null")
    dismissed_at = fields.Datetime("Dismissed", readonly=True)
    charged_usage_id = fields.Many2one(
        "call.usage",
        "Call Charged Before",
        compute="_compute_charged_usage_id",
        help="What was charged under the same reference: the call that it conflicts with, or is to correct.",
    )
    charged_ref = fields.Char(
        "Charged As", readonly=True, help="The reference under which finance charged it as a call of its own."
    )
    count = fields.Integer("Times Reported", readonly=True, aggregator="sum")
    first_seen = fields.Datetime(readonly=True)
    last_seen = fields.Datetime(readonly=True)
    reporter_ids = fields.Many2many(
        "res.users",
        "call_usage_rejection_reporter_rel",
        "rejection_id",
        "user_id",
        "Also Reported By",
        readonly=True,
        help="Who reported the same of an unknown account after the first one: it is their companies' to read, too.",
    )
    partner_id = fields.Many2one(related="wallet_id.partner_id")
    company_id = fields.Many2one(related="wallet_id.company_id")

    _fingerprint_unique = models.UniqueIndex("(fingerprint)", "This content was rejected before.")
    _open = models.Index("(account, call_ref) WHERE state = 'open'")
    _dismissed = models.Index("(account, call_ref) WHERE state = 'dismissed'")
    _state_last_seen = models.Index("(state, last_seen)")

    @api.depends("wallet_id", "call_ref", "code", "correction")
    def _compute_charged_usage_id(self):
        about = self.filtered(lambda kept: kept.code == "conflict" or kept.correction)
        of_them = [("wallet_id", "in", about.wallet_id.ids), ("call_ref", "in", about.mapped("call_ref"))]
        usages = self.env["call.usage"].search(of_them) if about else self.env["call.usage"]
        found = {(usage.wallet_id, usage.call_ref): usage for usage in usages}
        for kept in self:
            kept.charged_usage_id = kept in about and found.get((kept.wallet_id, kept.call_ref), False)

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        raise UserError(self.env._("Rejected calls are kept by record_calls; they cannot be typed in."))

    def write(self, vals):
        # What a customer's platform reported is evidence; people decide on it by the actions.
        if not self.env.su:
            raise AccessError(self.env._("A rejected call is not edited. Retry or dismiss it."))
        return super().write(vals)

    # === KEEPING === #

    @api.model
    def _keep(self, raw_calls, results):
        """Keep the rejected and the conflicting calls; close what was charged after all.

        Called by ``record_calls`` in the transaction that charges, as its last step.

        :param list raw_calls: what was reported, in order
        :param list[dict] results: what ``record_calls`` answers, in the same order; each ``reason`` is a ``Refused``
        """
        charged, kept = [], []
        for raw, result in zip(raw_calls, results, strict=True):
            if result["result"] == "charged":
                charged.append((raw, result))
            elif result["result"] != "duplicate":
                kept.append((raw, result))
        resolvable = bool(charged) and self._has_open([raw for raw, _result in charged])
        if not (kept or resolvable):
            return
        self._lock()
        if resolvable:
            self._resolve_charged(charged)
        if kept:
            self._upsert(kept)
        self.env.invalidate_all(flush=False)

    @api.model
    def _keep_corrections(self, kind, raw_calls, results):
        """Keep the corrections that were refused; close what is carried out by those that were made.

        That is the same correction, and the conflict with the content to which a call is amended. What was refused of
        a call whose number was deleted is kept without what it names, for it can never be carried out.

        :param str kind: ``amend`` or ``void``
        :param results: as ``amend_calls`` answers them; each ``reason`` is a ``Refused``
        """
        kept = [(raw, result) for raw, result in zip(raw_calls, results, strict=True) if result["result"] == "rejected"]
        made = [raw for raw, result in zip(raw_calls, results, strict=True) if result["result"] == "corrected"]
        resolvable = bool(made) and self._has_open(made)
        if not (kept or resolvable):
            return
        self._lock()
        if resolvable:
            contents = [{name: raw[name] for name in raw if name != "reason"} for raw in made]
            done = [digest(to_payload(content)) for content in contents]
            done += [digest(f"{kind}/{to_payload(raw)}") for raw in made]
            self.env.cr.execute(RESOLVE_CORRECTED, [self.env.uid, done])
        if kept:
            self._upsert(kept, kind)
        self.env.invalidate_all(flush=False)
        if any(result["code"] == "deleted" for _raw, result in kept):
            self.search([("code", "=", "deleted"), ("state", "=", "open"), ("masked_at", "=", False)])._mask()

    def _lock(self):
        self.env.flush_all()
        self.env.cr.execute("SELECT pg_advisory_xact_lock(%s)", [KEEPING])

    def _has_open(self, charged):
        accounts = {raw["account"].strip() for raw in charged}
        self.env.cr.execute(
            "SELECT EXISTS (SELECT FROM call_usage_rejection WHERE state = 'open' AND account = ANY(%s))",
            [list(accounts)],
        )
        return self.env.cr.fetchone()[0]

    def _resolve_charged(self, charged):
        """Close the open rejections of calls that were charged now.

        A conflict stays: the call's other content is still unexplained. So does a correction that came before its
        call: it can be carried out now.
        """
        results = {(raw["account"].strip(), raw["call_ref"].strip()): result for raw, result in charged}
        accounts, refs = zip(*results, strict=True)
        self.env.cr.execute(RESOLVE, [self.env.uid, array(accounts), array(refs)])
        self._tell_accepted((kept_id, results[account, ref]) for kept_id, account, ref in self.env.cr.fetchall())

    def _tell_accepted(self, accepted):
        """Let the platform know of rejected calls that are charged now; a call once, however often it was rejected.

        :param accepted: pairs of a rejection's id and the result of ``record_calls``
        """
        results = dict(sorted(accepted))
        if not results:
            return
        self.env.cr.execute(ACCEPTED, [list(results)])
        self.env["call.wallet.event"]._add(
            (
                wallet_id,
                "call.accepted_after_rejection",
                {
                    **{name: results[kept_id][name] for name in TOLD},
                    "rejection": kept_id,
                    "reported_as": reported_as,
                },
            )
            for kept_id, wallet_id, reported_as in self.env.cr.fetchall()
        )

    def _upsert(self, kept, correction=None):
        now = utcnow()
        # A retry is not a report: it is not counted, and it does not wake what was dismissed.
        reported = not self.env.context.get("call_usage_retry")
        rows, readers = {}, self._readers({to_text(raw, "account") for raw, _result in kept})
        for raw, result in kept:
            payload, account = to_payload(raw), to_text(raw, "account")
            fingerprint = digest(f"{correction}/{payload}" if correction else payload)
            refused, reader = result["reason"], readers.get(account, readers[None])
            count = rows[fingerprint][-1] + 1 if fingerprint in rows else 1
            rows[fingerprint] = (
                account, to_text(raw, "call_ref"), refused.code, refused.field, translated(reader, refused.sentence),
                payload, fingerprint, correction, count,
            )  # fmt: skip
        columns = [array(column) for column in zip(*self._known_masked(rows).values(), strict=True)]
        self.env.cr.execute(UPSERT, [now, now, self.env.uid, self.env.uid, now, now, *columns, reported, reported])
        if reported:
            ids = [row[0] for row in self.env.cr.fetchall()]
            self.env.cr.execute(ADD_REPORTER, {"user": self.env.uid, "ids": ids})

    def _readers(self, accounts):
        """Return {account reference: an environment in the language of its wallet's company}.

        Under None stands that of whoever reports, for accounts that are nobody's.
        """
        self.env.cr.execute(COMPANIES, [list(accounts - {None})])
        companies = dict(self.env.cr.fetchall())
        known = self.env["res.company"].sudo().browse({self.env.user.company_id.id, *companies.values()})
        readers = {company.id: in_language_of(self, None, company).env for company in known}
        return {
            None: readers[self.env.user.company_id.id],
            **{account: readers[company_id] for account, company_id in companies.items()},
        }

    def _keyed(self, fingerprint):
        """Return what takes the place of a digest that must not tell what it was made of: nobody else can make it."""
        return hmac(self.env(su=True), "call_wallet_rejection", fingerprint)

    def _known_masked(self, rows):
        """Return rows to be kept, {digest: row}, those that were masked before under the digest that they have since.

        What was masked is counted when it is reported again, and not kept anew.
        """
        keyed = {self._keyed(fingerprint): fingerprint for fingerprint in rows}
        self.env.cr.execute("SELECT fingerprint FROM call_usage_rejection WHERE fingerprint = ANY(%s)", [list(keyed)])
        masked = {keyed[found]: found for (found,) in self.env.cr.fetchall()}
        known = {}
        for fingerprint, (*before, digest_kept, correction, count) in rows.items():
            known[fingerprint] = (*before, masked.get(digest_kept, digest_kept), correction, count)
        return known

    # === ACTIONS === #

    def action_retry(self):
        """Send the calls through ``record_calls`` again, now that the cause is mended.

        Those that are charged, or were meanwhile, become resolved; the others stay with
        their new reason. A call with a field that there is not is charged without it.

        :return: a notification with the counts
        :raise AccessError: not finance staff
        """
        self._check_finance()
        counts = Counter()
        for ids in split_every(CHUNK, self.sorted("id").ids):
            with door(self.env):
                results = self._retry(ids)
            counts.update(result["result"] for result in results.values())
        self.env.invalidate_all()
        _ = self.env._
        return self._notification(
            _(
                "%(charged)s charged, %(duplicate)s charged before, %(refused)s still refused.",
                charged=counts["charged"] + counts["corrected"],
                duplicate=counts["duplicate"],
                refused=counts["conflict"] + counts["rejected"],
            ),
            "warning" if counts["conflict"] + counts["rejected"] else "success",
        )

    def _retry(self, ids, by=FINANCE):
        """Send some calls again, as the caller may: finance decides on corrections however long ago the call was.

        A field that there is not is left alone: earlier versions have kept calls with any. Only where that is what
        is wrong with a call the platform has to report it anew.

        :param by: ``FINANCE`` or ``PLATFORM``, whoever asks
        :return: {id: result} of those that can be retried
        """
        usage = as_superuser(self.env["call.usage"]).with_context(call_usage_retry=by)
        waiting = (
            as_superuser(self)
            .browse(ids)
            .exists()
            .filtered(lambda kept: kept.state != "resolved" and not kept.masked_at)
        )
        results = {}
        for (correction, any_field), kept in waiting.grouped(
            lambda kept: (kept.correction, by == FINANCE or kept.code != "unknown_field")
        ).items():
            calls = [json.loads(one.payload) for one in kept]
            usage = usage.with_context(call_usage_any_field=any_field)
            if correction:
                found = usage._correct(correction, calls, self.env.uid, self.env["call.usage"]._person())
            else:
                found = usage._record_calls(calls)
                # Those that were open are told of as they are charged.
                self._tell_accepted(
                    (one.id, result)
                    for one, result in zip(kept, found, strict=True)
                    if one.state == "dismissed" and result["result"] == "charged"
                )
            done = [one.id for one, result in zip(kept, found, strict=True) if result["result"] in SETTLED]
            self._set_state(done, "resolved")
            results.update(zip(kept.ids, found, strict=True))
        return results

    @api.model
    def _retry_asked(self, ids, by):
        """Send those calls again that may be; answer for each id asked for, in order.

        :param by: ``FINANCE`` or ``PLATFORM``, whoever asks
        """
        self.env.flush_all()
        platform = self.env["ir.model.data"]._xmlid_to_res_id(PLATFORM)
        found = read_asked(self.env.cr, ids, by, self.env["call.wallet"]._companies_to_read(), platform)
        results = self._retry([one for one in found if not found[one][1]], by)
        return [{"rejection": one, **(results.get(one) or self._not_retried(one, found.get(one)))} for one in ids]

    def _not_retried(self, rejection_id, found):
        """Return the answer for a rejected call that was not sent again; ``found`` is what ``read_asked`` found."""
        call_ref, code, sentence, field = found or (None, "unknown_rejection", None, "rejections")
        if code == "unknown_rejection":
            sentence = self.env._("rejections: there is no rejected call %s.", rejection_id)
        elif code in (None, "not_open"):
            code = "not_open"
            sentence = self.env._("rejections: %s is decided; get_calls says how its call stands.", rejection_id)
        return {
            "call_ref": call_ref,
            "result": "rejected",
            "reason": f"{code}: {sentence}",
            "code": code,
            "field": field or "rejections",
        }

    def action_charge_as_own(self):
        """Charge calls that came under a reference that was charged before, as calls of their own.

        Each is recorded once, however often this is done, under a reference made of its own and of a digest of what
        was reported, on which nobody can try numbers. The first call's charge stands.

        :return: a notification with the counts
        :raise UserError: a call is not in conflict with another, or is not open any more
        :raise AccessError: not finance staff
        """
        self._check_finance()
        charged = refused = 0
        for ids in split_every(CHUNK, self.sorted("id").ids):
            with door(self.env):
                done, left = self._charge_under_new_refs(ids)
            charged, refused = charged + done, refused + left
        self.env.invalidate_all()
        return self._notification(
            self.env._("%(charged)s charged, %(refused)s still refused.", charged=charged, refused=refused),
            "warning" if refused else "success",
        )

    def _charge_under_new_refs(self, ids):
        """Charge some conflicts under references of their own; return how many were, and how many were refused."""
        kept = as_superuser(self).browse(ids).exists().filtered(lambda call: not call.charged_ref)
        if kept.filtered(lambda call: call.correction or call.code != "conflict" or call.state != "open"):
            raise UserError(
                self.env._(
                    "Choose open calls that were reported under a reference that was charged before (conflict). "
                    "Retry the others once their cause is mended."
                )
            )
        refs = {call: f"{call.call_ref[: MAX_TEXT - 20]}-{self._keyed(call.fingerprint)[:12]}" for call in kept}
        usage = as_superuser(self.env["call.usage"]).with_context(call_usage_retry=FINANCE, call_usage_any_field=True)
        results = usage._record_calls([{**json.loads(call.payload), "call_ref": refs[call]} for call in kept])
        done = 0
        self._lock()
        for call, result in zip(kept, results, strict=True):
            if result["result"] in ("charged", "duplicate"):
                call.write({"state": "resolved", "charged_ref": refs[call]})
                done += 1
        self._tell_accepted(
            (call.id, result) for call, result in zip(kept, results, strict=True) if result["result"] == "charged"
        )
        return done, len(kept) - done

    @api.model
    def _dismiss_of(self, account, call_ref):
        """Put aside what waits under a reference of an account; the caller has opened a door."""
        waiting = [("account", "=", account), ("call_ref", "=", call_ref), ("state", "=", "open")]
        self._set_state(self.search(waiting).ids, "dismissed")

    def action_dismiss(self):
        """Put the calls aside: they will not be charged. They stay in the list of dismissed ones.

        :raise AccessError: not finance staff
        """
        self._check_finance()
        with door(self.env):
            self._set_state(as_superuser(self).filtered(lambda kept: kept.state == "open").ids, "dismissed")
        return True

    # === WHAT IS OPEN === #

    @api.model
    def _open_of(self, wallet):
        """Return the rejected calls of a wallet that nobody has decided on; those of its account before it was."""
        of_wallet = Domain("wallet_id", "=", wallet.id) | Domain("account", "=", wallet.account_ref)
        return self.sudo().search(Domain("state", "=", "open") & of_wallet)

    def _worth(self):
        """Return what these calls would cost by the contract of now, and of how many that is not known.

        :return: (Decimal in the wallet's currency, int); a call that is no call, or that no rate covers, is not known
        """
        known, unknown = ZERO, 0
        for ids in split_every(CHUNK, self.ids):
            # What a correction would change, nobody can tell from it alone.
            reported = self.browse(ids).filtered(lambda kept: not kept.correction)
            unknown += len(ids) - len(reported)
            usage = self.env["call.usage"].sudo().with_context(call_usage_any_field=True)
            outcomes = usage._price([json.loads(kept.payload) for kept in reported])
            for outcome in outcomes:
                charge = getattr(outcome, "charge", None)
                known, unknown = (known + charge.cost, unknown) if charge else (known, unknown + 1)
        return known, unknown

    def _set_state(self, ids, state):
        if ids:
            self._lock()
            self.env.cr.execute(DECIDE, {"state": state, "user": self.env.uid, "now": utcnow(), "ids": ids})
            self.env.invalidate_all(flush=False)

    def _check_finance(self):
        if not (self.env.su or self.env.user.has_group(FINANCE)):
            raise AccessError(self.env._("Only finance staff may retry or dismiss rejected calls."))
        self.check_access("read")

    def _notification(self, message, kind):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Rejected calls"),
                "message": message,
                "type": kind,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }
