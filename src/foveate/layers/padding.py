"""What stands around a picture before a window slides over it: how much on each side, and of what.

Plain Python without torch, so that the torch layers and the NumPy reference mean the same thing by a padding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from foveate.errors import InputError, ShapeError
from foveate.geometry import output_size, pair, same_padding

Sides: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""((top, bottom), (left, right)) in pixels."""

Padding: TypeAlias = Literal["valid", "same"] | int | tuple[int, int] | Sides
"""How much: a word, one number for all sides, (height, width), or each side its own."""

PaddingMode: TypeAlias = Literal["zeros", "reflect", "replicate", "circular"]
"""Of what: zeros, the picture mirrored at its edge pixel, its edge pixel repeated, or its opposite side."""

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def check_padding(padding: Padding, mode: str = "zeros") -> None:
    """Raises :class:`InputError` where a padding is none, before there is a picture to pad."""
    if mode not in PADDING_MODES:
        raise InputError(f"padding_mode must be one of {', '.join(PADDING_MODES)}, and is {mode!r}.")
    if isinstance(padding, str):
        if padding not in {"valid", "same"}:
            raise InputError(f"padding must be 'valid', 'same' or a number of pixels, and is {padding!r}.")
        return
    numbers = [number for side in sides(padding, (1, 1), (1, 1)) for number in side]
    if any(isinstance(number, bool) or not isinstance(number, int) or number < 0 for number in numbers):
        raise InputError(f"padding must be whole numbers of pixels of at least 0, and is {padding!r}.")


def sides(
    padding: Padding,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
) -> Sides:
    """((top, bottom), (left, right)) that a padding means for a picture of ``size`` (H, W).

    "same" leaves ``ceil(n / stride)`` places on each axis by TensorFlow's rule: an odd pixel goes behind.

    >>> sides("same", (224, 224), (3, 3), (2, 2))
    ((0, 1), (0, 1))
    >>> sides((1, 2), (8, 8), (3, 5))
    ((1, 1), (2, 2))
    """
    if padding == "valid":
        return (0, 0), (0, 0)
    if isinstance(padding, str):
        height, width = zip(size, kernel, stride, dilation, strict=True)
        return same_padding(*height), same_padding(*width)
    vertical, horizontal = pair(padding)  # type: ignore[arg-type]  # a pair of pairs is a pair too
    return pair(vertical), pair(horizontal)


def check_fill(mode: str, size: tuple[int, int], amount: Sides) -> None:
    """Raises :class:`ShapeError` where a picture is too small to be mirrored or wrapped that far."""
    if mode not in {"reflect", "circular"}:
        return
    for axis, n, around in zip(("height", "width"), size, amount, strict=True):
        most = n - 1 if mode == "reflect" else n
        if max(around) > most:
            why = "the edge pixel is not mirrored" if mode == "reflect" else "it is wrapped once"
            raise ShapeError(
                f"An input {axis} of {n} gives at most {most} pixels of {mode} padding ({why}), and "
                f"{max(around)} are asked for; use padding_mode='zeros' or 'replicate', or a larger picture."
            )


def places(args: Mapping[str, Any], shape: tuple[int, ...], kernel: tuple[int, int]) -> tuple[int, int]:
    """(H, W) that a window leaves of a map (C, H, W), from a layer's arguments in a blueprint.

    Raises ShapeError where the window does not fit.
    """
    size = shape[1], shape[2]
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
