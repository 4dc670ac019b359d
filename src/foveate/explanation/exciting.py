"""What a map looks for: the pictures, and the very places in them, that excite it most.

Early layers answer to edges, later ones to textures, patterns and parts: Zeiler, Fergus, *Visualizing and
understanding convolutional networks* (2014), section 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from foveate.errors import InputError
from foveate.explanation.hooks import activation_of
from foveate.graph.walk import walk
from foveate.operators.fields import FAR, Field, union

OUTSIDE = (200, 200, 200)  # what lies outside the picture is padding, shown in this grey


@dataclass(frozen=True)
class Excitations:
    """For each watched channel its strongest answers, strongest first, at most one a picture.

    channels: (M,) their numbers in the layer. values: (M, k) float32, -inf where there were fewer pictures.
    pictures: (M, k) int64, numbers of pictures in the order they came, -1 where there is none.
    rows, columns: (M, k) int64, the place on the map.
    """

    layer: str
    channels: NDArray[np.int64]
    values: NDArray[np.float32]
    pictures: NDArray[np.int64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]


def most_exciting(
    module: nn.Module,
    batches: Iterable[Tensor],
    layer: str,
    *,
    k: int = 9,
    channels: Iterable[int] | None = None,
) -> Excitations:
    """Run over a data set once and keep, for each channel of a layer, the ``k`` strongest answers.

    Args:
        module: any network; run in evaluation mode, without gradients.
        batches: normalised pictures, (N, C, H, W) each; only one batch is held at a time.
        layer: the dotted name of a layer that gives a map.
        channels: which of its channels; all by default.

    Raises:
        UnknownNameError: no such layer. InputError: it gives no map, a channel that it has not, no pictures.
    """
    best: Tensor | None = (
        None  # (4, M, k): value, picture, row, column; float64 holds picture numbers exactly
    )
    wanted: list[int] = []
    seen = 0
    for x in batches:
        maps = activation_of(module, x, layer)
        if maps.ndim != 4:
            raise InputError(f"Layer {layer!r} gives {tuple(maps.shape)}, no map (N, C, h, w).")
        wanted = wanted or _checked(channels, maps.shape[1], layer)
        maps = maps[:, wanted]
        value, place = maps.flatten(2).max(dim=2)  # (N, M)
        numbers = torch.arange(seen, seen + len(x), device=x.device)[:, None].expand_as(place)
        width = maps.shape[3]
        found = torch.stack([t.double() for t in (value, numbers, place // width, place % width)])
        found = found.transpose(1, 2)  # (4, M, N)
        best = found if best is None else torch.cat([best, found], dim=2)
        # Stable: of equal answers the earlier picture stays, however the data are cut into batches.
        order = best[0].argsort(dim=1, descending=True, stable=True)[:, :k]  # (M, k)
        best = best.gather(2, order.expand(4, *order.shape))
        seen += len(x)
    if best is None:
        raise InputError("The data set holds no pictures.")
    return _excitations(best.cpu(), layer, wanted, k)


def receptive_field(module: nn.Module, input_shape: tuple[int, int, int], layer: str) -> Field:
    """What each place of a layer's map sees of a picture of ``input_shape`` (C, H, W).

    A block's field is the hull of the fields of the layers inside that give maps of the last one's size.

    Raises:
        InputError: no layer or block of this name is run.
    """
    nodes = walk(module, input_shape).nodes
    inside = [n for n in nodes if n.name == layer] or [n for n in nodes if n.name.startswith(f"{layer}.")]
    if not inside:
        raise InputError(f"Layer {layer!r} takes no part in looking at a picture.")
    size = inside[-1].output_shape[-2:]
    return union([node.seen for node in inside if node.output_shape[-2:] == size])


def receptive_crop(
    picture: NDArray[np.uint8], field: Field, row: int, column: int, *, most_px: int | None = None
) -> NDArray[np.uint8]:
    """The part of a picture (H, W, C) that one place of a map sees; what lies outside the picture is grey.

    A field larger than the picture is cut to it, and with ``most_px`` to so many pixels around its middle:
    what a unit really goes by is much smaller than what it could (Luo et al., *Understanding the effective
    receptive field*, 2016).
    """
    top, bottom, left, right = seen_box(picture.shape[:2], field, row, column, most_px=most_px)
    crop = np.empty((bottom - top + 1, right - left + 1, picture.shape[2]), np.uint8)
    crop[:] = np.asarray(OUTSIDE, np.uint8)[: picture.shape[2]]
    height, width = picture.shape[:2]
    inside = (slice(max(top, 0), min(bottom + 1, height)), slice(max(left, 0), min(right + 1, width)))
    there = (
        slice(inside[0].start - top, inside[0].stop - top),
        slice(inside[1].start - left, inside[1].stop - left),
    )
    crop[there] = picture[inside]
    return crop


def seen_box(
    size: tuple[int, ...], field: Field, row: int, column: int, *, most_px: int | None = None
) -> tuple[int, int, int, int]:
    """(top, bottom, left, right), the last row and column included, of what a place of the map sees."""
    sides = []
    for axis, place, length in zip(field.axes, (row, column), size, strict=False):
        low, high = int(axis.lo[place]), int(axis.hi[place])
        if (high < 0 or low >= length) and axis.first[place] <= axis.last[place]:
            low, high = int(axis.first[place]), int(axis.last[place])  # padding shows it pixels from inside
        everything = high - low >= FAR
        # What sees everything has no middle; its place on the map still tells where it looks most.
        middle = (2 * place + 1) * length // len(axis) if everything else low + high + 1  # doubled
        span = high - low + 1 if most_px is None else min(high - low + 1, most_px)
        if span >= length:
            sides += [0, length - 1]
        else:
            low = (middle - span) // 2
            sides += [low, low + span - 1]
    return sides[0], sides[1], sides[2], sides[3]


def _checked(channels: Iterable[int] | None, count: int, layer: str) -> list[int]:
    wanted = list(range(count)) if channels is None else list(channels)
    wrong = [c for c in wanted if not 0 <= c < count]
    if wrong or not wanted:
        raise InputError(f"Layer {layer!r} has the channels 0 to {count - 1}, and not {wrong or 'none'}.")
    return wanted


def _excitations(best: Tensor, layer: str, channels: list[int], k: int) -> Excitations:
    lacking = k - best.shape[2]
    fill = torch.tensor([float("-inf"), -1.0, 0.0, 0.0], dtype=best.dtype)[:, None, None]
    if lacking > 0:
        best = torch.cat([best, fill.expand(4, best.shape[1], lacking)], dim=2)
    values, pictures, rows, columns = best.numpy()
    return Excitations(
        layer=layer,
        channels=np.asarray(channels, np.int64),
        values=values.astype(np.float32),
        pictures=pictures.astype(np.int64),
        rows=rows.astype(np.int64),
        columns=columns.astype(np.int64),
    )
