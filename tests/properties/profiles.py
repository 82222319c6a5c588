"""How many examples are tried: few and always the same in `make test`, for as long as asked in `make properties`."""

import os
import sys
import time

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

# Of `make properties`: how long each machine goes on, and the first of its seeds.
SECONDS = int(os.environ.get("CALL_WALLET_PROPERTIES", "0"))
SEED = int(os.environ.get("CALL_WALLET_SEED", "1"))
COMMON = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "print_blob": False,
}
ROUND = 10

settings.register_profile("every day", derandomize=True, max_examples=100, **COMMON)
settings.register_profile("long", max_examples=20_000, **COMMON)
EVERY = settings.get_profile("long" if SECONDS else "every day")


def run_machine(machine, examples, steps):
    """Let a machine take ``steps`` steps in each of ``examples`` examples; in the long run, round after round."""
    if not SECONDS:
        # What fails is shown as it came: making it shorter takes minutes.
        few = settings(
            derandomize=True, max_examples=examples, stateful_step_count=steps, phases=[Phase.generate], **COMMON
        )
        run_state_machine_as_test(machine, settings=few)
        return
    phases = [Phase.generate, Phase.shrink]
    many = settings(max_examples=ROUND, stateful_step_count=3 * steps, phases=phases, **COMMON)
    ends, number = time.monotonic() + SECONDS, SEED
    while time.monotonic() < ends:
        sys.stdout.write(f"{machine.__name__}: seed {number}\n")
        sys.stdout.flush()
        run_state_machine_as_test(seed(number)(type(machine.__name__, (machine,), {})), settings=many)
        number += 1
