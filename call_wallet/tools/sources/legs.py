"""Which leg of a call has dialled which."""

from typing import NamedTuple


class Family(NamedTuple):
    """What a leg has to do with the others of its call."""

    # Whether it has dialled a telephone.
    has_children: bool
    # The leg that has dialled it, by the source's id; None: none has, as far as is known.
    parent: str | None


class Leg(NamedTuple):
    """A leg, and what it shares with the others of its call. ``began`` is ISO 8601 in UTC, as facts are kept."""

    ref: str
    parent_ref: str | None
    is_phone: bool
    began: str | None
    id: int


def leg_of(row):
    """Return a call that is worked on (``Gathered``) as a leg."""
    began = row.facts.get("started_at") or row.facts.get("answered_at")
    return Leg(row.ref, row.parent_ref, row.is_phone, began, row.id)


def families_of_conversations(legs):
    """Return the ``Family`` of each leg, by the source's ids: the one that began first has dialled the others.

    :param legs: all legs of each conversation that is asked about
    """
    first = {}
    for leg in sorted(legs, key=lambda leg: (leg.began is None, leg.began, leg.id)):
        first.setdefault(leg.parent_ref or leg.ref, leg.ref)
    dialled = {leg.parent_ref for leg in legs if leg.is_phone and leg.parent_ref and first[leg.parent_ref] != leg.ref}
    families = {}
    for leg in legs:
        head = first[leg.parent_ref or leg.ref]
        is_first = head == leg.ref
        families[leg.ref] = Family(is_first and leg.parent_ref in dialled, None if is_first else head)
    return families
