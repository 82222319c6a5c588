from odoo import models
from odoo.addons.phone_validation.tools.phone_validation import phone_format


class CallWalletTransactionWords(models.Model):
    """A transaction in the words of who pays: whom a call went to and why it cost what it did."""

    _inherit = "call.wallet.transaction"

    def _headline(self):
        """Return what happened: the call and its number, or the invoice, or why it was corrected."""
        self.ensure_one()
        _ = self.env._
        if self.topup_id:
            return self.description
        if not self._is_charge_of_a_call():
            return f"{self._label('type')}: {self.description}" if self.description else self._label("type")
        call = self.usage_id
        if not call:
            return _("%s, deleted", self._label("call_type"))
        number = self._number()
        if call.direction == "inbound":
            return _("%(call_type)s from %(number)s", call_type=self._label("call_type"), number=number)
        return _("%(call_type)s to %(number)s", call_type=self._label("call_type"), number=number)

    def _details(self, money):
        """Return what else there is to know at a glance, as a list of texts.

        :param money: a function that formats a Decimal with the wallet's currency
        """
        self.ensure_one()
        call = self.usage_id
        if not call:
            return []
        if not self._is_charge_of_a_call():
            return [self._label("call_type"), self._number()]
        if call.status != "completed":
            outcome = call._fields["status"].convert_to_export(call.status, call)
        else:
            minutes, seconds = divmod(call.billed_seconds, 60)
            outcome = self.env._(
                "%(minutes)s min at %(rate)s",
                minutes=f"{minutes}:{seconds:02d}" if seconds else minutes,
                rate=money(self.rate, exact=True),
            )
        return [*filter(None, (call.campaign_id.name, call.manager_id.name)), outcome]

    def _reasons(self, moment):
        """Return when the call was, how its charge came about and by what names others know it, as a list of texts.

        :param moment: a function that formats a time in the wallet's time zone
        """
        self.ensure_one()
        call, _ = self.usage_id, self.env._
        if not call:
            return [self.description] if self.is_call else []
        reasons = [_("Call started %s", moment(call.started_at))]
        if self._is_charge_of_a_call():
            reasons.append(call.explanation)
        reasons.append(_("Call reference %s", call.call_ref))
        if call.application_ref:
            reasons.append(_("Application ID %s", call.application_ref))
        return reasons

    def _is_charge_of_a_call(self):
        # Not a correction of one, which stands under a key of its own.
        return self.is_call and self.type == "usage" and self.key.startswith("call/")

    def _label(self, name):
        return dict(self._fields[name]._description_selection(self.env))[self[name]]

    def _number(self):
        number = phone_format(self.usage_id.number, None, None, force_format="INTERNATIONAL", raise_exception=False)
        return number.replace(" ", "\N{NO-BREAK SPACE}")
