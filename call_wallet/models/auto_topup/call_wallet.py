from odoo import api, fields, models
from odoo.exceptions import UserError

from ...const import ACCOUNT_MANAGER, FINANCE
from ...tools.door import door, worker
from ...tools.fields import ZERO, Amount, parse_amount, parse_id
from .call_wallet_auto_topup import STOPPING, WAITING

STATES = [("off", "Off"), ("on", "On"), ("suspended", "Suspended")]


class CallWalletAutoTopupSettings(models.Model):
    """What a customer agreed to: below which level, how much, at most how much, with which card."""

    _inherit = "call.wallet"

    auto_topup_state = fields.Selection(
        STATES, "Automatic Top-up", required=True, readonly=True, default="off", copy=False, tracking=True
    )
    auto_topup_level = Amount(
        "Level", readonly=True, copy=False, help="A card is charged when less than this is available."
    )
    auto_topup_amount = Amount(
        "Amount", readonly=True, copy=False, help="Added each time, net of tax; more where needed."
    )
    auto_topup_monthly_cap = Amount(
        "Monthly Cap", readonly=True, copy=False, help="At most charged in a calendar month, with tax."
    )
    auto_topup_token_id = fields.Many2one(
        "payment.token", "Card", readonly=True, copy=False, ondelete="set null", index="btree_not_null"
    )
    auto_topup_card = fields.Char("Saved Card", compute="_compute_auto_topup_card", compute_sudo=True)
    auto_topup_reason = fields.Selection(STOPPING, "Suspended Because", readonly=True, copy=False)
    auto_topup_message = fields.Char(readonly=True, copy=False, help="What the provider said when it was suspended.")
    auto_topup_wait_code = fields.Selection(WAITING, "Waiting Because", readonly=True, copy=False)
    auto_topup_wait_until = fields.Datetime("Next Attempt", readonly=True, copy=False)
    auto_topup_declines = fields.Integer("Declines in a Row", readonly=True, copy=False, aggregator=None)
    auto_topup_status = fields.Char("State in Words", compute="_compute_auto_topup_status")
    auto_topup_charged = Amount("Charged This Month", compute="_compute_auto_topup_charged")
    auto_topup_ids = fields.One2many("call.wallet.auto.topup", "wallet_id", "Automatic Top-ups", readonly=True)
    mandate_ids = fields.One2many("call.wallet.mandate", "wallet_id", "Consents", readonly=True)

    _auto_topup_on = models.Index("(id) WHERE auto_topup_state = 'on'")
    _auto_topup_in_bounds = models.Constraint(
        "CHECK(auto_topup_state = 'off' OR (auto_topup_level >= 0 AND auto_topup_amount > 0"
        " AND auto_topup_monthly_cap >= auto_topup_amount))",
        "Automatic top-up: it needs a level, an amount, and a monthly cap that is not below the amount.",
    )

    # === COMPUTE METHODS === #

    @api.depends("auto_topup_token_id")
    def _compute_auto_topup_card(self):
        for wallet in self:
            wallet.auto_topup_card = wallet.auto_topup_token_id.display_name

    @api.depends(
        "auto_topup_state", "auto_topup_level", "auto_topup_amount", "auto_topup_monthly_cap", "auto_topup_token_id",
        "auto_topup_reason", "auto_topup_wait_until",
    )  # fmt: skip
    @api.depends_context("lang")
    def _compute_auto_topup_status(self):
        for wallet in self:
            wallet.auto_topup_status = wallet._auto_topup_sentence()

    def _auto_topup_sentence(self):
        _ = self.env._
        log = self.env["call.wallet.auto.topup"]
        if self.auto_topup_state == "off":
            return _("Automatic top-up is off; no card is charged.")
        if self.auto_topup_state == "suspended":
            return log._explain(self, self.auto_topup_reason, message=self.auto_topup_message)
        if self.auto_topup_wait_until and self.auto_topup_wait_until > fields.Datetime.now():
            return log._explain(self, self.auto_topup_wait_code, self.auto_topup_wait_until)
        return _(
            "When less than %(level)s is available, %(amount)s is added with %(card)s; at most %(cap)s is charged "
            "in a month.",
            level=self._format_amount(self.auto_topup_level),
            amount=self._format_amount(self.auto_topup_amount),
            card=self.auto_topup_card,
            cap=self._format_amount(self._auto_topup_cap()),
        )

    def _compute_auto_topup_charged(self):
        for wallet in self:
            wallet.auto_topup_charged = wallet._auto_topup_charged_this_month()

    # === SETTING IT === #

    def set_auto_topup(self, enabled, level=None, amount=None, monthly_cap=None, token_id=None, accept_mandate=False):
        """Switch automatic top-up on with these settings, or off.

        What is left out stays as it was. Switching it on, and every change while it is on,
        needs the customer's consent, which is kept in an append-only log with who gave it,
        when, from which address, and to which words and amounts.

        :param bool enabled: False switches it off; the settings are kept
        :param level: charge when less than this is available, in the wallet's currency: str, int or Decimal
        :param amount: added each time, net of tax; more where the level would not be reached
        :param monthly_cap: at most charged in a calendar month of the wallet's time zone, tax included
        :param int token_id: one of the customer's saved cards (``payment.token``)
        :param bool accept_mandate: the text of ``auto_topup_mandate`` was agreed to
        :return: True
        :raise UserError: names each field that is not acceptable; nothing is changed then
        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        wallet = self._permitted(FINANCE, owner=True)
        wallet.ensure_one()
        given = {"level": level, "amount": amount, "monthly_cap": monthly_cap, "token_id": token_id}
        if enabled:
            wallet._ask_for_card(token_id)
        with door(self.env):
            wallet._auto_topup_lock()
            if not enabled:
                wallet._auto_topup_switch_off()
                return True
            values, errors = wallet._check_auto_topup(**given, accept_mandate=accept_mandate)
            if errors:
                raise UserError("\n".join(errors.values()))
            wallet._auto_topup_switch_on(values)
        return True

    @worker
    def _ask_for_card(self, token_id):
        """Ask Stripe about a card that has expired, which the bank may have renewed, while nothing is locked."""
        token = self.env["payment.token"].browse(self._read_auto_topup_token(token_id))
        if token and token._call_wallet_is_expired(self._today()):
            token._call_wallet_refresh_apart()

    def _auto_topup_lock(self):
        """Wait for the wallets; whoever decides about a charge, or changes the terms of one, does this first."""
        self.env.flush_all()
        self.env.cr.execute("SELECT id FROM call_wallet WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [self.ids])
        self.env.invalidate_all()

    def _auto_topup_switch_off(self):
        if self.auto_topup_state != "off":
            self.write({"auto_topup_state": "off", **self._auto_topup_reset()})
            self.env["call.wallet.mandate"]._record(self, "off")

    def _auto_topup_switch_on(self, values):
        self.write(
            {
                "auto_topup_state": "on",
                "auto_topup_level": values["level"],
                "auto_topup_amount": values["amount"],
                "auto_topup_monthly_cap": values["monthly_cap"],
                "auto_topup_token_id": values["token_id"],
                **self._auto_topup_reset(),
            }
        )
        self.env["call.wallet.mandate"]._record(self, "on")

    @api.model
    def _auto_topup_reset(self):
        return {
            "auto_topup_reason": False,
            "auto_topup_message": False,
            "auto_topup_wait_code": False,
            "auto_topup_wait_until": False,
            "auto_topup_declines": 0,
        }

    def auto_topup_mandate(self, level, amount, monthly_cap, token_id):
        """Return the words to agree to before automatic top-up is switched on with these settings.

        :return: plain text in the user's language; amounts in the wallet's currency
        :raise UserError: names each field that is not acceptable
        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        wallet = self._permitted(FINANCE, owner=True)
        wallet._ask_for_card(token_id)
        values, errors = wallet._check_auto_topup(level, amount, monthly_cap, token_id, accept_mandate=True)
        if errors:
            raise UserError("\n".join(errors.values()))
        return self.env["call.wallet.mandate"]._text(wallet, values)

    # === BOUNDS === #

    def _propose_auto_topup(self):
        """Return an amount to begin with, in the wallet's currency: five times where a new wallet counts as low."""
        amount = self._company_amount("call_wallet_threshold", without_rate=self.low_balance_threshold) * 5
        lowest = self._company_amount("call_wallet_topup_min", without_rate=amount)
        highest = self._company_amount("call_wallet_topup_max", without_rate=amount)
        return min(max(amount, lowest), highest)

    def _check_auto_topup(self, level=None, amount=None, monthly_cap=None, token_id=None, accept_mandate=False):
        """Return the settings as they would be stored, and what is wrong with them by field."""
        _ = self.env._
        values, errors = {}, {}
        for name, label, given in (
            ("level", _("Level"), level),
            ("amount", _("Amount"), amount),
            ("monthly_cap", _("Monthly cap"), monthly_cap),
        ):
            try:
                values[name] = self._read_auto_topup_amount(name, label, given)
            except UserError as error:
                errors[name] = str(error)
        checks = (
            ("level", self._wrong_auto_topup_level),
            ("amount", self._wrong_auto_topup_amount),
            ("monthly_cap", self._wrong_auto_topup_cap),
        )
        for name, check in checks:
            wrong = name not in errors and check(values)
            if wrong:
                errors[name] = wrong
        values["token_id"] = self._read_auto_topup_token(token_id)
        if not values["token_id"]:
            errors["token_id"] = _("Card: choose one of the saved cards; a payment can save one.")
        elif refusal := self.env["payment.token"].browse(values["token_id"]).provider_id._call_wallet_refusal():
            errors["token_id"] = _("Card: %s", refusal)
        elif self.env["payment.token"].browse(values["token_id"])._call_wallet_is_expired(self._today()):
            errors["token_id"] = _("Card: it has expired; choose another one.")
        if not self.is_set_up:
            errors["recipients"] = _("Billing is not set up: save a notification recipient first.")
        if accept_mandate is not True:
            errors["accept_mandate"] = _("Consent: agree to the automatic charges.")
        return values, errors

    def _read_auto_topup_amount(self, name, label, given):
        _ = self.env._
        if given is None:
            return self[f"auto_topup_{name}"]
        given = given.strip() if isinstance(given, str) else given
        if given == "" or isinstance(given, bool):
            raise UserError(_("%s: enter an amount.", label))
        value = parse_amount(given, label, self.env)
        self._refuse_unpayable(value, label)
        return value

    def _wrong_auto_topup_level(self, values):
        _ = self.env._
        if values["level"] < 0:
            return _("Level: use zero or more.")
        if values["level"] > values.get("monthly_cap", ZERO) > 0:
            return _("Level: use no more than the monthly cap, which could otherwise never bring the balance there.")

    def _wrong_auto_topup_amount(self, values):
        lowest, highest = self._topup_bounds()
        if values["amount"] <= 0 or not lowest <= values["amount"] <= highest:
            return self.env._(
                "Amount: choose between %(lowest)s and %(highest)s.",
                lowest=self._format_amount(lowest),
                highest=self._format_amount(highest),
            )

    def _wrong_auto_topup_cap(self, values):
        _ = self.env._
        cap, most = values["monthly_cap"], self._company_amount("call_wallet_auto_topup_max")
        if cap <= 0:
            return _("Monthly cap: enter the most that may be charged in a month.")
        if cap > most:
            return _("Monthly cap: use at most %s.", self._format_amount(most))
        amount = values.get("amount", ZERO)
        if amount > 0 and cap < self._quote_topup(amount).total:
            total = self._format_amount(self._quote_topup(amount).total)
            return _("Monthly cap: use at least %s, what one top-up of this amount costs, tax included.", total)

    def _read_auto_topup_token(self, token_id):
        if token_id is None:
            token_id = self.auto_topup_token_id.id
        token_id = parse_id(token_id)
        return self._payment_tokens().filtered(lambda token: token.id == token_id).id

    # === CRUD METHODS === #

    def _auto_topup_switch_off_all(self):
        for wallet in self:
            wallet._auto_topup_switch_off()

    def _refuse_auto_topup(self, vals):
        """Whose card it is must have agreed; a form or an import cannot do that."""
        if not self.env.su and any(name.startswith("auto_topup_") for name in vals):
            raise UserError(
                self.env._("Automatic top-up is changed by its own dialog, which asks for the customer's consent.")
            )

    # === ACTIONS === #

    def action_open_auto_topup(self):
        """Open the dialog that sets automatic top-up up.

        :raise AccessError: not finance staff
        """
        self._permitted(FINANCE)
        return self._open("action_call_wallet_auto_topup_wizard")

    def action_auto_topup_off(self):
        """Switch automatic top-up off.

        :raise AccessError: neither finance staff nor an owner of the wallet
        """
        return self.set_auto_topup(False)

    def action_open_auto_topups(self):
        """Open the log of the wallet's automatic top-ups.

        :raise AccessError: not an account manager
        """
        self._permitted(ACCOUNT_MANAGER)
        return self._open_list("action_call_wallet_auto_topup")
