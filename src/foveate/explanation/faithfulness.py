"""Is an explanation true? Hide what it marks and see what the network says then.

Two measures: how much what is said of the label falls when the marked fifth of the picture is hidden, against
hiding as much elsewhere; and the deletion and insertion curves of Petsiuk, Das, Saenko, *RISE: Randomized
input sampling for explanation of black-box models* (2018), section 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.errors import InputError
from foveate.explanation.hooks import Score, at_once, scores_of
from foveate.graph.trace import evaluating
from foveate.tasks.learning import one_of

MARKED_FRACTION = 0.2


@dataclass(frozen=True)
class Hiding:
    """What is said of the label before, with the marked part hidden, and with parts drawn at random hidden.

    marked: one number. elsewhere: the marked shape turned, mirrored and moved at random, one number a draw;
    scattered: as much area in square patches strewn at random, one number a draw.
    """

    fraction: float
    before: float
    marked: float
    elsewhere: tuple[float, ...]
    scattered: tuple[float, ...]

    @property
    def drop(self) -> float:
        """How far hiding the marked part lowers it (negative: it rose)."""
        return self.before - self.marked

    @property
    def drop_elsewhere(self) -> float:
        """The mean fall over the draws of the same shape elsewhere."""
        return self.before - sum(self.elsewhere) / len(self.elsewhere)

    @property
    def drop_scattered(self) -> float:
        """The mean fall over the draws of scattered patches."""
        return self.before - sum(self.scattered) / len(self.scattered)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        falls = {key: getattr(self, key) for key in ("drop", "drop_elsewhere", "drop_scattered")}
        return asdict(self) | {"elsewhere": list(self.elsewhere), "scattered": list(self.scattered)} | falls


@dataclass(frozen=True)
class Curves:
    """What is said of the label as pixels go and come, hottest first.

    fractions: parts of the picture's pixels, 0 to 1. deletion: with these hidden; a faithful map's falls at
    once, so its area is small. insertion: with only these shown; a faithful map's rises at once.
    """

    fractions: tuple[float, ...]
    deletion: tuple[float, ...]
    insertion: tuple[float, ...]

    @property
    def deletion_area(self) -> float:
        return _area(self.fractions, self.deletion)

    @property
    def insertion_area(self) -> float:
        return _area(self.fractions, self.insertion)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        areas = {"deletion_area": self.deletion_area, "insertion_area": self.insertion_area}
        return {key: list(value) for key, value in asdict(self).items()} | areas


def blurred(x: Tensor, *, sigma_fraction: float = 0.1) -> Tensor:
    """Pictures (N, C, H, W) so out of focus that nothing is left but their colours.

    What is hidden is shown like this: no black hole or grey patch, whose edges a network sees as things.
    The Gaussian's standard deviation is ``sigma_fraction`` of the longer side.
    """
    sigma = sigma_fraction * max(x.shape[-2:])
    for axis in (2, 3):
        reach = min(int(3 * sigma + 0.5), x.shape[axis] - 1)
        place = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
        weights = torch.exp(-0.5 * (place / sigma) ** 2)
        kernel = (weights / weights.sum()).view((1, 1, -1, 1) if axis == 2 else (1, 1, 1, -1))
        pad = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
        padded = F.pad(x, pad, mode="reflect")
        x = F.conv2d(padded, kernel.expand(x.shape[1], 1, *kernel.shape[2:]), groups=x.shape[1])
    return x


def marked(heat: Tensor, fraction: float = MARKED_FRACTION) -> Tensor:
    """The hottest ``fraction`` of the pixels, (H, W) bool; exactly so many, the first of equals."""
    if not 0 < fraction < 1:
        raise InputError(f"The fraction to mark lies between 0 and 1, not {fraction}.")
    count = round(fraction * heat.numel())
    mask = torch.zeros(heat.numel(), dtype=torch.bool, device=heat.device)
    mask[heat.flatten().argsort(descending=True, stable=True)[:count]] = True
    return mask.view_as(heat)


def hiding(
    module: nn.Module,
    x: Tensor,
    target: int,
    heat: Tensor,
    *,
    fraction: float = MARKED_FRACTION,
    draws: int = 20,
    score: Score = one_of,
    cover: Tensor | None = None,
    seed: int = 0,
) -> Hiding:
    """Hide the part that a heat map marks, and as much elsewhere.

    Args:
        module: (N, C, H, W) to numbers (N, labels); run in evaluation mode.
        x: one normalised picture, (1, C, H, W). heat: its heat map, (H, W).
        target: the label. score: what is watched of it, such as a task's `Learner.value` (a classifier's
            probability); by default its output.
        cover: what hidden pixels show, of x's shape; by default the picture out of focus.
        draws: how often the random parts are drawn; the same seed draws the same.
    """
    _check(x, heat)
    generator = torch.Generator().manual_seed(seed)
    mask = marked(heat, fraction).cpu()
    masks = [torch.zeros_like(mask), mask]
    masks += [_elsewhere(mask, generator) for _ in range(draws)]
    masks += [_scattered(mask.shape, fraction, generator) for _ in range(draws)]
    hidden = torch.stack(masks).to(x.device)
    found = _with_hidden(module, x, target, hidden.split(at_once(x)), cover=cover, score=score)
    return Hiding(fraction, found[0], found[1], tuple(found[2 : 2 + draws]), tuple(found[2 + draws :]))


def curves(
    module: nn.Module,
    x: Tensor,
    target: int,
    heat: Tensor,
    *,
    steps: int = 20,
    score: Score = one_of,
    cover: Tensor | None = None,
) -> Curves:
    """Deletion and insertion curves of a heat map, each with ``steps`` + 1 points.

    Arguments as for `hiding`.
    """
    _check(x, heat)
    order = heat.flatten().argsort(descending=True, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    rank = rank.view_as(heat)  # 0 for the hottest pixel
    fractions = [i / steps for i in range(steps + 1)]
    gone = torch.stack([rank < round(f * heat.numel()) for f in fractions])
    hidden = torch.cat([gone, ~gone]).split(at_once(x))
    found = _with_hidden(module, x, target, hidden, cover=cover, score=score)
    return Curves(tuple(fractions), tuple(found[: steps + 1]), tuple(found[steps + 1 :]))


def _check(x: Tensor, heat: Tensor) -> None:
    if x.ndim != 4 or len(x) != 1 or heat.shape != x.shape[-2:]:
        raise InputError(
            f"Expected one picture (1, C, H, W) and its heat map (H, W), found {tuple(x.shape)} and "
            f"{tuple(heat.shape)}."
        )


def _with_hidden(
    module: nn.Module,
    x: Tensor,
    target: int,
    batches: Sequence[Tensor],
    *,
    cover: Tensor | None,
    score: Score,
) -> list[float]:
    """The target's score for the picture with each mask's pixels covered; batches of masks (M, H, W)."""
    instead = blurred(x) if cover is None else cover
    found: list[float] = []
    with evaluating(module), torch.no_grad():
        for masks in batches:
            found += scores_of(module, torch.where(masks[:, None], instead, x), target, score).tolist()
    return found


def _elsewhere(mask: Tensor, generator: torch.Generator) -> Tensor:
    """The mask mirrored, half turned and rolled over the borders at random: its area and its shape stay."""
    height, width = mask.shape
    draw = [int(torch.randint(n, (), generator=generator)) for n in (2, 2, height, width)]
    mask = mask.flip([axis for axis in (0, 1) if draw[axis]]) if draw[0] or draw[1] else mask
    return mask.roll((draw[2], draw[3]), (0, 1))


def _scattered(shape: torch.Size, fraction: float, generator: torch.Generator) -> Tensor:
    """About 7 by 7 patches in random order until the area is reached: exactly so many pixels."""
    height, width = shape
    rows = (torch.arange(height) * min(7, height)) // height
    columns = (torch.arange(width) * min(7, width)) // width
    priority = torch.rand(min(7, height), min(7, width), generator=generator)
    return marked(priority[rows][:, columns], fraction)


def _area(fractions: tuple[float, ...], values: tuple[float, ...]) -> float:
    """By the trapezoid rule."""
    pairs = zip(fractions, fractions[1:], values, values[1:], strict=False)
    return sum((b - a) * (u + v) / 2 for a, b, u, v in pairs)
