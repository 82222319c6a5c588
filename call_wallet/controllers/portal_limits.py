from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from ..tools.fields import parse_typed
from ..tools.limits import NAMES
from .portal import CallWalletPortal

MICRO_PLACES = 6


class CallWalletPortalLimits(CallWalletPortal):
    """The page on which an owner limits what a wallet may spend and pay for a call."""

    @http.route("/my/billing/<int:wallet_id>/limits", type="http", auth="user", website=True, methods=["GET", "POST"])
    def my_billing_limits(self, wallet_id, **form):
        """Show and change the owner's limits, beside those that finance has set, and what is spent of them.

        Amounts are in the wallet's currency and read in the reader's language, days and months in the wallet's time
        zone.

        :return: the page, with 422 and the problems where something is wrong; a redirection when it is saved; 404 for
            whoever does not own this wallet
        """
        wallet = self._call_wallet_own_wallet(wallet_id)
        if request.httprequest.method != "POST":
            return self._call_wallet_limits_page(wallet)
        typed = {name: form.get(name, "") for name in NAMES}
        given, problems = self._call_wallet_typed_limits(wallet, typed)
        _values, wrong = wallet._check_owner_limits(given)
        problems = {**wrong, **problems}
        if problems:
            return self._call_wallet_limits_page(wallet, 422, typed, problems)
        # As the user, who then is the author of the note in the wallet's history.
        wallet.with_env(request.env).set_owner_limits(**given)
        self._call_wallet_flash(request.env._("Limits saved."))
        return self._call_wallet_redirect(wallet, "limits")

    def _call_wallet_typed_limits(self, wallet, typed):
        """Return the limits that somebody typed, with amounts as ``Decimal``, and what is wrong by name."""
        given, problems, labels = dict(typed), {}, wallet._limit_labels()
        for name in NAMES:
            try:
                if name != "calls":
                    # Prices have more decimals than what is paid in the currency.
                    places = MICRO_PLACES if name in ("price", "fee") else wallet.currency_id.decimal_places
                    given[name] = parse_typed(typed[name], labels[name], request.env, places)
            except UserError as error:
                problems[name] = str(error)
                given[name] = None
        return given, problems

    def _call_wallet_limits_page(self, wallet, status=200, typed=None, problems=None):
        spent = {"day": wallet.spent_today, "month": wallet.spent_this_month}
        rows = [
            self._call_wallet_limit_row(wallet, name, label, spent.get(name), typed, problems or {})
            for name, label in wallet._limit_labels().items()
        ]
        return self._call_wallet_render("call_wallet.portal_billing_limits", wallet, "limits", status, rows=rows)

    def _call_wallet_limit_row(self, wallet, name, label, spent, typed, problems):
        own, by_finance = wallet[f"owner_limit_{name}"], wallet[f"limit_{name}"]
        limits = [limit for limit in (own, by_finance) if limit is not None]
        most = min(limits) if limits else None
        shown = str(own) if name == "calls" else self._call_wallet_format_plain(own, wallet.currency_id.decimal_places)
        return {
            "name": name,
            "label": label,
            "typed": typed[name] if typed else "" if own is None else shown,
            "by_finance": "" if by_finance is None else wallet._show_limit(name, by_finance),
            "problem": problems.get(name, ""),
            "spent": spent,
            "most": most,
            "used": min(100, max(0, int(spent * 100 / most))) if spent is not None and most else None,
        }
