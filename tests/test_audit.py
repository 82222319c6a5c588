"""The auditor's check at a size for every day; `make audit` is the full one."""

from .audit import Audit


def test_both_ledgers_agree_every_day_though_the_posting_was_killed(private_registry):
    audit = Audit(private_registry, wallets=6, calls=1_500, kills=2, every=7)
    assert audit.check() == [], audit.figures
    # It was about something: kills that hit, a lock date that moved entries, every fate of a top-up.
    assert audit.figures["killed"], audit.figures
    assert audit.figures["moved by the lock date"], audit.figures
    assert all(audit.site.fates.values()), audit.figures
