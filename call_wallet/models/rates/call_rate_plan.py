from collections import OrderedDict
from contextlib import suppress
from functools import lru_cache

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...const import PLATFORM
from ...rating import Deck, Rate
from ...tools.called import emergency_numbers
from ...tools.fields import ZERO, parse_amount
from ...tools.limits import LIMITS, read_limits
from ...tools.rated_wallet import RatedWallet
from ...tools.rights import refuse_move_to_others, refuse_typed

# How many rates a process keeps at most, at 36 bytes each; the plan in use stays, whatever its size.
MOST_RATES = 2_000_000


class CallRatePlan(models.Model):
    """The prices a customer has contracted: rates by call type and number prefix."""

    _name = "call.rate.plan"
    _description = "Call Rate Plan"
    _inherit = ["mail.thread"]
    _order = "name"
    # A branch may have the plans of the company that it belongs to.
    _check_company_domain = models.check_company_domain_parent_of

    name = fields.Char(required=True, tracking=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", help="Empty: for every company.")
    currency_id = fields.Many2one(
        "res.currency",
        required=True,
        tracking=True,
        default=lambda self: self.env["call.wallet"]._default_currency(),
    )
    rate_ids = fields.One2many("call.rate", "plan_id", "Rates", copy=True)
    rate_count = fields.Integer(compute="_compute_counts")
    wallet_count = fields.Integer(compute="_compute_counts")
    import_columns = fields.Json(
        readonly=True, copy=False, prefetch=False, help="What the columns of its price lists are, by their headings."
    )
    deck_version = fields.Integer(
        readonly=True,
        copy=False,
        default=0,
        help="Changes with every change of a rate; by it each server process notices that its copy is old.",
    )

    def init(self):
        # Never handed out twice, not even after a rollback: a version names one set of prices.
        self.env.cr.execute("CREATE SEQUENCE IF NOT EXISTS call_rate_plan_deck_version")

    def _compute_counts(self):
        rates = dict(self.env["call.rate"]._read_group([("plan_id", "in", self.ids)], ["plan_id"], ["__count"]))
        wallets = dict(
            self.env["call.wallet"]._read_group([("rate_plan_id", "in", self.ids)], ["rate_plan_id"], ["__count"])
        )
        for plan in self:
            plan.rate_count = rates.get(plan, 0)
            plan.wallet_count = wallets.get(plan, 0)

    @api.constrains("currency_id")
    def _check_currency_id(self):
        """Refuse another currency for a plan whose prices would become others, or that wallets have."""
        wallets = self.env["call.wallet"].sudo().with_context(active_test=False)
        for plan in self:
            if wallets.search_count(
                [("rate_plan_id", "=", plan.id), ("currency_id", "!=", plan.currency_id.id)], limit=1
            ):
                raise ValidationError(
                    self.env._(
                        "Currency: wallets in another one have the rate plan %(plan)s. Make another plan for "
                        "%(currency)s.",
                        plan=plan.name,
                        currency=plan.currency_id.name,
                    )
                )

    @api.constrains("company_id")
    def _check_company_id(self):
        """Refuse a company for plans that wallets of others have; closed ones too, whose late calls are charged."""
        wallets = self.env["call.wallet"].sudo().with_context(active_test=False)
        for plan in self.filtered("company_id"):
            domain = [("rate_plan_id", "=", plan.id), "!", ("company_id", "child_of", plan.company_id.id)]
            if wallets.search_count(domain, limit=1):
                raise ValidationError(
                    self.env._(
                        "Company: wallets of other companies have the rate plan %s. Give them another one first, or "
                        "leave the company empty.",
                        plan.name,
                    )
                )

    def write(self, vals):
        """Change plans, as Odoo does.

        :raise AccessError: to a company that is not among the user's; the version of the prices was typed in
        :raise UserError: to another currency while the plan has prices, which would become others
        :raise ValidationError: to a company, or a currency, while wallets of others have the plan
        """
        refuse_typed(self, vals, "deck_version")
        self._refuse_other_prices(vals)
        result = super().write(vals)
        if "company_id" in vals:
            refuse_move_to_others(self, self.sudo().company_id)
        return result

    def _refuse_other_prices(self, vals):
        changed = self.filtered(lambda plan: "currency_id" in vals and plan.currency_id.id != vals["currency_id"])
        priced = changed.filtered("rate_count")[:1]
        if priced:
            raise UserError(
                self.env._(
                    "Currency: %(plan)s has prices in %(currency)s, which would be the same numbers in another one. "
                    "Make a new plan for the other currency, and import its prices.",
                    plan=priced.name,
                    currency=priced.currency_id.name,
                )
            )

    def _touch(self):
        """Let every server process load these plans' prices anew."""
        if self.ids:
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE call_rate_plan SET deck_version = nextval('call_rate_plan_deck_version') WHERE id = ANY(%s)",
                [self.ids],
            )
            self.invalidate_recordset(["deck_version"])

    def _average_price(self, call_type):
        """Return the plain average of the plan's prices a minute for this call type, today."""
        now = fields.Datetime.now()
        [(average,)] = self.env["call.rate"]._read_group(
            [
                ("plan_id", "in", self.ids),
                ("call_type", "=", call_type),
                ("direction", "=", "outbound"),
                "|", ("valid_from", "=", False), ("valid_from", "<=", now),
                "|", ("valid_to", "=", False), ("valid_to", ">", now),
            ],
            [],
            ["price_per_minute:avg"],
        )  # fmt: skip
        return parse_amount(average) if average else ZERO

    # === DECKS === #

    @api.model
    def _decks(self, plan_id, version):
        """Return the plan's rates as {(call type, direction): Deck}.

        Kept in the process's memory, a few bytes a rate, until the version changes or others need the room.
        """
        cache = self.env.registry.__dict__.setdefault("_call_wallet_decks", OrderedDict())
        known = cache.get(plan_id)
        if known is None or known[0] != version:
            known = cache[plan_id] = (version, self._load_decks(plan_id))
            forget_unused(cache)
        with suppress(KeyError):  # another thread has just made room
            cache.move_to_end(plan_id)
        return known[1]

    def _load_decks(self, plan_id):
        self.env.flush_all()
        self.env.cr.execute(
            """
            SELECT call_type, direction, COALESCE(prefix, ''), price_per_minute::text, increment_seconds,
                   minimum_seconds, connection_fee::text, free_seconds, first_block_seconds, grace_seconds,
                   valid_from, valid_to, id
              FROM call_rate WHERE plan_id = %s
            """,
            [plan_id],
        )
        rates = {}
        for call_type, direction, *row in self.env.cr.fetchall():
            rates.setdefault((call_type, direction), []).append(self._to_rate(*row))
        return {kind: Deck(deck) for kind, deck in rates.items()}

    def _to_rate(self, prefix, price, increment, minimum, fee, free, first_block, grace, valid_from, valid_to, rate_id):
        return Rate(
            prefix=prefix,
            price_per_minute=parse_amount(price),
            increment_seconds=increment,
            minimum_seconds=minimum or 0,
            connection_fee=parse_amount(fee),
            free_seconds=free or 0,
            first_block_seconds=first_block or 0,
            grace_seconds=grace or 0,
            valid_from=valid_from,
            valid_to=valid_to,
            rate_id=rate_id,
        )

    # === RATED WALLETS === #
    # How the platform's account references become wallets with their prices.

    @api.model
    def _load_rated_wallets(self, refs, only_active=False):
        """Return {account reference: ``RatedWallet``} for those that exist.

        Only those of the user's companies, unless it is the platform's, which serves all.

        :param only_active: without closed wallets. No call starts on one, but a call that
            took place is charged wherever it was made.
        """
        if not refs:
            return {}
        self.env.flush_all()
        self.env.cr.execute(ACCOUNTS, [list(refs), only_active, *self._account_companies()])
        rows = self.env.cr.fetchall()
        companies = self._load_companies({row[6] for row in rows})
        installed = {code for code, _name in self.env["res.lang"].get_installed()}
        decks = {plan: self._decks(*plan) for plan in {row[4:6] for row in rows} if plan[0]}
        accounts = {}
        for ref, wallet_id, currency_id, currency, *plan, company_id, lang, limits, tz in rows:
            whatsapp, hold, days, emergency, seller_lang = companies[company_id]
            lang = next((code for code in (lang, seller_lang) if code in installed), None)
            terms = (whatsapp.get(currency_id), hold, emergency, days, lang, read_limits(limits, tz))
            accounts[ref] = RatedWallet(wallet_id, currency, decks.get(tuple(plan), {}), *terms)
        return accounts

    def _load_companies(self, ids):
        """Return {company id: what its settings say of calls}; many wallets have one company.

        First the rates of WhatsApp calls by the id of the currency, where they have a price.
        """
        if not ids:
            return {}
        self.env.cr.execute(COMPANIES, [list(ids)])
        return {
            company_id: (whatsapp_rates(own, price, others), hold, days, emergency_numbers(listed, country), lang)
            for company_id, own, price, others, hold, days, lang, listed, country in self.env.cr.fetchall()
        }

    def _account_companies(self):
        """Return whether every company's wallets may be named, and the user's companies."""
        user = self.env.user
        if self.env.uid == SUPERUSER_ID or user.has_group(PLATFORM):
            return True, []
        return False, user.company_ids.ids


# Each joins few tables: to plan a statement takes longer than to carry it out for one call.
ACCOUNTS = f"""
    SELECT w.account_ref, w.id, w.currency_id, cur.name, p.id, p.deck_version, w.company_id, customer.lang, {LIMITS},
           w.tz
      FROM call_wallet w
      JOIN res_partner customer ON customer.id = w.partner_id
      JOIN res_currency cur ON cur.id = w.currency_id
      LEFT JOIN call_rate_plan p ON p.id = w.rate_plan_id
     WHERE w.account_ref = ANY(%s) AND (w.active OR NOT %s) AND (%s OR w.company_id = ANY(%s))
"""

COMPANIES = """
    SELECT co.id, co.currency_id, co.call_wallet_whatsapp_rate::text,
           (SELECT json_object_agg(o.currency_id, o.whatsapp_rate::text) FROM call_wallet_price o
             WHERE o.company_id = co.id),
           co.call_wallet_hold_seconds, co.call_wallet_call_days,
           seller.lang, co.call_wallet_emergency_numbers,
           (SELECT code FROM res_country WHERE id = seller.country_id)
      FROM res_company co
      JOIN res_partner seller ON seller.id = co.partner_id
     WHERE co.id = ANY(%s)
"""


@lru_cache(maxsize=64)
def flat_rate(price):
    """Return the rate that asks ``price`` a minute anywhere. Few companies, few prices."""
    return Rate(prefix="", price_per_minute=parse_amount(price))


def whatsapp_rates(own, price, others):
    """Return {currency id: ``Rate``} of a company's WhatsApp calls.

    :param own: the id of the company's currency; ``price`` is in it, or None
    :param dict others: {currency id as text: price}, or None
    """
    rates = {int(currency): flat_rate(other) for currency, other in (others or {}).items()}
    return rates if price is None else {**rates, own: flat_rate(price)}


def forget_unused(cache):
    """Make room in a process's decks: those that were used longest ago go.

    :param OrderedDict cache: {plan id: (version, {kind: Deck})}, the last used last
    """
    sizes = {plan_id: sum(map(len, decks.values())) for plan_id, (_version, decks) in list(cache.items())}
    total = sum(sizes.values())
    for plan_id in list(sizes)[:-1]:
        if total <= MOST_RATES:
            return
        cache.pop(plan_id, None)
        total -= sizes[plan_id]
