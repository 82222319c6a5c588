from datetime import date, timedelta
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_date

from ...const import ACCOUNT_MANAGER
from ...tools.days import day_text
from ...tools.door import door, each, worker
from ...tools.fields import ZERO, parse_amount, parse_day
from ...tools.rights import as_superuser
from ...tools.sentence import telling
from ...tools.task import give_task, in_company_language, in_language_of, text_of
from .call_wallet_recipient import MAX_RECIPIENTS

# A longer report is not attached: the mail has the link to it.
MOST_ROWS_ATTACHED = 50_000

XLSX = "xlsx"

# What is noted as failing while a company's mails are not sent.
SENDING = "mails not sent"


class CallWalletNotices(models.Model):
    """Who is told what of a wallet: recipients and threshold, mails, tasks of finance, statements, reports."""

    _inherit = "call.wallet"

    monthly_statement = fields.Boolean(
        default=True,
        tracking=True,
        help="On the first of each month the recipients get the last month's totals and usage report by mail.",
    )
    statement_month = fields.Date(
        readonly=True,
        copy=False,
        compute="_compute_statement_month",
        store=True,
        precompute=True,
        help="First day of the last month whose statement is done.",
    )

    def _mail_recipients(self, template, res_id=None, attachment=None, emails=None, **context):
        """Queue a mail to each of the notification recipients, in their language; nobody sees who else gets one.

        A mail that cannot be written does not stop the others: it is noted for finance. Where none can be written, the
        error is raised.

        :param str template: name of a mail template of this addon, about ``res_id`` (this wallet by default)
        :param attachment: called with the wallet in the recipients' language; returns ``(name, bytes)`` or None
        :param emails: whom to write to instead
        :param context: what the template reads from ``ctx``
        :return: the addresses
        """
        self.ensure_one()
        emails = self.recipient_ids.mapped("email") if emails is None else emails
        failures, written = self.env["call.wallet.failure"], 0
        for lang, addresses in self._by_language(emails).items():
            mail = self.env.ref(f"call_wallet.{template}").with_context(alert_lang=lang, tz=self.tz, **context)
            file = attachment and attachment(self.with_context(lang=lang))
            for address in addresses:
                write = partial(self._write_mail, mail, res_id or self.id, address, file)
                if len(emails) == 1:
                    write()
                else:
                    written += failures._beside(f"{template}/{address}", self, write)
        if len(emails) > 1 and not written:
            raise UserError(self.env._("%s: none of the mails could be written.", template))
        if emails:
            # Delivery is the mail queue's business: a slow mail server must not hold up a caller.
            self.env.ref("mail.ir_cron_mail_scheduler_action")._trigger()
        return emails

    def _write_mail(self, template, res_id, address, file):
        """Queue a mail from ``template`` to one address, with ``file``, a pair of name and bytes, or None."""
        values = {"email_to": address, "recipient_ids": [], "attachment_ids": self._mail_attachment(file)}
        template.send_mail(res_id, email_values=values, email_layout_xmlid="call_wallet.mail_layout")

    def _mail_summary(self):
        """Return what mails say of the wallet, as it is shown to their reader, in the language of the context.

        :return: dict of texts: ``balance``, ``available`` (where calls in progress hold some of it), ``threshold``
            (where the balance is below), ``runs_out_on`` and ``days_left`` (where it is in sight), ``lasts_roughly``
            (where it is farther off), ``spent``, ``average``, ``tz``, ``color``; and ``days``, the last 7 in the
            wallet's time zone: ``day``, ``amount``, ``share`` (of the dearest day, in per cent); empty where no call
            was charged
        """
        self.ensure_one()
        self = self.sudo()
        today = self._today()
        days = [today - timedelta(days=ago) for ago in range(6, -1, -1)]
        domain = [("wallet_id", "=", self.id), ("type", "=", "usage"), ("day", "in", days)]
        charged = self.env["call.wallet.day"]._read_group(domain, ["day:day"], ["amount:sum"])
        charged = {day: parse_amount(-amount) for day, amount in charged}
        most = max(charged.values(), default=ZERO)
        ends = not self.lasts_roughly and self.runs_out_on
        return {
            "balance": self._format_amount(self.balance),
            "available": self.held_amount and self._format_amount(self.available_balance),
            "threshold": self.alert_level and self._format_amount(self.low_balance_threshold),
            "runs_out_on": ends and format_date(self.env, ends),
            "days_left": ends and self._in_days((ends - today).days),
            "lasts_roughly": self.lasts_roughly,
            "spent": self._format_amount(sum(charged.values(), ZERO)),
            "average": self._format_amount(self.daily_spend),
            "tz": self.tz,
            "color": self.company_id.email_secondary_color or "#875A7B",
            "days": most > 0
            and [
                {
                    "day": day_text(self.env, day, "MMMEd"),
                    "amount": self._format_amount(charged.get(day, ZERO)),
                    "share": max(int(charged.get(day, ZERO) * 100 / most), 0),
                }
                for day in days
            ],
        }

    def _in_days(self, days):
        if days == 0:
            return self.env._("today")
        return self.env._("in 1 day") if days == 1 else self.env._("in %s days", days)

    def _note_sent(self, model, res_id, addresses, why, failure_type):
        """Note whether a mail about these wallets was sent.

        What concerns one address or one invoice is a task. A mail server that does not work is one entry a company
        among what waits for finance, however many mails it keeps; it goes with the next mail that is sent.

        :param str why: the reason for a failure; None: it was sent
        :param str failure_type: Odoo's
        """
        failures = self.env["call.wallet.failure"].sudo()
        for wallet in self:
            company = wallet.company_id
            if not why:
                if (company._name, company.id) in failures._failing(SENDING):
                    failures._forget_failures(SENDING, {(company._name, company.id)})
            elif model == "account.move":
                invoice = self.env[model].sudo().browse(res_id)
                failures._beside("task", wallet, partial(invoice._call_wallet_tell_not_mailed, why))
            elif failure_type in ("mail_email_invalid", "mail_email_missing"):
                tell = partial(wallet._for_finance()._tell_undelivered, ", ".join(addresses), why)
                failures._beside("task", wallet, tell)
            else:
                failures._note_failure(SENDING, company, UserError(why), cause="mail_server")

    def _tell_undelivered(self, address, why):
        """Give finance a task about an address that takes no mail; in the language of ``_for_finance``."""
        _ = telling(self.env)
        self._tell_finance(
            _("Mail to %s was not delivered", address),
            _(
                "Notices about the balance do not reach this address: %s. Ask the customer for another one, and put it "
                "in place of this one.",
                why,
            ),
        )

    def _notify_get_recipients(self, message, msg_vals=False, **kwargs):
        """Odoo's hook for whom a message of the wallet's history reaches: of its followers, those who may see it.

        Whoever made a wallet follows it, and goes on doing so with another job.
        """
        recipients = super()._notify_get_recipients(message, msg_vals=msg_vals, **kwargs)
        return [who for who in recipients if not (who["is_follower"] and who["uid"]) or self._may_follow(who["uid"])]

    def _may_follow(self, user_id):
        user, wallet = self.env["res.users"].sudo().browse(user_id), self.sudo()
        is_staff = user.has_group(ACCOUNT_MANAGER) and wallet.company_id in user.company_ids
        return user.active and (is_staff or wallet._is_owned_by(user))

    def _mail_attachment(self, file):
        if not file:
            return []
        name, content = file
        # It belongs to the mail's message, with which Odoo deletes it. A file of the mail itself would stay.
        return self.env["ir.attachment"].create({"name": name, "raw": content, "res_model": "mail.message"}).ids

    def _by_language(self, emails):
        """Return {language code: addresses}; a known contact's language, else the customer's."""
        customer = self.partner_id
        contacts = self.env["res.partner"].search([("email_normalized", "in", emails)])
        # The customer's own contact wins over another company's with the same address.
        contacts = contacts.sorted(lambda contact: contact.commercial_partner_id == customer.commercial_partner_id)
        langs = {contact.email_normalized: contact._call_wallet_lang() for contact in contacts if contact.lang}
        groups = {}
        for email in emails:
            groups.setdefault(langs.get(email) or customer._call_wallet_lang() or "en_US", []).append(email)
        return groups

    # === TELLING THE PLATFORM === #

    @api.model
    def list_events(self, after=None, limit=1000):
        """Return what has happened to the wallets since, for the platform: in order, each once.

        Go on with ``after`` the last number that you have read. Numbers rise one by one over all companies, and no
        lower one appears later; a user of some of the companies sees the numbers of the others' events left out.
        Events are kept for 90 days. Webhooks send the same.

        :param int after: the number of the last event that was read; None: from the first that is kept
        :param int limit: how many at most, 1 to 10,000
        :return: list of dicts: ``event`` (the number), ``id`` (``evt_...``, the ``webhook-id`` of its message),
            ``type`` (such as ``wallet.low``), ``timestamp`` (ISO 8601, UTC), ``account``, and ``data``: how the wallet
            stood after it (``account``, ``currency``, ``balance``, ``available``, ``low_balance_threshold``, ``level``,
            ``state``), ``event``, and what the type has beside, amounts as decimal strings
        :raise AccessError: neither the calling platform nor finance staff
        :raise UserError: ``after`` or ``limit`` is no whole number in its range
        """
        self.env["call.usage"]._check_platform()
        companies = None if self.env.su else self.env.user.company_ids
        with door(self.env):
            return as_superuser(self.env["call.wallet.event"])._list(after, limit, companies)

    # === TASKS OF FINANCE === #

    def _for_finance(self):
        """Return the wallet in the language of who in finance gets a task about it: write the task in that."""
        self.ensure_one()
        return in_language_of(self, self._finance_user(), self.company_id)

    def _finance_user(self):
        return self.company_id._call_wallet_finance_user(preferred=self.account_manager_id)

    def _tell_finance(self, summary, note, about=None):
        """Note something about money in the wallet's chatter, and give somebody in finance an activity.

        The same task is given once while it is open. All of them are in ``call.wallet.waiting``.

        :param str summary: what happened, in a line; this and the note in the language of ``_for_finance``
        :param str note: why, and what to do next; plain text
        :param about: the record to look at, such as the top-up or the payment; None: the wallet
        """
        self.ensure_one()
        tasks = self.sudo().activity_ids.filtered(lambda task: task.summary == summary)
        if any(text_of(task.note).split() == note.split() for task in tasks):
            return
        self.message_post(body=str(note), subject=str(summary))
        give_task(self, self._finance_user(), summary, note, self.company_id, about=about)

    # === MONTHLY STATEMENT === #
    # The statement of a month, mailed to the recipients with its usage report.

    @api.depends()
    def _compute_statement_month(self):
        """Count the month before a wallet was created as done: there was nothing to state."""
        for wallet in self:
            wallet.statement_month = wallet._last_month()

    @api.model
    def _cron_send_statements(self):
        """Send the statements of the last month that are still due, wallet by wallet.

        A wallet's month is done in the transaction that writes its mails: a run that was
        interrupted goes on where it stopped, and no month is sent twice.
        """
        due = self.sudo().search([("monthly_statement", "=", True), ("state", "!=", "not_set_up")], order="id")
        due = due.filtered(lambda wallet: wallet._statement_due())
        each(self.env, due, self._send_due_statement)

    @worker
    def _send_due_statement(self, wallet):
        with door(self.env):
            wallet._send_statement()

    def _statement_due(self):
        """Return whether the last month, in the wallet's time zone, has not been sent."""
        return (self.statement_month or date.min) < self._last_month()

    def _last_month(self):
        return month_before(self._today())

    def _send_statement(self):
        self.ensure_one()
        # Another process may be at the same wallet: it waits here, and finds the month done.
        self.env.cr.execute("SELECT statement_month FROM call_wallet WHERE id = %s FOR NO KEY UPDATE", [self.id])
        self.invalidate_recordset(["statement_month"])
        if not self._statement_due():
            return
        month = self._last_month()
        self.statement_month = month
        statement = self._statement(month)
        if not statement["transactions"]:
            return
        is_short = statement["transactions"] <= MOST_ROWS_ATTACHED
        attachment = (lambda wallet: wallet._statement_file(statement)) if is_short else None
        self._mail_recipients(
            "mail_template_statement", attachment=attachment, statement=statement, is_attached=is_short
        )

    def _statement(self, month):
        """Return the month's roll-forward, from the daily totals: amounts are ``Decimal``, ``places`` their decimals.

        :param date month: its first day
        """
        last = month_after(month) - timedelta(days=1)
        before = self._sum_of_days([("day", "<", month)])
        within = self._sum_of_days([("day", ">=", month), ("day", "<=", last)])
        opening = sum((amount for amount, _count in before.values()), ZERO)
        moved = {kind: within.get(kind, (ZERO, 0))[0] for kind in ("balance_added", "usage", "refund", "reversal")}
        decimals = [-amount.normalize().as_tuple().exponent for amount in (opening, *moved.values())]
        return {
            # All with as many decimals as one of them needs, so that what is shown adds up.
            "places": max(self.currency_id.decimal_places, *decimals),
            "date_from": month,
            "date_to": last,
            "opening": opening,
            **moved,
            "closing": opening + sum(moved.values(), ZERO),
            "transactions": sum(count for _amount, count in within.values()),
        }

    def _sum_of_days(self, domain):
        groups = self.env["call.wallet.day"]._read_group(
            [("wallet_id", "=", self.id), *domain], ["type"], ["amount:sum", "transactions:sum"]
        )
        return {kind: (parse_amount(amount or 0), count or 0) for kind, amount, count in groups}

    def _statement_file(self, statement):
        days = statement["date_from"], statement["date_to"]
        report = self.env["call.usage.report"]
        with report._make(self, *days, XLSX) as file:
            return report._filename(self, *days, XLSX), file.read()

    def request_usage_report(self, date_from=None, date_to=None, format="xlsx"):
        """Have the usage report made in the background; a notice with the link follows.

        Asking again for the same days while it is being made returns the same one.

        :param date_from: first day, ``date`` or ``YYYY-MM-DD`` in the wallet's time zone; None for no limit
        :param date_to: last day, included; likewise
        :param str format: ``xlsx`` or ``csv``
        :return: the ``call.usage.report.job``
        :raise UserError: unknown format, not a date, or dates the wrong way round; names the parameter. Or an owner
            waits for as many reports, or has asked for as many in 24 hours, as the company's settings allow
        :raise AccessError: neither an owner of the wallet nor an account manager
        """
        wallet = self._permitted(ACCOUNT_MANAGER, owner=True)
        wallet.ensure_one()
        self.env["call.usage.report"]._writer(format)
        days = parse_day(date_from, "date_from", self.env), parse_day(date_to, "date_to", self.env)
        return wallet.env["call.usage.report.job"]._ask(wallet, self.env.user, *days, format).with_env(self.env)

    # === WHAT OWNERS SET === #
    # Who is told when the balance runs low, and from which balance on.

    def set_recipients(self, emails):
        """Replace the addresses that are told when the balance runs low.

        The first one sets the wallet up; an empty list returns it to Not Set Up. The money
        stays either way.

        :param list[str] emails: addresses; letter case does not matter
        :return: the addresses as stored
        :raise ValidationError: a bad or repeated address; nothing is changed then
        :raise AccessError: neither an owner of the wallet nor an account manager
        """
        wallet = self._permitted(ACCOUNT_MANAGER, owner=True)
        wallet.ensure_one()
        with door(self.env):
            return wallet._replace_recipients(emails)

    def _replace_recipients(self, emails):
        emails = self._check_addresses(emails)
        wanted = [self.env["call.wallet.recipient"]._normalise(email) for email in emails]
        if len(wanted) > MAX_RECIPIENTS:
            raise ValidationError(self.env._("Notification recipients: at most %s addresses.", MAX_RECIPIENTS))
        repeated = {email for email in wanted if wanted.count(email) > 1}
        if repeated:
            raise ValidationError(self.env._("%s is in the list more than once.", ", ".join(sorted(repeated))))
        self.recipient_ids.filtered(lambda recipient: recipient.email not in wanted).unlink()
        known = set(self.recipient_ids.mapped("email"))
        self.env["call.wallet.recipient"].create(
            [{"wallet_id": self.id, "email": email} for email in wanted if email not in known]
        )
        kept = in_company_language(self).env
        self.message_post(body=kept._("Notification recipients: %s", ", ".join(wanted) or "-"))
        return self.recipient_ids.mapped("email")

    def _check_addresses(self, emails):
        """Return the list of what shall be addresses; whether they are is looked at one by one.

        :raise ValidationError: no list of text
        """
        is_list = emails is None or isinstance(emails, (list, tuple, set))
        if not is_list or not all(isinstance(email, str) for email in emails or ()):
            raise ValidationError(self.env._("emails: send a list of addresses."))
        return list(emails or ())

    def _refresh_set_up(self):
        self.env["call.wallet.ledger"]._refresh(self.ids)

    @api.depends("company_id", "currency_id")
    def _compute_low_balance_threshold(self):
        """Propose the company's setting for a wallet that is new, or has another currency than it had."""
        for wallet in self:
            is_moved = wallet._origin and wallet._origin.currency_id != wallet.currency_id
            if wallet._origin and not is_moved:
                continue
            company, currency = wallet.company_id or self.env.company, wallet.currency_id
            own = company.sudo().call_wallet_threshold
            wallet.low_balance_threshold = (
                company._call_wallet_amount("call_wallet_threshold", currency, without_rate=own) if currency else own
            )

    def set_low_balance_threshold(self, amount):
        """Set the balance below which the recipients are told, and the banner is shown.

        :param amount: in the wallet's currency, zero or more, up to 6 places: str, int or Decimal
        :raise UserError: not an amount, or negative
        :raise AccessError: neither an owner of the wallet nor an account manager
        """
        wallet = self._permitted(ACCOUNT_MANAGER, owner=True)
        wallet.ensure_one()
        amount = wallet._check_threshold(amount)
        with door(self.env):
            wallet.low_balance_threshold = amount
        return True

    def set_notifications(self, emails, threshold, monthly_statement=None):
        """Replace the recipients and the threshold, both or neither.

        :param list[str] emails: see ``set_recipients``
        :param threshold: see ``set_low_balance_threshold``
        :param bool monthly_statement: whether the recipients get the monthly statement; None: as it is
        :raise UserError: a bad or repeated address, or a bad threshold; nothing is changed then
        :raise AccessError: neither an owner of the wallet nor an account manager
        """
        wallet = self._permitted(ACCOUNT_MANAGER, owner=True)
        wallet.ensure_one()
        threshold = wallet._check_threshold(threshold)
        emails = wallet._check_addresses(emails)
        with door(self.env):
            if sorted(emails) != sorted(wallet.recipient_ids.mapped("email")):
                wallet._replace_recipients(emails)
            if threshold != wallet.low_balance_threshold:
                wallet.low_balance_threshold = threshold
            if monthly_statement is not None and monthly_statement != wallet.monthly_statement:
                wallet.monthly_statement = monthly_statement
        return True

    def _check_threshold(self, amount):
        if isinstance(amount, bool) or amount in (None, ""):
            raise UserError(self.env._("Threshold: enter an amount, zero or more."))
        amount = parse_amount(amount, self.env._("Threshold"), self.env)
        if amount < 0:
            raise UserError(self.env._("Threshold: enter an amount, zero or more."))
        return amount

    def _recipient_problems(self, emails):
        """Return {address: what is wrong with it} of a list that somebody typed."""
        problems, seen = {}, set()
        for email in emails:
            try:
                known = self.env["call.wallet.recipient"]._normalise(email)
            except ValidationError as error:
                problems[email] = str(error)
                continue
            if known in seen:
                problems[email] = self.env._("%s is in the list more than once.", known)
            seen.add(known)
        return problems


def month_before(day):
    """Return the first day of the month before the one of ``day``."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def month_after(day):
    """Return the first day of the month after the one of ``day``."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
