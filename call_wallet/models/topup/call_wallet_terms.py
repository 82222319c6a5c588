from hashlib import sha256

from markupsafe import Markup
from odoo import api, fields, models
from odoo.exceptions import UserError

from ...tools.rights import refuse_typed

SOURCE = "en_US"


class CallWalletTerms(models.Model):
    """The terms of agreement of a top-up, by version, in the languages of whoever accepts them.

    A version's text is translated as Odoo translates: paragraph by paragraph, with the button beside it. Whoever orders
    sees it in their language, else in another variety of it, else as it was written; which one it was is kept with the
    order. What was accepted is never changed, so that who agreed to what stays provable: of a version that somebody
    has accepted the text stays, and so does its translation into each language in which it was accepted; into other
    languages it can still be translated. A new text is a new version, which applies from its date on. Times are UTC.
    """

    _name = "call.wallet.terms"
    _description = "Call Wallet Terms"
    _order = "version desc"
    _rec_name = "version"

    version = fields.Integer(
        required=True, readonly=True, copy=False, aggregator=None, default=lambda self: self._next_version()
    )
    body = fields.Html("Text", required=True, translate=True)
    valid_from = fields.Datetime(required=True, default=fields.Datetime.now)
    fingerprint = fields.Char(
        compute="_compute_fingerprint",
        store=True,
        help="SHA-256 of the text as it was written. That of the text that somebody has accepted stands on the top-up.",
    )
    topup_ids = fields.One2many("call.wallet.topup", "terms_id", "Accepted With", readonly=True)
    missing_languages = fields.Char(
        compute="_compute_missing_languages",
        help="Languages of wallets' owners in which this version has no text. They read it as it was written.",
    )

    _version_unique = models.UniqueIndex("(version)", "This version of the terms exists already.")

    @api.model
    def _next_version(self):
        return (self.search([], limit=1).version or 0) + 1

    @api.depends("body")
    def _compute_fingerprint(self):
        for terms in self:
            terms.fingerprint = fingerprint_of(terms.with_context(lang=SOURCE).body)

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

    # === LANGUAGES === #

    def _languages(self):
        """Return the codes of active languages in which this version has a text, and of the one it was written in."""
        self.ensure_one()
        self.flush_recordset(["body"])
        self.env.cr.execute("SELECT jsonb_object_keys(body) FROM call_wallet_terms WHERE id = %s", [self._origin.id])
        active = {code for code, _name in self.env["res.lang"].get_installed()}
        return {code for (code,) in self.env.cr.fetchall() if code in active} | {SOURCE}

    def _language_for(self, lang):
        """Return in which of its languages the text is shown to a reader of ``lang``."""
        return _nearest(lang, self._languages()) or SOURCE

    def _shown(self):
        """Return the version in the language in which the user is shown it."""
        return self.with_context(lang=self._language_for(self.env.lang))

    def _text_in(self, lang):
        """Return the text in a language in which it was shown, whether or not that language is still active."""
        self.flush_recordset(["body"])
        self.env.cr.execute(
            "SELECT COALESCE(body->>%s, body->>%s) FROM call_wallet_terms WHERE id = %s", [lang, SOURCE, self.id]
        )
        return Markup(self.env.cr.fetchone()[0])

    def _acceptance(self):
        """Return what an order keeps of the version that its user accepts now."""
        shown = self._shown()
        return {
            "terms_id": self.id,
            "terms_lang": shown.env.lang,
            "terms_fingerprint": fingerprint_of(shown.body),
        }

    @api.depends("body")
    @api.depends_context("lang")
    def _compute_missing_languages(self):
        spoken = self._spoken_languages()
        for terms in self:
            known = terms._languages() if terms._origin else spoken.keys()
            missing = [name for code, name in spoken.items() if not _nearest(code, known)]
            terms.missing_languages = ", ".join(sorted(missing))

    def _spoken_languages(self):
        """Return {code: name} of the active languages that owners of open wallets read; the user's companies' only."""
        wallets = self.env["call.wallet"].sudo()
        wallets = wallets.search([("company_id", "in", self.env.companies.ids), ("owner_ids", "!=", False)])
        spoken = set(wallets.current_owner_ids.mapped("lang"))
        return {code: name for code, name in self.env["res.lang"].get_installed() if code in spoken}

    # === WHAT WAS ACCEPTED STAYS === #

    def write(self, vals):
        """Change a version that nobody has accepted.

        :raise UserError: somebody has
        :raise AccessError: its fingerprint was typed in
        """
        refuse_typed(self, vals, "fingerprint")
        # Odoo ends a translation, which was checked, by writing the text as it stands.
        is_same = vals.keys() == {"body"} and all(str(terms.body) == str(vals["body"]) for terms in self)
        if {"body", "version", "valid_from"} & vals.keys() and not is_same:
            self._refuse_accepted()
        return super().write(vals)

    def _update_field_translations(self, field_name, translations, digest=None, source_lang=""):
        """Translate a version, as Odoo does, into languages in which nobody has accepted it.

        :raise UserError: somebody has
        """
        topups = self.sudo().topup_ids if field_name == "body" else self.env["call.wallet.topup"]
        accepted = {_language(topup.terms_lang) for topup in topups}
        for code in translations:
            if _language(code) in accepted:
                raise UserError(
                    self.env._(
                        "These terms were accepted by customers in %s and stay as they are. Add a new version.",
                        dict(self.env["res.lang"].get_installed()).get(code, code),
                    )
                )
        return super()._update_field_translations(field_name, translations, digest, source_lang)

    @api.ondelete(at_uninstall=False)
    def _refuse_accepted(self):
        if self.sudo().topup_ids:
            raise UserError(
                self.env._("These terms were accepted by customers and stay as they are. Add a new version.")
            )


def fingerprint_of(body):
    """Return the SHA-256 of a text of terms."""
    return sha256(str(body or "").encode()).hexdigest()


def _language(code):
    """Return the language of a code, without its variety: es of es_MX."""
    return (code or SOURCE).partition("_")[0]


def _nearest(lang, codes):
    """Return ``lang`` or another variety of it among ``codes``, or None. English is understood as it was written."""
    same = sorted(code for code in codes if _language(code) == _language(lang))
    return lang if lang in codes else next(iter(same), None)
