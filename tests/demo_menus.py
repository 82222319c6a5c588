"""Which menus of the app open on nothing."""

from itertools import chain

from odoo.fields import Domain
from odoo.tools.safe_eval import safe_eval


def empty_menus(env):
    """Return the names of the app's menus whose list has nothing, as its user sees it at first, filters included."""
    return [menu.complete_name for menu in lists(env) if not count(env, menu.sudo().action)]


def lists(env):
    """Return the menus of the app that open records: neither forms to fill in nor pages of their own."""
    root = env.ref("call_wallet.menu_call_wallet_root")
    menus = env["ir.ui.menu"].search([("id", "child_of", root.id), ("action", "like", "ir.actions.act_window,%")])
    return [menu for menu in menus if not env[menu.sudo().action.res_model]._transient]


def count(env, action):
    model = env[action.res_model].with_context(**evaluate(env, action.context or "{}"))
    return model.search_count(Domain(evaluate(env, action.domain or "[]")) & chosen(env, action, model))


def evaluate(env, text):
    return safe_eval(text, {"uid": env.uid, "allowed_company_ids": env.companies.ids})


def chosen(env, action, model):
    """Return the filters that are set when the list opens; they stand in one group, and so mean one of them."""
    names = [name.removeprefix("search_default_") for name in model.env.context if name.startswith("search_default_")]
    if not names:
        return Domain.TRUE
    tree = env["ir.ui.view"].browse(action.search_view_id.id)
    arch = model.sudo()._get_view(tree.id, "search")[0]
    found = chain.from_iterable(arch.xpath("//filter[@name=$name]", name=name) for name in names)
    domains = [Domain(evaluate(env, node.get("domain"))) for node in found if node.get("domain")]
    return Domain.OR(domains) if domains else Domain.TRUE
