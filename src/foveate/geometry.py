"""Where things lie: affine maps between pictures, and how large the output of a sliding window is.

Imported by layers, blueprints, preprocessing, kernels on photographs and the analysis alike: each formula
stands once in the program. The size formula is the one of Dumoulin and Visin, *A guide to convolution
arithmetic for deep learning* (2016), relation 15, with each side's padding written apart.

Places are in pixels, x to the right and y down, and continuous: the pixel in row i and column j is the square
from (j, i) to (j + 1, i + 1), and its centre (j + 0.5, i + 0.5). So a picture of W x H pixels is the box
(0, 0, W, H) whatever it is made of, resizing is a factor alone, and boxes are those of Pillow and COCO.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import ShapeError

T = TypeVar("T")
Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels

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


def transposed_size(
    n: int, kernel: int, stride: int = 1, padding: int = 0, *, output_padding: int = 0, dilation: int = 1
) -> int:
    """How many places a transposed convolution leaves along one axis (relation 14 of the same guide).

    >>> transposed_size(7, 4, 2, 1)
    14
    """
    return (n - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1


def worked_transposed(
    n: int, kernel: int, stride: int = 1, padding: int = 0, *, output_padding: int = 0, dilation: int = 1
) -> str:
    """The formula of `transposed_size` with its numbers and their result.

    >>> worked_transposed(7, 4, 2, 1)
    '(7 − 1)·2 − 2·1 + 1·(4−1) + 0 + 1 = 14'
    """
    value = transposed_size(n, kernel, stride, padding, output_padding=output_padding, dilation=dilation)
    numbers = f"({n} − 1)·{stride} − 2·{padding} + {dilation}·({kernel}−1) + {output_padding} + 1"
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


@dataclass(frozen=True, eq=False)
class Affine:
    """An affine map of the plane, or a stack of them: ``(x, y)`` goes to ``matrix @ (x, y, 1)``.

    matrix: (..., 2, 3) float64. Stacks broadcast as NumPy's arrays do.

    >>> halved = Affine.between((0, 0, 640, 480), (0, 0, 320, 240))
    >>> halved.inverse().boxes([10, 20, 30, 40]).tolist()
    [20.0, 40.0, 60.0, 80.0]
    """

    matrix: NDArray[np.float64]

    def __post_init__(self) -> None:
        matrix = np.asarray(self.matrix, np.float64)
        if matrix.shape[-2:] != (2, 3):
            raise ShapeError(f"An affine map of the plane is a matrix (..., 2, 3), not {matrix.shape}.")
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def between(cls, source: Box, target: Box) -> Affine:
        """The map that stretches one box onto another, neither turned nor mirrored."""
        (left, top, right, bottom), (to_left, to_top, to_right, to_bottom) = source, target
        across, down = (to_right - to_left) / (right - left), (to_bottom - to_top) / (bottom - top)
        return cls(np.array([[across, 0, to_left - across * left], [0, down, to_top - down * top]]))

    def __matmul__(self, first: Affine) -> Affine:
        """``first``, then this map."""
        linear, offset = self._parts
        matrix = linear @ first.matrix
        matrix[..., 2] += offset
        return Affine(matrix)

    def inverse(self) -> Affine:
        """The way back. Raises ShapeError for a map that leaves no area."""
        linear, offset = self._parts
        try:
            back = np.linalg.inv(linear)
        except np.linalg.LinAlgError:
            raise ShapeError("A map onto a line or a point has no way back.") from None
        return Affine(np.concatenate([back, -back @ offset[..., None]], axis=-1))

    def points(self, points: ArrayLike) -> NDArray[np.float64]:
        """Where points (..., 2), x and y, go: (..., 2). A stack of maps takes (..., N, 2)."""
        linear, offset = self._parts
        moved = np.asarray(points, np.float64) @ linear.swapaxes(-1, -2)
        return moved + (offset if offset.ndim == 1 else offset[..., None, :])

    def boxes(self, boxes: ArrayLike) -> NDArray[np.float64]:
        """The smallest boxes x1 y1 x2 y2 (..., 4) around what boxes (..., 4) held.

        A stack of maps takes (..., N, 4).
        """
        corners = np.asarray(boxes, np.float64)
        first, last = corners[..., :2], corners[..., 2:]
        centre = self.points((first + last) / 2)
        half = (last - first) / 2 @ np.abs(self._parts[0]).swapaxes(-1, -2)
        return np.concatenate([centre - half, centre + half], axis=-1)

    @property
    def _parts(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.matrix[..., :2], self.matrix[..., 2]
