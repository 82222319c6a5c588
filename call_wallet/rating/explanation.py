"""Why a call costs what it costs, in parts that need no translation."""

from fractions import Fraction

from .money import plain


def explain(charge, duration_seconds):
    """Return the parts of a charge, for the words around them to be put in any language.

    :param Charge charge: what the call was charged
    :param int duration_seconds: what was reported
    :return: dict of ``prefix``, ``destination``, ``rate_id``, ``price_per_minute``,
        ``increment_seconds``, ``minimum_seconds``, ``duration_seconds``, ``billed_seconds``,
        ``billed_minutes``, ``free_seconds`` (those used), ``priced_seconds``, ``connection_fee``
        (that was charged), ``cost`` and ``arithmetic``, such as
        ``2 min × 0.0391 + 0.01 = 0.0882``; ``≈`` there means that the cost was rounded
    """
    rate = charge.rate
    billed = charge.billed_seconds
    free = min(rate.free_seconds, billed)
    fee = rate.connection_fee if billed else 0 * rate.connection_fee
    return {
        "prefix": rate.prefix,
        "destination": rate.destination,
        "rate_id": rate.rate_id,
        "price_per_minute": rate.price_per_minute,
        "increment_seconds": rate.increment_seconds,
        "minimum_seconds": rate.minimum_seconds,
        "duration_seconds": duration_seconds,
        "billed_seconds": billed,
        "billed_minutes": charge.billed_minutes,
        "free_seconds": free,
        "priced_seconds": billed - free,
        "connection_fee": fee,
        "cost": charge.cost,
        "arithmetic": _arithmetic(rate.price_per_minute, billed, free, fee, charge.cost),
    }


def _arithmetic(price, billed, free, fee, cost):
    whole = not billed % 60 and not free % 60
    unit = 60 if whole else 1
    time = f"({billed // unit} − {free // unit})" if free else f"{billed // unit}"
    text = f"{time} min × {plain(price)}" if whole else f"{time} s × {plain(price)} / 60"
    if fee:
        text += f" + {plain(fee)}"
    is_exact = Fraction(price) * (billed - free) / 60 + Fraction(fee) == Fraction(cost)
    return f"{text} {'=' if is_exact else '≈'} {plain(cost)}"
