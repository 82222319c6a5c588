"""Posts to the general ledger in processes that are killed at random, and at last to the end.

    python tests/audit_poster.py DATABASE LAST_DAY KILLS SEED COMPANY...

Two processes post the same days of the same companies at once. Writes how often they were killed while they
were at it.
"""

import os
import random
import signal
import sys
import time

PAIR = 2


def main(database, last, kills, seed, *companies):
    rng, killed = random.Random(int(seed)), 0
    companies = [int(company) for company in companies]
    registry = load(database)
    for _round in range(int(kills)):
        rng.shuffle(companies)  # so that each of them is killed at some time
        children = [start(registry, database, last, companies) for _number in range(PAIR)]
        time.sleep(rng.uniform(0.2, 2.5))
        killed += sum(kill(child) for child in children)
    children = [start(registry, database, last, companies) for _number in range(PAIR)]
    codes = [os.waitpid(child, 0)[1] for child in children]
    sys.stdout.write(str(killed))
    return any(codes)


def load(database):
    import odoo
    from odoo.modules.registry import Registry

    odoo.tools.config.parse_config(["-c", os.environ["CALL_WALLET_CONFIG"], "-d", database, "--log-level=error"])
    registry = Registry(database)
    odoo.sql_db.close_all()
    return registry


def start(registry, database, last, companies):
    """Fork a process that posts; return its id. It opens its own connections."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        import odoo

        for company in companies:
            with registry.cursor() as cr:
                env = odoo.api.Environment(cr, odoo.SUPERUSER_ID, {"allowed_company_ids": [company]})
                env["call.wallet"].post_transactions(None, last, env["res.company"].browse(company))
        code = 0
    finally:
        os._exit(code)


def kill(child):
    """Kill the process as a power cut would; return whether it was still posting."""
    done, _status = os.waitpid(child, os.WNOHANG)
    if done:
        return False
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
