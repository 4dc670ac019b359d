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


def with_kept(
    plan: Plan,
    prepared: Prepared,
    trunk: Model | None,
    phases: Phases,
    *,
    listener: Listener,
    should_stop: Callable[[], bool],
) -> tuple[Plan, NDArray[np.float16] | None]:
    """The plan with batches of what the trunk saw while it is frozen; and the same of validation pictures.

    Unchanged, and None, for networks that learn from pictures alone.
    """
    network, share = plan.network.module, plan.settings.frozen_share
    if trunk is None or share == 0 or not isinstance(network, Captioner):
        return plan, None

    phases.enter("features")

    def progress(done: int, total: int) -> None:
        if should_stop():
            raise InterruptedRunError(
                "Stopped while looking at the pictures; what was computed is kept and used next time."
            )
        listener(Looking(done, total))

    with SeenByTrunk(network, trunk, prepared.preprocessing) as eye:
        train = eye.of(prepared.splits["train"].pixels, progress)
        validation = eye.of(prepared.splits["val"].pixels, progress) if "val" in prepared.splits else None
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
    )
    return replace(plan, batches=batches), validation


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
