"""The layers that a blueprint may name: their arguments, what they do to a shape, their parameters.

Plain data and plain arithmetic; no torch. A shape is (C, H, W) for a map and (features,) once it is flat.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from foveate.errors import InputError
from foveate.geometry import output_size
from foveate.layers.padding import PADDING_MODES, check_fill, sides

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
class Kind:
    """One kind of layer.

    scalar: the argument that is meant when a bare value stands in place of named arguments.
    shape(args, shape) gives the output's shape, or raises InputError; parameters(args, shape) counts.
    """

    shape: Callable[[Arguments, Shape], Shape] = lambda args, shape: shape
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    parameters: Callable[[Arguments, Shape], int] = lambda args, shape: 0
    scalar: str | None = None


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


# What layers do to shapes.


def _map(shape: Shape) -> Shape:
    if len(shape) != 3:
        raise InputError(
            f"it takes a map (C, H, W), and what arrives is flat, {shape[0]:,} values; "
            "put it before what makes them flat"
        )
    return shape


def _slide(args: Arguments, shape: Shape, kernel: tuple[int, int]) -> tuple[int, int]:
    """(H, W) that a window with these arguments leaves with."""
    size = (shape[1], shape[2])
    stride, dilation = args["stride"], args.get("dilation", (1, 1))
    around = sides(args["padding"], size, kernel, stride, dilation)
    check_fill(args.get("padding_mode", "zeros"), size, around)
    height, width = (
        output_size(
            size[i],
            kernel[i],
            stride[i],
            around[i],
            dilation[i],
            ceil_mode=args.get("ceil_mode", False),
            axis=("height", "width")[i],
        )
        for i in (0, 1)
    )
    return height, width


def _conv(args: Arguments, shape: Shape) -> Shape:
    channels, groups, filters = _map(shape)[0], args["groups"], args["filters"]
    for what, number in (("input channels", channels), ("filters", filters)):
        if number % groups:
            near = max(d for d in range(1, groups + 1) if channels % d == 0 and filters % d == 0)
            raise InputError(
                f"groups must divide the {what}, and {number} is not a multiple of {groups}; "
                f"groups: {near} would fit"
            )
    return filters, *_slide(args, shape, args["kernel"])


def _conv_parameters(args: Arguments, shape: Shape) -> int:
    window = math.prod(args["kernel"]) * shape[0] // args["groups"]
    return int(args["filters"] * (window + args["bias"]))


def _depthwise(args: Arguments, shape: Shape) -> Shape:
    return _map(shape)[0] * args["multiplier"], *_slide(args, shape, args["kernel"])


def _separable(args: Arguments, shape: Shape) -> Shape:
    return args["filters"], *_slide(args, _map(shape), args["kernel"])


def _pool(args: Arguments, shape: Shape) -> Shape:
    size = args["size"]
    for i, axis in ((0, "height"), (1, "width")):
        if 2 * args["padding"][i] > size[i]:
            raise InputError(
                f"the padding of a pooling may be at most half its window, {size[i] // 2} in {axis}, "
                f"and is {args['padding'][i]}"
            )
    stride = args["stride"] or size
    return _map(shape)[0], *_slide({**args, "stride": stride}, shape, size)


def squeezed(channels: int, reduction: int) -> int:
    """Channels in the middle of a squeeze-and-excitation."""
    return max(1, channels // reduction)


def _dense(args: Arguments, shape: Shape) -> Shape:
    if len(shape) != 1:
        raise InputError(
            f"it takes flat values, and what arrives is a map of {by(shape)}; put `flatten` or "
            "`global_avg_pool` before it"
        )
    return (args["units"],)


_WINDOW = {
    "kernel": Argument(Pair(1)),
    "stride": Argument(Pair(1), (1, 1)),
    "padding": Argument(Padding(), (0, 0)),
    "dilation": Argument(Pair(1), (1, 1)),
    "bias": Argument(Flag(), True),
}
_PADDING_MODE = {"padding_mode": Argument(Choice(tuple(PADDING_MODES)), "zeros")}
_POOL = Kind(
    shape=_pool,
    arguments={
        "size": Argument(Pair(1)),
        "stride": Argument(Pair(1), None),  # None: as the size
        "padding": Argument(Pair(0), (0, 0)),
    },
    scalar="size",
)
_CEIL_POOL = replace(_POOL, arguments={**_POOL.arguments, "ceil_mode": Argument(Flag(), False)})
_GLOBAL_POOL = Kind(shape=lambda args, shape: (_map(shape)[0],))
GLOBAL_POOLINGS = ("global_avg_pool", "global_max_pool")

KINDS: dict[str, Kind] = {
    "conv": Kind(
        shape=_conv,
        arguments={
            "filters": Argument(Count()),
            **_WINDOW,
            "groups": Argument(Whole(1, MAX_CHANNELS), 1),
            **_PADDING_MODE,
        },
        parameters=_conv_parameters,
    ),
    "depthwise_conv": Kind(
        shape=_depthwise,
        arguments={**_WINDOW, "multiplier": Argument(Whole(1, MAX_CHANNELS), 1), **_PADDING_MODE},
        parameters=lambda a, shape: shape[0] * a["multiplier"] * (math.prod(a["kernel"]) + a["bias"]),
    ),
    "separable_conv": Kind(
        shape=_separable,
        arguments={"filters": Argument(Count()), **_WINDOW},
        parameters=lambda a, s: s[0] * math.prod(a["kernel"]) + a["filters"] * (s[0] + a["bias"]),
    ),
    "squeeze_excite": Kind(
        shape=lambda args, shape: _map(shape),
        arguments={"reduction": Argument(Whole(1, MAX_CHANNELS), 16)},
        parameters=lambda args, shape: (
            2 * shape[0] * squeezed(shape[0], args["reduction"])
            + shape[0]
            + squeezed(shape[0], args["reduction"])
        ),
        scalar="reduction",
    ),
    "batch_norm": Kind(
        arguments={"eps": Argument(Real(1e-12, 1), 1e-5), "momentum": Argument(Real(0, 1), 0.1)},
        parameters=lambda args, shape: 2 * shape[0],
    ),
    **dict.fromkeys(("relu", "relu6", "silu", "sigmoid", "tanh"), Kind()),
    "leaky_relu": Kind(arguments={"slope": Argument(Real(0, 1), 0.01)}, scalar="slope"),
    **dict.fromkeys(("max_pool", "avg_pool"), _CEIL_POOL),
    **dict.fromkeys(("min_pool", "sum_pool", "l2_pool", "gaussian_pool"), _POOL),
    **dict.fromkeys(GLOBAL_POOLINGS, _GLOBAL_POOL),
    "adaptive_avg_pool": Kind(
        shape=lambda args, shape: (_map(shape)[0], *args["size"]),
        arguments={"size": Argument(Pair(1))},
        scalar="size",
    ),
    "dropout": Kind(arguments={"p": Argument(Real(0, 0.999), 0.5)}, scalar="p"),
    "flatten": Kind(shape=lambda args, shape: (math.prod(shape),)),
    "dense": Kind(
        shape=_dense,
        arguments={"units": Argument(Count()), "bias": Argument(Flag(), True)},
        parameters=lambda args, shape: args["units"] * (shape[0] + args["bias"]),
        scalar="units",
    ),
}
