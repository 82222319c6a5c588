import re
from decimal import Decimal

from odoo import api, fields, models
from odoo.addons.base.models.res_partner import _tz_get
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import formatLang

from ...const import ACCOUNT_MANAGER, FINANCE
from ...tools.clock import day_in
from ...tools.door import door
from ...tools.fields import Amount, parse_reason
from ...tools.limits import BY_FINANCE, BY_OWNER
from ...tools.money import is_payable, places_of, rounded, unit_of
from ...tools.paper import isolated
from ...tools.rights import as_superuser, refuse_move_to_others, with_own_defaults
from ...tools.task import in_company_language

CONTRACT = {"partner_id", "company_id", "currency_id", "account_ref", "rate_plan_id", "billing_email", *BY_FINANCE}

ACCOUNT_REF = re.compile(r"[\w.\-]{1,64}", re.ASCII)


class CallWallet(models.Model):
    """One customer's prepaid wallet, shared by Live Calls and WhatsApp Calls.

    The balance and what follows from it live in ``call.wallet.balance`` and are written by
    ``call.wallet.ledger``; this model holds what people set. Amounts are in the wallet's
    currency, 6 places; dates and times are UTC, shown in the wallet's time zone.
    """

    _name = "call.wallet"
    _description = "Call Wallet"
    _inherit = ["mail.thread", "mail.activity.mixin", "bus.listener.mixin"]
    _inherits = {"call.wallet.balance": "balance_id"}
    _order = "account_ref"
    _check_company_auto = True

    balance_id = fields.Many2one(
        "call.wallet.balance", "Balance Row", required=True, ondelete="restrict", readonly=True
    )
    active = fields.Boolean(default=True, tracking=True)
    partner_id = fields.Many2one(
        "res.partner",
        "Customer",
        required=True,
        ondelete="restrict",
        index=True,
        tracking=True,
        domain=[("is_company", "=", True)],
    )
    company_id = fields.Many2one(
        "res.company", required=True, ondelete="restrict", default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(
        "res.currency", required=True, ondelete="restrict", default=lambda self: self._default_currency()
    )
    account_ref = fields.Char(
        "Account",
        required=True,
        copy=False,
        tracking=True,
        default=lambda self: self.env["ir.sequence"].next_by_code("call.wallet.account"),
        help="The short code by which the calling platform names this wallet.",
    )
    tz = fields.Selection(
        _tz_get,
        "Time Zone",
        required=True,
        tracking=True,
        default=lambda self: self.env.user.tz or "UTC",
        help="Reports and charts show dates in this time zone. It is fixed once the wallet has transactions: their "
        "days are those of this zone.",
    )
    account_manager_id = fields.Many2one("res.users", tracking=True, domain=[("share", "=", False)])
    rate_plan_id = fields.Many2one("call.rate.plan", tracking=True, ondelete="restrict", check_company=True)
    low_balance_threshold = Amount(
        required=True,
        compute="_compute_low_balance_threshold",
        store=True,
        precompute=True,
        readonly=False,
        tracking=True,
        help="Recipients are mailed once when the balance falls below it. In the wallet's currency; a new wallet "
        "begins with the company's setting.",
    )
    recipient_ids = fields.One2many("call.wallet.recipient", "wallet_id", "Notification Recipients")
    owner_ids = fields.Many2many(
        "res.users",
        "call_wallet_owner_rel",
        "wallet_id",
        "user_id",
        "Owners",
        domain=[("share", "=", True)],
        help="Portal users of the customer who see this wallet and may add balance.",
    )
    current_owner_ids = fields.Many2many(
        "res.users",
        string="Owners Who Are Still With the Customer",
        compute="_compute_current_owner_ids",
        search="_search_current_owner_ids",
        compute_sudo=True,
    )
    pause_reason = fields.Char(readonly=True, copy=False)
    transaction_ids = fields.One2many("call.wallet.transaction", "wallet_id", readonly=True)
    usage_ids = fields.One2many("call.usage", "wallet_id", "Calls", readonly=True)
    hold_ids = fields.One2many("call.wallet.hold", "wallet_id", "Holds", readonly=True)
    topup_ids = fields.One2many("call.wallet.topup", "wallet_id", "Top-ups", readonly=True)
    is_used = fields.Boolean(compute="_compute_is_used", help="Money was ordered, or calls were made or begun.")
    available_balance = Amount(
        "Available", compute="_compute_available_balance", help="Balance less what calls in progress and disputes hold."
    )
    awaits_first_funds = fields.Boolean(
        compute="_compute_awaits_first_funds", help="Set up and open, and no money has ever been added."
    )
    status_meaning = fields.Char(compute="_compute_status_meaning")
    topup_count = fields.Integer("Number of Top-ups", compute="_compute_counts")
    may_edit_contract = fields.Boolean(compute="_compute_may_edit_contract")
    live_hold_count = fields.Integer("Calls in Progress", compute="_compute_counts")

    _account_ref_unique = models.Constraint("UNIQUE(account_ref)", "Another wallet has this account reference.")
    _one_per_customer = models.UniqueIndex(
        "(partner_id, company_id, currency_id) WHERE active",
        "This customer already has a wallet in this currency.",
    )
    _threshold_in_range = models.Constraint(
        "CHECK(low_balance_threshold BETWEEN 0 AND 9000000000)", "Low-balance threshold: use 0 to 9 billion."
    )

    def _default_currency(self):
        """Return the currency that a new wallet begins with: the dollar where it can be used, else the company's."""
        company, dollar = self.env.company, self.env.ref("base.USD", raise_if_not_found=False)
        is_usable = dollar and dollar.active and company._call_wallet_has_rate(dollar)
        return dollar if is_usable else company.currency_id

    # === COMPUTE METHODS === #

    @api.depends("partner_id", "account_ref")
    def _compute_display_name(self):
        for wallet in self:
            wallet.display_name = f"{wallet.partner_id.name or ''} ({wallet.account_ref or ''})"

    @api.depends("balance", "held_amount")
    def _compute_available_balance(self):
        for wallet in self:
            wallet.available_balance = wallet.balance - wallet.held_amount

    @api.depends("last_sequence", "topup_ids", "hold_ids")
    def _compute_is_used(self):
        for wallet in self.sudo():
            wallet.is_used = bool(wallet.last_sequence or wallet.topup_ids or wallet.hold_ids)

    @api.depends("active", "is_set_up", "total_added", "total_refunded")
    def _compute_awaits_first_funds(self):
        """Tell a wallet that is new from one that is used up: nothing is wrong with it, and calls have not stopped."""
        for wallet in self:
            has_had_funds = wallet.total_added or wallet.total_refunded
            wallet.awaits_first_funds = wallet.active and wallet.is_set_up and not has_had_funds

    @api.depends("state", "is_paused_by_hand", "pause_reason", "awaits_first_funds")
    def _compute_status_meaning(self):
        for wallet in self:
            wallet.status_meaning = wallet._status_meaning()

    def _status_meaning(self):
        if not self.active:
            return self.env._("Closed: no calls. %s", self.close_reason or "")
        if self.state == "not_set_up":
            return self.env._("Add a notification recipient and save to activate billing.")
        if self.is_paused_by_hand:
            return self.env._("Paused by your account manager: %s", self.pause_reason or "")
        if self.awaits_first_funds:
            return self.env._("Add your first funds. Calls can start as soon as they arrive.")
        if self.state == "paused":
            return self.env._("The balance is used up. Add balance to resume calls.")
        return self.env._("Calls are live; usage is charged as it happens.")

    def _today(self):
        """Return the day it is in the wallet's time zone."""
        return day_in(self.tz)

    def _local_day(self, moment):
        """Return the day of ``moment`` (naive UTC) in the wallet's time zone."""
        return day_in(self.tz, moment)

    # === CONSTRAINT METHODS === #

    @api.constrains("account_ref")
    def _check_account_ref(self):
        for wallet in self:
            if not ACCOUNT_REF.fullmatch(wallet.account_ref or ""):
                raise ValidationError(self.env._("Account: use 1 to 64 letters, digits, dots, dashes or underscores."))

    @api.constrains("rate_plan_id", "currency_id")
    def _check_currency(self):
        for wallet in self:
            plan = wallet.rate_plan_id
            if plan and plan.currency_id != wallet.currency_id:
                raise ValidationError(
                    self.env._(
                        "Rate plan %(plan)s is in %(theirs)s, the wallet in %(ours)s; choose a plan in %(ours)s.",
                        plan=plan.name,
                        theirs=plan.currency_id.name,
                        ours=wallet.currency_id.name,
                    )
                )

    # === CRUD METHODS === #

    @api.model
    def default_get(self, fields):
        """Odoo's hook; take no default from the context for what the wallet keeps by itself."""
        kept = {name for name, field in self._fields.items() if self._is_kept(field) or field.inherited}
        values = super().default_get(fields)
        return values if self.env.su else with_own_defaults(self, values, kept)

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._refuse_kept(vals)
            self._refuse_auto_topup(vals)
        wallets = super().create(vals_list)
        self.env["call.wallet.ledger"]._attach_balances(wallets)
        wallets._take_new_owners({})
        wallets._offer_in_currency()
        return wallets

    def write(self, vals):
        """Change what people may change of a wallet.

        Everything is checked before anything is done.

        :raise AccessError: for finance staff alone to change, or for nobody to type in; a company of others
        :raise UserError: fixed once the wallet is used, or has transactions; archived by hand; a new owner is nobody of
            the customer's
        """
        self._refuse_kept(vals)
        self._refuse_auto_topup(vals)
        self._refuse_archiving(vals)
        self._refuse_other_contract(vals)
        self._refuse_other_days(vals)
        owners_before = self._owners_to_compare(vals)
        moved = self.filtered(lambda wallet: "currency_id" in vals and wallet.currency_id.id != vals["currency_id"])
        if not vals.get("active", True):
            self.sudo()._auto_topup_switch_off_all()
        result = super().write(vals)
        if "company_id" in vals:
            refuse_move_to_others(self, self.sudo().company_id)
        if owners_before is not None:
            self._take_new_owners(owners_before)
        if moved or "company_id" in vals:
            self._offer_in_currency()
            moved._take_threshold(vals)
        if "low_balance_threshold" in vals:
            self.env["call.wallet.ledger"]._refresh(self.ids)
        if not vals.keys().isdisjoint((*BY_FINANCE, *BY_OWNER)):
            self._note_limits(self.ids)
        return result

    def _refuse_other_contract(self, vals):
        if CONTRACT & vals.keys() and not (self.env.su or self.env.user.has_group(FINANCE)):
            raise AccessError(
                self.env._(
                    "Customer, account, currency, rate plan, limits and billing e-mail of a wallet are the finance "
                    "staff's to change."
                )
            )
        fixed = {"partner_id", "company_id", "currency_id"} & vals.keys()
        if fixed:
            moved = self.sudo().filtered(lambda w: w.is_used and any(w[f].id != vals[f] for f in fixed))
            if moved:
                raise UserError(
                    self.env._("Customer, company and currency are fixed once a wallet has transactions or top-ups.")
                )

    def _refuse_other_days(self, vals):
        """Refuse another time zone for a wallet with transactions: each is dated and added up by its day there.

        The balance is locked, so that no first transaction is entered meanwhile.
        """
        moved = self.filtered(lambda wallet: "tz" in vals and vals["tz"] != wallet.tz)
        if not moved:
            return
        self.env["call.wallet.ledger"]._lock(moved.ids)
        moved.invalidate_recordset(["last_sequence"])
        if any(moved.sudo().mapped("last_sequence")):
            raise UserError(
                self.env._(
                    "Time zone: it is fixed once a wallet has transactions, because daily totals, statements and "
                    "journal entries have their days by it. Close this wallet and create another one "
                    "for another time zone."
                )
            )

    def _refuse_kept(self, vals):
        """Refuse values for what the wallet keeps by itself, such as its balance row or when its funds expire."""
        if self.env.su:
            return
        kept = [name for name in vals if name in self._fields and self._is_kept(self._fields[name])]
        if kept:
            raise AccessError(self.env._("%s: kept by the wallet itself; it cannot be typed in.", ", ".join(kept)))

    def _is_kept(self, field):
        return field.readonly and field.store and field.name not in models.MAGIC_COLUMNS

    # === PERMISSIONS === #

    def _permitted(self, *groups, owner=False):
        """Return the wallets as superuser, for a user who may do this.

        :param groups: any one of them suffices
        :param owner: the wallets' own owners may too
        :raise AccessError: otherwise
        """
        if self.env.su:
            return self
        user = self.env.user
        if any(user.has_group(group) for group in groups):
            self.check_access("read")
            return as_superuser(self)
        if owner and self and all(wallet._is_owned_by(user) for wallet in self.sudo()):
            return as_superuser(self)
        raise AccessError(self.env._("You may not do this with a call wallet."))

    # === AMOUNTS === #

    def _format_amount(self, amount, places=None, exact=False):
        """Format an amount with its sign and the currency's symbol, in the reader's language: $ -0.02, as Odoo does.

        :param int places: how many decimals; None: as it is paid in the currency
        :param bool exact: at least as it is paid, and every decimal that the amount has
        """
        currency = self.currency_id
        places = currency.decimal_places if places is None else places
        if exact:
            places = max(places, places_of(amount))
        number = formatLang(self.env, float(rounded(amount, places)), digits=places)
        parts = filter(None, (number, currency.symbol) if currency.position == "after" else (currency.symbol, number))
        return isolated(self.env, "\N{NO-BREAK SPACE}".join(parts))

    def _format_exactly(self, amount):
        """Format an amount with all the decimals it has, and its currency's code."""
        digits = max(self.currency_id.decimal_places, places_of(amount))
        number = formatLang(self.env, float(rounded(amount, digits)), digits=digits)
        return isolated(self.env, f"{number} {self.currency_id.name}")

    def _refuse_unpayable(self, amount, label):
        """Refuse what cannot be paid in the wallet's currency.

        :param Decimal amount: what was asked for
        :param str label: of the field
        :raise UserError: finer than the currency's smallest coin; says what to use
        """
        currency = self.currency_id
        if is_payable(amount, currency):
            return
        if unit_of(currency) == Decimal(1).scaleb(-currency.decimal_places):
            raise UserError(
                self.env._(
                    "%(field)s: %(currency)s has %(places)s decimal places; use no more.",
                    field=label,
                    currency=currency.name,
                    places=currency.decimal_places,
                )
            )
        raise UserError(
            self.env._(
                "%(field)s: %(currency)s is paid in steps of %(step)s; use a multiple of it.",
                field=label,
                currency=currency.name,
                step=formatLang(self.env, float(unit_of(currency)), digits=currency.decimal_places),
            )
        )

    # === PAUSE AND RESUME === #

    def action_pause(self, reason):
        """Stop new calls until somebody resumes them. Running calls go on and are charged.

        :param str reason: shown to the customer
        :raise UserError: no reason given
        :raise AccessError: not an account manager
        """
        reason = parse_reason(reason)
        if not reason:
            raise UserError(self.env._("Reason: say why the wallet is paused; the customer sees it."))
        wallets = self._permitted(ACCOUNT_MANAGER)
        with door(self.env):
            changed = self.env["call.wallet.ledger"]._set_paused(wallets.ids, True)
            wallets.pause_reason = reason
            for wallet in wallets:
                wallet.message_post(body=in_company_language(wallet).env._("Paused: %s", reason))
            data = {"cause": "by_hand", "reason": reason}
            self.env["call.wallet.event"]._add((wallet_id, "wallet.paused", data) for wallet_id in changed)
        return True

    def action_resume(self):
        """Lift a manual pause. The wallet is Active again if it is set up and has funds.

        :raise AccessError: not an account manager
        """
        wallets = self._permitted(ACCOUNT_MANAGER)
        with door(self.env):
            changed = self.env["call.wallet.ledger"]._set_paused(wallets.ids, False)
            wallets.pause_reason = False
            for wallet in wallets:
                wallet.message_post(body=in_company_language(wallet).env._("Manual pause lifted."))
            data = {"cause": "by_hand"}
            self.env["call.wallet.event"]._add((wallet_id, "wallet.resumed", data) for wallet_id in changed)
        return True

    # === SCREENS === #
    # The buttons of the wallet's form: what they count and what they open.

    @api.depends_context("uid")
    def _compute_may_edit_contract(self):
        self.may_edit_contract = self.env.user.has_group(FINANCE)

    @api.depends("topup_ids", "hold_ids.state")
    def _compute_counts(self):
        topups = self._count("call.wallet.topup")
        holds = self._count("call.wallet.hold", [("state", "=", "held")])
        for wallet in self:
            wallet.topup_count = topups.get(wallet, 0)
            wallet.live_hold_count = holds.get(wallet, 0)

    def _count(self, model, domain=()):
        return dict(self.env[model]._read_group([("wallet_id", "in", self.ids), *domain], ["wallet_id"], ["__count"]))

    # === ACTION METHODS === #

    def _open(self, xmlid, **context):
        self._permitted(ACCOUNT_MANAGER)
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(f"call_wallet.{xmlid}")
        action["context"] = {
            "active_model": self._name, "active_id": self.id, "active_ids": self.ids,
            "default_wallet_id": self.id, **context,
        }  # fmt: skip
        return action

    def _open_list(self, xmlid, list_view=None, **context):
        action = self._open(xmlid, **context)
        action["domain"] = [("wallet_id", "=", self.id)]
        if list_view:
            view = self.env.ref(f"call_wallet.{list_view}")
            action["views"] = [
                (view.id if view_type == "list" else view_id, view_type) for view_id, view_type in action["views"]
            ]
        return action

    def action_open_transactions(self):
        """Open the wallet's ledger."""
        return self._open_list("action_call_wallet_transaction", "call_wallet_transaction_view_list_of_wallet")

    def action_open_usage(self):
        """Open the wallet's calls."""
        return self._open_list("action_call_usage", "call_usage_view_list_of_wallet")

    def action_open_topups(self):
        """Open the wallet's top-ups and their invoices."""
        return self._open_list("action_call_wallet_topup")

    def action_open_holds(self):
        """Open what calls in progress hold of the wallet."""
        return self._open_list("action_call_wallet_hold", search_default_held=1)

    def action_add_balance(self):
        """Open the Add Balance dialog.

        :raise AccessError: not finance staff
        """
        self._permitted(FINANCE)
        return self._open("action_call_wallet_topup_wizard")

    def action_open_pause(self):
        """Ask for the reason, then pause.

        :raise AccessError: not an account manager
        """
        self._permitted(ACCOUNT_MANAGER)
        return self._open("action_call_wallet_pause")

    def action_open_refund(self):
        """Ask for amount, reason and call, then refund to the wallet.

        :raise AccessError: not finance staff
        """
        self._permitted(FINANCE)
        return self._open("action_call_wallet_refund_wizard")

    def action_open_usage_report(self):
        """Choose the days of the usage report.

        :raise AccessError: not an account manager
        """
        self._permitted(ACCOUNT_MANAGER)
        return self._open("action_call_usage_report_wizard")
