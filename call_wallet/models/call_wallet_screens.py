from odoo import api, fields, models

from .call_wallet import ACCOUNT_MANAGER, FINANCE


class CallWalletScreens(models.Model):
    """The buttons of the wallet's form: what they count and what they open."""

    _inherit = "call.wallet"

    usage_count = fields.Integer("Number of Calls", compute="_compute_usage_count")
    topup_count = fields.Integer("Number of Top-ups", compute="_compute_counts")
    may_edit_contract = fields.Boolean(compute="_compute_may_edit_contract")
    live_hold_count = fields.Integer("Calls in Progress", compute="_compute_counts")

    @api.depends_context("uid")
    def _compute_may_edit_contract(self):
        self.may_edit_contract = self.env.user.has_group(FINANCE)

    def _compute_usage_count(self):
        # From the daily totals: counting a busy wallet's calls would read them all.
        counts = dict(
            self.env["call.wallet.day"]
            .sudo()
            ._read_group(
                [("wallet_id", "in", self.ids), ("type", "=", "usage")],
                ["wallet_id"],
                ["transactions:sum"],
            )
        )
        for wallet in self:
            wallet.usage_count = counts.get(wallet, 0)

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
        self._as(ACCOUNT_MANAGER)
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
        return self._open_list("action_call_wallet_transaction", "call_wallet_transaction_list_of_wallet")

    def action_open_usage(self):
        """Open the wallet's calls."""
        return self._open_list("action_call_usage", "call_usage_list_of_wallet")

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
        self._as(FINANCE)
        return self._open("action_call_wallet_topup_wizard")

    def action_open_pause(self):
        """Ask for the reason, then pause.

        :raise AccessError: not an account manager
        """
        self._as(ACCOUNT_MANAGER)
        return self._open("action_call_wallet_pause")

    def action_open_refund(self):
        """Ask for amount, reason and call, then refund to the wallet.

        :raise AccessError: not finance staff
        """
        self._as(FINANCE)
        return self._open("action_call_wallet_refund_wizard")

    def action_open_usage_report(self):
        """Choose the days of the usage report.

        :raise AccessError: not an account manager
        """
        self._as(ACCOUNT_MANAGER)
        return self._open("action_call_usage_report_wizard")
