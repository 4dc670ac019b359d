"""The pictures of a run, and from what it starts with them; what they cannot give is found out here."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from foveate.dataset import DataSet
from foveate.dataset.prepare import Preparation, Prepared, prepare
from foveate.dataset.samples import measured_splits
from foveate.errors import DatasetError, InputError, InterruptedRunError, listed
from foveate.models.blueprint import load_blueprint
from foveate.models.model import Model
from foveate.models.names import BlueprintFile
from foveate.models.weights_file import find_weights
from foveate.pipeline.choices import WeightsFile, blueprint_size, usual_side
from foveate.pipeline.fine_tuning import check_can_be_tuned
from foveate.pipeline.listen import Note, Reading, Shares
from foveate.pipeline.photographs import FromBackbones, FromChance, Start, choose_start
from foveate.pipeline.request import TrainRequest
from foveate.pipeline.resume import Earlier, Given, Resumed, check_same_data, opened
from foveate.pipeline.several import refuse_several
from foveate.pipeline.ways import (
    FINE_TUNED,
    FROM_CHANCE,
    FROZEN,
    OWN_MODULE,
    Way,
    asked,
    no_effect,
    refuse_for,
    refuse_streamed,
    refuse_unused,
)
from foveate.training.machine import choose_device
from foveate.training.ranks import Ranks
from foveate.training.recipes import get_recipe
from foveate.training.tensorboard import check_tensorboard


def read_pictures(resumed: Resumed, given: Given, ranks: Ranks) -> tuple[DataSet, Start, Prepared]:
    """The pictures, and from what to start with them."""
    request, earlier, listener = resumed.request, resumed.earlier, given.listener
    _check_choices(request)
    dataset = opened(given, request)
    refuse_for(request, dataset.task)
    dataset = _as_asked(dataset, request)
    if request.select not in {None, "last"}:
        dataset.task.metric(request.select)  # that there is one
    start = FromChance() if given.module is not None else choose_start(request, dataset, listener)
    way = _way(request, start, given.module)
    refuse_unused(request, way)
    refuse_several(ranks, way)
    refuse_streamed(dataset, way)
    first = start.backbones[0] if isinstance(start, FromBackbones) else None
    prepared = prepared_for_run(dataset, request, first, given, earlier, start=start)
    if earlier is not None:
        check_same_data(
            earlier.dataset,
            earlier.sides,
            prepared,
            allow_changed=given.allow_changed_data,
            listener=listener,
        )
        prepared = replace(prepared, task=earlier.task)  # other pictures would standardise numbers otherwise
    if start.reason:
        listener(Note(start.reason))
    _check_pictures(request, prepared, start)
    return dataset, start, prepared


def _way(request: TrainRequest, start: Start, module: nn.Module | None) -> Way:
    """How this run trains."""
    if module is not None:
        return OWN_MODULE
    if isinstance(start, FromChance):
        return FROM_CHANCE
    return FROZEN if request.epochs is None and request.budget is None else FINE_TUNED


def prepared_for_run(
    dataset: DataSet,
    request: TrainRequest,
    backbone: Model | None,
    given: Given,
    earlier: Earlier | None,
    *,
    start: Start | None = None,
) -> Prepared:
    """Each picture read and put on its side, as the network will take it."""

    def progress(split: str, done: int, total: int) -> None:
        if given.should_stop():
            raise InterruptedRunError("Stopped while reading the pictures; nothing was written.")
        given.listener(Reading(split, done, total))

    side, chance = request.image_size, start if isinstance(start, FromChance) else FromChance()
    preprocessing = None if earlier is None else earlier.preprocessing  # what its network has learnt to see
    if preprocessing is None and backbone is not None:
        preprocessing = backbone.preprocessing
    how = Preparation(
        preprocessing=preprocessing,
        like=chance.trunk.preprocessing if chance.trunk else None,
        most_pixels=chance.most_pixels,
        kept=None if earlier is None else earlier.sides,
        image_size=(side, side) if side else blueprint_size(request.network),
        default_size=usual_side(request.network),
        fit=request.fit,
        # A backbone's head is chosen by cross-validation: no picture is lost to validation.
        val_fraction=0.0 if backbone is not None and request.val_fraction is None else request.val_fraction,
        test_fraction=request.test_fraction,
        max_unreadable_fraction=request.max_unreadable,
        seed=request.seed,
    )
    prepared = prepare(dataset, how, progress)
    if prepared.shares is not None:
        given.listener(Shares(prepared.shares))
    for sentence in prepared.remarks:
        given.listener(Note(sentence))
    return prepared


def _as_asked(dataset: DataSet, request: TrainRequest) -> DataSet:
    """With what the request says of how its answers are read. Raises DatasetError."""
    task = dataset.task
    options = {name: getattr(request, name) for name in asked(request, task.options)}
    if not options:
        return dataset
    try:
        return dataset.with_task(task.with_options(dataset.splits["train"].targets, **options))
    except DatasetError as error:
        raise DatasetError(f"Data set {dataset.name!r} {error}") from None


def _check_choices(request: TrainRequest) -> None:
    """Find a wrong name now, not after minutes of reading pictures."""
    choose_device(request.device)
    if request.tensorboard:
        check_tensorboard()
    if request.recipe != "auto":
        get_recipe(request.recipe)
    if isinstance(request.network, BlueprintFile):
        load_blueprint(request.network.path)
    if isinstance(request.start, WeightsFile):
        find_weights(request.start.path)


def _check_pictures(request: TrainRequest, prepared: Prepared, start: Start) -> None:
    """Find out now what these pictures cannot give, not after minutes of work."""
    task = prepared.task
    for name in measured_splits(prepared.splits):
        if task.groups and not prepared.counts(name).any():
            raise DatasetError(
                f"Data set {prepared.name!r}: no picture in {name} has one of the {task.called} "
                f"({listed(task.groups)}), so nothing could be measured on it; add such pictures to it, or "
                "leave it out."
            )
    if isinstance(start, FromBackbones):
        check_can_be_tuned(request, prepared)
    elif "val" not in prepared.splits:
        choosing = {"patience", "unsure_precision"} | ({"select"} if request.select != "last" else set())
        names = asked(request, choosing)
        if names:
            raise InputError(f"{no_effect(names)}: it takes validation pictures, and there are none.")
