"""The benchmarks still run, and give their figures. At this size the figures mean nothing.

Left out is (5): it installs Odoo's ``loyalty``, which takes longer than all the others here.
"""

import importlib
from datetime import date
from types import SimpleNamespace

import pytest

from .conftest import REPO

pytestmark = [pytest.mark.real_commits, pytest.mark.long]

# In this order, on one database: (6) fills tables that should not have the others' calls, and (7) days that have none.
SMALL = {
    "dashboard": {"SMALL": 30, "LARGE": 30, "OPENED": 1},
    "settle": {"BATCH": 10},
    "hot_wallet": {"CLIENTS": 2},
    "authorize": {"CLIENTS": (1, 2)},
    "prefixes": {"FEW": 5, "MANY": 600, "NUMBERS": 50, "PASSES": 1},
    "usage_report": {"LARGE": 30},
    "posting": {"WALLETS": 20, "CALLS": 8, "DAYS": 4, "FIRST": date(2025, 3, 1)},
}
NUMBERS = {"settle": 1, "hot_wallet": 2, "authorize": 3, "prefixes": 4, "dashboard": 6, "posting": 7, "usage_report": 8}
# What a benchmark counts that would make its figures worthless.
WRONG = ("violations", "errors", "lost", "doubled", "transactions left")


@pytest.fixture
def bench(monkeypatch, private_registry):
    """What benchmarks are given, with 20 wallets and one short round, on one database."""
    monkeypatch.syspath_prepend(REPO / "benchmarks")
    run, common = importlib.import_module("run"), importlib.import_module("common")
    # Odoo has its configuration here.
    monkeypatch.setattr(common, "_configured", [True])
    name = private_registry.db_name

    class Small(run.Bench):
        pristine = name

        def make_platform(self, _name, wallets):
            return self._platform or common.make_platform(name, 20)

        def landed(self):
            # To install the version before takes longer than all of this; here it is measured against itself.
            return self.platform, None

        def rounds(self, full, quick):
            return 1

        def seconds(self, full, quick):
            return 0.2

    options = SimpleNamespace(quick=False, ten_million=False)
    return Small(options, SimpleNamespace(clone=lambda _name, _origin=None: name))


def test_each_benchmark_gives_its_figures(monkeypatch, bench):
    for title, sizes in SMALL.items():
        module = importlib.import_module(title)
        for name, size in sizes.items():
            monkeypatch.setattr(module, name, size)
        results = module.run(bench)
        assert {result.number for result in results} == {NUMBERS[title]}
        assert all(result.ratio > 0 and result.ours and result.baseline for result in results), results
        counted = {name: value for result in results for name, value in result.details.items()}
        wrong = {name: value for name, value in counted.items() if value and any(word in name for word in WRONG)}
        assert wrong == {}, title
