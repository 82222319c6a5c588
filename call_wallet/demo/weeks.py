"""When the demo's story takes place: it is written down for October 2026, and told as many whole weeks later.

The last call is on the last Friday before today (UTC), that is one to seven days ago. Whole weeks keep the days of
the week; whatever is told keeps its distance from the rest, and no amount depends on it. ``make`` reads this file too,
without Odoo.
"""

from datetime import date, timedelta

# Of calls.csv.
LAST_CALL = date(2026, 10, 30)


def weeks_until(today):
    """Return by how many weeks the story is moved when it is told on the day ``today``."""
    return (today - timedelta(days=1) - LAST_CALL).days // 7
