"""Wallets against the model, every step a request that is really committed: here the doors own their transactions."""

import odoo
import pytest

from ..real_commits import environment
from .money_machine import MoneyMachine
from .profiles import run_machine
from .world import Committed, build_world

pytestmark = pytest.mark.real_commits


def test_everything_with_real_commits(shared_registry):
    with environment(shared_registry) as env:
        world = build_world(odoo.api.Environment(env.cr, odoo.SUPERUSER_ID, {"tracking_disable": True}))
        env.cr.commit()
    arena = Committed(shared_registry, world)
    run_machine(type("Committed", (MoneyMachine,), {"arena": arena}), examples=2, steps=15)
