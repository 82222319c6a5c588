from contextlib import suppress

from odoo.tools import SQL, mute_logger

# By model, the query of those of its records (by their ids) that documents and their items name.
NAMED_BY = {
    "product.product": "SELECT DISTINCT product_id FROM account_move_line WHERE product_id = ANY(%s)",
    "product.template": """
        SELECT DISTINCT p.product_tmpl_id FROM account_move_line l
          JOIN product_product p ON p.id = l.product_id
         WHERE p.product_tmpl_id = ANY(%s)
    """,
    "res.partner": "SELECT DISTINCT partner_id FROM account_move_line WHERE partner_id = ANY(%s)",
}


def post_init_hook(env):
    """Make the accounts for companies that had their chart before the addon came; tell the demo's story.

    Odoo has loaded the demo's records by now, where it loads demo data at all.
    """
    env["account.chart.template"]._call_wallet_add_accounts(env["res.company"].search([]))
    if env.ref("base.module_call_wallet").demo:
        from .demo.story import load

        load(env)


def uninstall_hook(env):
    """Odoo's hook before it deletes an addon's records; take away what Odoo does not know of, or could not delete.

    The guards of the ledger would refuse the deletion of what they guard, and one record after the other names the next
    one. So our own tables are emptied at once. Nothing of anybody else's is: only what points from there to here is let
    go. Customers and the product that documents name stay, the product archived.
    """
    product = env.ref("call_wallet.product_topup", raise_if_not_found=False)
    if product:
        product.product_tmpl_id.active = False
    env["ir.config_parameter"].search([("key", "=like", "call\\_wallet.%")]).unlink()
    _keep_what_documents_name(env)
    env.flush_all()
    for guard in ("call_wallet_transaction_guard", "call_wallet_mandate_guard"):
        env.cr.execute(SQL("DROP FUNCTION IF EXISTS %s() CASCADE", SQL.identifier(guard)))
    _empty(env.cr, [model._table for model in env.registry.models.values() if _is_ours(model)])
    env.invalidate_all(flush=False)
    _leave_accounts(env)
    env.cr.execute("DROP SEQUENCE IF EXISTS call_rate_plan_deck_version")
    env.cr.execute("DROP TABLE IF EXISTS call_wallet_door_place, call_wallet_meter_note")


def _keep_what_documents_name(env):
    """Let Odoo forget that these came with the addon, as it would try to delete them."""
    mine = env["ir.model.data"].search([("module", "=", "call_wallet"), ("model", "in", list(NAMED_BY))])
    kept = env["ir.model.data"]
    for model, records in mine.grouped("model").items():
        env.cr.execute(NAMED_BY[model], [records.mapped("res_id")])
        named = {row[0] for row in env.cr.fetchall()}
        kept |= records.filtered(lambda record, named=named: record.res_id in named)
    kept.unlink()


def _is_ours(model):
    return model._original_module == "call_wallet" and model._auto and not model._abstract


def _empty(cr, tables):
    """Delete all rows of these tables. Foreign keys to them go first: TRUNCATE asks for it, even of empty tables."""
    cr.execute(
        """
        SELECT conrelid::regclass::text, conname FROM pg_constraint
         WHERE contype = 'f' AND confrelid = ANY(%s::regclass[])
        """,
        [tables],
    )
    for table, name in cr.fetchall():
        cr.execute(SQL("ALTER TABLE %s DROP CONSTRAINT %s", SQL.identifier(table), SQL.identifier(name)))
    cr.execute(SQL("TRUNCATE %s", SQL(", ").join(map(SQL.identifier, tables))))


def _leave_accounts(env):
    """Delete accounts and journals that were made for wallets where nothing was booked; the others are the books'.

    Odoo would take them for its chart's, and the addon, should it come back, for the deposits of its new wallets.
    """
    xml_ids = env["ir.model.data"].search([("module", "=", "account"), ("name", "=like", "%\\_call\\_wallet\\_%")])
    made = {model: found.mapped("res_id") for model, found in xml_ids.grouped("model").items()}
    settings = [name for name, field in env["res.company"]._fields.items() if _is_made_for_wallets(name, field)]
    columns = SQL(", ").join(SQL("%s = NULL", SQL.identifier(name)) for name in settings)
    env.cr.execute(SQL("UPDATE res_company SET %s", columns))
    env.invalidate_all(flush=False)
    for model, name in (("account.journal", "journal_id"), ("account.account", "account_id")):
        ids = made.get(model, [])
        lines = env["account.move.line"].with_context(active_test=False)
        used = {record.id for (record,) in lines._read_group([(name, "in", ids)], [name])}
        for record in env[model].browse(ids).exists().filtered(lambda record, used=used: record.id not in used):
            # Somebody may have chosen it elsewhere: whatever refuses, the account stays, and the rest goes on.
            with suppress(Exception), mute_logger("odoo.sql_db"), env.cr.savepoint():
                record.unlink()
    xml_ids.exists().unlink()


def _is_made_for_wallets(name, field):
    made = ("account.account", "account.journal")
    return name.startswith("call_wallet_") and field.type == "many2one" and field.store and field.comodel_name in made
