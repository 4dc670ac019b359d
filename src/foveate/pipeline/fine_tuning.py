"""Fine-tuning within a run: whether there is time for it, on which pictures, and what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch

from foveate.batches.augment import Augmentation
from foveate.batches.loader import TrainingBatches
from foveate.dataset.prepare import Prepared
from foveate.dataset.shards.stream import StreamReader
from foveate.errors import InputError
from foveate.pipeline.listen import Listener, Note, Planned
from foveate.pipeline.photographs import as_trained, metrics_of, words_of
from foveate.pipeline.plan import learner_for, stream_reader, with_asked
from foveate.pipeline.request import TrainRequest
from foveate.pipeline.trained import AUGMENTED_SHOWN, HeldOut, TrainedNetwork
from foveate.pipeline.ways import STEPS, asked, no_effect
from foveate.tasks.learning import Learner
from foveate.training.events import Event
from foveate.training.machine import choose_device
from foveate.training.ranks import ALONE, Ranks
from foveate.training.settings import TrainingSettings
from foveate.transfer.affordable import FEWEST_EPOCHS, FEWEST_HELD_OUT, FOLDS
from foveate.transfer.cost import learning_seconds
from foveate.transfer.finetune import (
    AUGMENTATION,
    SETTINGS,
    FineTuned,
    TuningBatches,
    fine_tune,
    horizons,
    tuning_batches,
)
from foveate.transfer.fitted import HELD_OUT_FIFTH, Fitted, TuningRows, tuning_rows
from foveate.words import setting

MOST_EPOCHS = 12  # beyond, small data sets only learn their pictures by heart


def tuned(
    fitted: Fitted,
    request: TrainRequest,
    *,
    deadline: float | None,
    listener: Listener,
    should_stop: Callable[[], bool],
    ranks: Ranks = ALONE,
) -> TrainedNetwork:
    """The network with the frozen backbone, or the fine-tuned one where it is clearly better.

    A fifth of the training pictures is held out to say which. With epochs the run repeats to the bit; with
    neither epochs nor a budget nothing is fine-tuned.

    Args:
        deadline: when training has to end, on time.monotonic()'s scale.
        ranks: who trains together; what comes of it, the first one has.
    """
    frozen = as_trained(fitted, request)
    rows = tuning_rows(fitted.prepared, request.seed)
    rows = rows._replace(reader=_reader(fitted.prepared, rows.rest, request, ranks))
    held, rest, count = rows.held, rows.rest, rows.learnt_from
    why_not = _why_too_few(len(held), request)
    if why_not is None and request.epochs is None:
        if deadline is None:
            return frozen
        seconds = FEWEST_EPOCHS * learning_seconds(count, fitted.macs)
        why_not = ranks.first_says(_why_too_late(seconds, deadline, asked(request, STEPS)))
    if why_not is not None:
        listener(Note(f"Not fine-tuned: {why_not}"))
        return frozen
    listener(Planned(fitted.backbone.name, "fine-tune", (_reason(count, held),)))
    device, settings = choose_device(request.device), _settings(fitted, request)
    batches = _batches(fitted, rows, request, ranks)
    learner = learner_for(request, fitted.prepared, settings, device)
    network = fitted.network_of(rest, learner_for(request, fitted.prepared)).to(device)
    found = fine_tune(
        network.to(memory_format=torch.channels_last),  # type: ignore[call-overload]  # torch's stub lacks it
        learner,
        batches,
        horizons(request.epochs or MOST_EPOCHS, len(batches.training), deadline),
        settings=settings,
        should_stop=should_stop,
        ranks=ranks,
    )
    result = _result(found, listener)
    listener(Note(f"{result.in_words[0].upper()}{result.in_words[1:]}."))
    if not result.kept or not ranks.first:
        return replace(frozen, settings={**frozen.settings, "fine-tuning": result.in_words})
    answers = fitted.prepared.splits["train"].targets.take(held)
    held_out = HeldOut(result.outputs, answers, HELD_OUT_FIFTH)
    frozen = replace(frozen, unseen=held)
    return _as_trained(frozen, result, batches.training, settings, held_out, learner=learner)


def _reader(prepared: Prepared, rest: np.ndarray, request: TrainRequest, ranks: Ranks) -> StreamReader | None:
    """What reads the training pictures that are streamed: those of the sample judge, and begin, and are none.

    rest: the rows of the sample that do not judge. Raises InputError where there are no others.
    """
    if prepared.stream is None:
        return None
    return stream_reader(prepared, request, ranks, prepared.stream.without_sample(rest))


def _batches(fitted: Fitted, rows: TuningRows, request: TrainRequest, ranks: Ranks) -> TuningBatches:
    return tuning_batches(
        fitted.prepared,
        rows,
        choose_device(request.device),
        augmentation=_augmentation(fitted, request),
        batch_size=request.batch_size,
        seed=request.seed,
        part=ranks.part,
    )


def check_can_be_tuned(request: TrainRequest, prepared: Prepared) -> None:
    """Raises InputError where fine-tuning is asked for and the pictures are too few for it."""
    names = asked(request, STEPS | {"epochs"})
    if names and (why_not := _why_too_few(len(tuning_rows(prepared, request.seed).held), request)):
        raise InputError(f"{no_effect(names)}, for nothing is fine-tuned: {why_not}")


def _why_too_few(held: int, request: TrainRequest) -> str | None:
    """Why so few held-out pictures cannot judge fine-tuning, or None where they can."""
    if held < FEWEST_HELD_OUT and request.budget is not None:
        return (
            f"{held} held-out pictures could not tell a gain from luck (from about "
            f"{FEWEST_HELD_OUT * FOLDS} training pictures on they can; {setting('epochs', 'N')} tries it)."
        )
    if held < 2 and request.epochs is not None:
        return f"it takes at least two held-out pictures, a fifth of the training pictures, and finds {held}."
    return None


def _why_too_late(seconds: float, deadline: float, unused: list[str]) -> str | None:
    """Why a budget is not spent on fine-tuning that takes about so long, or None where it is."""
    left = deadline - time.monotonic()
    if left >= seconds:
        return None
    so = f" (so {no_effect(unused)})" if unused else ""
    longer = f"give a longer {setting('budget')}"
    return f"{left:.0f} s are left, and it would need about {seconds:.0f} s; {longer}{so}."


def _reason(count: int, held: np.ndarray) -> str:
    return f"Fine-tuning on {count:,} pictures; {len(held):,} are held out to judge it."


def _result(events: Iterator[Event | FineTuned], listener: Listener) -> FineTuned:
    for event in events:
        if isinstance(event, FineTuned):
            return event
        listener(event)
    raise RuntimeError("fine_tune ended without a result")


def _augmentation(fitted: Fitted, request: TrainRequest) -> Augmentation:
    augmentation = AUGMENTATION if request.augment == "auto" else Augmentation()
    return augmentation if fitted.mirrored else replace(augmentation, flip="none")


def _settings(fitted: Fitted, request: TrainRequest) -> TrainingSettings:
    return with_asked(replace(SETTINGS, seed=request.seed), request, fitted.prepared)


def _as_trained(
    frozen: TrainedNetwork,
    result: FineTuned,
    training: TrainingBatches,
    settings: TrainingSettings,
    held_out: HeldOut,
    *,
    learner: Learner,
) -> TrainedNetwork:
    """The fine-tuned network in place of the frozen one."""
    last = result.history[-1]
    words = {
        **frozen.settings,
        "recipe": f"fine-tuned: {learner.linear_model} first, then the last blocks, then all",
        "best epoch chosen by": f"{settings.select} of the held-out pictures",
        "fine-tuning": result.in_words,
        "augmentation": training.augmentation.describe(),
    }
    recipe = {
        **frozen.recipe,
        "name": "fine-tuned",
        "batch_size": training.batch_size,
        "epochs_trained": last["epoch"],
        "augmentation": training.augmentation.to_dict(),
        "training": settings.to_dict(),
    }
    return replace(
        frozen,
        module=result.network.to("cpu").eval(),
        recipe=recipe,
        settings=words | words_of(held_out, learner),
        history=result.history,
        best_epoch=result.best_epoch,
        held_out=held_out,
        preview=training.preview(AUGMENTED_SHOWN),
        metrics=metrics_of(held_out, learner),
        features=None,
    )
