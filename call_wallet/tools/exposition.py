"""Figures in the text format of Prometheus, version 0.0.4. Pure: no database here."""

from typing import NamedTuple

from .meter import BOUNDS, written

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Family(NamedTuple):
    """A metric: what it is called, its kind (``gauge``, ``counter``, ``histogram``), what it says, and its samples.

    A sample is (suffix of the name, labels as written, number).
    """

    name: str
    kind: str
    help: str
    samples: list


def gauge(name, text, values):
    """Return a gauge of ``values``: pairs of a dict of labels and a number; without a number it is left out."""
    return Family(name, "gauge", text, [("", written(labels), value) for labels, value in values if value is not None])


def histogram(name, text, buckets, sums):
    """Return a histogram of what was counted bucket by bucket.

    :param buckets: {(labels without ``le``, bound as written): how many fell into it}
    :param sums: {labels: seconds}
    """
    samples = []
    for labels in sorted(sums):
        total = 0
        for bound in [*map(str, BOUNDS), "+Inf"]:
            total += buckets.get((labels, bound), 0)
            samples.append(("_bucket", ",".join(filter(None, [labels, f'le="{bound}"'])), total))
        samples += [("_sum", labels, sums[labels]), ("_count", labels, total)]
    return Family(name, "histogram", text, samples)


def text_of(families):
    """Return the families as one document; those without samples are left out."""
    lines = []
    for family in families:
        if family.samples:
            lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
            lines += [
                f"{family.name}{suffix}{{{labels}}} {_number(value)}" if labels else
                f"{family.name}{suffix} {_number(value)}"
                for suffix, labels, value in family.samples
            ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _number(value):
    return str(int(value)) if value == int(value) else repr(float(value))
