import re
from collections.abc import Mapping
from contextlib import contextmanager
from time import monotonic

from odoo.addons.rpc.controllers.json2 import WebJson2Controller
from odoo.addons.web.controllers.dataset import DataSet
from odoo.exceptions import UserError
from odoo.http import request, route
from odoo.tools import frozendict

from ..api_schema.methods import METHODS
from ..tools.arguments import check_arguments, check_context, is_about_wallets
from ..tools.meter import observe


def check_call(name, method, ids, args, kwargs, context):
    """Refuse a call of a method that could not do anything with what was sent.

    :raise UserError: names the argument or the field
    """
    if not (isinstance(name, str) and isinstance(method, str) and name in request.registry):
        return  # Odoo says so
    if context is not None and is_about_wallets(request.env[name], method):
        check_context(context, request.env)
    check_arguments(request.env[name], method, ids, args, kwargs)


def in_known_language(name, method, context):
    """Return the context with an installed language, or none: what is answered must not fail for want of a language.

    ``es`` and ``es-MX`` are understood as ``es_ES`` where that is what is installed.
    """
    asked = isinstance(context, Mapping) and context.get("lang")
    if not asked or name not in request.registry or not is_about_wallets(request.env[name], method):
        return context
    installed = [code for code, _name in request.env["res.lang"].get_installed()]
    family = re.split("[-_]", asked)[0].lower()
    lang = next((code for code in installed if asked in (code, code.replace("_", "-"))), None)
    lang = lang or next((code for code in installed if code.partition("_")[0] == family), None)
    return {**context, "lang": lang} if lang else {key: value for key, value in context.items() if key != "lang"}


@contextmanager
def one_record_asked_for(name, method):
    """Say to whoever called a method for one record on none, or on several, that it takes one.

    :raise UserError: instead of Odoo's ``ValueError``
    """
    try:
        yield
    except ValueError as error:
        if not (str(error).startswith("Expected singleton") and is_about_wallets(request.env[name], method)):
            raise
        raise UserError(request.env._("ids: send the id of one record.")) from error


@contextmanager
def timed(name, method):
    """Note for monitoring how long a method of the API took, whatever came of it."""
    began = monotonic()
    try:
        yield
    finally:
        if f"{name}.{method}" in METHODS:
            observe(request.db, "call_wallet_api_request_seconds", monotonic() - began, method=method)


NOTHING = frozendict()


class WalletJson2(WebJson2Controller):
    """Whatever a program sends to a method about wallets is understood or refused by name; others are left to Odoo."""

    @route()
    def web_json_2_rpc(self, __model__, __method__, ids=(), context=NOTHING, **kwargs):
        """Call a method by name, as a program does."""
        check_call(__model__, __method__, ids, [], kwargs, context)
        context = in_known_language(__model__, __method__, context)
        with one_record_asked_for(__model__, __method__), timed(__model__, __method__):
            return super().web_json_2_rpc(__model__, __method__, ids=ids, context=context, **kwargs)


class WalletDataSet(DataSet):
    """Likewise what the web client sends."""

    @route()
    def call_kw(self, model, method, args, kwargs, path=None):
        """Call a method by name."""
        self._call_wallet_check(model, method, args, kwargs)
        with one_record_asked_for(model, method):
            return super().call_kw(model, method, args, kwargs, path=path)

    @route()
    def call_button(self, model, method, args, kwargs, path=None):
        """Call a button's method."""
        self._call_wallet_check(model, method, args, kwargs)
        with one_record_asked_for(model, method):
            return super().call_button(model, method, args, kwargs, path=path)

    def _call_wallet_check(self, model, method, args, kwargs):
        """Take the ids and the context from among the arguments, and have all of them checked."""
        if not (isinstance(model, str) and model in request.registry and isinstance(method, str)):
            return  # Odoo says so
        is_ours = is_about_wallets(request.env[model], method)
        is_formed = isinstance(args, list) and isinstance(kwargs, dict)
        has_ids = not getattr(getattr(type(request.env[model]), method, None), "_api_model", False)
        is_complete = is_formed and (args or not has_ids)
        if not is_complete:
            if is_ours:
                raise UserError(
                    request.env._("args: send a list that begins with the ids of records; kwargs: an object.")
                )
            return
        kwargs = dict(kwargs)
        context = kwargs.pop("context", None)
        ids, arguments = (args[0], args[1:]) if has_ids else ((), args)
        check_call(model, method, ids, arguments, kwargs, context)
