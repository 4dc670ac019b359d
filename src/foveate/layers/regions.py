"""Features of regions: whatever its size, a box on a map becomes a map of one size.

RoIPool: Girshick, "Fast R-CNN", 2015, arXiv 1504.08083, section 2.1. RoIAlign: He et al.,
"Mask R-CNN", 2017, arXiv 1703.06870, section 3. Results are those of torchvision's operators of these names.
The NumPy twins are in `foveate.reference.regions`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from foveate.layers.boxes import box_area
from foveate.operators.onnx import OnnxGraph
from foveate.operators.optional_torch import F, Tensor, nn, torch
from foveate.operators.reading import Reading, Value
from foveate.operators.sums import Arithmetic, Formula, Place, Term, Window, shown
from foveate.operators.table import MODULES, LayerEntry, sums

SAMPLES_AT_ONCE = 8_000_000  # numbers of sampled maps in memory
USUAL_SIDE, USUAL_LEVEL = 224.0, 4  # a box of this side is read from the map of stride 2^4 (FPN, equation 1)


class Pooling(NamedTuple):
    """How regions are read. scale: places of the map in a pixel of the boxes; samples: in each direction of a
    cell, 0 for one a place; aligned: pixels are read at their middles, half a pixel off their corners.
    """

    size: tuple[int, int]
    scale: float = 1.0
    samples: int = 2
    aligned: bool = False


def roi_align(maps: Tensor, boxes: Tensor, pictures: Tensor, how: Pooling) -> Tensor:
    """(R, C, h, w): each cell of a box the mean of what stands at a few points in it, read bilinearly.

    Args:
        maps: (N, C, H, W). boxes: (R, 4); pictures: (R,) int64, whose map each is read from.
    """
    if maps.is_meta:
        return _shapes_alone(maps, boxes, how.size)
    lows, sides = _on_map(boxes, how)
    counts = _samples(sides, how)  # (R, 2) down and across
    out = maps.new_zeros(len(boxes), maps.shape[1], *how.size)
    for count in torch.unique(counts, dim=0).tolist():
        for picture in torch.unique(pictures).tolist():
            rows = ((counts == counts.new_tensor(count)).all(1) & (pictures == picture)).nonzero()[:, 0]
            if len(rows):
                found = _read_aligned(maps[picture : picture + 1], lows[rows], sides[rows], (how.size, count))
                out = out.index_copy(0, rows, found)
    return out


def sample_points(box: Tensor, how: Pooling) -> Tensor:
    """(P, 2) x and y, in pixels of the boxes, of the points at which `roi_align` reads a box (4,)."""
    lows, sides = _on_map(box[None], how)
    down, across = _samples(sides, how)[0].tolist()
    lines = [
        low + side * (torch.arange(n, dtype=box.dtype, device=box.device) + 0.5) / max(n, 1)
        for low, side, n in zip(lows[0], sides[0], (how.size[0] * down, how.size[1] * across), strict=True)
    ]
    y, x = torch.meshgrid(*lines, indexing="ij")
    return (torch.stack([x.reshape(-1), y.reshape(-1)], dim=1) + (0.5 if how.aligned else 0.0)) / how.scale


def _shapes_alone(maps: Tensor, boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """(R, C, h, w) of maps and boxes both, of tensors without memory: there, nothing can go by numbers."""
    return (boxes[:, :1, None, None] + maps.mean((0, 2, 3))[:, None, None]).expand(-1, -1, *size)


def _on_map(boxes: Tensor, how: Pooling) -> tuple[Tensor, Tensor]:
    """The lower corners (R, 2) and sides (R, 2), y and x, in places of the map."""
    scaled = boxes * how.scale - (0.5 if how.aligned else 0.0)
    lows, sides = scaled[:, [1, 0]], scaled[:, [3, 2]] - scaled[:, [1, 0]]
    return lows, sides if how.aligned else sides.clamp(min=1.0)


def _samples(sides: Tensor, how: Pooling) -> Tensor:
    if how.samples > 0:
        return torch.full(sides.shape, how.samples, dtype=torch.int64, device=sides.device)
    return torch.ceil(sides / sides.new_tensor(how.size)).to(torch.int64)


def _read_aligned(
    maps: Tensor, lows: Tensor, sides: Tensor, cells: tuple[tuple[int, int], Sequence[int]]
) -> Tensor:
    """Boxes of one picture (1, C, H, W) and one number of samples: by torch's own bilinear reading."""
    (height, width), (down, across) = cells
    if down < 1 or across < 1:  # an aligned box of no or negative side has no points
        return maps.new_zeros(len(lows), maps.shape[1], height, width)
    size = maps.shape[-2:]
    y, x = (
        low[:, None] + side[:, None] * (torch.arange(n, dtype=maps.dtype, device=maps.device) + 0.5) / n
        for low, side, n in zip(lows.T, sides.T, (height * down, width * across), strict=True)
    )  # (R, h·down), (R, w·across)
    inside = ((y >= -1) & (y <= size[0]))[:, :, None] & ((x >= -1) & (x <= size[1]))[:, None, :]
    # From places to −1..1 of grid_sample, whose corners are the first and last places; beyond them the border
    # goes on, as RoIAlign has it for one more place.
    y, x = (2 * line / max(n - 1, 1) - 1 for line, n in zip((y, x), size, strict=True))
    most = max(SAMPLES_AT_ONCE // (maps.shape[1] * y.shape[1] * x.shape[1]), 1)
    parts = []
    for at in range(0, len(lows), most):
        rows = slice(at, at + most)
        across_, down_ = x[rows, None, :], y[rows, :, None]
        grid = torch.stack(torch.broadcast_tensors(across_, down_), dim=-1)  # (R, h·down, w·across, 2)
        read = F.grid_sample(
            maps, grid.flatten(0, 1)[None], mode="bilinear", padding_mode="border", align_corners=True
        )[0]
        read = read.unflatten(1, grid.shape[:2]).transpose(0, 1) * inside[rows, None]
        parts.append(F.avg_pool2d(read, (down, across)))
    return torch.cat(parts)


def roi_pool(maps: Tensor, boxes: Tensor, pictures: Tensor, how: Pooling) -> Tensor:
    """(R, C, h, w): each cell of a box, rounded to whole places, the greatest value in it; 0 of an empty one.

    Arguments as of `roi_align`; of ``how`` the size and the scale count.
    """
    if maps.is_meta:
        return _shapes_alone(maps, boxes, how.size)
    (height, width), (rows, columns) = maps.shape[-2:], how.size
    corners = _rounded(boxes * how.scale)
    tops, bottoms = _spans(corners[:, 1], corners[:, 3], rows, height)
    lefts, rights = _spans(corners[:, 0], corners[:, 2], columns, width)
    whole = corners.long().tolist()
    found = []
    for region, picture in enumerate(pictures.tolist()):
        left, top, right, bottom = whole[region]
        if 0 <= left <= right < width and 0 <= top <= bottom < height:
            # Within the map the cells are those of adaptive pooling, which torch does in one call.
            part = maps[picture : picture + 1, :, top : bottom + 1, left : right + 1]
            found.append(F.adaptive_max_pool2d(part, how.size)[0])
            continue
        across = list(zip(lefts[region], rights[region], strict=True))
        down = list(zip(tops[region], bottoms[region], strict=True))
        found.append(_greatest(maps[picture], down, across))
    return torch.stack(found) if found else maps.new_zeros(0, maps.shape[1], rows, columns)


def _greatest(one: Tensor, down: list[tuple[int, int]], across: list[tuple[int, int]]) -> Tensor:
    """(C, h, w) of a map (C, H, W), cell by cell; 0 where a cell covers nothing."""
    cells = [
        one[:, top:bottom, left:right].amax((1, 2))
        if bottom > top and right > left
        else one.new_zeros(len(one))
        for top, bottom in down
        for left, right in across
    ]
    return torch.stack(cells, dim=1).unflatten(1, (len(down), len(across)))


def _rounded(values: Tensor) -> Tensor:
    """To the nearest whole number; halves away from 0, as C has it."""
    return torch.sign(values) * torch.floor(values.abs() + 0.5)


def _spans(low: Tensor, high: Tensor, count: int, limit: int) -> tuple[list[list[int]], list[list[int]]]:
    """Where the cells of each region begin and end on an axis."""
    step = (high - low + 1).clamp(min=1)[:, None] / count
    cells = torch.arange(count, dtype=low.dtype, device=low.device)
    begins = (torch.floor(cells * step) + low[:, None]).clamp(0, limit)
    ends = (torch.ceil((cells + 1) * step) + low[:, None]).clamp(0, limit)
    return begins.long().tolist(), ends.long().tolist()


def levels_of(boxes: Tensor, count: int, coarsest_first: int = 2) -> Tensor:
    """(R,) int64: which of ``count`` maps of a pyramid a box is read from, the finest of stride 2^``first``.

    The larger the coarser. (Lin et al., "Feature pyramid networks", arXiv 1612.03144, equation 1.)
    """
    side = torch.sqrt(box_area(boxes))
    level = torch.floor(USUAL_LEVEL + torch.log2(side / USUAL_SIDE) + 1e-6)
    return level.clamp(coarsest_first, coarsest_first + count - 1).long() - coarsest_first


class RoIAlign(nn.Module):
    """Regions of each picture: maps (N, C, H, W) and boxes (N, R, 4) to (N, R, C, h, w)."""

    def __init__(
        self, size: tuple[int, int], scale: float, samples: int = 2, *, aligned: bool = False
    ) -> None:
        super().__init__()
        self.how = Pooling(size, scale, samples, aligned)

    def forward(self, maps: Tensor, boxes: Tensor) -> Tensor:
        count = boxes.shape[1]
        pictures = torch.arange(len(boxes), device=boxes.device).repeat_interleave(count)
        return roi_align(maps, boxes.flatten(0, 1), pictures, self.how).unflatten(0, (len(boxes), count))

    def extra_repr(self) -> str:
        height, width = self.how.size
        return f"{height}x{width}, scale={self.how.scale:g}, samples={self.how.samples}"


class RoIPool(nn.Module):
    """Regions of each picture: maps (N, C, H, W) and boxes (N, R, 4) to (N, R, C, h, w)."""

    def __init__(self, size: tuple[int, int], scale: float) -> None:
        super().__init__()
        self.how = Pooling(size, scale)

    def forward(self, maps: Tensor, boxes: Tensor) -> Tensor:
        count = boxes.shape[1]
        pictures = torch.arange(len(boxes), device=boxes.device).repeat_interleave(count)
        return roi_pool(maps, boxes.flatten(0, 1), pictures, self.how).unflatten(0, (len(boxes), count))

    def extra_repr(self) -> str:
        height, width = self.how.size
        return f"{height}x{width}, scale={self.how.scale:g}"


# --- Their entries in the operator table ---


def _read(module: Any, x: Value, out: Value) -> Reading:
    (height, width), scale = module.how.size, module.how.scale
    kind, words = ("roi_align", "RoIAlign") if isinstance(module, RoIAlign) else ("roi_pool", "RoIPool")
    settings = {"size": (height, width), "scale": scale, "samples": module.how.samples}
    settings["aligned"] = module.how.aligned
    return Reading(kind, f"{words} to {height}x{width}", settings)


def _pictures(g: OnnxGraph, boxes: Value) -> Any:
    """(N·R,) int64: whose picture each box is of."""
    first = g.op("Slice", boxes, g.integers([0]), g.integers([1]), g.integers([2]))  # (N, R, 1)
    ones = g.op("Add", g.op("Mul", first, 0.0), 1.0)
    return g.op("Gather", g.op("NonZero", ones), np.array(0, np.int64), axis=0)


def _write_align(g: OnnxGraph, module: Any, maps: Value, boxes: Value) -> Any:
    (height, width), scale, samples, aligned = module.how
    read = g.op(
        "RoiAlign",
        maps,
        g.op("Reshape", boxes, g.integers([-1, 4])),
        _pictures(g, boxes),
        output_height=height,
        output_width=width,
        sampling_ratio=samples,
        spatial_scale=scale,
        coordinate_transformation_mode="half_pixel" if aligned else "output_half_pixel",
    )
    return g.op("Reshape", read, g.integers([-1, boxes.shape[1], maps.shape[1], height, width]))


def _write_pool(g: OnnxGraph, module: Any, maps: Value, boxes: Value) -> Any:
    (height, width), scale, *_ = module.how
    pictures = g.op("Reshape", g.op("Cast", _pictures(g, boxes), to=1), g.integers([-1, 1]))
    regions = g.op("Concat", pictures, g.op("Reshape", boxes, g.integers([-1, 4])), axis=1)
    read = g.op("MaxRoiPool", maps, regions, pooled_shape=[height, width], spatial_scale=scale)
    return g.op("Reshape", read, g.integers([-1, boxes.shape[1], maps.shape[1], height, width]))


MODULES[RoIAlign] = LayerEntry(_read, onnx=_write_align)
MODULES[RoIPool] = LayerEntry(_read, onnx=_write_pool)


@sums("roi_align")
def _sum_align(place: Place) -> Arithmetic:
    box = place.input(1).reshape(-1, 4)[place.channel].astype(np.float64)
    return _sum_of_cell(place, 0, box, place.step.settings)


def _sum_of_cell(place: Place, i: int, box: Any, settings: Mapping[str, Any]) -> Arithmetic:
    """The points of a cell lie on a grid: what a place of the map counts is a row's share by a column's.

    i: which of the step's inputs the map is. box: (4,), of which this number is.
    """
    maps = place.input(i)
    low = box * settings["scale"] - (0.5 if settings["aligned"] else 0.0)
    cell = divmod(place.column, settings["size"][1])
    shares = []
    for axis, (first, last) in enumerate(((low[1], low[3]), (low[0], low[2]))):
        side = last - first if settings["aligned"] else max(last - first, 1.0)
        step = side / settings["size"][axis]
        count = settings["samples"] or math.ceil(step)
        points = first + step * (cell[axis] + (np.arange(count) + 0.5) / count)
        shares.append(_shares(points, maps.shape[1 + axis]))
    rows, columns = (tuple(np.flatnonzero(share).tolist()) or (0,) for share in shares)
    window = Window(
        top=rows[0],
        left=columns[0],
        height=rows[-1] - rows[0] + 1,
        width=columns[-1] - columns[0] + 1,
        stride=(1, 1),
        dilation=(1, 1),
        rows=rows,
        columns=columns,
    )
    patch = maps[place.row][np.ix_(rows, columns)].astype(np.float64)
    weight = np.outer(shares[0][list(rows)], shares[1][list(columns)])
    total = float((weight * patch).sum())
    term = Term(place.step.inputs[i], place.row, weight, patch, total)
    corners = ", ".join(shown(float(side)) for side in box)
    where = f"cell {cell[0]}, {cell[1]} of the box {corners}, on the map of which {1 / settings['scale']:g} "
    steps = (
        Formula(f"{where}pixels are a place"),
        Formula(f"sum of {patch.size} products", shown(total)),
    )
    facts = {"box": box, "cell": list(cell)}
    return Arithmetic(place.step.op, place.value, total, (term,), window=window, steps=steps, facts=facts)


def _shares(points: Any, n: int) -> Any:
    """(n,) what each line counts in the mean of what is read at these points of an axis."""
    shares = np.zeros(n)
    for at in points:
        if -1 <= at <= n:
            inside = min(max(float(at), 0.0), n - 1.0)
            first = min(int(inside), n - 1)
            shares[first] += 1 - (inside - first)
            shares[min(first + 1, n - 1)] += inside - first
    return shares / max(len(points), 1)


# --- Of a pyramid -------------------------------------------------------------------------------------------


class PyramidRoIAlign(nn.Module):
    """Regions read from the map that suits their size: boxes (N, R, 4) and maps (N, C, h_i, w_i) to
    (N, R, C, h, w).

    Args:
        strides: of the maps, the finest first.
    """

    def __init__(self, size: tuple[int, int], strides: Sequence[int], samples: int = 2) -> None:
        super().__init__()
        self.hows = tuple(Pooling(size, 1 / stride, samples) for stride in strides)
        self.first = round(math.log2(strides[0]))
        self.levels = round(math.log2(strides[-1])) - self.first + 1  # maps of one stride are one level

    def forward(self, boxes: Tensor, *maps: Tensor) -> Tensor:
        count = boxes.shape[1]
        pictures = torch.arange(len(boxes), device=boxes.device).repeat_interleave(count)
        flat = boxes.flatten(0, 1)
        if boxes.is_meta:  # of which map a box is read makes no other shape
            return roi_align(maps[0], flat, pictures, self.hows[0]).unflatten(0, (len(boxes), count))
        levels = levels_of(flat, self.levels, self.first)
        out = maps[0].new_zeros(len(flat), maps[0].shape[1], *self.hows[0].size)
        for level in range(self.levels):
            rows = (levels == level).nonzero()[:, 0]
            if len(rows):
                found = roi_align(maps[level], flat[rows], pictures[rows], self.hows[level])
                out = out.index_copy(0, rows, found)
        return out.unflatten(0, (len(boxes), count))

    def how_of(self, box: Tensor) -> Pooling:
        """How a box (4,) is read: from which map."""
        return self.hows[int(levels_of(box[None], self.levels, self.first)[0])]

    def extra_repr(self) -> str:
        height, width = self.hows[0].size
        return f"{height}x{width}, strides={[round(1 / how.scale) for how in self.hows]}"


def _read_pyramid(module: Any, x: Value, out: Value) -> Reading:
    (height, width), _, samples, aligned = module.hows[0]
    settings = {"size": (height, width), "samples": samples, "aligned": aligned, "first": module.first}
    settings["scales"] = tuple(how.scale for how in module.hows[: module.levels])
    return Reading("pyramid_roi_align", f"RoIAlign to {height}x{width}", settings)


@sums("pyramid_roi_align")
def _sum_pyramid(place: Place) -> Arithmetic:
    """Of the map that suits the box's size."""
    settings = place.step.settings
    box = place.input(0).reshape(-1, 4)[place.channel].astype(np.float64)
    side = math.sqrt(max((box[2] - box[0]) * (box[3] - box[1]), 1e-12))
    level = math.floor(USUAL_LEVEL + math.log2(side / USUAL_SIDE) + 1e-6) - settings["first"]
    level = min(max(level, 0), len(settings["scales"]) - 1)
    return _sum_of_cell(place, 1 + level, box, {**settings, "scale": settings["scales"][level]})


def _write_pyramid(g: OnnxGraph, module: Any, boxes: Value, *maps: Value) -> Any:
    """Every region is read from every map, and what suits its size is taken."""
    aligned = [
        _write_align(g, _Aligned(how), maps[level], boxes)
        for level, how in enumerate(module.hows[: module.levels])
    ]
    low, high = g.op("Split", boxes, g.integers([2, 2]), axis=2, outputs=2)
    area = g.op("ReduceProd", g.op("Sub", high, low), g.integers([2]), keepdims=1)  # (N, R, 1)
    area = g.op("Reshape", area, g.integers([0, boxes.shape[1], 1, 1, 1]))
    found = aligned[0]
    for level in range(1, module.levels):
        least = (USUAL_SIDE * 2.0 ** (module.first + level - USUAL_LEVEL - 1e-6)) ** 2
        found = g.op("Where", g.op("GreaterOrEqual", area, least), aligned[level], found)
    return found


class _Aligned(NamedTuple):
    how: Pooling


MODULES[PyramidRoIAlign] = LayerEntry(_read_pyramid, onnx=_write_pyramid)
