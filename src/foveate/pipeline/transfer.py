"""Photographs: from learnt weights instead of from chance. Which data sets, and what is then done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from foveate.batches.prepare import Prepared
from foveate.dataset.fetch import cache_folder
from foveate.dataset.samples import ArrayImages, DataSet, FileImages, Images, evenly
from foveate.dataset.split import stratified_folds
from foveate.errors import ImageError, InterruptedRunError, MissingExtraError
from foveate.evaluation.metrics import evaluate
from foveate.images.read import probe
from foveate.models.registry import model_info
from foveate.pipeline.listen import Listener, Looking
from foveate.pipeline.plan import class_weights, is_blueprint_file
from foveate.pipeline.request import TrainRequest
from foveate.pipeline.trained import AUGMENTED_SHOWN, HeldOut, TrainedNetwork
from foveate.transfer.backbone import DEFAULT, Backbone, backbone_from_file, packaged_backbone
from foveate.transfer.features import Features
from foveate.transfer.head import Head, fit_head

LOOKED_AT = 50  # pictures whose headers tell what kind they are
PHOTOGRAPH_SIDE_PX = 96  # the shorter side; smaller pictures have lost what ImageNet's features look for
BACKBONE_SIDE_PX = 128  # networks made for at least this size can be backbones
FOLDS = 5
CROSS_VALIDATED_MOST = 2_000  # pictures; beyond, one held-out fifth says as much
ELSEWHERE = ("imagenet", "none")  # what --weights takes beside files


@dataclass(frozen=True)
class Start:
    """Where training starts. backbone: None to start from chance. reason: a sentence for the user."""

    backbone: Backbone | None
    reason: str = ""


def choose_start(request: TrainRequest, dataset: DataSet) -> Start:
    """From learnt weights, or from chance.

    Photographs start from ImageNet weights where no network is named, and so does any picture when
    ``--weights imagenet`` says it. A named network starts from the weights that are named.

    Raises:
        WeightsError: the weights do not fit. MissingExtraError: they are asked for and not installed.
    """
    if request.weights == "none" or is_blueprint_file(request.model):
        return Start(None)
    if request.weights == "imagenet":
        backbone = packaged_backbone(DEFAULT if request.model == "auto" else request.model)
        return Start(backbone, f"Starting from {backbone.source}.")
    if request.weights is not None:
        return _from_file(request, Path(request.weights))
    if request.model != "auto" or request.recipe != "auto":
        return Start(None)
    return _by_the_pictures(_usual_side(dataset.splits["train"].images))


def _by_the_pictures(side: int) -> Start:
    """What suits pictures with this median shorter side in pixels."""
    if side < PHOTOGRAPH_SIDE_PX:
        return Start(None)
    what = f"These are photographs (about {side} px)"
    try:
        backbone = packaged_backbone()
    except MissingExtraError as error:
        return Start(None, f"{what}: with ImageNet weights a few of them go a long way. {error}")
    return Start(backbone, f"{what}: starting from {backbone.source}; --weights none starts from chance.")


def _from_file(request: TrainRequest, path: Path) -> Start:
    """A file's weights are a backbone where the network is made for photographs, and no recipe is named."""
    info = model_info(request.model)
    if request.recipe != "auto" or info.input_size[0] != 3 or info.input_size[1] < BACKBONE_SIDE_PX:
        return Start(None)
    backbone = backbone_from_file(request.model, path, request.image_size)
    return Start(backbone, f"Starting from {backbone.source}.")


def _usual_side(images: Images) -> int:
    """The median of the pictures' shorter sides in pixels, from a look at some headers."""
    if isinstance(images, ArrayImages):
        return min(images.array.shape[1:3])
    if not isinstance(images, FileImages):
        return 0
    sides = []
    for row in evenly(len(images), LOOKED_AT):
        try:
            info = probe(images.data(int(row)))
        except ImageError:
            continue  # the scan will name it
        sides.append(min(info.width, info.height))
    return int(np.median(sides)) if sides else 0


def transfer(
    backbone: Backbone,
    prepared: Prepared,
    request: TrainRequest,
    *,
    listener: Listener,
    should_stop: Callable[[], bool],
) -> TrainedNetwork:
    """Fit a head on the backbone's features of the training pictures.

    Nothing is chosen on validation or test pictures, whoever gave them: the penalty of the head, the
    temperature and all thresholds come from training pictures that were held out in turn.
    """

    def progress(done: int, total: int) -> None:
        if should_stop():
            raise InterruptedRunError(
                "Stopped while looking at the pictures; what was computed is kept and used next time."
            )
        listener(Looking(done, total))

    split = prepared.splits["train"]
    with Features(backbone, cache_folder() / "features") as features:
        extracted = features.of(split.pixels, split.digests, mirrored=True, progress=progress)
    folds = make_folds(split.labels, split.groups, request.seed)
    weights = np.array(class_weights(prepared)) if request.class_weights == "balanced" else None
    head = fit_head(extracted.views, split.labels, folds, len(prepared.classes), class_weights=weights)
    return _as_trained(backbone, head, prepared, request, extracted.computed)


def make_folds(labels: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """(N,) in which of five folds each picture is held out; with many pictures one fold does (others: -1)."""
    folds = stratified_folds(labels, groups, FOLDS, seed)
    return folds if len(labels) <= CROSS_VALIDATED_MOST else np.where(folds == 0, 0, -1)


def _as_trained(
    backbone: Backbone, head: Head, prepared: Prepared, request: TrainRequest, computed: int
) -> TrainedNetwork:
    import torch

    split, known = prepared.splits["train"], head.was_held_out
    network = backbone.for_classes(len(prepared.classes))
    with torch.no_grad():
        layer = network.get_submodule(network.classifier_name)
        layer.weight.copy_(torch.from_numpy(head.weight))  # type: ignore[operator]
        layer.bias.copy_(torch.from_numpy(head.bias))  # type: ignore[operator]
    held_out, metrics = None, {}
    how = f"{FOLDS}-fold cross-validation" if known.sum() > len(known) / 2 else "a held-out fifth"
    if known.any():
        held_out = HeldOut(head.held_out[known], split.labels[known], how)
        found = evaluate(_softmax(head.held_out[known]), split.labels[known], prepared.classes)
        metrics["held_out"] = {"how": how, "accuracy": found.accuracy, "samples": found.samples}
    settings = {
        "network": backbone.name,
        "weights": backbone.source,
        "recipe": "frozen features: a logistic regression on what the network sees",
        "views": "each picture and its mirror image",
        "penalty": f"{head.penalty:g}, chosen by {how}",
        "class weights": request.class_weights,
    }
    if held_out is not None:
        settings["accuracy on held-out training pictures"] = f"{metrics['held_out']['accuracy']:.1%}"
    recipe = {"name": "frozen-features", "penalty": head.penalty, "request": request.to_dict()}
    preview = evenly(len(split), AUGMENTED_SHOWN)
    return TrainedNetwork(
        module=network.eval(),
        name=backbone.name,
        architecture=backbone.architecture,
        recipe=recipe,
        settings=settings,
        history=(),
        best_epoch=None,
        held_out=held_out,
        preview=(np.asarray(split.pixels[preview]), split.labels[preview]),
        metrics=metrics,
    )


def _softmax(logits: np.ndarray) -> np.ndarray:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)
