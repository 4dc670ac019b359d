"""How a layer stands in blueprints: its arguments, what it does to a shape, its parameters, its module.

Plain data and plain arithmetic. A shape is (C, H, W) for a map and (features,) once it is flat.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from foveate.errors import InputError

if TYPE_CHECKING:
    from torch import nn

Shape = tuple[int, ...]
Arguments = Mapping[str, Any]

MAX_SIDE = 16_384  # pixels of a picture or a window
MAX_CHANNELS = 1_000_000
MAX_VALUES = 1 << 31  # numbers in one map: 8 GiB
CLASSES = "classes"  # what stands in the place of a number of filters or units that is settled at training
REQUIRED = object()


@dataclass(frozen=True)
class Argument:
    """One argument of a layer: ``check`` gives the value in its plain form, or raises InputError."""

    check: Callable[[Any], Any]
    default: Any = REQUIRED


@dataclass(frozen=True)
class BlueprintLayer:
    """One kind of layer, as blueprints name it and the design page offers it.

    make(input shape, **arguments) gives the torch module. shape(arguments, shape) gives the output's shape,
    or raises InputError; parameters(arguments, shape) counts. scalar: the argument that is meant when a bare
    value stands in place of named arguments. scores: the argument that counts the outputs of a layer that can
    make a network's scores. any_size: what it leaves does not depend on the size of the map that arrives.
    group, summary, start: where the page has it, what it does in a sentence, and the arguments of a new one.
    """

    make: Callable[..., nn.Module]
    group: str
    summary: str
    shape: Callable[[Arguments, Shape], Shape] = lambda args, shape: shape
    arguments: Arguments = field(default_factory=dict)
    parameters: Callable[[Arguments, Shape], int] = lambda args, shape: 0
    scalar: str | None = None
    scores: str | None = None
    any_size: bool = False
    start: Arguments = field(default_factory=dict)


# The order of the groups on the design page; others follow.
GROUPS = ("convolution", "activation", "normalisation", "pooling", "dense")


def shown(value: Any) -> str:
    """A value of unknown origin, short enough for an error message."""
    short = reprlib.Repr()
    short.maxlevel, short.maxstring, short.maxother = 2, 60, 60
    try:
        return short.repr(value)
    except ValueError:  # Python refuses to write out a number of thousands of digits
        return "a number of thousands of digits"


def by(shape: Shape) -> str:
    return "×".join(map(str, shape))


# What values may be. Each gives the plain form (numbers, texts, tuples of them) or says what was expected.


def is_number(value: Any, least: int, most: int) -> bool:
    """Whether a value is a whole number in a range; a flag is none."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


@dataclass(frozen=True)
class Whole:
    """A whole number."""

    least: int
    most: int

    def __call__(self, value: Any) -> int:
        if not is_number(value, self.least, self.most):
            raise InputError(
                f"must be a whole number of {self.least:,} to {self.most:,}, and is {shown(value)}"
            )
        return int(value)


@dataclass(frozen=True)
class Count:
    """A number of filters or units, or the word that stands for the number of classes."""

    least: int = 1
    most: int = MAX_CHANNELS

    def __call__(self, value: Any) -> int | str:
        if value == CLASSES:
            return CLASSES
        if not is_number(value, self.least, self.most):
            raise InputError(
                f"must be a whole number of {self.least} to {self.most:,} or the word {CLASSES}, and is "
                f"{shown(value)}"
            )
        return int(value)


@dataclass(frozen=True)
class Pair:
    """(height, width); one number stands for both."""

    least: int
    most: int = MAX_SIDE

    def __call__(self, value: Any) -> tuple[int, int]:
        both = value if isinstance(value, list | tuple) else [value, value]
        if len(both) != 2 or not all(is_number(number, self.least, self.most) for number in both):
            raise InputError(
                f"must be a whole number of {self.least} to {self.most:,} or [height, width] of them, "
                f"and is {shown(value)}"
            )
        return both[0], both[1]


@dataclass(frozen=True)
class Padding:
    """ "same", "valid", (height, width), or ((top, bottom), (left, right))."""

    words: tuple[str, ...] = ("same", "valid")

    def __call__(self, value: Any) -> Any:
        if value in self.words:
            return value
        side = Pair(0)
        try:
            vertical, horizontal = (
                value if isinstance(value, list | tuple) and len(value) == 2 else (value, value)
            )
            if isinstance(vertical, int) and isinstance(horizontal, int):
                return side([vertical, horizontal])
            return side(vertical), side(horizontal)
        except InputError:
            raise InputError(
                "must be a whole number of at least 0, [height, width], [[top, bottom], [left, right]], "
                f"'same' or 'valid', and is {shown(value)}"
            ) from None


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def __call__(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise InputError(f"must be true or false, and is {shown(value)}")
        return value


@dataclass(frozen=True)
class Real:
    """A number."""

    least: float
    most: float

    def __call__(self, value: Any) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not self.least <= value <= self.most:
            raise InputError(f"must be a number from {self.least:g} to {self.most:g}, and is {shown(value)}")
        return float(value)


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]

    def __call__(self, value: Any) -> str:
        if value not in self.words:
            raise InputError(f"must be one of {', '.join(self.words)}, and is {shown(value)}")
        return str(value)


def a_map(shape: Shape) -> Shape:
    """The shape, of a layer that takes maps alone. Raises InputError for flat values."""
    if len(shape) != 3:
        raise InputError(
            f"it takes a map (C, H, W), and what arrives is flat, {shape[0]:,} values; "
            "put it before what makes them flat"
        )
    return shape
