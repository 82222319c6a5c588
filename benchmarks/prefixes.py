"""(4) Rating alone, 200,000 prefixes against 20, and the memory a deck takes."""

import importlib.util
import statistics
import sys
import time
import tracemalloc
from datetime import datetime
from decimal import Decimal

from common import REPO, Result, interleave, median_ratio, per_second, seeded

TITLE = "Rating alone, 200,000 prefixes / 20 prefixes"
FEW, MANY = 20, 200_000
NUMBERS = 20_000
PASSES = 5
NOW = datetime(2026, 1, 15, 12)


def run(bench):
    rating = _load_rating()
    rng = seeded(4)
    few, _few_bytes, few_numbers = _make(rating, FEW, rng)
    many, many_bytes, many_numbers = _make(rating, MANY, rng)

    def rate(deck, numbers):
        def arm():
            durations = [rng.randrange(1, 1200) for _ in numbers]
            # Processor time: what other programs take meanwhile is not the engine's.
            start = time.process_time()
            for _ in range(PASSES):
                for number, duration in zip(numbers, durations, strict=True):
                    rating.charge(deck.match(rating.normalise(number), NOW), duration)
            return PASSES * len(numbers) / (time.process_time() - start)

        return arm

    ours, baseline = interleave(bench.rounds(21, 7), rate(many, many_numbers), rate(few, few_numbers))
    return [
        Result(
            4, TITLE, per_second(statistics.median(ours)), per_second(statistics.median(baseline)),
            median_ratio(ours, baseline), ">= 0.9",
            {
                "memory of the deck of 200,000": f"{many_bytes / 2**20:.1f} MiB,"
                f" {many_bytes / MANY:.0f} bytes a prefix"
            },
        )
    ]  # fmt: skip


def _make(rating, count, rng):
    """Return a deck, its size in bytes, and numbers that all match one of its prefixes."""
    prefixes = set()
    while len(prefixes) < count:
        # As real decks: some whole countries, most down to an area or an operator.
        digits = rng.choice((2, 3, 4, 5, 6, 7, 7, 8) if count > 1000 else (1, 2, 3, 4))
        prefixes.add(str(rng.randrange(10 ** (digits - 1), 10**digits)))
    prefixes = sorted(prefixes)
    prices = [Decimal(rng.randrange(1, 400)) / 10_000 for _ in prefixes]
    tracemalloc.start()
    deck = rating.Deck(
        rating.Rate(prefix=prefix, price_per_minute=price, rate_id=rate_id)
        # Ids as of a database in use: Python keeps small integers ready, which the few would enjoy.
        for rate_id, (prefix, price) in enumerate(zip(prefixes, prices, strict=True), start=1_000_000)
    )
    size, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    numbers = [
        "+" + prefix + "".join(rng.choices("0123456789", k=11 - len(prefix)))
        for prefix in rng.choices(prefixes, k=NUMBERS)
    ]
    return deck, size, numbers


def _load_rating():
    """Import the rating engine alone: it needs no Odoo."""
    folder = REPO / "call_wallet" / "rating"
    spec = importlib.util.spec_from_file_location(
        "call_wallet_rating", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    package = sys.modules["call_wallet_rating"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    return package
