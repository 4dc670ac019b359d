"""Which packaged backbones there is time for, and how large pictures usually are: looked at beforehand."""

from __future__ import annotations

import numpy as np

from foveate.dataset.samples import ArrayImages, EncodedImages, Images, evenly
from foveate.errors import ImageError
from foveate.images.read import probe
from foveate.models.registry import model_info
from foveate.transfer.backbone import PACKAGED
from foveate.transfer.cost import finishing_seconds, learning_seconds, looking_seconds

LOOKED_AT = 50  # pictures whose headers tell what kind they are
PATIENCE_SECONDS = 30.0  # without a budget: as long as features may take before a smaller backbone is taken
BUDGET_SHARE = 0.35  # of a budget that all backbones' features together may take
FOLDS = 5
FEWEST_HELD_OUT = 100  # pictures that tell a gain of fine-tuning from luck: of a hundred two are two mistakes
FEWEST_EPOCHS, ENOUGH_EPOCHS = 1.5, 4.0  # of fine-tuning: with less nothing is begun; what a plan aims at


def affordable(
    count: int, budget_seconds: float | None, measured: int = 0, views: int = 2
) -> tuple[str, ...]:
    """The packaged backbones to try on so many training pictures, the likeliest best first.

    Without a budget it is one: the middle one, or the smallest where the middle one would take long. With a
    budget it is the one to fine-tune, where there are pictures and time enough to do that, for that gains
    more than a larger backbone; else all whose features the budget allows. ``measured``: how many pictures
    the finished model is measured on.
    """
    seconds = {name: looking_seconds(count * views, model_info(name).macs) for name in PACKAGED}
    small, middle, large = PACKAGED
    if budget_seconds is None:
        return (middle if seconds[middle] <= PATIENCE_SECONDS else small,)
    if count >= FEWEST_HELD_OUT * FOLDS and (name := _to_fine_tune(count, budget_seconds, measured, views)):
        return (name,)
    chosen, spent = [], 0.0
    for name in (middle, large, small):
        if spent + seconds[name] <= BUDGET_SHARE * budget_seconds:
            chosen.append(name)
            spent += seconds[name] + 2.0  # to make it ready
    return tuple(chosen)


def _to_fine_tune(count: int, budget_seconds: float, measured: int, views: int) -> str | None:
    """The largest backbone that can be fine-tuned for enough epochs, or for the fewest; None if none can."""
    epochs = {}
    for name in reversed(PACKAGED):  # the largest first
        macs = model_info(name).macs
        left = budget_seconds - looking_seconds(count * views, macs) - finishing_seconds(measured, macs)
        epochs[name] = left / learning_seconds(round(count * (1 - 1 / FOLDS)), macs)
    goals = (ENOUGH_EPOCHS, FEWEST_EPOCHS)
    return next((name for goal in goals for name in epochs if epochs[name] >= goal), None)


def usual_side(images: Images) -> int:
    """The median of the pictures' shorter sides in pixels, from a look at some headers."""
    if isinstance(images, ArrayImages):
        return min(images.array.shape[1:3])
    if not isinstance(images, EncodedImages):
        return 0
    sides = []
    for row in evenly(len(images), LOOKED_AT):
        try:
            info = probe(images.data(int(row)))
        except ImageError:
            continue  # the scan will name it
        sides.append(min(info.width, info.height))
    return int(np.median(sides)) if sides else 0
