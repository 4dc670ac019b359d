"""What a finished network remembers of its training pictures, to tell pictures that are unlike them."""

from __future__ import annotations

import time

import numpy as np
from torch import nn

from foveate.dataset.prepare import Prepared
from foveate.dataset.samples import evenly
from foveate.exporter.features import Extractor
from foveate.exporter.novelty import Novelty, bank_rows, fit_novelty
from foveate.graph.summary import summarize
from foveate.models.anatomy import Network
from foveate.transfer.cost import looking_seconds

MOST_SECONDS = 3.0  # that computing features may take, about; by the count of pictures, so that runs repeat
HELD_OUT_MOST = 300  # pictures that say how far away usual ones are
HELD_OUT_SHARE = 0.3  # of the pictures looked at
FEWEST = 8  # remembered pictures; with fewer it is not measured
RESERVE_SECONDS = 1.5  # of a budget, for what comes after


def novelty_of(
    module: nn.Module,
    prepared: Prepared,
    *,
    features: np.ndarray | None = None,
    unseen: np.ndarray | None = None,
    deadline: float | None = None,
) -> Novelty | None:
    """Fitted on training pictures; held-out ones say how far away usual ones are, where layers were trained.

    None for a network that does not say which its last layer is, where each place of a picture has an answer
    of its own, and where there are too few pictures or too little time.

    Args:
        features: (N, D) of the training pictures, where they are known and no layer learnt from them.
        unseen: the rows of training pictures that were held out, where the layers did learn.
        deadline: when a budget ends, on time.monotonic()'s scale.
    """
    split = prepared.splits["train"]
    if not isinstance(module, Network) or not prepared.task.whole_picture:
        return None
    if features is not None:
        rows = bank_rows(split.targets.strata, features.shape[1])
        return fit_novelty(features[rows]) if len(rows) >= FEWEST else None
    most = _affordable(module, prepared, deadline)
    held_out = _held_out(prepared, unseen, round(most * HELD_OUT_SHARE))
    rows = np.arange(len(split))
    if unseen is not None:
        rows = np.setdiff1d(rows, unseen)
    rows = rows[bank_rows(split.targets.strata[rows], most=most - len(held_out))]
    if len(rows) < FEWEST:
        return None
    shape = prepared.preprocessing
    found = Extractor(module, shape)(np.concatenate([split.pixels[rows], held_out]))
    kept = bank_rows(split.targets.strata[rows], found.shape[1])
    return fit_novelty(found[: len(rows)][kept], found[len(rows) :])


def _affordable(module: nn.Module, prepared: Prepared, deadline: float | None) -> int:
    """How many pictures' features there is time for."""
    shape = prepared.preprocessing
    macs = summarize(module, (shape.channels, shape.height, shape.width)).macs
    seconds = MOST_SECONDS
    if deadline is not None:
        seconds = min(seconds, deadline - time.monotonic() - RESERVE_SECONDS)
    return max(int(seconds / (looking_seconds(1, macs) + 2e-5)), 0)


def _held_out(prepared: Prepared, unseen: np.ndarray | None, most: int) -> np.ndarray:
    """Pixels of pictures that the layers did not learn from."""
    train, most = prepared.splits["train"], min(most, HELD_OUT_MOST)
    if unseen is not None:
        rows = unseen
        return np.asarray(train.pixels[rows[evenly(len(rows), most)] if most else rows[:0]])
    if "val" not in prepared.splits or most == 0:
        return np.asarray(train.pixels[:0])
    pixels = prepared.splits["val"].pixels
    return np.asarray(pixels[evenly(len(pixels), most)])
