import logging
import re
from typing import NamedTuple

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools.mail import email_normalize, parse_contact_from_email
from psycopg2 import OperationalError

from ...const import CALL_TYPES, DIRECTIONS
from ...rating import arithmetic, taken_off
from ...tools.called import is_short
from ...tools.fields import ZERO, Amount, notation
from ...tools.sql import set_index

CALL_STATUSES = [
    ("completed", "Completed"),
    ("no_answer", "No answer"),
    ("busy", "Busy"),
    ("failed", "Failed"),
    ("canceled", "Cancelled"),
]

_logger = logging.getLogger(__name__)

# How many campaigns, and how many contacts, may fail to be created in one request before the others are left to the
# next: each failure costs a savepoint, and the calls are charged with or without the name.
MOST_FAILURES = 20

# What there is to know of a call that was charged; several are separated by commas in ``note_codes``.
NOTES = ("differs_from_hold", "campaign_not_created", "manager_not_created", "implausible_end")

# One number among PostgreSQL's advisory locks: whoever creates campaigns and contacts for
# reported calls. It is taken before the wallets' locks, never after.
CREATING = 0x63_77_6E_6D


class Names(NamedTuple):
    """What the names in one request's calls stand for."""

    campaigns: dict
    managers: dict

    def manager_of(self, item):
        """Return the id of the contact who made the call, or None."""
        return self.managers.get((item.rated.wallet_id, item.call.manager))

    def missing(self, item):
        """Return the codes of ``NOTES`` for the names in the call that stand for no record."""
        missing = []
        if item.call.campaign and item.call.campaign not in self.campaigns:
            missing.append("campaign_not_created")
        if item.call.manager and not self.manager_of(item):
            missing.append("manager_not_created")
        return missing


class CallUsage(models.Model):
    """One call as the platform reported it, with what it was charged and why.

    Written once by ``record_calls``; the price stands here as it was applied, whatever
    happens to the rate afterwards. Amounts are in the wallet's currency, 6 places; times
    are UTC.
    """

    _name = "call.usage"
    _description = "Call"
    _order = "started_at desc, id desc"
    _rec_name = "call_ref"
    _log_access = False

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict", index=True)
    call_ref = fields.Char("Call Reference", required=True, readonly=True)
    call_type = fields.Selection(CALL_TYPES, required=True, readonly=True)
    direction = fields.Selection(DIRECTIONS, required=True, readonly=True, default="outbound")
    number = fields.Char(required=True, readonly=True)
    started_at = fields.Datetime(required=True, readonly=True)
    duration_seconds = fields.Integer("Duration (s)", required=True, readonly=True)
    billed_seconds = fields.Integer("Billed (s)", readonly=True)
    billed_minutes = Amount(readonly=True)
    status = fields.Selection(CALL_STATUSES, required=True, readonly=True)
    rate = Amount("Rate per Minute", readonly=True, aggregator="avg")
    total_cost = Amount(readonly=True)
    rate_id = fields.Many2one("call.rate", readonly=True, ondelete="set null", index="btree_not_null")
    matched_prefix = fields.Char(readonly=True)
    increment_seconds = fields.Integer(readonly=True, aggregator=None)
    minimum_seconds = fields.Integer(readonly=True, aggregator=None)
    first_block_seconds = fields.Integer(readonly=True, aggregator=None)
    free_seconds = fields.Integer(readonly=True, aggregator=None)
    grace_seconds = fields.Integer(readonly=True, aggregator=None)
    connection_fee = Amount(readonly=True, aggregator=None)
    campaign_id = fields.Many2one("utm.campaign", readonly=True, ondelete="restrict", index="btree_not_null")
    application_ref = fields.Char("Application ID", readonly=True)
    manager_id = fields.Many2one("res.partner", readonly=True, ondelete="restrict", index="btree_not_null")
    reported_at = fields.Datetime(readonly=True)
    note_codes = fields.Char(readonly=True, help="What finance should know of the call, as codes.")
    notes = fields.Char(compute="_compute_notes", help="What finance should know of the call.")
    transaction_ids = fields.One2many("call.wallet.transaction", "usage_id", readonly=True)
    explanation = fields.Char(compute="_compute_explanation", help="How the cost came about.")
    partner_id = fields.Many2one(related="wallet_id.partner_id")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    tz = fields.Selection(related="wallet_id.tz")
    company_id = fields.Many2one(related="wallet_id.company_id")

    _call_ref_unique = models.UniqueIndex("(wallet_id, call_ref)", "This call was already reported.")
    _noted = models.Index("(wallet_id) WHERE note_codes IS NOT NULL")
    # The latest of all wallets, which the list of calls begins with.
    _started = models.Index("(started_at)")

    def init(self):
        set_index(self.env.cr, self._table, "wallet_id", "(wallet_id, started_at)", f"{self._table}_wallet_started")

    @api.depends("rate", "billed_seconds", "matched_prefix", "connection_fee", "free_seconds", "grace_seconds")
    @api.depends_context("lang")
    def _compute_explanation(self):
        for usage in self:
            usage.explanation = usage._explain()

    @api.depends("note_codes")
    @api.depends_context("lang")
    def _compute_notes(self):
        for usage in self:
            usage.notes = " ".join(self._note_sentences((usage.note_codes or "").split(","))) or False

    @api.model
    def _note_sentences(self, codes):
        """Return the sentences for codes of ``NOTES``, in the reader's language."""
        _ = self.env._
        sentences = {
            "differs_from_hold": _("The call differs from what was authorised: another number or call type."),
            "campaign_not_created": _("Charged without its campaign, which could not be created."),
            "manager_not_created": _("Charged without its manager, a contact that could not be created."),
            "implausible_end": _(
                "The call ends in the future, by its start and duration: the duration may be in milliseconds, or the "
                "clock wrong. It was charged as reported; the platform can amend it."
            ),
        }
        return [sentences[code] for code in codes if code in sentences]

    def _explain(self):
        """Say in one sentence which price applied and how it became the cost."""
        _, write = self.env._, notation(self.env).write
        if self.status != "completed":
            return _("Not connected: no charge.")
        if is_short(self.number):
            return _("Emergency number: free of charge.")
        if self.matched_prefix:
            matched = _("Prefix %s", self.matched_prefix)
        elif self.rate_id:
            matched = _("Any number")
        else:
            matched = _("Default price")
        parts = [matched, _("%(price)s a minute", price=write(self.rate)), *self._explain_seconds()]
        charge = (self.rate, self.billed_seconds, self.free_seconds, self._charged_fee(), self.total_cost)
        worked_out = arithmetic(*charge, write)
        parts.append(f"{worked_out} {self.currency_id.name}")
        return "; ".join(parts)

    def _explain_seconds(self):
        """Return the parts of the explanation that say how the duration became the billed seconds."""
        _ = self.env._
        seconds = {"duration": self.duration_seconds, "billed": self.billed_seconds, "free": self.free_seconds}
        if self._is_within_grace():
            return [
                _(
                    "%(duration)s s cost nothing, as any call of at most %(grace)s s",
                    grace=self.grace_seconds,
                    **seconds,
                )
            ]
        if not self.free_seconds:
            return [_("%(duration)s s billed as %(billed)s s", **seconds)]
        if taken_off(self.rate, self.billed_seconds, self.free_seconds, self._charged_fee(), self.total_cost):
            return [_("%(duration)s s billed as %(billed)s s", **seconds), _("%s s free", self.free_seconds)]
        return [_("%(duration)s s less %(free)s s free billed as %(billed)s s", **seconds)]

    def _is_within_grace(self):
        return 0 < self.duration_seconds <= self.grace_seconds

    def _charged_fee(self):
        """Return what this call was charged as connection fee, in the wallet's currency."""
        return self.connection_fee if self.duration_seconds > self.grace_seconds else ZERO

    @api.model_create_multi
    def create(self, vals_list):
        raise UserError(self.env._("Calls come in through record_calls, which prices and charges them."))

    def write(self, vals):
        raise UserError(self.env._("A reported call is not changed. Correct its charge with a refund."))

    # === CAMPAIGNS AND MANAGERS === #
    # How a reported call's campaign and manager become records.

    @api.model
    def _resolve_names(self, priced):
        """Return the ``Names`` of these calls' campaigns and managers; new ones are created.

        Two queries whatever the number of calls, none when no call names any. Nothing is
        remembered between requests: a record that was deleted since must not be used.

        :param list[Priced] priced: the calls
        """
        campaigns = {item.call.campaign for item in priced} - {""}
        managers = {(item.rated.wallet_id, item.call.manager) for item in priced if item.call.manager}
        if not (campaigns or managers):
            return Names({}, {})
        people = {key: Person.read(key[1]) for key in managers}
        self.env.flush_all()
        names = Names(self._find_campaigns(campaigns), self._find_managers(people))
        if len(names.campaigns) < len(campaigns) or len(names.managers) < len(managers):
            names = self._create_names(campaigns, people)
        return names

    def _create_names(self, campaigns, people):
        """Create what is missing, once, though other requests miss the same just now.

        What cannot be created, such as for another module's required field, is left out: the calls are charged
        without the name, which ``Names.missing`` tells.
        """
        self.env.cr.execute("SELECT pg_advisory_xact_lock(%s)", [CREATING])
        # What others created until they released the lock is visible now.
        names = Names(self._find_campaigns(campaigns), self._find_managers(people))
        new_campaigns = campaigns - names.campaigns.keys()
        if new_campaigns:
            self._create_campaigns(new_campaigns)
            names.campaigns.update(self._find_campaigns(new_campaigns))
        new_people = {key: person for key, person in people.items() if key not in names.managers}
        if new_people:
            self._create_managers(new_people)
            names.managers.update(self._find_managers(new_people))
        return names

    # === CAMPAIGNS === #

    def _find_campaigns(self, names):
        if not names:
            return {}
        self.env.cr.execute(FIND_CAMPAIGNS, {"names": list(names)})
        return dict(self.env.cr.fetchall())

    def _create_campaigns(self, names):
        first = {name.lower(): name for name in sorted(names, reverse=True)}
        campaigns = self.env["utm.campaign"].with_user(SUPERUSER_ID).with_context(lang="en_US", tracking_disable=True)
        self._create_each(campaigns, [{"title": name, "is_auto_campaign": True} for name in sorted(first.values())])

    def _create_each(self, model, values):
        """Create records from ``values``; those that cannot be created are left out and logged.

        Together first; one by one where that fails. In savepoints, because a refusal of the database would end the
        transaction that charges the calls.
        """
        parts, failures = [values], 0
        while parts and failures < MOST_FAILURES:
            part = parts.pop(0)
            try:
                with self.env.cr.savepoint():
                    model.create(part)
                    self.env.flush_all()
            except OperationalError:
                raise  # others were in the way: the whole request is repeated
            except Exception as error:  # whatever another module has against it, the calls are charged
                if len(part) > 1:
                    parts += [[single] for single in part]
                    continue
                failures += 1
                _logger.warning("No %s for a reported call: %s", model._description, error)

    # === MANAGERS === #

    def _find_managers(self, people):
        if not people:
            return {}
        wallet_ids, texts = zip(*people, strict=True)
        self.env.cr.execute(
            FIND_MANAGERS,
            {
                "wallets": list(wallet_ids),
                "texts": list(texts),
                "names": [person.name for person in people.values()],
                "emails": [person.email for person in people.values()],
            },
        )
        return {(wallet_id, text): partner_id for wallet_id, text, partner_id in self.env.cr.fetchall()}

    def _create_managers(self, people):
        customers = {
            wallet.id: wallet.partner_id
            for wallet in self.env["call.wallet"].browse({wallet_id for wallet_id, _text in people})
        }
        new = {}
        for (wallet_id, _text), person in sorted(people.items()):
            customer = customers[wallet_id].commercial_partner_id
            # "Jo Doe", "jo doe" and the same person's address twice are one contact.
            new.setdefault((customer.id, (person.email or person.name).lower()), (customer, person))
        contacts = self.env["res.partner"].with_context(
            tracking_disable=True, mail_create_nolog=True, mail_create_nosubscribe=True
        )
        self._create_each(
            contacts,
            [
                {
                    "name": person.name or person.email,
                    "email": person.email,
                    "parent_id": customer.id,
                    "company_id": customer.company_id.id,
                    "type": "contact",
                }
                for customer, person in new.values()
            ],
        )


_is_address = re.compile(r"[^@\s]+@[^@\s]*[^@\s.]").fullmatch


class Person(NamedTuple):
    """Who a call's ``manager`` is: a name, an e-mail address, or both."""

    name: str | None
    email: str | None

    @classmethod
    def read(cls, text):
        """Return the person in ``text``: ``jo@acme.com``, ``Jo Doe``, ``Jo Doe <jo@acme.com>``.

        What only has an @ in it, such as ``@SUM(1)`` of a spreadsheet, is a name.
        """
        if "@" in text:
            name, email = parse_contact_from_email(text)
            email = email_normalize(email)
            if email and _is_address(email):
                return cls(name or None, email)
        return cls(text, None)


# The title is what people read; `name` is an identifier made from it, with a number added
# where two titles would give one. Upper and lower case are the same, as Odoo has it.
FIND_CAMPAIGNS = """
    SELECT DISTINCT ON (asked.name) asked.name, found.id
      FROM unnest(%(names)s::text[]) AS asked(name)
      JOIN (SELECT id, title->>'en_US' AS label, 1 AS rank FROM utm_campaign
            UNION ALL
            SELECT id, name, 2 FROM utm_campaign) found ON lower(found.label) = lower(asked.name)
     ORDER BY asked.name, found.rank, found.label = asked.name DESC, found.id
"""


# A company's own wallet is used by its internal users, whose contacts need not be under it.
FIND_MANAGERS = """
    WITH asked AS (
        SELECT a.wallet_id, a.text, COALESCE('@' || a.email, lower(a.name)) AS label,
               c.commercial_partner_id AS customer_id, w.company_id, co.partner_id = w.partner_id AS is_own
          FROM unnest(%(wallets)s::int[], %(texts)s::text[], %(names)s::text[], %(emails)s::text[])
               AS a(wallet_id, text, name, email)
          JOIN call_wallet w ON w.id = a.wallet_id
          JOIN res_partner c ON c.id = w.partner_id
          JOIN res_company co ON co.id = w.company_id
    ), contact AS (
        SELECT p.id, p.commercial_partner_id AS customer_id, 1 AS rank
          FROM res_partner p
         WHERE p.commercial_partner_id IN (SELECT customer_id FROM asked) AND NOT p.is_company
        UNION ALL
        SELECT u.partner_id, own.customer_id, 2
          FROM (SELECT DISTINCT customer_id, company_id FROM asked WHERE is_own) own
          JOIN res_company_users_rel access ON access.cid = own.company_id
          JOIN res_users u ON u.id = access.user_id AND u.active AND NOT u.share
    ), labelled AS (
        SELECT contact.*, p.active, p.type, label.label
          FROM contact
          JOIN res_partner p ON p.id = contact.id,
               LATERAL (VALUES ('@' || p.email_normalized), (lower(p.name))) label(label)
    )
    SELECT DISTINCT ON (asked.wallet_id, asked.text) asked.wallet_id, asked.text, labelled.id
      FROM asked
      JOIN labelled ON labelled.customer_id = asked.customer_id AND labelled.label = asked.label
     ORDER BY asked.wallet_id, asked.text, labelled.active DESC, labelled.type = 'contact' DESC NULLS LAST,
              labelled.rank, labelled.id
"""
