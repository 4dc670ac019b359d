"""The arithmetic of sliding windows: how large an output is, and what to do when there is none.

Plain Python, imported by layers, blueprints, kernels on photographs and the analysis alike: the size formula
stands once in the program. It is the one of Dumoulin and Visin, *A guide to convolution arithmetic for deep
learning* (2016), relation 15, with each side's padding written apart.
"""

from __future__ import annotations

from typing import TypeVar

from foveate.errors import ShapeError

T = TypeVar("T")

FORMULA = "floor((n + p_before + p_after − d·(k−1) − 1)/s) + 1"


def pair(value: T | tuple[T, T]) -> tuple[T, T]:
    """One value for both axes, or (height, width) as it is."""
    return value if isinstance(value, tuple) else (value, value)


def output_size(
    n: int,
    kernel: int,
    stride: int = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int = 1,
    *,
    ceil_mode: bool = False,
    axis: str = "input",
) -> int:
    """How many places a window takes along one axis.

    ``floor((n + p_before + p_after − d·(k−1) − 1)/s) + 1``; with ``ceil_mode`` the fraction is rounded up, so
    that a last window may reach out of the padded input, but one that would begin behind it is left out
    (as in torch).

    Args:
        n: length of the axis in pixels.
        kernel, stride, dilation: of the window, in pixels.
        padding: pixels added on each side, or (before, after).
        axis: what to call the axis in an error, such as "height".

    Raises:
        ShapeError: the window does not fit once, or a number is out of range.

    >>> output_size(224, 7, 2, 3)
    112
    """
    before, after = pair(padding)
    _check(axis, n, kernel=kernel, stride=stride, dilation=dilation, padding=(before, after))
    room = n + before + after - dilation * (kernel - 1) - 1 + (stride - 1 if ceil_mode else 0)
    if room < 0:
        raise ShapeError(
            _no_room(axis, n, kernel=kernel, stride=stride, dilation=dilation, padding=(before, after))
        )
    out = room // stride + 1
    return out - 1 if ceil_mode and (out - 1) * stride >= n + before else out


def worked(
    n: int, kernel: int, stride: int = 1, padding: int | tuple[int, int] = 0, dilation: int = 1
) -> str:
    """The formula with its numbers and their result, also where the result is none.

    >>> worked(224, 7, 2, 3)
    'floor((224 + 3 + 3 − 1·(7−1) − 1)/2) + 1 = 112'
    """
    before, after = pair(padding)
    value = (n + before + after - dilation * (kernel - 1) - 1) // stride + 1
    numbers = f"floor(({n} + {before} + {after} − {dilation}·({kernel}−1) − 1)/{stride}) + 1"
    return f"{numbers} = {str(value).replace('-', '−')}"


def same_padding(n: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """(before, after) so that ``ceil(n / stride)`` places fit: TensorFlow's "SAME", the odd pixel behind.

    >>> same_padding(224, 3, 2)
    (0, 1)
    """
    _check("input", n, kernel=kernel, stride=stride, dilation=dilation)
    total = max((-(-n // stride) - 1) * stride + dilation * (kernel - 1) + 1 - n, 0)
    return total // 2, total - total // 2


def _check(
    axis: str, n: int, *, kernel: int, stride: int, dilation: int, padding: tuple[int, int] = (0, 0)
) -> None:
    for name, value, least in (
        (axis, n, 1),
        ("kernel", kernel, 1),
        ("stride", stride, 1),
        ("dilation", dilation, 1),
        ("padding", min(padding), 0),
    ):
        if value < least:
            raise ShapeError(f"The {name} must be at least {least}, but it is {value}.")


def _no_room(axis: str, n: int, *, kernel: int, stride: int, dilation: int, padding: tuple[int, int]) -> str:
    before, after = padding
    extent = dilation * (kernel - 1) + 1
    padded = n + before + after
    fits = f"a kernel of at most {(padded - 1) // dilation + 1}"
    if dilation > 1:
        fits += f" at dilation {dilation}"
    return (
        f"A window of {extent} does not fit into a padded {axis} of {padded}: {FORMULA} = "
        f"{worked(n, kernel, stride, padding, dilation)}, and an output needs at least 1; what would fit: "
        f"{fits}, padding of at least {extent - n} in total, or an "
        f"{axis if axis == 'input' else 'input ' + axis} of at least {extent - before - after}."
    )
