"""What is remarkable in the numbers of a data set, before anything is learnt from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.surveyed import Remark
from foveate.words import plural, some

# Times the distance between the quartiles that a number lies beyond them (Tukey calls 3 "far out"; lifetimes
# and prices, which have a long tail by nature, reach that).
FAR_OUT = 6.0
RARE_SHARE = 0.01  # of the pictures: what is more frequent is no slip
NAMED = 3

Floats = NDArray[np.float64]


def remarks_on(values: Mapping[str, Floats], names: Sequence[str]) -> list[Remark]:
    """Numbers far outside the rest, and those to be measured on beyond what is learnt; (N, K) by split."""
    key = "train" if "train" in values else next(iter(values))
    found: list[Remark] = []
    for k, name in enumerate(names):
        learnt = values[key][:, k]
        if len(learnt):
            found += _far_out(learnt, name)
            others = {split: of[:, k] for split, of in values.items() if split != key}
            found += [remark for split, of in others.items() for remark in _beyond(of, learnt, (name, split))]
    return found


def _far_out(column: Floats, name: str) -> list[Remark]:
    low, high = np.quantile(column, [0.25, 0.75])
    reach = FAR_OUT * (high - low)
    far = column[(column < low - reach) | (column > high + reach)]
    if not 0 < len(far) <= max(RARE_SHARE * len(column), 1) or high == low:
        return []
    shown = some([f"{value:g}" for value in np.unique(far)], NAMED)
    message = (
        f"{plural(len(far), 'number')} in {name!r} far outside the rest ({shown}; half of all lie from "
        f"{low:g} to {high:g}): a slip, or another unit? One such number can outweigh all others."
    )
    return [Remark("outlier", "warning", message)]


def _beyond(column: Floats, learnt: Floats, which: tuple[str, str]) -> list[Remark]:
    name, split = which
    low, high = learnt.min(), learnt.max()
    beyond = int(((column < low) | (column > high)).sum())
    if not beyond:
        return []
    message = (
        f"{plural(beyond, 'picture')} in {split} with a number in {name!r} beyond those of training "
        f"({low:g} to {high:g}): a network hardly says what it has never been shown."
    )
    return [Remark("beyond-training", "note", message)]
