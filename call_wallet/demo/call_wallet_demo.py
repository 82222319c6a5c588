import csv
import logging
from datetime import datetime, timedelta

from odoo import api, models
from odoo.tools import file_open, groupby

from ..tools.clock import recorded_at
from ..tools.intake import parse_call

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
# UTC; in Singapore, where ACME is, the whole story takes place in October.
PAID = [
    (datetime(2026, 9, 29, 14, 30), "GLOBEX", "165"),
    (datetime(2026, 9, 30, 6, 45), "INITECH", "40"),
    (datetime(2026, 10, 1, 0, 10), "ACME", "250"),
    (datetime(2026, 10, 1, 13, 0), "HOUSE", "25"),
    (datetime(2026, 10, 15, 3, 20), "ACME", "250"),
]
CANCELLED = (datetime(2026, 10, 20, 2, 0), "ACME", "100")
PENDING = (datetime(2026, 10, 29, 6, 10), "ACME", "500")


class CallWalletDemo(models.AbstractModel):
    """Demo data beyond what XML can say: a month of top-ups and calls, in their order.

    Called by the demo XML file alone, when the addon is installed with demo data; a second
    call changes nothing.
    """

    _name = "call.wallet.demo"
    _description = "Call Wallet Demo Data"

    @api.model
    def _load(self):
        """Bring the demo wallets to their state at the end of October 2026."""
        if self.env.ref("call_wallet.demo_wallet_acme").last_sequence:
            return
        self._set_passwords()
        self._offer_bank_transfer()
        self._load_rates()
        for account, emails in RECIPIENTS.items():
            self._wallet(account).set_recipients(emails)
        events = [(when, self._top_up, (when, account, amount)) for when, account, amount in PAID]
        events += [(CANCELLED[0], self._cancel, CANCELLED), (PENDING[0], self._request_invoice, PENDING)]
        events += [(when, self._record, (calls,)) for when, calls in self._days_of_calls()]
        for when, carry_out, arguments in sorted(events, key=lambda event: event[0]):
            with recorded_at(when):
                carry_out(*arguments)
        self._keep_quiet()

    def _keep_quiet(self):
        """Nobody is told today of what arrived in October."""
        for topup in self.env["call.wallet.topup"].search([("credited_amount", ">", 0)]):
            topup.notified_amount = topup.credited_amount

    def _wallet(self, account):
        return self.env.ref(f"call_wallet.demo_wallet_{account.lower()}")

    def _set_passwords(self):
        """Password = login, unless the database asks for longer ones."""
        minimum = int(self.env["ir.config_parameter"].get_param("auth_password_policy.minlength", 0))
        for name in LOGINS:
            user = self.env.ref(f"call_wallet.demo_user_{name}")
            if len(user.login) >= minimum:
                # Not a change of password, about which the user would be mailed.
                user._set_encrypted_password(user.id, user._crypt_context().hash(user.login))
            else:
                _logger.info("Demo user %s has no password: the password policy asks for a longer one.", user.login)

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

    # === CALLS === #

    def _days_of_calls(self):
        """Yield (time, calls reported by then), day by day and not across a top-up.

        A call is reported when it ends; what the file has twice is reported again the day after.
        """
        with file_open("call_wallet/demo/calls.csv") as file:
            records = [{**row, "duration_seconds": int(row["duration_seconds"])} for row in csv.DictReader(file)]
        reported, seen = [], set()
        for record in records:
            reference = (record["account"], record["call_ref"])
            delay = timedelta(days=1 if reference in seen else 0)
            seen.add(reference)
            reported.append((end_of(parse_call(record)) + delay, record))
        reported.sort(key=lambda item: item[0])
        for _key, items in groupby(reported, key=lambda item: (item[0].date(), paid_before(item[0]))):
            yield items[-1][0], [record for _when, record in items]

    def _record(self, calls):
        self.env["call.usage"]._record_calls(calls, date_of=end_of)

    # === TOP-UPS === #

    def _request_invoice(self, when, account, amount):
        """Request an invoice on that day."""
        return self._wallet(account).create_topup(amount, accept_terms=True)

    def _cancel(self, *order):
        self._request_invoice(*order).invoice_id.button_cancel()

    def _top_up(self, when, *order):
        """Request an invoice, and pay it by bank transfer on the same day."""
        invoice = self._request_invoice(when, *order).invoice_id
        self.env["account.payment.register"].with_context(active_model="account.move", active_ids=invoice.ids).create(
            {"payment_date": invoice.company_id._call_wallet_today()}
        )._create_payments()


def paid_before(moment):
    """Return how many of the top-ups were paid before ``moment``."""
    return sum(when <= moment for when, _account, _amount in PAID)


def end_of(call):
    """Return when a call ended, naive UTC: the time under which it is entered."""
    return call.started_at + timedelta(seconds=call.duration_seconds)
