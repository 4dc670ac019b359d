"""One number of a network taken apart: what an operation's sum is given, and what it gives.

A sum is a function of a `Place` (one output number of one step of a run) that computes the number again in
float64 from its operands, as an `Arithmetic`. `pointwise` makes one of a function of a single number, and
`foveate.operators.windows` has the parts of those that look through a window.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foveate.operators.fields import Field

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """One operation. Shapes are without the batch: (C, H, W) of a map, (K,) of a vector.

    Tokens (T, D) stand as one map, (1, T, D): a row is a token. What attention gives to tokens of tokens
    (heads, T, T) is a map of each head: a row is what asks, a column what is looked at.

    op: its kind, in the words of the readers. function: torch's name for it.
    module: dotted name of the innermost module that called it; None for the network itself.
    inputs: numbers of the steps whose results it takes, in order (one may stand there twice).
    settings: its plain numbers (kernel, stride, ...). tensors: its weights and statistics, as they were used.
    parameters: dotted names of the parameters among them. fresh: how many of their numbers are new here.
    seen: which pixels of the picture its values can depend on. macs: multiply-adds.
    """

    op: str
    label: str
    function: str
    module: str | None
    inputs: tuple[int, ...]
    settings: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    parameters: Mapping[str, str]
    fresh: int
    shape: tuple[int, ...]
    seen: Field
    macs: int


@dataclass(frozen=True)
class Recording:
    """A run of a network on one picture: the steps in their order, and what each of them gave.

    values: float tensors of the steps' shapes; step 0 is the input, the last one the result.
    """

    steps: tuple[Step, ...]
    values: tuple[Tensor, ...]

    @property
    def nbytes(self) -> int:
        """Memory of the values; what lies in another's memory is counted again."""
        return sum(value.nbytes for value in self.values)


@dataclass(frozen=True)
class Term:
    """What one input map gives to the sum.

    step: whose result it is; None for a constant of the network. channel: which map; None where all values
    of a vector are meant. weight, input: numbers, or arrays of the same shape; sum: of weight·input.
    """

    step: int | None
    channel: int | None
    weight: Array | float
    input: Array | float
    sum: float


@dataclass(frozen=True)
class Window:
    """Where on the input maps, in their pixels; it may reach outside. Ends are included in the counts.

    rows, columns: the very lines that are looked at (dilation leaves some out).
    """

    top: int
    left: int
    height: int
    width: int
    stride: tuple[int, int]
    dilation: tuple[int, int]
    rows: tuple[int, ...]
    columns: tuple[int, ...]


@dataclass(frozen=True)
class Formula:
    """One line of the arithmetic: what is computed, and what it comes to; None where the text says all."""

    text: str
    result: str | None = None


@dataclass(frozen=True)
class Arithmetic:
    """One output number taken apart.

    value: the network's own number. total: what the operands make, in float64; None where this program does
    not know the operation, and then only the operands are shown. field: (top, bottom, left, right), ends
    included, of what the number can depend on, cut to the picture. facts: what else belongs to the operation.
    """

    op: str
    value: float
    total: float | None
    terms: tuple[Term, ...] = ()
    bias: float | None = None
    window: Window | None = None
    field: tuple[int, int, int, int] = (0, 0, 0, 0)
    steps: tuple[Formula, ...] = ()
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """One output number of one step of a run."""

    recording: Recording
    number: int
    channel: int
    row: int = 0
    column: int = 0

    @property
    def step(self) -> Step:
        return self.recording.steps[self.number]

    @property
    def index(self) -> tuple[int, ...]:
        return (self.channel, self.row, self.column)[: len(self.step.shape)]

    @property
    def value(self) -> float:
        return float(self.recording.values[self.number][self.index])

    def input(self, i: int = 0) -> Array:
        """The whole result of the i-th input, in its own type."""
        array: Array = self.recording.values[self.step.inputs[i]].numpy()
        return array

    def tensor(self, name: str) -> Array:
        """A weight or statistic of the step by its role."""
        array: Array = self.step.tensors[name].cpu().numpy()
        return array

    def optional(self, name: str) -> Array | None:
        """The same, or None where the step has no such tensor."""
        return self.tensor(name) if name in self.step.tensors else None

    def bias(self, output: int) -> float | None:
        """What is added to an output of a layer with weights; None where nothing is."""
        bias = self.optional("bias")
        return None if bias is None else float(bias[output])

    def at(self, i: int = 0) -> float:
        """The number of the i-th input at this very place; an axis of length 1 is broadcast."""
        values = self.input(i)
        return float(values[same_place(values.shape, self.index)])


def same_place(shape: tuple[int, ...], index: tuple[int, ...]) -> tuple[int, ...]:
    """An index into an array that is broadcast to a larger one: from the right, 0 on axes of length 1."""
    return tuple(0 if n == 1 else i for n, i in zip(shape, index[len(index) - len(shape) :], strict=True))


def in_words(place: Place) -> str:
    """channel 3, row 0, column 7."""
    return ", ".join(
        f"{name} {i}" for name, i in zip(("channel", "row", "column"), place.index, strict=False)
    )


def moved(place: Place, source: Place, words: str) -> Arithmetic:
    """The sum of what moves numbers and computes none: the number of another place, as it is."""
    total = source.value
    term = Term(source.number, source.channel, 1.0, total, total)
    facts = {"from": {"channel": source.channel, "row": source.row, "column": source.column}}
    steps = (Formula(words, shown(total)),)
    return Arithmetic(place.step.op, place.value, total, (term,), steps=steps, facts=facts)


def before_flattening(place: Place) -> Place:
    """The place that a number was at before its map was laid flat or cut otherwise."""
    source = place.step.inputs[0]
    position = int(np.ravel_multi_index(place.index, place.step.shape))
    index = [int(i) for i in np.unravel_index(position, place.recording.steps[source].shape)]
    return Place(place.recording, source, *index)


def shown(value: float) -> str:
    """Six figures, with a minus as long as a plus is wide."""
    return f"{value + 0.0:.6g}".replace("-", "−")


def pointwise(function: Callable[..., float], written: str) -> Callable[[Place], Arithmetic]:
    """The sum of an activation: ``function(x, **settings)``, and how it is written with ``{x}`` in it."""

    def take(place: Place) -> Arithmetic:
        x, settings = place.at(), place.step.settings
        total = function(x, **settings) if math.isfinite(x) else math.nan
        term = Term(place.step.inputs[0], place.channel, 1.0, x, x)
        steps = (Formula(written.format(x=shown(x), **settings), shown(total)),)
        return Arithmetic(place.step.op, place.value, total, (term,), steps=steps, facts={"x": x})

    return take
