"""Photographs: from learnt weights instead of from chance. Which data sets, which backbone, which head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from foveate.dataset.look import MOST_PIXELS
from foveate.dataset.prepare import Prepared
from foveate.dataset.samples import DataSet, evenly
from foveate.errors import InputError, InterruptedRunError, MissingExtraError
from foveate.models.model import Model
from foveate.models.names import HubName, Registered
from foveate.models.refined import multiply_adds
from foveate.models.registry import model_info, model_options
from foveate.pipeline.choices import Auto, PublishedWeights, WeightsFile
from foveate.pipeline.listen import Listener, Looking, Note
from foveate.pipeline.plan import FromChance, learner_for
from foveate.pipeline.request import TrainRequest
from foveate.pipeline.trained import AUGMENTED_SHOWN, HeldOut, TrainedNetwork
from foveate.pipeline.ways import of_use
from foveate.resolve import from_hub, published
from foveate.tasks.base import Task
from foveate.tasks.learning import Learner
from foveate.tasks.measures import Metric
from foveate.transfer.affordable import affordable, usual_side
from foveate.transfer.backbone import PACKAGED, backbone_from_file, usable, with_fit
from foveate.transfer.fitted import Fitted, fit_backbone
from foveate.words import setting

PHOTOGRAPH_SIDE_PX = 96  # the shorter side; smaller pictures have lost what ImageNet's features look for
# Classes of pixels, by a budget: small pictures often rather than large ones seldom.
MAP_EPOCHS, MAP_SHARE, LEAST_MAP_PIXELS = 9, 0.75, 20_000
SECONDS_PER_MAP_GMAC = 0.1  # of learning from a picture, in torch on two cores
BACKBONE_SIDE_PX = 128  # networks made for at least this size can be backbones


@dataclass(frozen=True)
class FromBackbones:
    """Training starts from these, of which the best is taken. reason: a sentence for the user."""

    backbones: tuple[Model, ...]
    reason: str


Start = FromBackbones | FromChance


def choose_start(request: TrainRequest, dataset: DataSet, listener: Listener = lambda event: None) -> Start:
    """From learnt weights, whose preprocessing is settled here, or from chance.

    Photographs start from ImageNet weights where no network is named, and so does any picture when
    ``--weights imagenet`` says it. A named network starts from the weights that are named.

    Raises:
        WeightsError: the weights do not fit. MissingExtraError: they are asked for and not installed.
    """
    maps = not dataset.task.whole_picture
    start = _for_maps(request, dataset) if maps else _start(request, dataset, listener)
    if isinstance(start, FromChance):
        return start if start.reason else replace(start, reason=_could_be_learnt(request, dataset))
    return replace(start, backbones=tuple(with_fit(backbone, request.fit) for backbone in start.backbones))


def _start(request: TrainRequest, dataset: DataSet, listener: Listener) -> Start:
    network = request.network
    match request.start:
        case PublishedWeights():
            names = (network.name,) if isinstance(network, Registered) else _affordable(request, dataset)
            return _packaged(names or PACKAGED[:1], request.image_size, "Starting from")
        case HubName() as name:
            return _from_hub(request, name, listener)
        case WeightsFile(path) if isinstance(network, Registered):
            return _from_file(request, network.name, path)
        case Auto() if isinstance(network, Auto) and request.recipe == "auto":
            side = usual_side(dataset.splits["train"].images)
            if side >= PHOTOGRAPH_SIDE_PX:
                return _for_photographs(_affordable(request, dataset), side, request, dataset)
    return FromChance()


def _could_be_learnt(request: TrainRequest, dataset: DataSet) -> str:
    """That a network which is named alone starts from chance, where it could start from learnt weights."""
    if not isinstance(request.start, Auto) or not isinstance(request.network, Registered):
        return ""
    name, side = request.network.name, usual_side(dataset.splits["train"].images)
    if _trunk_of(name) not in PACKAGED or side < PHOTOGRAPH_SIDE_PX:
        return ""
    return f"{name} starts from chance; {setting('weights', 'imagenet')} starts it from ImageNet weights."


def _trunk_of(name: str) -> str:
    """The network whose weights a registered one can start from: its trunk's, or its own."""
    return str(model_options(name).get("trunk", name))


def _for_maps(request: TrainRequest, dataset: DataSet) -> FromChance:
    """Networks whose answers have a place in pictures: those of the task, of photographs on a learnt one."""
    small, large = map(Registered, dataset.task.usual_networks)
    if isinstance(request.start, HubName):
        raise InputError(
            f"{setting('weights')} {request.weights}: a network for {dataset.task.name} starts from "
            f"{setting('weights', 'imagenet')}, a file, or chance."
        )
    side = usual_side(dataset.splits["train"].images)
    wanted = isinstance(request.start, PublishedWeights)
    auto = isinstance(request.start, Auto) and isinstance(request.network, Auto)
    if not wanted and not (auto and request.recipe == "auto" and side >= PHOTOGRAPH_SIDE_PX):
        enough = dataset.task.enough_pixels(dataset.splits["train"].targets)
        return FromChance(network=small, most_pixels=enough)
    network = request.network if isinstance(request.network, Registered) else large
    try:
        trunk = published(_trunk_of(network.name))
    except MissingExtraError as error:
        if wanted:
            raise
        return FromChance(
            f"These are photographs: on a trunk with ImageNet weights a few go a long way. {error}",
            small,
        )
    licence = f"ImageNet weights, {setting('weights', 'none')} starts from chance"
    most = _map_pixels(request, dataset, network.name)
    return FromChance(f"Starting from {trunk.name} ({licence}).", network, trunk, most)


def _map_pixels(request: TrainRequest, dataset: DataSet, network: str) -> int | None:
    """How large pictures need to be for their answers, and may be for MAP_EPOCHS within a budget, if any."""
    enough = dataset.task.enough_pixels(dataset.splits["train"].targets)
    if request.budget_seconds is None:
        return enough
    info, count = model_info(network), len(dataset.splits["train"])
    macs = info.macs / (info.input_size[1] * info.input_size[2])  # a pixel
    if request.refine == "mrf":
        macs += multiply_adds(len(dataset.task.labels))
    seconds = MAP_EPOCHS * count * macs * SECONDS_PER_MAP_GMAC / 1e9  # a pixel of every picture
    least = max(LEAST_MAP_PIXELS, (enough or 0) // 4)  # smaller, what there is to find can hardly be seen
    affordable = max(round(MAP_SHARE * request.budget_seconds / seconds), least)
    return min(affordable, enough or MOST_PIXELS)


def _affordable(request: TrainRequest, dataset: DataSet) -> tuple[str, ...]:
    """The packaged backbones to try."""
    views = 2 if may_mirror(request, dataset.task) else 1
    count = len(dataset.splits["train"])
    measured = sum(len(split) for split in dataset.splits.values()) - count
    return affordable(count, request.budget_seconds, measured, views)


def _for_photographs(names: tuple[str, ...], side: int, request: TrainRequest, dataset: DataSet) -> Start:
    if not names:
        count = len(dataset.splits["train"])
        return FromChance(
            f"{count:,} photographs are too many to start from ImageNet weights in this budget."
        )
    try:
        return _packaged(names, request.image_size, f"These are photographs (about {side} px): starting from")
    except MissingExtraError as error:
        return FromChance(f"These are photographs: with ImageNet weights a few go a long way. {error}")


def may_mirror(request: TrainRequest, task: Task) -> bool:
    """Whether mirror images may be looked at: not where it is switched off, and not of letters and digits."""
    return request.augment == "auto" and task.mirror_safe


def _packaged(names: tuple[str, ...], image_size: int | None, words: str) -> FromBackbones:
    backbones = tuple(published(name, image_size) for name in names)
    told = " or ".join(backbone.name for backbone in backbones)
    licence = f"ImageNet weights, {setting('weights', 'none')} starts from chance"
    return FromBackbones(backbones, f"{words} {told} ({licence}).")


def _from_file(request: TrainRequest, name: str, path: Path) -> Start:
    """A file's weights are a backbone where the network is made for photographs, and no recipe is named."""
    info = model_info(name)
    if request.recipe != "auto" or info.input_size[0] != 3 or info.input_size[1] < BACKBONE_SIDE_PX:
        return FromChance()
    backbone = backbone_from_file(name, path, request.image_size)
    return FromBackbones((backbone,), f"Starting from {backbone.source}.")


def _from_hub(request: TrainRequest, name: HubName, listener: Listener) -> FromBackbones:
    """A hub's weights, for the network that is asked for or that their config.json names."""
    backbone = usable(
        from_hub(
            name,
            request.network.name if isinstance(request.network, Registered) else None,
            image_size=request.image_size,
            headless=True,
            download=request.download,
            say=lambda sentence: listener(Note(sentence)),
        )
    )
    return FromBackbones((backbone,), f"Starting from {backbone.source}.")


def best_start(
    backbones: tuple[Model, ...],
    prepare: Callable[[Model], Prepared],
    request: TrainRequest,
    *,
    listener: Listener,
    should_stop: Callable[[], bool],
) -> Fitted:
    """Fit a head to each backbone's features, and take the one that does best on held-out pictures.

    Nothing is chosen on validation or test pictures, whoever gave them: backbone, penalty, temperature and
    thresholds come from training pictures that were held out in turn.
    """

    def progress(done: int, total: int) -> None:
        if should_stop():
            raise InterruptedRunError(
                "Stopped while looking at the pictures; what was computed is kept and used next time."
            )
        listener(Looking(done, total))

    best: Fitted | None = None
    for backbone in backbones:
        prepared = prepare(backbone)
        fitted = fit_backbone(
            backbone,
            prepared,
            learner_for(request, prepared),
            mirrored=may_mirror(request, prepared.task),
            seed=request.seed,
            progress=progress,
            say=lambda sentence: listener(Note(sentence)),
        )
        if len(backbones) > 1:
            listener(Note(f"{backbone.name}: loss {fitted.loss:.3f} on {fitted.how}."))
        if best is None or fitted.loss < best.loss:
            best = fitted
    if best is None:
        raise ValueError("best_start takes at least one backbone")
    if best.mirror is not None and not best.mirrored:
        told = best.mirror.in_words(best.prepared.task.called_one)
        listener(Note(f"Mirror images are left out: {told}."))
    return best


def as_trained(fitted: Fitted, request: TrainRequest) -> TrainedNetwork:
    """The frozen backbone with its head, for finishing."""
    split, head = fitted.prepared.splits["train"], fitted.head
    known = np.flatnonzero(head.was_held_out)
    preview = evenly(len(split), AUGMENTED_SHOWN)
    learner = learner_for(request, fitted.prepared)
    settings = {
        "network": fitted.backbone.name,
        "weights": fitted.backbone.source,
        "recipe": f"frozen features: {learner.linear_model} on what the network sees",
        "views": "each picture and its mirror image" if fitted.mirrored else "each picture as it is",
        "penalty": f"{head.penalty:.2g}, chosen on {fitted.how}",
        "class weights": "balanced" if request.class_weights == "balanced" else "none",
    }
    held_out = HeldOut(head.held_out[known], split.targets.take(known), fitted.how) if len(known) else None
    return TrainedNetwork(
        module=fitted.network(),
        name=fitted.backbone.name,
        architecture=fitted.backbone.architecture,
        recipe={"name": "frozen-features", "penalty": head.penalty, "request": request.published()},
        settings=of_use(settings, learner.task) | words_of(held_out, learner),
        history=(),
        best_epoch=None,
        held_out=held_out,
        preview=(np.asarray(split.pixels[preview]), split.targets.take(preview)),
        metrics=metrics_of(held_out, learner),
        features=fitted.views[0],
    )


def metrics_of(held_out: HeldOut | None, learner: Learner) -> dict[str, object]:
    """The task's first metric of the held-out training pictures, for config.json."""
    if held_out is None:
        return {}
    metric, value = _quoted(held_out, learner)
    return {"held_out": {"how": held_out.how, metric.name: value, "samples": len(held_out.targets)}}


def words_of(held_out: HeldOut | None, learner: Learner) -> dict[str, str]:
    """The same for people."""
    if held_out is None:
        return {}
    metric, value = _quoted(held_out, learner)
    told = f"{metric.plain(value)} of {len(held_out.targets):,} ({held_out.how})"
    return {f"{metric.words} on held-out pictures": told}


def _quoted(held_out: HeldOut, learner: Learner) -> tuple[Metric, float]:
    metric = learner.task.metrics[0]
    scores = learner.scores(torch.from_numpy(held_out.outputs).float(), held_out.targets)
    return metric, scores[metric.name]
