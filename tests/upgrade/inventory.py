"""What is in a database, read with plain SQL: it must not depend on either version's code."""

import contextlib
import os

import psycopg2

# Who wrote a row last and when: an upgrade may load a record of the addon's data again without changing it.
WRITTEN = {"write_uid", "write_date"}
SHAPES = {
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attoptions,
               pg_get_expr(d.adbin, d.adrelid)
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE c.relnamespace = current_schema::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p')
    """,
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated
          FROM pg_constraint WHERE connamespace = current_schema::regnamespace
    """,
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled
          FROM pg_trigger WHERE NOT tgisinternal
    """,
    "functions": """
        SELECT proname, pg_get_function_identity_arguments(oid), prosrc, provolatile
          FROM pg_proc WHERE pronamespace = current_schema::regnamespace
    """,
    "sequences": "SELECT sequencename, data_type::text FROM pg_sequences WHERE schemaname = current_schema",
}
BOOKS = {
    "books": """
        SELECT l.account_id, l.partner_id, l.currency_id, count(*), sum(l.balance), sum(l.amount_currency)
          FROM account_move_line l WHERE l.parent_state = 'posted' GROUP BY 1, 2, 3
    """,
    "documents": """
        SELECT move_type, state, payment_state, count(*), sum(amount_total) FROM account_move GROUP BY 1, 2, 3
    """,
}


@contextlib.contextmanager
def cursor(database):
    """Yield a cursor of the private server, whose address is in the environment; nothing is kept."""
    connection = psycopg2.connect(dbname=database, host=os.environ["PGHOST"], user=os.environ["PGUSER"])
    try:
        yield connection.cursor()
    finally:
        connection.close()


def shape(cr):
    """Return the schema: for each kind of thing the set of them, whatever order they were made in.

    Sequences that number documents are named after a record's id; they are left out, as are the databases' own.
    """
    found = {}
    for kind, query in SHAPES.items():
        cr.execute(query)
        found[kind] = {str(row) for row in cr.fetchall() if not row[0].startswith("ir_sequence_")}
    return found


def columns(cr):
    """Return {table: [columns]} of the addon: its own tables whole, and its columns on those of others."""
    cr.execute(
        """
        SELECT c.relname, array_agg(a.attname::text ORDER BY a.attname)
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = current_schema::regnamespace AND c.relkind = 'r'
           AND (c.relname LIKE 'call\\_%' OR a.attname LIKE 'call\\_wallet\\_%' OR a.attname IN ('id', 'state'))
         GROUP BY c.relname HAVING c.relname LIKE 'call\\_%' OR bool_or(a.attname LIKE 'call\\_wallet\\_%')
        """
    )
    return {table: [name for name in names if name not in WRITTEN] for table, names in cr.fetchall()}


def contents(cr, names):
    """Return {name: (number of rows, digest of the values)}, or what is missing.

    :param names: {name: (table, columns)}; the values are taken in the order of the columns
    """
    found = {}
    for name, (table, read) in names.items():
        cr.execute("SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass(%s)", [table])
        missing = set(read) - {column for (column,) in cr.fetchall()}
        if missing:
            found[name] = f"{table} has no {', '.join(sorted(missing))}"
            continue
        values = ", ".join(f'"{column}"::text' for column in read)
        cr.execute(
            f"SELECT count(*), md5(string_agg(row, E'\\n' ORDER BY row))"
            f' FROM (SELECT ARRAY[{values}]::text AS row FROM "{table}") t'
        )
        found[name] = cr.fetchone()
    return found


def books(cr):
    """Return what stands in the books, by account, partner and currency, and the documents by state."""
    found = {}
    for name, query in BOOKS.items():
        cr.execute(query)
        found[name] = {str(row) for row in cr.fetchall()}
    return found


def sums(cr):
    """Return what an accountant would add up: by wallet, by type, and on the deposit accounts."""
    found = books(cr)
    for name, query in {
        "wallets": "SELECT wallet_id, balance, held_amount, last_sequence FROM call_wallet_balance",
        "ledger": """
            SELECT wallet_id, type, count(*), sum(amount), count(move_id) FROM call_wallet_transaction GROUP BY 1, 2
        """,
    }.items():
        cr.execute(query)
        found[name] = {str(row) for row in cr.fetchall()}
    return found


def xml_ids(cr):
    """Return {name: (model, id of the record)} of the addon's XML ids."""
    cr.execute("SELECT name, model, res_id FROM ir_model_data WHERE module = 'call_wallet'")
    return {name: (model, record) for name, model, record in cr.fetchall()}


def customised(cr):
    """Return what administrators set, and the addon's data must not take back."""
    found = {}
    for name, query in {
        "users' groups": "SELECT uid, gid FROM res_groups_users_rel",
        "scheduled actions": """
            SELECT c.id, c.active, c.nextcall, c.interval_number, c.interval_type FROM ir_cron c
              JOIN ir_model_data d ON d.model = 'ir.cron' AND d.res_id = c.id AND d.module = 'call_wallet'
        """,
        "mail templates": """
            SELECT t.id, t.subject::text FROM mail_template t
              JOIN ir_model_data d ON d.model = 'mail.template' AND d.res_id = t.id AND d.module = 'call_wallet'
        """,
        "products": "SELECT id, name::text FROM product_template",
        "parameters": "SELECT key, value FROM ir_config_parameter WHERE key NOT LIKE 'database.%'",
        "views": "SELECT id, model, inherit_id, arch_db::text FROM ir_ui_view WHERE name = 'call.wallet.form.ours'",
        "numbers": "SELECT id, number_next, prefix, padding FROM ir_sequence",
        "rules": "SELECT id, active FROM ir_rule",
    }.items():
        cr.execute(query)
        found[name] = {str(row) for row in cr.fetchall()}
    return found
