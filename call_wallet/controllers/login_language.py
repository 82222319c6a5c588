from odoo.addons.web.controllers.home import Home
from odoo.http import request


class LoginLanguage(Home):
    """A wallet's owner who logs in reads the portal in the language of the user, not in the browser's."""

    def _login_redirect(self, uid, redirect=None):
        """Set the cookie by which Odoo chooses the portal's language to the user's.

        The page of the login has set it to the browser's language before anybody was known, and Odoo asks it before it
        asks the user. Who chooses another language afterwards keeps that until the next login. Where the website is
        installed, visitors choose languages there, and it is left alone; so is whoever owns no wallet.
        """
        # Until the second factor is given, nobody is logged in.
        if request.session.uid == uid and "website" not in request.env:
            user = request.env(user=uid)["res.users"].browse(uid)
            owns = request.env["call.wallet"]._owned_by(user, closed_too=True)
            lang = owns and request.env["ir.http"].get_nearest_lang(user.lang)
            if lang:
                request.future_response.set_cookie("frontend_lang", lang)
        return super()._login_redirect(uid, redirect=redirect)
