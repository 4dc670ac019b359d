"""The very sum behind one number of a network: which numbers it is made of, and what they add up to.

``explain_value(recording, step, channel, row, column)`` takes the operands of one output number out of a
`foveate.graph.recording.Recording`, computes the number again in float64 from those float32 operands, and
shows every product. ``value`` is what the network itself computed, in float32 and in another order of
summation.

What a window saw outside the map is NaN in ``input`` where nothing was there (zero padding, or the padding of
a pooling), and the pixel that was copied there where padding copies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from foveate.errors import InputError
from foveate.layers.known import SUMS
from foveate.operators.sums import Arithmetic, Formula, Place, Recording, Term, same_place

__all__ = ["Arithmetic", "explain_value"]


def explain_value(
    recording: Recording, number: int, channel: int, row: int = 0, column: int = 0
) -> Arithmetic:
    """Take one number of step ``number`` apart; a vector has channels only.

    Raises:
        InputError: there is no such step or place.
    """
    if not 0 <= number < len(recording.steps):
        raise InputError(f"The network has the steps 0 to {len(recording.steps) - 1}, and not {number}.")
    shape = recording.steps[number].shape
    for name, index, length in zip(("channel", "row", "column"), (channel, row, column), shape, strict=False):
        if not 0 <= index < length:
            raise InputError(f"{name} must be 0 to {length - 1} here, and is {index}.")
    place = Place(recording, number, channel, row, column)
    found = _sum_of(place.step.op)(place)
    return replace(found, field=seen(place))


# Of tokens (1, T, D), what makes each token of the same token of its inputs.
_TOKEN_BY_TOKEN = {"add", "sub", "mul", "div", "layer_norm", "linear", "gelu", "relu", "dropout"}
_MOVES = {"flatten", "transpose", "slice", "concat"}
_NOTHING = (0, -1, 0, -1)  # of the picture is seen by what the network has learnt by heart


def seen(place: Place) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of the pixels a number can depend on, ends included, cut to the picture.

    Numbers that were moved see what they saw before, and tokens their patches, until they attend to others.
    """
    if len(place.recording.steps[0].shape) != 3:
        return _NOTHING  # a step of a recurrent network, that is given words
    _, height, width = place.recording.steps[0].shape
    step = place.step
    if step.op in _MOVES:
        source = _source(place)
        return _NOTHING if source is None else seen(source)
    if len(step.shape) != 3:
        return 0, height - 1, 0, width - 1
    if step.op in _TOKEN_BY_TOKEN and step.shape[0] == 1 and step.seen.rows.size is None:
        return _seen_by_token(place, (0, height - 1, 0, width - 1))
    top, bottom, left, right = step.seen.sees(place.row, place.column)
    return max(top, 0), min(bottom, height - 1), max(left, 0), min(right, width - 1)


def _source(place: Place) -> Place | None:
    """Where a number that was moved comes from; None for a constant of the network."""
    found = SUMS[place.step.op](place)
    number, at = found.terms[0].step, found.facts.get("from")
    return None if number is None or at is None else Place(place.recording, number, **at)


def _seen_by_token(place: Place, whole: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """The hull of what a token's inputs see; ``whole``, the picture, where one is no token of its own."""
    hull = _NOTHING
    for number in reversed(
        place.step.inputs
    ):  # a branch before what it is added to: attention ends the search
        shape = place.recording.steps[number].shape
        same = len(shape) == 3 and shape[:2] == place.step.shape[:2]
        found = seen(Place(place.recording, number, 0, place.row, 0)) if same else whole
        if found == whole:
            return whole
        if hull == _NOTHING:
            hull = found
        elif found != _NOTHING:
            hull = (
                min(hull[0], found[0]),
                max(hull[1], found[1]),
                min(hull[2], found[2]),
                max(hull[3], found[3]),
            )
    return hull


def _sum_of(op: str) -> Callable[[Place], Arithmetic]:
    return _input if op == "input" else SUMS.get(op, _other)


def _input(place: Place) -> Arithmetic:
    steps = (Formula("a number of the picture, after normalisation"),)
    return Arithmetic("input", place.value, place.value, steps=steps)


def _other(place: Place) -> Arithmetic:
    """An operation without a formula here: what went in at this place, where that can be said; no total."""
    terms = []
    for source in dict.fromkeys(place.step.inputs):
        shape = place.recording.steps[source].shape
        fits = [n in (1, m) for n, m in zip(shape, place.step.shape, strict=False)]
        if len(shape) == len(place.index) and all(fits):
            number = float(place.recording.values[source][same_place(shape, place.index)])
            terms.append(Term(source, place.channel, 1.0, number, number))
    steps = (Formula(f"{place.step.label} is not taken apart here"),)
    return Arithmetic("other", place.value, None, tuple(terms), steps=steps)
