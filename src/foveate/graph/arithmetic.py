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
from foveate.operators.sums import Arithmetic, Formula, Place, Recording, Term, before_flattening, same_place

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


def seen(place: Place) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of the pixels a number can depend on, ends included, cut to the picture."""
    _, height, width = place.recording.steps[0].shape
    step = place.step
    if step.op == "flatten":
        return seen(before_flattening(place))
    if len(step.shape) != 3:
        return 0, height - 1, 0, width - 1
    top, bottom, left, right = step.seen.sees(place.row, place.column)
    return max(top, 0), min(bottom, height - 1), max(left, 0), min(right, width - 1)


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
