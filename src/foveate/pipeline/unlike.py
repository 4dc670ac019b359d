"""What a finished network remembers of its training pictures, to tell pictures that are unlike them."""

from __future__ import annotations

import time

import numpy as np

from foveate.dataset.samples import evenly
from foveate.exporter.features import Extractor
from foveate.exporter.novelty import Novelty, bank_rows, fit_novelty
from foveate.graph.summary import summarize
from foveate.models.anatomy import Network
from foveate.pipeline.trained import TrainedRun
from foveate.transfer.cost import looking_seconds

MOST_SECONDS = 3.0  # that computing features may take, about; by the count of pictures, so that runs repeat
HELD_OUT_MOST = 300  # pictures that say how far away usual ones are
HELD_OUT_SHARE = 0.3  # of the pictures looked at
FEWEST = 8  # remembered pictures; with fewer it is not measured
RESERVE_SECONDS = 1.5  # of a budget, for what comes after


def novelty_of(run: TrainedRun) -> Novelty | None:
    """Fitted on training pictures; held-out ones say how far away usual ones are, where layers were trained.

    None for a network that does not say which its last layer is, and where there are too few pictures or
    too little time.
    """
    network, split = run.network, run.prepared.splits["train"]
    if not isinstance(network.module, Network):
        return None
    if network.features is not None:
        rows = bank_rows(split.targets.strata, network.features.shape[1])
        return fit_novelty(network.features[rows]) if len(rows) >= FEWEST else None
    most = _affordable(run)
    held_out = _held_out(run, round(most * HELD_OUT_SHARE))
    rows = np.arange(len(split))
    if network.unseen is not None:
        rows = np.setdiff1d(rows, network.unseen)
    rows = rows[bank_rows(split.targets.strata[rows], most=most - len(held_out))]
    if len(rows) < FEWEST:
        return None
    shape = run.prepared.preprocessing
    found = Extractor(network.module, shape)(np.concatenate([split.pixels[rows], held_out]))
    kept = bank_rows(split.targets.strata[rows], found.shape[1])
    return fit_novelty(found[: len(rows)][kept], found[len(rows) :])


def _affordable(run: TrainedRun) -> int:
    """How many pictures' features there is time for."""
    shape = run.prepared.preprocessing
    macs = summarize(run.network.module, (shape.channels, shape.height, shape.width)).macs
    seconds = MOST_SECONDS
    if run.deadline is not None:
        seconds = min(seconds, run.deadline - time.monotonic() - RESERVE_SECONDS)
    return max(int(seconds / (looking_seconds(1, macs) + 2e-5)), 0)


def _held_out(run: TrainedRun, most: int) -> np.ndarray:
    """Pixels of pictures that the layers did not learn from."""
    train, most = run.prepared.splits["train"], min(most, HELD_OUT_MOST)
    if run.network.unseen is not None:
        rows = run.network.unseen
        return np.asarray(train.pixels[rows[evenly(len(rows), most)] if most else rows[:0]])
    if "val" not in run.prepared.splits or most == 0:
        return np.asarray(train.pixels[:0])
    pixels = run.prepared.splits["val"].pixels
    return np.asarray(pixels[evenly(len(pixels), most)])
