"""Through the addon nobody changes what Odoo would refuse them: partners, users, companies, cards, invoices, files."""

import re

from odoo import http
from odoo.exceptions import UserError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from .roles_case import RolesCase
from .roles_table import ACTIONS, EVERYBODY
from .superuser_writes import Recorder

BOOKS = ("account.move", "account.move.line", "account.analytic.line")
NOTES = ("mail.message", "mail.activity", "mail.followers", "mail.mail", "mail.tracking.value", "mail.notification")
OURS = ("call.wallet", "call.wallet.refund.request", "call.wallet.topup", "call.wallet.stripe.payout")
ADDRESS = {"name", "street", "street2", "city", "zip", "state_id", "country_id", "vat"}


def reason(model, operation, about, names, call):
    """Return why a change is accepted that Odoo would refuse the same user, or None."""
    names = set(names.split(",")) if names else set()
    orders = ("call.wallet.create_topup", "call.wallet.topup.wizard.action_request_invoice")
    if model in BOOKS and call in orders:
        return "the invoice of an order is the wallet's; who may order gets it, and no other"
    if model in BOOKS and call == "call.wallet.download_invoice":
        # Odoo's own bookkeeping of a write follows the first token of its link.
        return "the link of the wallet's own invoice" if names <= {
            "access_token", "needed_terms_dirty", "discount_allocation_dirty", "epd_dirty"
        } else None  # fmt: skip
    if model in NOTES and (not about or set(about.split(",")) <= {*OURS, "account.move"}):
        return "notes, tasks and mails about wallets"
    if model in NOTES and about == "res.partner" and call == "call.wallet.set_billing_information":
        return "Odoo's own note of what was changed of a customer"
    if model == "res.partner" and operation == "write" and call == "call.wallet.set_billing_information":
        # Refused where somebody signs in with the contact: see test_accounts_of_people.
        return "what the customer's invoices are addressed to" if names <= ADDRESS else None
    if (model, operation) in (("res.partner", "create"), ("utm.campaign", "create")):
        return "a manager or a campaign that a call names" if call == "call.usage.record_calls" else None
    if (model, operation) in (("ir.cron.trigger", "create"), ("bus.bus", "create")):
        return "how one's own request goes on in the background, and open pages hear of it"
    if model == "ir.attachment" and about == "call.source.file":
        return "a file of call records, which is kept until it was imported, and nobody may open"
    if (model, operation) == ("ir.default", "unlink"):
        return "Odoo's defaults that name a deleted record, such as a recipient"
    return None


@tagged("post_install", "-at_install", "standard")
class TestSuperuserWrites(RolesCase):
    @mute_logger("odoo.addons.base.models.ir_rule", "odoo.addons.base.models.ir_model")
    def test_no_method_changes_what_odoo_would_refuse(self):
        found = {}
        for action in ACTIONS:
            for role, records, arguments in self.each_role(action, action.roles or EVERYBODY):
                recorder = Recorder(self._user_now)
                if self._carried_out(recorder, action, records, arguments):
                    for change in recorder.found:
                        if not reason(*change, action.call):
                            found.setdefault(change, set()).add(f"{action.call} ({role})")
        lines = [f"{change}: {', '.join(sorted(calls))}" for change, calls in found.items()]
        self.assertFalse(lines, "\n" + "\n".join(sorted(lines)))

    def test_a_clerk_who_writes_past_the_rights_is_noticed(self):
        """The walk would find nothing if the recorder noted nothing."""
        clerk, admin = self.users["F"], self.env.ref("base.user_admin")
        with Recorder(clerk).watching() as recorder:
            admin.with_user(clerk).sudo().partner_id.email = "clerk@else.example"
            self.wallet.with_user(clerk).sudo().partner_id.write({"name": self.wallet.partner_id.name})
        self.assertEqual(recorder.found, {("res.partner", "write", "", "email")})

    def _carried_out(self, recorder, action, records, arguments):
        """Tell whether it was done; what a refusal has begun is undone by Odoo, with the transaction."""
        target = self.env[action.model] if records is None else records
        try:
            with recorder.watching():
                getattr(target.with_user(self._user_now).sudo(False), action.method)(**arguments)
                self.env.flush_all()
        except UserError:
            return False
        return True


@tagged("post_install", "-at_install", "standard")
class TestSuperuserWritesOfPages(RolesCase, HttpCase):
    """The same by the pages of an owner: what their forms send, and every page opened."""

    FORMS = (
        ("add", {"package": "100", "accept_terms": "on", "request_key": "walk-1"}),
        (
            "information",
            {
                "name": "ACME Care",
                "street": "1 Elm St",
                "city": "Gent",
                "zip": "9000",
                "country_id": "base.be",
                "email": "ap@roles.example",
            },
        ),
        ("notifications", {"emails": "ap@roles.example", "new_email": "b@roles.example", "threshold": "7"}),
        ("people", {"add": "third"}),
        ("people", {"remove": "third"}),
        ("auto", {"action": "on", "level": "5", "amount": "50", "monthly_cap": "500", "accept_mandate": "on"}),
        ("auto", {"action": "off"}),
        ("report", {"date_from": "2026-10-01", "date_to": "2026-10-31", "format": "xlsx"}),
    )
    # What Odoo keeps of anybody who opens a page or asks for a file.
    ODOO_S = {"res.device.log", "res.users.log", "website.visitor", "website.track"}

    def test_no_page_changes_what_odoo_would_refuse(self):
        owner = self.users["O"]
        self.authenticate(owner.login, owner.login)
        token, terms = http.Request.csrf_token(self), self.env["call.wallet.terms"]._current()
        pages = [f"/my/billing/{self.wallet.id}/{page}" for page, _form in self.FORMS]
        pages += ["/my", "/my/billing", f"/my/billing/{self.wallet.id}", f"/my/billing/{self.wallet.id}/usage"]
        pages += [f"/my/billing/{self.wallet.id}/transactions"]
        pages += [f"/my/billing/{self.wallet.id}/{page}" for page in ("invoices", "cards")]
        pages += [f"/my/billing/{self.wallet.id}/{page}/{self.topup.id}" for page in ("pay", "receipt")]
        found = {}
        for address in pages:
            self._walk(found, f"GET {address}", lambda address=address: self.url_open(address, allow_redirects=False))
        for page, form in self.FORMS:
            known = {"third": self.third.id, "base.be": self.env.ref("base.be").id}
            data = {name: known.get(value, value) for name, value in form.items()}
            data |= {"csrf_token": token, "terms_id": terms.id}
            address = f"/my/billing/{self.wallet.id}/{page}"
            self._walk(
                found,
                f"POST {address}",
                lambda address=address, data=data: self.url_open(address, data=data, allow_redirects=False),
            )
        self.assertTrue(self.wallet.recipient_ids.filtered(lambda one: one.email == "b@roles.example"))
        self.assertEqual(self.partner.city, "Gent")
        self.assertEqual(len(self.wallet.topup_ids), 2)
        lines = [f"{change}: {', '.join(sorted(calls))}" for change, calls in found.items()]
        self.assertFalse(lines, "\n" + "\n".join(sorted(lines)))

    def _walk(self, found, what, ask):
        with Recorder(self.users["O"]).watching() as recorder:
            answer = ask()
        self.assertLess(answer.status_code, 400, (what, re.findall(r"invalid-feedback[^>]*>[^<]*", answer.text)))
        # A page that shows invoices makes the links to them.
        call = METHODS_OF_PAGES.get(what.rpartition("/")[2]) if "POST" in what else "call.wallet.download_invoice"
        for change in recorder.found:
            if change[0] not in self.ODOO_S and not reason(*change, call):
                found.setdefault(change, set()).add(what)


# What a page's form ends as.
METHODS_OF_PAGES = {"add": "call.wallet.create_topup", "information": "call.wallet.set_billing_information"}
