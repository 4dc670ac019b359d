"""While a trunk is frozen, what it sees of the pictures is looked at once and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from foveate.batches.kept import KeptBatches, KeptEvaluation
from foveate.batches.loader import EvaluationBatches, Normaliser, Pixels
from foveate.dataset.prepare import Prepared
from foveate.errors import InterruptedRunError
from foveate.models.captioner import Captioner
from foveate.models.model import Model
from foveate.pipeline.listen import Listener, Looking, Note
from foveate.pipeline.plan import Plan
from foveate.pipeline.request import Phases
from foveate.transfer.seen import SeenByTrunk
from foveate.transfer.store import STORED

MOST_KEPT_BYTES = 4e9  # of pictures and their mirror images together
MOST_LOOKING = 0.2  # of the time there is, for a look at all mirror images


def with_kept(
    plan: Plan,
    prepared: Prepared,
    trunk: Model | None,
    phases: Phases,
    *,
    train_seconds: float | None,
    listener: Listener,
    should_stop: Callable[[], bool],
) -> tuple[Plan, NDArray[np.float16] | None]:
    """The plan with batches of what the trunk saw while it is frozen; and the same of validation pictures.

    Unchanged, and None, for networks that learn from pictures alone, and for pictures that are streamed.
    train_seconds: of a budget, those that are left.
    """
    network, share = plan.network.module, plan.settings.frozen_share
    if prepared.stream is not None or trunk is None or share == 0 or not isinstance(network, Captioner):
        return plan, None

    phases.enter("features")

    def progress(done: int, total: int) -> None:
        if should_stop():
            raise InterruptedRunError(
                "Stopped while looking at the pictures; what was computed is kept and used next time."
            )
        listener(Looking(done, total))

    with SeenByTrunk(network, trunk, prepared.preprocessing) as eye:
        mirrored = from_either_side(plan, eye.width, train_seconds)
        train = eye.of(prepared.splits["train"].pixels, progress, mirrored=mirrored)
        validation = eye.of(prepared.splits["val"].pixels, progress)[0] if "val" in prepared.splits else None
        for sentence in eye.store.notes:
            listener(Note(sentence))
    before = plan.batches
    batches = KeptBatches(
        before.pixels,
        before.normalise,
        batch_size=before.batch_size,
        augmentation=before.augmentation,
        seed=before.seed,
        part=before.part,
        seen=train,
        kept_share=share,
        learner=plan.learner,
    )
    return replace(plan, batches=batches), validation


def from_either_side(plan: Plan, width: int, train_seconds: float | None) -> bool:
    """Whether mirror images are looked at, too: where the augmentation wants it and it costs little."""
    count = len(plan.batches.pixels)
    if plan.batches.augmentation.flip == "none" or 2 * count * width * STORED.itemsize > MOST_KEPT_BYTES:
        return False
    if plan.speed is None or train_seconds is None:
        return True
    return count * plan.speed.processor_seconds_per_image < MOST_LOOKING * train_seconds


def validation_batches(
    plan: Plan, prepared: Prepared, seen: NDArray[np.float16] | None
) -> EvaluationBatches | None:
    """Those of the validation pictures, and of what was seen of them, where there are any."""
    if "val" not in prepared.splits:
        return None
    split, device = prepared.splits["val"], plan.batches.pixels.device
    pixels = Pixels(split.pixels, split.targets, device)
    normalise = Normaliser(prepared.preprocessing, device)
    if seen is None or not isinstance(plan.batches, KeptBatches):
        return EvaluationBatches(pixels, normalise, part=plan.batches.part)
    return KeptEvaluation(pixels, normalise, part=plan.batches.part, seen=seen, training=plan.batches)
