from odoo import models
from odoo.tools import get_lang

from ...const import ACCOUNT_MANAGER, FINANCE, FINANCE_MANAGER


class ResCompanyFinanceNotice(models.Model):
    _inherit = "res.company"

    def _call_wallet_mail_head(self, record, lang):
        """Return what heads the mails of this company, the one that sells calls to the customer.

        :param record: what the mail is about; its own base URL is that of the logo
        :param str lang: the reader's language
        :return: dict: ``lang``, ``direction`` of writing, ``name``, and ``logo``, an address, or None for a company
            without a logo of its own
        """
        self.ensure_one()
        logo = None if self.uses_default_logo else f"{(record or self).get_base_url()}/logo.png?company={self.id}"
        lang = get_lang(self.env, lang)
        code = lang.code.partition("@")[0].replace("_", "-")
        return {"lang": code, "direction": lang.direction, "name": self.name, "logo": logo}

    def _call_wallet_responsible(self, *users):
        """Return the first of ``users`` who still works with this company's wallets, else who does so in finance.

        Nobody would see the task of somebody who left, or who has another job now.
        """
        self.ensure_one()
        for user in users:
            if user.active and self in user.company_ids and user.sudo().has_group(ACCOUNT_MANAGER):
                return user
        return self._call_wallet_finance_user()

    def _call_wallet_finance_manager(self, *users):
        """Return the first of ``users`` who is a finance manager of this company, else another one.

        Others in finance may not open some records, or press their buttons: a task about those would be lost on them.
        They get it where the company has no finance manager.
        """
        self.ensure_one()
        managers = self._call_wallet_staff(FINANCE_MANAGER)
        for user in users:
            if user in managers:
                return user
        return pick(managers) or self._call_wallet_finance_user()

    def _call_wallet_finance_user(self, preferred=None):
        """Return who of the company's finance staff is to look at something; empty where there is nobody.

        :param preferred: ``res.users``, who it is if they are finance staff of the company
        """
        self.ensure_one()
        staff = self._call_wallet_staff(FINANCE)
        return (preferred & staff if preferred else staff[:0]) or pick(staff)

    def _call_wallet_staff(self, group):
        """Return the users of a role who work in this company, those of the longest standing first."""
        return (
            self.env["res.users"]
            .sudo()
            .search(
                [
                    ("all_group_ids", "in", self.env.ref(group).id),
                    ("company_ids", "in", self.id),
                    ("share", "=", False),
                ],
                order="id",
            )
        )


def pick(staff):
    """Return one of ``staff``. An administrator has every right, but is rarely who keeps the books."""
    return staff.filtered(lambda user: not user._is_system())[:1] or staff[:1]
