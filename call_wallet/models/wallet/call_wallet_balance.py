from odoo import api, fields, models
from odoo.exceptions import UserError

from ...tools.fields import Amount
from ...tools.rights import with_own_defaults

STATES = [
    ("not_set_up", "Not Set Up"),
    ("active", "Active"),
    ("paused", "Paused"),
]

# How loudly the balance asks for funds; a rise to a louder level is one crossing.
ENOUGH, LOW, EMPTY = 0, 1, 2


class CallWalletBalance(models.Model):
    """What changes with every call: one narrow row a wallet, written by the ledger alone.

    It is apart from ``call.wallet`` so that hundreds of debits a second never meet a
    person saving the wallet's form, and so that PostgreSQL can update it in place.
    All amounts are in the wallet's currency, 6 places.
    """

    _name = "call.wallet.balance"
    _description = "Call Wallet Balance"
    _log_access = False
    _rec_name = "id"

    wallet_id = fields.Many2one("call.wallet", index=True, readonly=True, copy=False, ondelete="cascade")
    balance = Amount(
        required=True,
        default=0,
        readonly=True,
        copy=False,
        help="Settled balance: the sum of the wallet's transactions.",
    )
    held_amount = Amount(
        "Held",
        required=True,
        default=0,
        readonly=True,
        copy=False,
        help="Reserved for calls in progress: the sum of the live holds.",
    )
    last_sequence = fields.Integer(
        required=True,
        default=0,
        readonly=True,
        copy=False,
        aggregator=None,
        help="Number of the wallet's last transaction; there are no gaps.",
    )
    state = fields.Selection(STATES, readonly=True, copy=False, required=True, default="not_set_up", string="Status")
    is_set_up = fields.Boolean(
        required=True,
        default=False,
        readonly=True,
        copy=False,
        help="At least one notification recipient is saved.",
    )
    is_paused_by_hand = fields.Boolean(
        required=True,
        default=False,
        readonly=True,
        copy=False,
        help="Paused by an account manager; a top-up does not lift it.",
    )
    alert_level = fields.Integer(
        readonly=True,
        copy=False,
        aggregator=None,
        default=EMPTY,
        help="0: enough; 1: below the threshold; 2: nothing left. Mails go out when it rises.",
    )
    total_added = Amount("Funds Added", required=True, default=0, readonly=True, copy=False)
    total_used = Amount(
        "Usage",
        required=True,
        default=0,
        readonly=True,
        copy=False,
        help="Charged for calls, as a positive amount.",
    )
    total_refunded = Amount("Refunded", required=True, default=0, readonly=True, copy=False)
    total_reversed = Amount(
        "Reversed",
        required=True,
        default=0,
        readonly=True,
        copy=False,
        help="Taken back, as a positive amount.",
    )
    notified_at = fields.Datetime(
        readonly=True,
        copy=False,
        help="Last time open dashboards were told of a change (at most once a second).",
    )

    _held_not_negative = models.Constraint("CHECK(held_amount >= 0)", "Held funds cannot be negative.")
    _one_per_wallet = models.UniqueIndex("(wallet_id)", "A wallet has one balance.")

    def init(self):
        # Room in each page for new versions of the row keeps hot updates off the indexes.
        self.env.cr.execute("ALTER TABLE call_wallet_balance SET (fillfactor = 40)")

    # === CRUD METHODS === #

    @api.model
    def default_get(self, fields):
        """Odoo's hook; take no default from the context: a balance begins as the model has it."""
        return with_own_defaults(self, super().default_get(fields), set(self._fields))

    @api.model_create_multi
    def create(self, vals_list):
        # Values come in with a new wallet's, from a form or an import.
        defaults = self.default_get(list(self._fields))
        if any(value and value != defaults.get(name) for vals in vals_list for name, value in vals.items()):
            raise self._ledger_only()
        return super().create([{} for _vals in vals_list])

    def write(self, vals):
        raise self._ledger_only()

    def _ledger_only(self):
        return UserError(
            self.env._("A wallet's balance changes by top-ups, calls and refunds only; it cannot be typed in.")
        )
