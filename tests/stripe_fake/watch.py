"""Looks, during each request, at the transactions of the database from which it may come.

A transaction that has a number has written something, or locked rows, that it has not committed. Nobody should ask
Stripe inside of one: the answer may take a minute, for which everybody else waits.
"""

UNSAVED = """
    SELECT string_agg(query, ' | ') FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL
"""


class Watch:
    """``found`` has the requests that were made inside of such a transaction, with its last statement.

    :param cursor: function that opens a cursor on that database
    """

    def __init__(self, cursor):
        self.cursor = cursor
        self.asked = []
        self.found = []

    def __call__(self, method, path):
        self.asked.append((method, path))
        with self.cursor() as cr:
            cr.execute(UNSAVED)
            [queries] = cr.fetchone()
        if queries:
            self.found.append((method, path, " ".join(queries.split())[:200]))
