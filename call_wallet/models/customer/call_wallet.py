from odoo import Command, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import format_datetime

from ...const import FINANCE, PLATFORM
from ...tools.fields import is_storable, parse_id
from ...tools.sentence import joined, telling
from ...tools.task import in_company_language

FIELDS = ("name", "street", "street2", "city", "zip", "state_id", "country_id", "vat", "email")

# People of a customer who may see a wallet and order for it.
MAX_OWNERS = 50


class BillingInformationError(UserError):
    """Billing information that cannot be saved; ``problems`` is {field name: sentence}."""

    def __init__(self, problems):
        super().__init__("\n".join(problems.values()))
        self.problems = problems


class CallWalletOwners(models.Model):
    """The customer's side of a wallet: who owns it, and whom its invoices are addressed to.

    Owners are people at the customer with the role, and nobody else there. Whoever leaves the customer owns
    nothing of it from that moment on. A wallet of one of our own companies is owned by those who work for that
    company.
    """

    _inherit = "call.wallet"

    billing_email = fields.Char(
        "Billing E-mail",
        tracking=True,
        help="Top-up invoices are mailed to this address. Empty: to the customer's own.",
    )

    owner_access = fields.Text(
        "Access of the Owners", compute="_compute_owner_access", groups="call_wallet.group_account_manager"
    )

    @api.constrains("billing_email")
    def _check_billing_email(self):
        for wallet in self.filtered("billing_email"):
            for problem in wallet._email_problem(wallet.billing_email).values():
                raise ValidationError(problem)

    @api.constrains("partner_id")
    def _check_customer(self):
        """Refuse the contact of somebody who works here: whoever bills it would reach an employee's account."""
        for wallet in self.sudo():
            if any(not user.share for user in wallet._logins()):
                raise ValidationError(
                    self.env._(
                        "Customer: %s works here; choose the contact of a customer.", wallet.partner_id.display_name
                    )
                )

    def _logins(self):
        """Return the users, archived ones too, who sign in with the customer's own contact."""
        return (
            self.env["res.users"]
            .sudo()
            .with_context(active_test=False)
            .search([("partner_id", "in", self.partner_id.ids)])
        )

    @api.model
    def _owned_by(self, user, closed_too=False):
        """Return the wallets that the user owns, as superuser.

        :param bool closed_too: with those that are closed, after the others: their past stays readable
        """
        domain = Domain("current_owner_ids", "in", user.ids)
        companies = self._employers_of(user)
        if companies:
            domain |= Domain("partner_id", "in", companies.partner_id.ids)
        wallets = self.sudo().search(domain)
        if closed_too:
            wallets |= self.sudo().search(domain & Domain("active", "=", False))
        return wallets

    def _is_owned_by(self, user):
        self.ensure_one()
        return user in self.current_owner_ids or self.partner_id in self._employers_of(user).partner_id

    @api.depends(
        "owner_ids.partner_id.commercial_partner_id",
        "owner_ids.call_wallet_customer_id",
        "partner_id.commercial_partner_id",
    )
    def _compute_current_owner_ids(self):
        for wallet in self:
            wallet.current_owner_ids = wallet.owner_ids.filtered(
                lambda owner, wallet=wallet: owner._call_wallet_is_still_with(wallet.partner_id)
            )

    @api.model
    def _search_current_owner_ids(self, operator, value):
        """Compare at every search: a contact may move without any right being taken.

        Access rules rely on this, whose domains Odoo keeps for as long as the rights stay the same.
        """
        if operator != "in":
            return NotImplemented
        wallets = Domain.FALSE
        for user in self.env["res.users"].sudo().browse(id for id in value if id):
            employer = user.partner_id.commercial_partner_id
            owned = Domain("owner_ids", "in", user.ids)
            if employer != user.call_wallet_customer_id:
                owned &= Domain("partner_id.commercial_partner_id", "=", employer.id)
            wallets |= owned
        return wallets

    @api.model
    def _employers_of(self, user):
        """Return the companies whose own wallets the user owns by working there."""
        works_here = user._is_internal() and not user.has_group(PLATFORM)
        return user.sudo().company_ids if works_here else self.env["res.company"]

    def _is_self_owned(self):
        """Tell whether this is the wallet of one of our own companies."""
        self.ensure_one()
        return bool(self.env["res.company"].sudo().search_count([("partner_id", "=", self.partner_id.id)], limit=1))

    @api.depends("owner_ids")
    @api.depends_context("lang")
    def _compute_owner_access(self):
        """Say of each owner when they were last here, in the wallet's time zone, or that they never were."""
        _ = self.env._
        for wallet in self:
            lines = []
            for owner in wallet.owner_ids:
                last = owner.sudo().login_date
                when = format_datetime(self.env, last, tz=wallet.tz, dt_format="short") if last else None
                state = _("logged in on %s", when) if last else _("not logged in yet")
                lines.append(f"{owner.name}: {state}")
            wallet.owner_access = "\n".join(lines)

    # === GIVING AND TAKING THE ROLE === #

    def action_open_invite(self):
        """Ask for a person at the customer, then invite them.

        :raise AccessError: not finance staff
        """
        self._permitted(FINANCE)
        return self._open("action_call_wallet_invite")

    def _colleagues(self):
        """Return the portal users of the wallet's customer."""
        self.ensure_one()
        users = self.env["res.users"].sudo()
        company = self.sudo().partner_id.commercial_partner_id
        return users.search(
            [("share", "=", True), ("partner_id.commercial_partner_id", "=", company.id)], order="name, id"
        ).filtered(lambda user: user._is_portal())

    def add_owner(self, user_id):
        """Let a portal user of the customer see this wallet and add balance.

        :param int user_id: the ``res.users``
        :raise UserError: not a portal user of the customer, or there are ``MAX_OWNERS`` already
        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        wallet = self._permitted(FINANCE, owner=True)
        user = wallet._colleagues().filtered(lambda colleague: colleague.id == user_id)
        if not user:
            raise UserError(self.env._("Person: choose a portal user of %s.", wallet.partner_id.name))
        if user not in wallet.owner_ids:
            if len(wallet.owner_ids) >= MAX_OWNERS:
                raise UserError(self.env._("Owners: %s people at most. Take the role from somebody first.", MAX_OWNERS))
            wallet.owner_ids = [Command.link(user.id)]
            wallet.message_post(body=in_company_language(wallet).env._("%s is an owner now.", user.name))
        return True

    def remove_owner(self, user_id):
        """Take the owner's role from somebody. One owner at least stays.

        :param int user_id: the ``res.users``
        :raise UserError: the last owner
        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        wallet = self._permitted(FINANCE, owner=True)
        wallet.ensure_one()
        # An archived user has the role still, and may come back.
        shown = wallet.with_context(active_test=False)
        user = shown.owner_ids.filtered(lambda owner: owner.id == user_id)
        if not user:
            return True
        if user == wallet.current_owner_ids:
            raise UserError(self.env._("%s is the only owner. Make somebody else an owner first.", user.name))
        # Writing the wallet's own row as well makes two owners who remove each other queue.
        shown.owner_ids = [Command.unlink(user.id)]
        wallet.message_post(body=in_company_language(wallet).env._("%s is not an owner any more.", user.name))
        return True

    def _owners_to_compare(self, vals):
        """Return the owners as they are before a write that changes them: {wallet: users}; None where it does not.

        :raise AccessError: not finance staff
        """
        if "owner_ids" not in vals:
            return None
        if not (self.env.su or self.env.user.has_group(FINANCE)):
            raise AccessError(self.env._("Owners: only finance staff and the owners themselves change them."))
        return {wallet: wallet.owner_ids for wallet in self.sudo()}

    def _take_new_owners(self, before):
        """Check whoever became an owner, and note for which company they work.

        :param dict before: {wallet: its owners so far}
        :raise UserError: not a portal user of the customer
        """
        if not self.env.su:
            self._refuse_strangers(before)
        for wallet in self.sudo():
            for user in wallet.owner_ids - before.get(wallet, wallet.browse().owner_ids):
                # What they owned elsewhere is not theirs again because they are somebody's owner now.
                (self.sudo().search([("owner_ids", "in", user.ids)]) - wallet)._end_lost_owners()
                user.call_wallet_customer_id = user.partner_id.commercial_partner_id

    def _refuse_strangers(self, before):
        """Raise if somebody became an owner who is not a portal user of the customer.

        :param dict before: {wallet: its owners so far}
        """
        for wallet in self.sudo():
            strangers = wallet.owner_ids - before.get(wallet, wallet.browse().owner_ids) - wallet._colleagues()
            if strangers:
                raise UserError(
                    self.env._(
                        "Owners: %(people)s cannot own a wallet of %(customer)s; choose its own portal users.",
                        people=", ".join(strangers.mapped("name")),
                        customer=wallet.partner_id.name,
                    )
                )

    # === WHOEVER LEAVES THE CUSTOMER === #

    def _end_lost_owners(self):
        """Take the role from owners whose contact is another company's now, or nobody's, with what came with it."""
        for wallet in self.sudo():
            for user in wallet.owner_ids - wallet.current_owner_ids:
                _ = telling(wallet._for_finance().env)
                why = _("%(person)s has no access any more, for the contact is not one of %(customer)s now.",
                        person=user.name, customer=wallet.partner_id.name)  # fmt: skip
                wallet._end_lost_owner(user, why)

    def _end_owner_without_access(self, user, is_archived):
        """Take the role of owner of these wallets from somebody who does not sign in on the portal any more.

        :param is_archived: the user was archived or deleted; else the access to the portal was taken
        """
        for wallet in self.sudo():
            _ = telling(wallet._for_finance().env)
            why = _("%s has no access any more, for the access to the portal was revoked or changed.", user.name)
            if is_archived:
                why = _("%s cannot sign in any more.", user.name)
            wallet._end_lost_owner(user, why)

    def _end_lost_owner(self, user, why):
        """Take the role from somebody who left, remove the cards that they saved, and tell finance.

        The last address that is told of a low balance stays: without any the wallet would stop.

        :param str why: a sentence in the language of ``_for_finance``
        """
        told = self._for_finance()
        _ = telling(told.env)
        self._unlink_owner(user)
        cards = self._cards_saved_by(user.partner_id)
        what = [why]
        if not self.current_owner_ids:
            what.append(_("Nobody owns the wallet now: ask the customer who should, and make that person an owner."))
        if cards:
            names = ", ".join(cards.mapped("display_name"))
            cards.active = False
            what.append(_("Cards that they had saved were removed, and are not charged: %s.", names))
        self._end_following(user.partner_id)
        what += told._end_address(user.email_normalized)
        told._tell_finance(_("%s is not an owner any more", user.name), joined(what))

    def _end_following(self, contact):
        """Let somebody who left follow the wallet and its invoices no more, as whoever has written there does."""
        if contact != self.partner_id:
            invoices = self.topup_ids.invoice_id
            self.message_unsubscribe(contact.ids)
            (invoices | invoices.reversal_move_ids).message_unsubscribe(contact.ids)

    def _end_address(self, email):
        """Write to the address of somebody who left no more; return what that means, as sentences.

        The last address that is told of a low balance stays: without any the wallet would stop.
        """
        _, what = telling(self.env), []
        addresses = self.recipient_ids.filtered(lambda recipient: recipient.email == email)
        if addresses and self.recipient_ids != addresses:
            addresses.unlink()
            what.append(_("%s is not told of the balance any more.", email))
        elif addresses:
            what.append(_("%s alone is told of the balance: enter another address.", email))
        if self.billing_email and self.billing_email == email:
            self.billing_email = False
            what.append(_("Invoices are mailed to the customer's own address now."))
        return what

    def _unlink_owner(self, user):
        """Take the role from somebody; the field does not show those who are archived, or work here now."""
        self.env.flush_all()
        self.env.cr.execute(
            "DELETE FROM call_wallet_owner_rel WHERE wallet_id = %s AND user_id = %s", [self.id, user.id]
        )
        self.env.invalidate_all()

    # === BILLING INFORMATION === #
    # What invoices are addressed to: name, address and tax ID of the wallet's customer, and where they are mailed.
    #
    # Name, address and tax ID are the customer's own record, one and the same everywhere in Odoo; that of somebody who
    # signs in is changed by that person alone. The e-mail is the wallet's: the customer's may be how somebody signs in
    # or resets a password. Invoices posted before keep what they say (``call_wallet_billed_to``).

    def billing_information(self):
        """Return the customer's billing information: {field name: value}, ids for country and state.

        :raise AccessError: neither an owner of the wallet nor finance staff
        """
        wallet = self._permitted(FINANCE, owner=True)
        wallet.ensure_one()
        return wallet._billing_information()

    def _billing_information(self):
        [values] = self.partner_id.read(FIELDS, load=False)
        return {**{name: values[name] for name in FIELDS}, "email": self.billing_email or values["email"]}

    def set_billing_information(self, values):
        """Change the customer's billing information; later invoices carry it, and are mailed to the e-mail.

        :param dict values: any of name, street, street2, city, zip, state_id, country_id, vat, email;
            anything else in it is refused
        :raise UserError: a required field is empty, a value is not valid, or the customer is a person who signs in
            and is not the user; names the field
        :raise AccessError: neither an owner of the wallet nor finance staff
        """
        wallet = self._permitted(FINANCE, owner=True)
        wallet.ensure_one()
        values = wallet._clean_billing_information(values)
        partner, before = wallet.partner_id, wallet._billing_information()
        changed = {name: value for name, value in values.items() if before[name] != value}
        if not changed:
            return True
        if "email" in changed:
            wallet.billing_email = changed["email"]
        partner.write({name: value for name, value in changed.items() if name != "email"})
        kept = in_company_language(wallet).env
        labels = [partner._fields[name]._description_string(kept) for name in changed]
        wallet.message_post(body=kept._("Billing information changed: %s", ", ".join(labels)))
        return True

    def _billing_contact(self):
        """Return the contact to mail invoices to at the billing e-mail, made once: Odoo mails contacts only.

        It is nobody's login, and no invoice address, which the customer's other invoices would be made out to.
        """
        contacts = self.env["res.partner"].sudo()
        company = self.partner_id.commercial_partner_id
        for contact in company.child_ids.filtered(lambda one: one.type == "other"):
            if contact.email == self.billing_email and not contact.with_context(active_test=False).user_ids:
                return contact
        _ = self.with_context(lang=company._call_wallet_lang(self.company_id)).env._
        return contacts.create(
            {
                "name": _("Billing %s", self.account_ref),
                "parent_id": company.id,
                "type": "other",
                "email": self.billing_email,
                "lang": company._call_wallet_lang(),
            }
        )

    # === CHECKS === #

    def _clean_billing_information(self, values):
        _ = self.env._
        if not isinstance(values, dict):
            raise UserError(_("Billing information: send an object of its fields."))
        unknown = set(values) - set(FIELDS)
        if unknown:
            raise UserError(_("Billing information: %s cannot be changed here.", ", ".join(sorted(unknown))))
        if self._is_self_owned():
            raise UserError(_("The information of your own company is kept in its settings."))
        values = {name: self._clean_value(name, value) for name, value in values.items()}
        before = self._billing_information()
        problems = self._billing_problems({**before, **values}) or self._not_theirs(before, values)
        if problems:
            raise BillingInformationError(problems)
        return values

    def _not_theirs(self, before, values):
        """Return {field name: sentence} of what somebody else who signs in as the customer must change."""
        others = self._logins() - self.env.user
        if not others:
            return {}
        return {
            name: self.env._(
                "%(label)s: %(person)s signs in with this contact and changes it under My Account.",
                label=self.env["res.partner"]._fields[name]._description_string(self.env),
                person=others[0].name,
            )
            for name, value in values.items()
            if name != "email" and value != before[name]
        }

    def _clean_value(self, name, value):
        if name in ("state_id", "country_id"):
            record = self.env[self.env["res.partner"]._fields[name].comodel_name]
            return record.browse(parse_id(value)).exists().id
        if value and not (isinstance(value, str) and is_storable(value)):
            raise BillingInformationError({name: self.env._("Send text.")})
        # One line each: it goes into the head of letters and mails.
        return " ".join((value or "").split())[:255] or False

    def _billing_problems(self, values):
        """Return {field name: what is wrong} of complete billing information."""
        _ = self.env._
        country = self.env["res.country"].browse(values["country_id"] or ())
        state = self.env["res.country.state"].browse(values["state_id"] or ())
        required = {
            "name": _("Company name: enter the name that invoices are made out to."),
            "street": _("Street: enter the street and number."),
            "city": _("City: enter the city."),
            "country_id": _("Country: choose one."),
            "email": _("Billing e-mail: enter the address that invoices are sent to."),
        }
        if country.zip_required:
            required["zip"] = _("ZIP: %s needs one.", country.name)
        if country.state_required:
            required["state_id"] = _("State: choose one of %s.", country.name)
        problems = {name: sentence for name, sentence in required.items() if not values[name]}
        if state and state.country_id != country:
            problems["state_id"] = _("State: %(state)s is not in %(country)s.", state=state.name, country=country.name)
        if values["email"]:
            problems |= self._email_problem(values["email"])
        if values["vat"]:
            problems |= self._vat_problem(values, country)
        return problems

    def _email_problem(self, email):
        try:
            self.env["call.wallet.recipient"]._normalise(email)
        except ValidationError:
            return {
                "email": self.env._("Billing e-mail: %s is not a valid address; write it like name@company.com.", email)
            }
        return {}

    def _vat_problem(self, values, country):
        """Let Odoo check the number, where it knows the country's rule."""
        draft = self.env["res.partner"].new({name: values[name] for name in ("name", "vat", "country_id")})
        try:
            draft._check_vat()
        except ValidationError as error:
            label = country.vat_label or self.env._("Tax ID")
            return {"vat": self.env._("%(label)s: %(reason)s", label=label, reason=str(error))}
        return {}

    # === FROM A CUSTOMER'S DOCUMENTS === #

    def _action_open(self):
        """Return the action that opens a wallet on its form, and several in a list."""
        action = self.env["ir.actions.act_window"]._for_xml_id("call_wallet.action_call_wallet")
        action.update(domain=[("id", "in", self.ids)], context={"active_test": False, "create": False})
        if len(self) == 1:
            action.update(res_id=self.id, views=[(False, "form")], view_mode="form")
        return action
