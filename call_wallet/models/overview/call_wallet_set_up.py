from odoo import api, models

from ...const import DEPOSIT_ACCOUNT, FINANCE_MANAGER, JOURNAL

# What each step opens, and which group may do it there.
ACTIONS = {
    "accounts": ("call_wallet.action_call_wallet_open_settings", FINANCE_MANAGER),
    "prices": ("call_wallet.action_call_rate_plan", None),
    "payments": ("payment.action_payment_provider", "base.group_system"),
    "platform": ("call_wallet.action_call_wallet_open_settings", FINANCE_MANAGER),
    "wallet": ("call_wallet.action_call_wallet_create", None),
    "funds": ("call_wallet.action_call_wallet", None),
    "call": (None, None),
}


class CallWalletSetUp(models.AbstractModel):
    """What is to be done until the first call is charged, each step by whether it was done."""

    _name = "call.wallet.set.up"
    _description = "Call Wallet Set-Up Checklist"

    @api.model
    def _steps(self):
        """Return the steps of the chosen companies, in their order; an empty list once all are done.

        A step also counts as done where a later one shows that it was not needed: whoever was paid has a way to be
        paid.

        :return: list of dicts: ``name``, ``is_done``, and ``action``, what opens it; False where the user may not
        """
        done = self._done()
        if all(done.values()):
            return []
        return [
            {"name": name, "is_done": done[name], "action": self._opens(name, done) and ACTIONS[name][0]}
            for name in ACTIONS
        ]

    def _opens(self, name, done):
        """Tell whether the user may do a step, and it can be done by now."""
        action, group = ACTIONS[name]
        is_possible = action and (name != "funds" or done["wallet"])
        return bool(is_possible) and (not group or self.env.user.has_group(group))

    def _done(self):
        company, ids = self.env.company.sudo(), self.env.companies.ids
        has_call = self._is_any("call.wallet.day", [("wallet_id.company_id", "in", ids), ("type", "=", "usage")])
        has_funds = self._is_any("call.wallet.topup", [("company_id", "in", ids), ("credited_amount", ">", 0)])
        providers = [("company_id", "in", ids), ("state", "!=", "disabled"), ("code", "!=", "none")]
        return {
            "accounts": bool(company._call_wallet_nearest(DEPOSIT_ACCOUNT) and company._call_wallet_nearest(JOURNAL)),
            "prices": has_call or self._is_any("call.rate", [("plan_id.company_id", "in", [*ids, False])]),
            "payments": has_funds or self._is_any("payment.provider", providers),
            "platform": has_call or self._is_connected(ids),
            "wallet": self._is_any("call.wallet", [("company_id", "in", ids), ("state", "!=", "not_set_up")]),
            "funds": has_funds,
            "call": has_call,
        }

    def _is_any(self, model, domain):
        return bool(self.env[model].sudo().search_count(domain, limit=1))

    def _is_connected(self, ids):
        """Tell whether a platform has a key, or calls come by themselves."""
        platform = self.env.ref("call_wallet.group_platform").sudo().all_user_ids
        keys = [("user_id", "in", platform.ids)]
        return self._is_any("res.users.apikeys", keys) or self._is_any("call.source", [("company_id", "in", ids)])
