"""What a door does as superuser is what it says, and never what the context of its caller says.

A caller of a public method chooses its context. Odoo's ``sudo`` drops the ``default_*`` keys, which fill in fields
of whatever is created, and keeps those that switch its checks and computations off, such as ``skip_invoice_sync``.
"""

from odoo import models
from odoo.exceptions import AccessError

from .fields import changes

# Where the caller is and which language they read; nothing here changes what is done.
HARMLESS = {"lang", "tz", "uid", "allowed_company_ids"}


def as_superuser(records):
    """Return ``records`` as superuser, with as much of the caller's context as is harmless.

    What runs as superuser already is the addon's own code, and keeps the context that it has set.
    """
    return records if records.env.su else without_orders(records).sudo()


def refuse_all_but(records, group):
    """Refuse what only users of ``group`` may do, with records that they may read.

    :raise AccessError: names the role that is needed
    """
    if records.env.su:
        return
    if not records.env.user.has_group(group):
        role = records.env.ref(group).sudo().full_name
        raise AccessError(records.env._("This needs the role %s.", role))
    records.check_access("read")


def refuse_move_to_others(records, companies):
    """Refuse what has just been written where it brings ``records`` to a company that is not among the user's.

    Odoo's record rules look at records before they are changed, not at where they go. So call it after the change,
    which the error undoes.

    :param companies: ``res.company``, where the records are now
    :raise AccessError: names the companies
    """
    others = companies.sudo() - records.env.user.company_ids
    if others and not records.env.su:
        names = ", ".join(others.mapped("name"))
        raise AccessError(records.env._("Company: you do not work with %s; choose one of yours.", names))


def refuse_typed(records, vals, prefix="call_wallet_"):
    """Refuse values for what the addon keeps on records by itself; it writes them as superuser.

    Whoever may edit a document of Odoo's may edit each of its fields over the API: that a field is read-only holds on
    screens alone. Writing what is there already is no change.

    :param dict vals: what is written on ``records``, or what a record is made with where there are none
    :param str prefix: with which the names of the addon's own fields begin on this model
    :raise AccessError: names the fields
    """
    if records.env.su:
        return
    names = [name for name in vals if name.startswith(prefix) and _is_kept(records, name)]
    if records:
        typed = [name for name in names if any(changes(record, vals, [name]) for record in records.sudo())]
    else:
        typed = [name for name in names if vals[name]]
    if typed:
        raise AccessError(records.env._("%s: kept by the call wallets; it cannot be typed in.", ", ".join(typed)))


def made_by_hand(model, vals_list):
    """Return ``vals_list``, of new records, with nothing in the fields that the addon keeps on them by itself.

    Else they would come from the context, or from a default that the user has saved.

    :raise AccessError: as ``refuse_typed``
    """
    if model.env.su:
        return vals_list
    for vals in vals_list:
        refuse_typed(model.browse(), vals)
    ours = [name for name in model._fields if name.startswith("call_wallet_") and _is_kept(model, name)]
    empty = {name: False for name in ours if not model._fields[name].type.endswith("2many")}
    return [{**vals, **empty} for vals in vals_list]


def _is_kept(records, name):
    """Tell whether a field is one that is stored and that no screen lets anybody type in."""
    field = records._fields.get(name)
    return bool(field and field.readonly and field.store)


def without_orders(records):
    """Return ``records`` with as much of the caller's context as is harmless."""
    context = {name: value for name, value in records.env.context.items() if name in HARMLESS}
    return records.with_context(context)


def with_own_defaults(records, values, names):
    """Return ``values``, what ``default_get`` found, with the model's own defaults of the fields ``names``.

    Anybody may put a ``default_*`` into a context, or save a default of their own.
    """
    records = without_orders(records)
    for name in names & values.keys():
        field = records._fields[name]
        while field.inherited:
            field = field.related_field
        value = field.default(records.env[field.model_name]) if field.default else None
        values[name] = value.id if isinstance(value, models.BaseModel) else value
    return {name: value for name, value in values.items() if value is not None or name not in names}
