import base64
import csv
import logging
from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta
from odoo import fields
from odoo.tools import file_open, groupby

from ..tools.clock import utcnow
from ..tools.intake import parse_call
from .cases import Cases
from .moved import Moved
from .told import told_at

_logger = logging.getLogger(__name__)

LOGINS = ("finance", "accountmanager", "platform", "owner_acme", "owner_globex", "owner_stark", "portal_acme")
RECIPIENTS = {
    "ACME": ["billing@acme.example", "olivia@acme.example"],
    "GLOBEX": ["billing@globex.example"],
    "INITECH": ["billing@initech.example"],
    "HOUSE": ["billing@house.example"],
    "STARK": ["billing@stark.example"],
}
# What October's calls cost: ACME 306.454245, GLOBEX 157.489752, INITECH 40.494606. So ACME stays
# Active, GLOBEX ends Active but low, and INITECH's last calls use its balance up: Paused. All times are
# UTC, and moved by whole weeks when the story is told (``weeks.py``).
PAID = [
    (datetime(2026, 9, 29, 14, 30), "GLOBEX", "165"),
    (datetime(2026, 9, 30, 6, 45), "INITECH", "40"),
    (datetime(2026, 10, 1, 0, 10), "ACME", "250"),
    (datetime(2026, 10, 1, 13, 0), "HOUSE", "25"),
    (datetime(2026, 10, 15, 3, 20), "ACME", "250"),
]
CANCELLED = (datetime(2026, 10, 20, 2, 0), "ACME", "100")
PENDING = (datetime(2026, 10, 29, 6, 10), "ACME", "500")
AUTO_TOPUP_BEGIN = datetime(2026, 10, 6, 8, 0)
AUTO_TOPUP = {"level": "20", "amount": "50", "monthly_cap": "200"}


def load(env):
    """Tell a month of top-ups and calls up to the last days, and finance's special cases in it.

    A second call changes nothing.

    The installation with demo data calls it (``hooks.py``). It is no model: in a database without demo data
    nothing of it can be reached.
    """
    Story(env).tell()


class Story:
    """Demo data beyond what XML can say: a month of top-ups and calls, in their order."""

    def __init__(self, env):
        self.env, self._moved = env, Moved(env)
        self._paid = [(self._moved(when), account, amount) for when, account, amount in PAID]

    def tell(self):
        is_new = not self._wallet("STARK").last_sequence
        if not self._wallet("ACME").last_sequence:
            self._tell_month()
        if is_new:
            self._tell_auto_topup()
        if Cases(self.env, self._moved).tell():
            self._keep_quiet()

    def _tell_month(self):
        set_passwords(self.env, [self.env.ref(f"call_wallet.demo_user_{name}") for name in LOGINS])
        self._offer_bank_transfer()
        self._load_rates()
        for account, emails in RECIPIENTS.items():
            self._wallet(account).set_recipients(emails)
        events = [(when, self._top_up, order) for when, *order in self._paid]
        for (when, *order), carry_out in ((CANCELLED, self._cancel), (PENDING, self._request_invoice)):
            events.append((self._moved(when), carry_out, order))
        events += [(when, self._record, (calls,)) for when, calls in self._days_of_calls()]
        now = utcnow()
        for when, carry_out, arguments in sorted(events, key=lambda event: event[0]):
            # What is reported again a day after the last call may be so only tonight.
            with told_at(self.env, min(when, now)):
                carry_out(*arguments)
        self._keep_quiet()

    def _keep_quiet(self):
        """Nobody is told today of what arrived weeks ago."""
        for topup in self.env["call.wallet.topup"].search([("credited_amount", ">", 0)]):
            topup.notified_amount = topup.credited_amount

    def _wallet(self, account):
        return self.env.ref(f"call_wallet.demo_wallet_{account.lower()}")

    def _offer_bank_transfer(self):
        """Let invoices be paid by bank transfer, to the account of the company's bank journal."""
        domain = [("custom_mode", "=", "wire_transfer"), ("company_id", "=", self.env.company.id)]
        provider = self.env["payment.provider"].search(domain, limit=1)
        provider.write({"state": "enabled", "is_published": True})
        provider._transfer_ensure_pending_msg_is_set()

    def _load_rates(self):
        plan = self.env.ref("call_wallet.demo_rate_plan")
        with file_open("call_wallet/demo/rates.csv") as file:
            rates = list(csv.DictReader(file))
        self.env["call.rate"].create([{**rate, "plan_id": plan.id, "call_type": "live"} for rate in rates])
        self._import_rates(plan)

    def _import_rates(self, plan):
        """Import next year's prices of three destinations: two changed, one new."""
        deck = b"prefix,destination,price_per_minute\n254,KE fixed,0.079\n234,NG fixed,0.0712\n255,TZ fixed,0.0915\n"
        values = {"plan_id": plan.id, "file": base64.b64encode(deck), "filename": "rates-next-year.csv"}
        begins = fields.Datetime.now().replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
        rates = self.env["call.rate.import"].create({**values, "valid_from": begins + relativedelta(years=1)})
        rates.action_preview()
        rates.action_apply()

    # === CALLS === #

    def _days_of_calls(self):
        """Yield (time, calls reported by then), day by day and not across a top-up.

        A call is reported when it ends; what the file has twice is reported again the day after.
        """
        with file_open("call_wallet/demo/calls.csv") as file:
            records = [self._to_call(row) for row in csv.DictReader(file)]
        reported, seen = [], set()
        for record in records:
            reference = (record["account"], record["call_ref"])
            delay = timedelta(days=1 if reference in seen else 0)
            seen.add(reference)
            reported.append((end_of(parse_call(record)) + delay, record))
        reported.sort(key=lambda item: item[0])
        for _key, items in groupby(reported, key=lambda item: (item[0].date(), self._paid_before(item[0]))):
            yield items[-1][0], [record for _when, record in items]

    def _to_call(self, row):
        """Return a call as the platform reports it; its offset from UTC stays as it is in the file."""
        started_at = self._moved(datetime.fromisoformat(row["started_at"]))
        return {**row, "started_at": started_at.isoformat(), "duration_seconds": int(row["duration_seconds"])}

    def _paid_before(self, moment):
        """Return how many of the top-ups were paid before ``moment``."""
        return sum(when <= moment for when, _account, _amount in self._paid)

    def _record(self, calls):
        self.env["call.usage"]._record_calls(calls, date_of=end_of)

    # === TOP-UPS === #

    def _request_invoice(self, account, amount):
        return self._wallet(account).create_topup(amount, accept_terms=True)

    def _cancel(self, *order):
        self._request_invoice(*order).invoice_id.button_cancel()

    def _top_up(self, *order):
        """Request an invoice, and pay it by bank transfer on the same day."""
        invoice = self._request_invoice(*order).invoice_id
        self.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids).create(
            {"payment_date": invoice.company_id._call_wallet_today()}
        )._create_payments()

    # === AUTOMATIC TOP-UP === #

    def _tell_auto_topup(self):
        """Tell STARK's story: a small balance, and a saved card that is declined once and then charged.

        Its card belongs to Odoo's demo provider, which needs no account anywhere; without the
        module ``payment_demo`` the wallet stays empty.
        """
        wallet = self._wallet("STARK")
        provider = self.env["payment.provider"].search(
            [("code", "=", "demo"), ("company_id", "=", wallet.company_id.id), ("state", "=", "test")], limit=1
        )
        if not provider:
            _logger.info("Without the module payment_demo the demo has no automatic top-up.")
            return
        begin = self._moved(AUTO_TOPUP_BEGIN)
        with told_at(self.env, begin):
            self._top_up("STARK", "15")
            card = self._save_card(wallet, provider)
            wallet.set_auto_topup(True, **AUTO_TOPUP, token_id=card.id, accept_mandate=True)
        # What the card answers, and when the scheduled action looks; after a decline it waits for an hour.
        for minutes, answer in ((1, "error"), (2, "error"), (62, "done")):
            card.demo_simulated_state = answer
            with told_at(self.env, begin + timedelta(minutes=minutes)):
                self.env["call.wallet"]._cron_auto_topup()
        self._keep_quiet()

    def _save_card(self, wallet, provider):
        return self.env["payment.token"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": provider.payment_method_ids[:1].id,
                "payment_details": "•••• 4242",
                "partner_id": wallet.partner_id.id,
                "provider_ref": "demo",
            }
        )


def set_passwords(env, users):
    """Give each user the login as password, unless the database asks for longer ones."""
    minimum = int(env["ir.config_parameter"].get_param("auth_password_policy.minlength", 0))
    for user in users:
        if len(user.login) >= minimum:
            # Not a change of password, about which the user would be mailed.
            user._set_encrypted_password(user.id, user._crypt_context().hash(user.login))
        else:
            _logger.info("Demo user %s has no password: the password policy asks for a longer one.", user.login)


def end_of(call):
    """Return when a call ended, naive UTC: the time under which it is entered."""
    return call.started_at + timedelta(seconds=call.duration_seconds)
