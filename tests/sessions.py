"""Two sessions at the same records: one that waits for a lock, and one that lets it wait and then go."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from .real_commits import environment

PATIENCE = 60


class Session:
    """Work in a thread and a transaction of its own, which is committed at the end."""

    def __init__(self, pool, registry, work):
        self.registry, self.pid = registry, Future()
        self.result = pool.submit(self._run, work)

    def _run(self, work):
        with environment(self.registry) as env:
            self.pid.set_result(env.cr.connection.info.backend_pid)
            result = work(env)
            env.cr.commit()
            return result

    def waits_or_is_done(self):
        """Return once it waits for another session's lock (True), or has come to its end (False)."""
        deadline = time.monotonic() + PATIENCE
        with self.registry.cursor() as cr:
            while not self.result.done():
                cr.execute("SELECT cardinality(pg_blocking_pids(%s))", [self.pid.result(PATIENCE)])
                if cr.fetchone()[0]:
                    return True
                assert time.monotonic() < deadline, "the other session neither waits nor ends"
                time.sleep(0.01)
        return False


@contextmanager
def in_another_session(registry, work):
    """Begin ``work`` (a function of an environment) beside this one; yield its ``Session``."""
    with ThreadPoolExecutor(1) as pool:
        yield Session(pool, registry, work)
