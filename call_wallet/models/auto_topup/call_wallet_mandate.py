from hashlib import sha256

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.http import request

from ...tools.clock import utcnow
from ...tools.fields import Amount
from ...tools.sql import set_trigger, set_trigger_function

# Raise it with every change of the words in `_text`.
VERSION = 1

# What the database refuses, whoever asks.
GUARD = """
BEGIN
    -- A card that its owner has deleted leaves its name behind.
    IF TG_OP = 'UPDATE' AND NEW.token_id IS NULL
       AND to_jsonb(NEW) - 'token_id' = to_jsonb(OLD) - 'token_id'
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'Consents are append-only.' USING ERRCODE = 'restrict_violation';
END
"""


class CallWalletMandate(models.Model):
    """Who agreed to automatic charges, when, from where, and to which words: append-only.

    Amounts are in the wallet's currency; times are UTC.
    """

    _name = "call.wallet.mandate"
    _description = "Consent to Automatic Top-up"
    _order = "id desc"
    _rec_name = "action"

    wallet_id = fields.Many2one("call.wallet", required=True, readonly=True, ondelete="restrict", index=True)
    action = fields.Selection([("on", "Agreed and switched on"), ("off", "Switched off")], required=True, readonly=True)
    date = fields.Datetime(required=True, readonly=True)
    user_id = fields.Many2one("res.users", "By", required=True, readonly=True, ondelete="restrict")
    address = fields.Char("From", readonly=True, help="The network address it came from.")
    user_agent = fields.Char("Browser", readonly=True)
    version = fields.Integer(readonly=True, aggregator=None, help="Version of the text.")
    body = fields.Text("Text", readonly=True, help="As it was shown, with its amounts.")
    fingerprint = fields.Char(readonly=True, help="SHA-256 of the text.")
    level = Amount(readonly=True, aggregator=None)
    amount = Amount(readonly=True, aggregator=None)
    monthly_cap = Amount(readonly=True, aggregator=None)
    card = fields.Char(readonly=True)
    token_id = fields.Many2one("payment.token", readonly=True, ondelete="set null", index="btree_not_null")
    currency_id = fields.Many2one(related="wallet_id.currency_id")
    tz = fields.Selection(related="wallet_id.tz")

    @api.model
    def _record(self, wallet, action):
        """Append what was just agreed to, or that it was switched off."""
        values = {"wallet_id": wallet.id, "action": action, "date": utcnow(), "user_id": self.env.uid}
        if request:
            values["address"] = request.httprequest.remote_addr
            values["user_agent"] = (request.httprequest.user_agent.string or "")[:200]
        if action == "on":
            terms = {
                "level": wallet.auto_topup_level,
                "amount": wallet.auto_topup_amount,
                "monthly_cap": wallet.auto_topup_monthly_cap,
                "token_id": wallet.auto_topup_token_id.id,
            }
            body = self._text(wallet, terms)
            values |= terms
            values |= {"version": VERSION, "body": body, "fingerprint": sha256(body.encode()).hexdigest()}
            values["card"] = wallet.auto_topup_card
        return self.sudo().create(values)

    @api.model
    def _text(self, wallet, terms):
        """Return the words for these terms (``level``, ``amount``, ``monthly_cap``, ``token_id``)."""
        shown = {name: wallet._format_amount(terms[name]) for name in ("level", "amount", "monthly_cap")}
        shown["card"] = self.env["payment.token"].sudo().browse(terms["token_id"]).display_name
        return self._words(wallet, **shown)

    @api.model
    def _words(self, wallet, level, amount, monthly_cap, card):
        """Return the words with these in their places: plain texts, or markup."""
        return self.env._(
            "I authorise %(company)s to charge %(card)s whenever less than %(level)s is available in call wallet "
            "%(account)s: each time for %(amount)s, or for more where that is needed to reach %(level)s again, plus "
            "tax where it applies, and never for more than %(cap)s in a calendar month. This holds until I switch it "
            "off, which I can do at any time. Funds that were added are non-refundable, as the terms of agreement say.",
            company=wallet.company_id.name,
            account=wallet.account_ref,
            card=card,
            level=level,
            amount=amount,
            cap=monthly_cap,
        )

    def write(self, vals):
        raise self._append_only()

    @api.ondelete(at_uninstall=False)
    def _refuse_unlink(self):
        raise self._append_only()

    def _append_only(self):
        return UserError(self.env._("Consents are never changed or deleted."))

    def init(self):
        guard = "call_wallet_mandate_guard"
        set_trigger_function(self.env.cr, guard, GUARD)
        set_trigger(self.env.cr, self._table, "call_wallet_mandate_append_only", ["update", "delete"], guard)
