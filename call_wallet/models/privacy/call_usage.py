from time import monotonic

from odoo import api, fields, models
from odoo.tools import split_every

from ...const import FINANCE_MANAGER
from ...tools.background import CRON_SECONDS, wake
from ...tools.clock import utcnow
from ...tools.door import door, each, worker
from ...tools.rights import as_superuser, refuse_all_but
from ...tools.usage_report_file import DELETED
from .privacy_lookup import look_up_calls

BATCH = 1_000


class CallUsagePrivacy(models.Model):
    """A call whose number, application and manager may be forgotten: what it cost, when and why stays.

    A call that is deleted takes all copies of what it names with it; so does one that is masked, which stays in
    lists and reports with "Deleted" for what it named.
    """

    _inherit = "call.usage"

    masked_at = fields.Datetime(
        "Numbers Deleted", readonly=True, help="Since then the call names no number, application or manager."
    )
    is_manager_masked = fields.Boolean(
        "Manager Deleted", readonly=True, help="It had a manager, whose name was deleted."
    )
    manager_name = fields.Char("Name of the Manager", compute="_compute_manager_name", compute_sudo=True)

    @api.depends("manager_id.name", "is_manager_masked")
    @api.depends_context("lang")
    def _compute_manager_name(self):
        for usage in self:
            usage.manager_name = self.env._("Deleted") if usage.is_manager_masked else usage.manager_id.name

    def action_mask(self):
        """Delete the numbers called, applications and managers, here and in every copy; what they cost stays.

        :raise AccessError: not a finance manager
        """
        refuse_all_but(self, FINANCE_MANAGER)
        for ids in split_every(BATCH, self.sorted("id").ids):
            with door(self.env):
                calls = as_superuser(self).browse(ids)
                calls._mask()
                for wallet in calls.wallet_id:
                    count = len(calls.filtered(lambda call, wallet=wallet: call.wallet_id == wallet))
                    # Who did it, and when, stays on record.
                    wallet.message_post(
                        body=self.env._("Numbers, applications and managers deleted from calls: %s", count)
                    )
        return True

    @api.ondelete(at_uninstall=False)
    def _mask_copies_of_deleted(self):
        """A call that is deleted leaves nobody's number behind."""
        as_superuser(self)._mask_copies()

    # === STEPS === #
    # The caller has opened a door.

    def _mask(self):
        # A correction of the same calls comes before, and is masked with them, or after, and is refused.
        self.env["call.wallet.ledger"]._lock(self.wallet_id.ids)
        # First the copies: they are found by what the call still names.
        self._mask_copies()
        self.env.flush_all()
        self.env.cr.execute(MASK, {"ids": self.ids, "now": utcnow(), "deleted": DELETED})
        self.env.cr.execute(MASK_CORRECTIONS, {"ids": self.ids, "deleted": DELETED})
        self.env.invalidate_all(flush=False)

    def _mask_copies(self):
        # They are found by what the hold still names, and masked after it: theirs is the last lock that is taken.
        rejections = self.env["call.usage.rejection"]._find_of_calls(self.ids)
        self.env["call.wallet.hold"]._mask_of_calls(self.ids)
        rejections._mask()
        self.env["call.source.call"]._mask_of_calls(self.ids)
        self.env["call.source.file"]._forget_of_calls(self)
        self.env["call.usage.report.job"]._make_anew(self.wallet_id)
        # A statement that could not be mailed lies with its report until somebody deletes it.
        of_wallets = [("model", "=", "call.wallet"), ("res_id", "in", self.wallet_id.ids)]
        lying = self.env["mail.mail"].search([*of_wallets, ("state", "in", ["exception", "cancel"])]).attachment_ids
        lying.filtered(lambda file: file.res_model == "mail.message" and file.name.startswith("usage_report_")).unlink()

    # === RETENTION === #
    # A company's setting says for how many months numbers are kept.

    @api.model
    def _cron_mask(self):
        """Delete what is older than the companies keep it, wallet by wallet, in batches."""
        companies = self.env["res.company"].sudo().search([("call_wallet_retention_months", ">", 0)], order="id")
        of_them = [("company_id", "in", companies.ids)]
        wallets = self.env["call.wallet"].sudo().with_context(active_test=False).search(of_them, order="id")
        if each(self.env, wallets, self._mask_wallet, part="wallets"):
            each(self.env, companies, self._mask_company)

    @worker
    def _mask_wallet(self, wallet):
        """Delete what is too old in one wallet; what a minute does not suffice for is left to the next start."""
        deadline = monotonic() + CRON_SECONDS
        while True:
            with door(self.env):
                is_done = not self._mask_batch(wallet)
            if is_done:
                return
            if monotonic() > deadline:
                with door(self.env):
                    wake(self.env, "ir_cron_mask")
                return

    def _mask_batch(self, wallet):
        """Delete what up to ``BATCH`` old calls name; return whether there may be more."""
        period = self._period(wallet.company_id)
        self.env["call.wallet.hold"].sudo()._mask_old(wallet.id, **period)
        self.env.cr.execute(DUE.format(wallets="%(wallet)s"), {"wallet": wallet.id, **period, "limit": BATCH})
        old = self.sudo().browse(row[0] for row in self.env.cr.fetchall())
        if old:
            old._mask()
        return len(old) == BATCH

    @worker
    def _mask_company(self, company):
        """Delete what rejected calls name, and note up to when nothing is left, so that no night looks again."""
        is_done = False
        while not is_done:
            with door(self.env):
                before = company._call_wallet_kept_from()
                is_done = not self.env["call.usage.rejection"].sudo()._mask_old(company, before)
                self.env["call.source.call"].sudo()._mask_old(company, before)
        with door(self.env):
            of_company = "SELECT id FROM call_wallet WHERE company_id = %(company)s"
            values = {"company": company.id, **self._period(company), "limit": 1}
            self.env.cr.execute(DUE.format(wallets=of_company), values)
            if not self.env.cr.fetchone():
                company.call_wallet_masked_before = max(values["before"], values["since"])

    def _period(self, company):
        """Return the bounds of the starts among which the company's calls may still have to be masked."""
        before = company._call_wallet_kept_from()
        since = company.call_wallet_masked_before or fields.Datetime.to_datetime("1900-01-01")
        return {"before": before, "since": since}

    # === ODOO'S PRIVACY LOOKUP === #

    def _register_hook(self):
        """Let Odoo's privacy lookup, where that module is installed, find what names people here."""
        super()._register_hook()
        look_up_calls(self.env)


MASK = """
    UPDATE call_usage
       SET number = %(deleted)s,
           application_ref = CASE WHEN application_ref <> '' THEN %(deleted)s END,
           is_manager_masked = manager_id IS NOT NULL,
           manager_id = NULL,
           masked_at = %(now)s
     WHERE id = ANY(%(ids)s) AND masked_at IS NULL
"""

# What a correction was made for may name somebody, too.
MASK_CORRECTIONS = """
    UPDATE call_usage_correction
       SET number = %(deleted)s,
           application_ref = CASE WHEN application_ref <> '' THEN %(deleted)s END,
           reason = CASE WHEN reason <> '' THEN %(deleted)s END,
           -- Whoever knows the rest could try numbers on it. That of a voided call is of no content.
           fingerprint = CASE kind WHEN 'void' THEN fingerprint ELSE gen_random_uuid()::text END,
           manager_id = NULL
     WHERE usage_id = ANY(%(ids)s)
"""

# Calls of the period, by the index on wallet and start; and those that were reported on a later day than theirs, after
# the night that looked at theirs.
DUE = """
    SELECT u.id
      FROM call_usage u
     WHERE u.wallet_id IN ({wallets}) AND u.started_at >= %(since)s AND u.started_at < %(before)s
       AND u.masked_at IS NULL
     UNION
    SELECT u.id
      FROM call_wallet_transaction t
      JOIN call_usage u ON u.id = t.usage_id
     WHERE t.wallet_id IN ({wallets}) AND t.accounting_day IS NOT NULL AND t.day >= %(since)s::date - 1
       AND u.started_at < %(before)s AND u.masked_at IS NULL
     LIMIT %(limit)s
"""
