"""What the operators of detectors cost, and the sizes of what they give, at the most that they can give."""

from __future__ import annotations

import math

from foveate.runtime.onnx_call import Call, Tensor


def suppression(c: Call) -> list[Tensor]:
    """NonMaxSuppression: every box may be compared with every other of its class, and none may fall."""
    pictures, classes, boxes = c.shape(1)
    most = min(int(c.values(2)[0]) if c.has(2) else 0, boxes)
    if most < 0:
        raise ValueError("a number of boxes below 0")
    c.products = 10 * pictures * classes * boxes * max(most, 1)  # some ten sums for an overlap
    return [Tensor((pictures * classes * most, 3))]


def aligned_regions(c: Call) -> list[Tensor]:
    """RoiAlign: four places of the map for each point; without a number of points there is no telling."""
    maps, regions = c.shape(0), c.shape(1)
    samples = c.get("sampling_ratio", 0)
    out = (regions[0], maps[1], c.get("output_height", 1), c.get("output_width", 1))
    # Of regions as large as the map each place is a point.
    points = samples**2 if samples > 0 else max(maps[2] * maps[3], 1)
    c.products = 4 * math.prod(out) * points
    return [Tensor(out)]


def pooled_regions(c: Call) -> list[Tensor]:
    """MaxRoiPool: a region may be all of the map."""
    maps, regions = c.shape(0), c.shape(1)
    out = (regions[0], maps[1], *c.get("pooled_shape"))
    c.products = regions[0] * math.prod(maps[1:]) + math.prod(out)
    return [Tensor(out)]


def places_of_what_is_not_zero(c: Call) -> list[Tensor]:
    """NonZero: all may be."""
    shape = c.shape(0)
    return [Tensor((len(shape), math.prod(shape)))]
