"""What comes in with a call of a method: refused by name where no method could do anything with it.

Odoo hands whatever JSON was sent to the method, where text that no database stores or a list in the place of a number
ends as an error of the server. What is well-formed here is for the method to judge.
"""

import inspect
from collections.abc import Mapping
from functools import lru_cache
from inspect import Parameter

from odoo import fields
from odoo.exceptions import UserError

from .fields import LARGEST_ID, is_id, is_storable
from .intake import nearest_of

ADDON = "call_wallet"
# Methods of Odoo's that take the values of records, and in which parameter.
VALUES = {"create": "vals_list", "write": "vals", "web_save": "vals", "onchange": "values"}
# (6, ids), (0, values) and the others by which a list of records is changed.
COMMANDS = range(7)


# Worked out once a method: it takes longer than many a request of the platform's.
signature = lru_cache(maxsize=2_000)(inspect.signature)


def is_about_wallets(model, method):
    """Tell whether a model is the addon's own, or the method is: ``model.method`` of anybody else is left alone."""
    if model._original_module == ADDON:
        return True
    classes = [cls for cls in type(model).__mro__ if method in vars(cls)]
    return bool(classes) and all(cls.__module__.startswith(f"odoo.addons.{ADDON}.") for cls in classes)


def check_arguments(model, method, ids, args, kwargs):
    """Refuse what a method of ``model`` cannot be called with.

    :param model: empty recordset
    :param str method: its name
    :param ids: of the records it is called on, as they were sent
    :param list args: as they were sent; without the ids
    :param dict kwargs: likewise
    :raise UserError: names the argument or the field
    """
    if is_about_wallets(model, method):
        function = getattr(type(model), method, None)
        if not callable(function):
            return  # Odoo says so
        check_ids(ids, model.env)
        try:
            given = signature(function).bind(model, *args, **kwargs).arguments
        except TypeError as error:
            check_names(signature(function).parameters, kwargs, model.env)
            raise UserError(model.env._("%(method)s: %(problem)s.", method=method, problem=str(error)[:200])) from None
    else:
        # A field of ours on a record of somebody else's.
        given = {**dict(zip([VALUES.get(method)], args, strict=False)), **kwargs}
    values = given.get(VALUES.get(method))
    if method == "create" and isinstance(values, (list, tuple)):
        for row in values:
            check_values(model, row)
    elif method in VALUES and VALUES[method] in given:
        check_values(model, values, is_form=method == "onchange")


def check_names(parameters, kwargs, env):
    """Refuse a parameter that a method does not have.

    :raise UserError: names it, and the one that was probably meant
    """
    known = [name for name in parameters if name != "self"]
    for name in kwargs:
        if name not in known and Parameter.VAR_KEYWORD not in {one.kind for one in parameters.values()}:
            nearest = nearest_of(name, known)
            shown = repr(name)[1:60].rstrip("'")
            if nearest:
                raise UserError(
                    env._(
                        "%(name)s: there is no such parameter; did you mean %(nearest)s?", name=shown, nearest=nearest
                    )
                )
            raise UserError(
                env._("%(name)s: there is no such parameter; there are %(known)s.", name=shown, known=", ".join(known))
            )


def check_context(context, env):
    """Refuse a context by which no method could be called.

    :raise UserError: not an object, or a language, time zone or companies of another kind
    """
    if not isinstance(context, Mapping):
        raise UserError(env._("context: send an object."))
    for name in ("lang", "tz"):
        value = context.get(name) or ""
        if not (isinstance(value, str) and is_storable(value)):
            raise UserError(env._("context: %s; send text.", name))
    companies = context.get("allowed_company_ids") or []
    if not (isinstance(companies, (list, tuple)) and all(map(is_id, companies))):
        raise UserError(env._("context: allowed_company_ids; send the ids of companies."))


def check_ids(ids, env):
    """Refuse what no records are found by.

    :raise UserError: not a list of ids
    """
    if ids.__class__ is not int and not isinstance(ids, (list, tuple)) and ids is not None:
        raise UserError(env._("ids: send a list of numbers."))
    ids = [ids] if ids.__class__ is int else list(ids or ())
    if not all(map(is_id, ids)) or len(set(ids)) < len(ids):
        raise UserError(env._("ids: send a list of numbers from 1 to %s, each once.", LARGEST_ID))


def check_values(model, values, is_form=False):
    """Refuse values of fields that are of another kind than the field.

    :param is_form: whether they are what a form has so far: then a record that a line belongs to may be an object of
        its id, or of what the form has of it
    :raise UserError: names the field, and says what it takes
    """
    is_ours = model._original_module == ADDON
    if not isinstance(values, dict):
        if is_ours:
            raise UserError(model.env._("Values: send an object of fields and their values."))
        return
    for name, value in values.items():
        field = model._fields.get(name) if isinstance(name, str) else None
        if field is None:
            if is_ours:
                raise UserError(model.env._("%s: there is no such field.", repr(name)[:60]))
        elif is_ours or field._module == ADDON:
            if is_form and field.type == "many2one" and isinstance(value, dict):
                _check_parent(field, value, model)
                continue
            problem = value is not None and value is not False and KINDS.get(field.type, _anything)(field, value, model)
            if problem:
                label = field._description_string(model.env)
                raise UserError(model.env._("%(field)s: %(problem)s", field=label, problem=problem))


def _check_parent(field, value, model):
    """Check what a form has so far of the record that one of its lines belongs to.

    :raise UserError: as ``check_values``
    """
    record_id = value.get("id")
    if record_id and not is_id(record_id):
        label = field._description_string(model.env)
        problem = model.env._("send the id of a record.")
        raise UserError(model.env._("%(field)s: %(problem)s", field=label, problem=problem))
    of_parent = {name: given for name, given in value.items() if name not in ("id", "display_name")}
    check_values(model.env[field.comodel_name], of_parent, is_form=True)


# === KINDS OF FIELDS === #
# Each returns what is wrong with a value, and what to send instead.


def _anything(field, value, model):
    return None


def _text(field, value, model):
    if not isinstance(value, (str, int, float)):
        return model.env._("send text.")
    if isinstance(value, str) and not is_storable(value):
        return model.env._("it has characters that cannot be stored; send readable text.")
    return None


def _choice(field, value, model):
    if not isinstance(value, str) or (value and value not in field.get_values(model.env)):
        return model.env._("%s is none of its values.", repr(value)[:60])
    return None


def _whole(field, value, model):
    try:
        is_fine = isinstance(value, (str, int, float)) and abs(int(value)) <= LARGEST_ID
    except (ValueError, OverflowError):
        is_fine = False
    return None if is_fine else model.env._("send a whole number.")


def _moment(field, value, model):
    read = fields.Date.to_date if field.type == "date" else fields.Datetime.to_datetime
    try:
        moment = read(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if value and not moment:
        return model.env._("send a date such as 2026-10-31, or 2026-10-31 12:00:00 with a time.")
    return None


def _record(field, value, model):
    return None if is_id(value) else model.env._("send the id of a record.")


def _records(field, value, model):
    if not isinstance(value, (list, tuple)):
        return model.env._("send a list of changes.")
    related = model.env[field.comodel_name]
    for change in value:
        if is_id(change):
            continue
        if not (isinstance(change, (list, tuple)) and change and change[0].__class__ is int and change[0] in COMMANDS):
            return model.env._("send a list of changes.")
        kind, *rest = change
        target, given = [*rest, None, None][:2]
        if kind in (0, 1):
            check_values(related, given)
        if kind in (1, 2, 3, 4) and not is_id(target):
            return model.env._("send the id of a record.")
        if kind == 6 and not (isinstance(given, (list, tuple)) and all(map(is_id, given))):
            return model.env._("send the ids of records.")
    return None


KINDS = {
    **dict.fromkeys(("char", "text", "html"), _text),
    "binary": _text,
    "selection": _choice,
    "integer": _whole,
    **dict.fromkeys(("date", "datetime"), _moment),
    "many2one": _record,
    **dict.fromkeys(("one2many", "many2many"), _records),
}
