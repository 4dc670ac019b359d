"""What sentences say of a scene: nothing but what is true of its objects, in a small closed vocabulary.

The first tells of the largest object (as it is seen), and how it stands to the next in size of which that
can be said clearly: one hides a part of the other, or lies beside it or above it and not askew. So it follows
from the picture, and every scene has one. The others tell of other pairs of which something can be said
clearly, in any order, as other people would.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from foveate.dataset.sources.scenes.objects import Placed
from foveate.tasks.captioning.scene import AND, NUMBERS, RELATIONS, SceneFacts, Thing

CLEARLY = 1.5  # times further along one axis than along the other
HIDDEN = 0.05  # of an object, at least, for another to stand before it
BARELY_HIDDEN = 0.01  # from here on it is true that another stands before it, if no clear case
PLURALS = frozenset({"trousers"})


class Claim(NamedTuple):
    """What a sentence tells."""

    first: Placed
    relation: str
    other: Placed


def sentences(
    objects: Sequence[Placed], rng: np.random.Generator, most: int = 1, *, number: bool = False
) -> tuple[str, ...]:
    """One to ``most`` different ones, such as ``a red bag to the left of a blue shirt``.

    objects: two at least, no two of one colour. rng: which pairs the others tell of. number: each begins with
    how many objects there are: ``three objects, a red bag ...``.
    """
    first = _of_the_largest(objects)
    claims = [
        Claim(one, relation, other)
        for one in objects
        for other in objects
        if one is not other and (relation := _relation(one, other)) is not None
    ]
    others = [claims[i] for i in rng.permutation(len(claims)).tolist() if claims[i] != first]
    count = f"{NUMBERS[len(objects) - 1]} objects, " if number else ""
    return tuple(
        f"{count}{_words(one.first)} {one.relation} {_words(one.other)}" for one in (first, *others)[:most]
    )


def _of_the_largest(objects: Sequence[Placed]) -> Claim:
    first, *others = sorted(objects, key=lambda one: -one.area)
    for other in others:
        if (relation := _relation(first, other)) is not None:
            return Claim(first, relation, other)
    return Claim(first, AND, others[0])


def facts(objects: Sequence[Placed], held_out: frozenset[tuple[str, str]] = frozenset()) -> SceneFacts:
    """All that a sentence may say: what there is, and every relation that holds, clearly or not.

    One thing is left or right of another unless it stands clearly above or below it, and the other way round;
    it is in front of what it hides a hundredth of. held_out: colours and classes that are never learnt
    together.
    """
    things = tuple(Thing(one.colour, one.name, (one.colour, one.name) in held_out) for one in objects)
    relations = frozenset(
        (i, relation, j)
        for i, first in enumerate(objects)
        for j, other in enumerate(objects)
        if i != j
        for relation in _all_relations(first, other)
    )
    return SceneFacts(things, relations)


def _all_relations(first: Placed, other: Placed) -> list[str]:
    found = []
    if _hides(first, other) >= BARELY_HIDDEN:
        found.append("in front of")
    if _hides(other, first) >= BARELY_HIDDEN:
        found.append("behind")
    across, down = (b - a for a, b in zip(_centre(first), _centre(other), strict=True))
    if across and CLEARLY * abs(across) > abs(down):
        found.append("to the left of" if across > 0 else "to the right of")
    if down and CLEARLY * abs(down) > abs(across):
        found.append("above" if down > 0 else "below")
    return found


def vocabulary(classes: Sequence[str], colours: Sequence[str], *, number: bool = False) -> list[str]:
    """Every word that a sentence can have, in the order of the alphabet."""
    words = {"a", "an", *classes, *colours, *((*NUMBERS[1:], "objects") if number else ())}
    return sorted(words.union(*(relation.split() for relation in RELATIONS)))


def _words(one: Placed) -> str:
    if one.name in PLURALS:
        return f"{one.colour} {one.name}"
    return f"{'an' if one.colour[0] in 'aeiou' else 'a'} {one.colour} {one.name}"


def _relation(first: Placed, other: Placed) -> str | None:
    """How the first stands to the other, if that can be said clearly."""
    if _hides(first, other) >= HIDDEN:
        return "in front of"
    if _hides(other, first) >= HIDDEN:
        return "behind"
    across, down = (b - a for a, b in zip(_centre(first), _centre(other), strict=True))
    if abs(across) >= CLEARLY * abs(down):
        return "to the left of" if across > 0 else "to the right of"
    if abs(down) >= CLEARLY * abs(across):
        return "above" if down > 0 else "below"
    return None


def _hides(front: Placed, back: Placed) -> float:
    """The share of an object that another one covers."""
    solid = back.solid
    return np.count_nonzero(solid & front.visible) / np.count_nonzero(solid)


def _centre(one: Placed) -> tuple[float, float]:
    """x and y of the middle of its box."""
    x1, y1, x2, y2 = one.box
    return (x1 + x2) / 2, (y1 + y2) / 2
