"""Checks of what makes maps larger: transposed convolution, resizing, unpooling."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from hypothesis import strategies as st

from foveate.errors import ShapeError
from foveate.geometry import pair
from foveate.reference import pooling, unpooling, upsampling
from foveate.reference import transposed_convolution as transposed
from reference_checks import Check, Draw, Outcome, either, generator, leaf, picture, refuses, single, whole


def conv_transpose2d(draw: Draw) -> Outcome:
    rng, groups = generator(draw), draw(whole(1, 3))
    x = picture(draw, rng, channels=groups * draw(whole(1, 3)), side=8)
    filters, kernel = draw(whole(1, 3)), draw(st.tuples(whole(1, 5), whole(1, 5)))
    w = rng.standard_normal((x.shape[1], filters, *kernel))
    b = rng.standard_normal(filters * groups)
    how: dict[str, Any] = {
        "stride": draw(either(3)),
        "padding": draw(st.tuples(whole(0, 3), whole(0, 3))),
        "output_padding": draw(st.tuples(whole(0, 1), whole(0, 1))),
        "dilation": draw(either(3)),
        "groups": groups,
    }
    outcome = Outcome(f"conv_transpose2d {x.shape} {w.shape} {how}")
    tx, tw, tb = leaf(x), leaf(w), leaf(b)
    if refuses(lambda: transposed.conv_transpose2d(x, w, b, **how), ShapeError):
        if not refuses(lambda: F.conv_transpose2d(tx, tw, tb, **how), RuntimeError):
            raise AssertionError(f"{outcome.case}: refused by the reference alone")
        outcome.refused = True
        return outcome
    expected = F.conv_transpose2d(tx, tw, tb, **how)
    y = transposed.conv_transpose2d(x, w, b, **how)
    outcome("output", y, expected)
    grad = rng.standard_normal(y.shape)
    expected.backward(torch.tensor(grad))
    gradients = transposed.conv_transpose2d_backward(grad, x, w, **how)
    for what, ours, theirs in zip(("dx", "dw", "db"), gradients, (tx.grad, tw.grad, tb.grad), strict=True):
        outcome(what, ours, theirs)
    return outcome


def resizing(draw: Draw) -> Outcome:
    rng = generator(draw)
    x, size = picture(draw, rng), draw(st.tuples(whole(1, 30), whole(1, 30)))
    if draw(st.booleans()):
        return single(
            Outcome(f"nearest {x.shape} {size}"),
            rng,
            x,
            forward=lambda x: upsampling.nearest_neighbour(x, size),
            backward=upsampling.nearest_neighbour_backward,
            by_torch=lambda x: F.interpolate(x, size, mode="nearest"),
        )
    corners = draw(st.booleans())
    return single(
        Outcome(f"bilinear {x.shape} {size} {corners}"),
        rng,
        x,
        forward=lambda x: upsampling.bilinear(x, size, align_corners=corners),
        backward=lambda grad, x: upsampling.bilinear_backward(grad, x, align_corners=corners),
        by_torch=lambda x: F.interpolate(x, size, mode="bilinear", align_corners=corners),
    )


def max_unpooling(draw: Draw) -> Outcome:
    """Windows that do not overlap: where several numbers meet, torch does not say which of them stays."""
    rng = generator(draw)
    x, kernel = picture(draw, rng), draw(either(4))
    padding = tuple(draw(whole(0, k // 2)) for k in pair(kernel))
    stride = tuple(k + draw(whole(0, 1)) for k in pair(kernel))
    outcome = Outcome(f"max_unpool {x.shape} {kernel} {stride} {padding}")
    if refuses(lambda: pooling.max_pool_places(x, kernel, stride, padding), ShapeError):
        if not refuses(lambda: F.max_pool2d(torch.tensor(x), kernel, stride, padding), RuntimeError):
            raise AssertionError(f"{outcome.case}: refused by the reference alone")
        outcome.refused = True
        return outcome
    values, indices = F.max_pool2d(torch.tensor(x), kernel, stride, padding, return_indices=True)
    places = pooling.max_pool_places(x, kernel, stride, padding)
    outcome("places", places, indices)
    given, size = rng.standard_normal(values.shape), (x.shape[2], x.shape[3])
    flat = (*given.shape[:2], -1)
    tx = leaf(given)
    # torch's own function refuses sizes that a stride beside the window's may leave; this is what it means.
    zeros = torch.zeros(*x.shape[:2], size[0] * size[1], dtype=torch.float64)
    expected = zeros.scatter(2, indices.reshape(flat), tx.reshape(flat)).reshape(x.shape)
    if stride == pair(kernel):
        own = F.max_unpool2d(tx.detach(), indices, kernel, stride, padding, size)
        outcome("torch's own", own, expected)
    y = unpooling.max_unpool(given, places, size)
    outcome("output", y, expected)
    grad = rng.standard_normal(y.shape)
    expected.backward(torch.tensor(grad))
    outcome("dx", unpooling.max_unpool_backward(grad, places), tx.grad)
    return outcome


GROWING: dict[str, Check] = {
    "conv_transpose2d": conv_transpose2d,
    "bilinear, nearest": resizing,
    "max unpooling": max_unpooling,
}
