from hashlib import sha256

from odoo import api, fields, models
from odoo.exceptions import UserError


class CallWalletTerms(models.Model):
    """The terms of agreement of a top-up, by version.

    A version that was accepted is never changed: who agreed to what stays provable. A new
    text is a new version, which applies from its date on. Times are UTC.
    """

    _name = "call.wallet.terms"
    _description = "Call Wallet Terms"
    _order = "version desc"
    _rec_name = "version"

    version = fields.Integer(
        required=True, readonly=True, copy=False, aggregator=None, default=lambda self: self._next_version()
    )
    body = fields.Html("Text", required=True, translate=False)
    valid_from = fields.Datetime(required=True, default=fields.Datetime.now)
    fingerprint = fields.Char(
        compute="_compute_fingerprint", store=True, help="SHA-256 of the text, kept with each acceptance."
    )
    topup_ids = fields.One2many("call.wallet.topup", "terms_id", "Accepted With", readonly=True)

    _version_unique = models.UniqueIndex("(version)", "This version of the terms exists already.")

    @api.model
    def _next_version(self):
        return (self.search([], limit=1).version or 0) + 1

    @api.depends("body")
    def _compute_fingerprint(self):
        for terms in self:
            terms.fingerprint = sha256(str(terms.body or "").encode()).hexdigest()

    @api.depends("version")
    def _compute_display_name(self):
        for terms in self:
            terms.display_name = self.env._("Version %s", terms.version)

    @api.model
    def _current(self):
        """Return the version in force now.

        :raise UserError: there is none
        """
        terms = self.sudo().search([("valid_from", "<=", fields.Datetime.now())], limit=1)
        if not terms:
            raise UserError(
                self.env._("There are no terms of agreement; add a version under Call Wallet > Configuration.")
            )
        return terms

    def write(self, vals):
        if {"body", "version", "valid_from"} & vals.keys():
            self._refuse_accepted()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _refuse_accepted(self):
        if self.sudo().topup_ids:
            raise UserError(
                self.env._("These terms were accepted by customers and stay as they are. Add a new version.")
            )
