"""What PostgreSQL needs beyond the ORM: many values for one statement, quickly, triggers, and wider indexes."""

from datetime import datetime
from decimal import Decimal

from odoo.tools import SQL
from odoo.tools.sql import make_index_name

NULL = {type(None)}
PLAIN = {int, Decimal, datetime, bool} | NULL
TEXT = {str} | NULL


def array(values):
    """Return ``values`` in the form in which a query takes them as one array parameter.

    The array's text form: the driver would adapt each value by itself, and the server parse
    each as an expression of its own, which takes ten times as long for a thousand values.
    What is neither a plain value nor text goes to the driver as it is.
    The query casts the parameter (``%s::int[]``).
    """
    values = list(values)
    types = set(map(type, values))
    if types <= PLAIN:
        return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"
    if types <= TEXT:
        return "{" + quoted(values) + "}"
    return values


def quoted(texts):
    """Return ``texts`` as the quoted elements of an array."""
    everything = "".join(filter(None, texts))
    if '"' in everything or "\\" in everything:
        texts = [text and text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    if None in texts:
        return ",".join("NULL" if text is None else f'"{text}"' for text in texts)
    return '"' + '","'.join(texts) + '"'


# What happens to a table, with its bit in pg_trigger.tgtype, in the order in which PostgreSQL names them.
EVENTS = {
    "insert": (4, SQL("INSERT")),
    "delete": (8, SQL("DELETE")),
    "update": (16, SQL("UPDATE")),
    "truncate": (32, SQL("TRUNCATE")),
}
BEFORE, EACH_ROW = 2, 1


def set_trigger_function(cr, name, body):
    """Make sure that a trigger function in PL/pgSQL has this ``body``; touch nothing when it has."""
    cr.execute(
        SQL("SELECT prosrc FROM pg_proc WHERE proname = %s AND pronamespace = current_schema::regnamespace", name)
    )
    if cr.fetchall() != [(body,)]:
        _wait_for_others(cr, name)
        cr.execute(
            SQL(
                "CREATE OR REPLACE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS %s",
                SQL.identifier(name),
                body,
            )
        )


def set_trigger(cr, table, name, events, function):
    """Make sure that a table calls a function before these events (keys of ``EVENTS``); touch nothing when it does.

    It is called for each row, before a TRUNCATE for the statement. A trigger that is disabled is enabled again.
    PostgreSQL 13 cannot replace a trigger. Looking first spares the lock under which nobody can even read the table.
    """
    each_row = events != ["truncate"]
    kind = BEFORE + EACH_ROW * each_row + sum(EVENTS[event][0] for event in events)
    cr.execute(
        SQL(
            """
            SELECT 1 FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
             WHERE t.tgrelid = %s::regclass AND t.tgname = %s AND NOT t.tgisinternal
               AND p.proname = %s AND p.pronamespace = current_schema::regnamespace
               AND t.tgtype = %s AND t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL AND t.tgattr = ''::int2vector
            """,
            table,
            name,
            function,
            kind,
        )
    )
    if cr.fetchone():
        return
    _wait_for_others(cr, name)
    # What we saw may be old by now; these two see what is there.
    cr.execute(SQL("DROP TRIGGER IF EXISTS %s ON %s", SQL.identifier(name), SQL.identifier(table)))
    cr.execute(
        SQL(
            "CREATE TRIGGER %s BEFORE %s ON %s FOR EACH %s EXECUTE FUNCTION %s()",
            SQL.identifier(name),
            SQL(" OR ").join(words for event, (_bit, words) in EVENTS.items() if event in events),
            SQL.identifier(table),
            SQL("ROW") if each_row else SQL("STATEMENT"),
            SQL.identifier(function),
        )
    )


def set_index(cr, table, column, definition, before):
    """Make sure that the index which Odoo wants for a column with ``index=True`` is one that serves more queries.

    Odoo looks for it by its name alone. So the busiest tables have no second index that begins with the same column.

    :param str definition: what stands after ``ON table``; it begins with the column
    :param str before: the name under which earlier versions made it; such an index is kept, and renamed
    """
    name = SQL.identifier(make_index_name(table, column))
    cr.execute(SQL("ALTER INDEX IF EXISTS %s RENAME TO %s", SQL.identifier(before), name))
    cr.execute(SQL("CREATE INDEX IF NOT EXISTS %s ON %s %s", name, SQL.identifier(table), SQL(definition)))


def _wait_for_others(cr, name):
    """Let one transaction at a time, until its end, set the trigger or function of this name."""
    cr.execute(SQL("SELECT pg_advisory_xact_lock(hashtext('call_wallet'), hashtext(%s))", name))
