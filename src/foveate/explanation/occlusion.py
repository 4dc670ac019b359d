"""Occlusion: cover a part of the picture and see what that does to the score.

Zeiler, Fergus, *Visualizing and understanding convolutional networks*, ECCV 2014, section 4.2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from foveate.errors import InputError
from foveate.explanation.hooks import Score, at_once, scores_of
from foveate.geometry import pair
from foveate.graph.trace import evaluating
from foveate.tasks.learning import one_of


def occlusion(
    module: nn.Module,
    x: Tensor,
    target: int | Tensor,
    *,
    window: int | tuple[int, int],
    score: Score = one_of,
    stride: int | tuple[int, int] | None = None,
    fill: Tensor | float = 0.0,
) -> Tensor:
    """How much the label's output falls when a pixel's surroundings are covered, (N, H, W).

    A window slides over the picture (the last one is moved back to end at the border); each pixel gets the
    mean fall over the windows that cover it.

    Args:
        module: (N, C, H, W) to (N, labels); run in evaluation mode.
        x: normalised pictures, (N, C, H, W).
        target: the label, or one for each picture (N,).
        window: (height, width) of what is covered, in pixels.
        score: what of the outputs falls, such as a task's `Learner.value`; by default the label's own.
        stride: pixels from one window to the next; by default half the window.
        fill: what covers it, a number or a tensor that broadcasts to x; 0 in normalised pictures is the
            data set's mean colour.
    """
    height, width = x.shape[-2:]
    rows, columns = pair(window)
    if not (1 <= rows <= height and 1 <= columns <= width):
        raise InputError(f"A window of {rows}x{columns} does not fit a picture of {height}x{width}.")
    down, across = pair(stride) if stride is not None else (max(rows // 2, 1), max(columns // 2, 1))
    places = [(top, left) for top in _starts(height, rows, down) for left in _starts(width, columns, across)]
    cover = torch.as_tensor(fill, dtype=x.dtype, device=x.device).expand_as(x)
    wanted = torch.as_tensor(target, device=x.device).expand(len(x))
    size = at_once(x)
    total, times = x.new_zeros(len(x), height, width), x.new_zeros(height, width)
    with evaluating(module), torch.no_grad():
        before = scores_of(module, x, wanted, score)
        for n in range(len(x)):
            for first in range(0, len(places), size):
                some = places[first : first + size]
                covered = torch.stack([_covered(x[n], cover[n], place, (rows, columns)) for place in some])
                falls = before[n] - scores_of(module, covered, wanted[n], score)
                for (top, left), fall in zip(some, falls, strict=True):
                    total[n, top : top + rows, left : left + columns] += fall
    for top, left in places:
        times[top : top + rows, left : left + columns] += 1
    return total / times.clamp(min=1)


def _covered(picture: Tensor, cover: Tensor, place: tuple[int, int], window: tuple[int, int]) -> Tensor:
    (top, left), (rows, columns) = place, window
    covered = picture.clone()
    hidden = cover[:, top : top + rows, left : left + columns]
    covered[:, top : top + rows, left : left + columns] = hidden
    return covered


def _starts(side: int, window: int, stride: int) -> list[int]:
    """Where windows begin along an axis; the last reaches the border."""
    starts = list(range(0, side - window + 1, stride))
    return starts if starts[-1] + window == side else [*starts, side - window]
