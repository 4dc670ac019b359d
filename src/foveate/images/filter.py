"""Sliding a kernel over a photograph: the convolution of the guides, in NumPy, on each channel alone."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError, ShapeError
from foveate.geometry import output_size, pair, same_padding
from foveate.words import setting

FILLS = {
    "zeros": "constant",
    "same": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}
PADDINGS = ("valid", *FILLS)
Negative = Literal["clip", "offset"]
Sides = tuple[tuple[int, int], tuple[int, int]]


def filter_image(
    image: NDArray[Any],
    kernel: NDArray[np.float64],
    *,
    stride: int | tuple[int, int] = 1,
    padding: str = "valid",
) -> NDArray[np.float32]:
    """The sums ``out[i,j] = Σ_m Σ_n in[i·s + m, j·s + n]·k[m,n]``, of each channel alone.

    This is the cross-correlation that networks call convolution: the kernel is not turned round.

    Args:
        image: (H, W) or (H, W, C), any numbers.
        kernel: (kh, kw).
        stride: pixels from one place to the next, or (rows, columns).
        padding: "valid" (none), "zeros" (half the kernel on every side), or "same", "reflect", "replicate",
            "circular" (so much that ceil(n / stride) places fit, an odd pixel behind; "same" fills zeros).

    Returns:
        (H', W') or (H', W', C) by the size formula of :mod:`foveate.geometry`; neither rounded nor clipped.

    Raises:
        ShapeError: the kernel does not fit, with the formula; InputError for an unknown padding.
    """
    step = pair(stride)
    around = sides(image.shape, kernel.shape, step, padding)
    height, width = (
        output_size(image.shape[i], kernel.shape[i], step[i], around[i], axis=("height", "width")[i])
        for i in (0, 1)
    )
    pixels = image.astype(np.float32)
    if any(map(any, around)):
        rest = ((0, 0),) * (image.ndim - 2)
        pixels = np.pad(pixels, (*around, *rest), mode=FILLS[padding])  # type: ignore[call-overload]
    out = np.zeros((height, width, *image.shape[2:]), np.float32)
    for (m, n), weight in np.ndenumerate(kernel):
        if weight:
            rows = slice(m, m + (height - 1) * step[0] + 1, step[0])
            columns = slice(n, n + (width - 1) * step[1] + 1, step[1])
            out += np.float32(weight) * pixels[rows, columns]
    return out


def sides(
    image_shape: tuple[int, ...], kernel_shape: tuple[int, ...], stride: tuple[int, int], padding: str
) -> Sides:
    """((top, bottom), (left, right)) in pixels that a padding means. Raises InputError, ShapeError."""
    if padding not in PADDINGS:
        raise InputError(f"padding must be one of {', '.join(PADDINGS)}, and is {padding!r}.")
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "zeros":
        return (kernel_shape[0] // 2,) * 2, (kernel_shape[1] // 2,) * 2
    rows, columns = (same_padding(image_shape[i], kernel_shape[i], stride[i]) for i in (0, 1))
    for n, around in ((image_shape[0], rows), (image_shape[1], columns)):
        most = {"reflect": n - 1, "circular": n}.get(padding, max(around))
        if max(around) > most:
            raise ShapeError(
                f"A picture side of {n} px gives at most {most} px of {padding} padding, and this kernel "
                f"needs {max(around)}; use a smaller kernel or {setting('padding', 'replicate')}."
            )
    return rows, columns


def displayed(sums: NDArray[np.float32], negative: Negative = "clip") -> NDArray[np.uint8]:
    """Sums as pixels.

    "clip": below 0 is black, as a ReLU would leave it, and above 255 white.
    "offset": 128 + sum/2, so that 0 is mid-grey and negative sums are seen as darker.
    """
    shifted = sums if negative == "clip" else 128 + sums / 2
    return np.clip(np.rint(shifted), 0, 255).astype(np.uint8)
