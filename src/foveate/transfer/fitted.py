"""A backbone with a head fitted to its features of the training pictures, and held-out answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from foveate.dataset.prepare import Prepared
from foveate.dataset.shards.stream import StreamReader
from foveate.dataset.split import stratified_folds
from foveate.kept import cache_folder
from foveate.models.anatomy import Network
from foveate.models.model import Model
from foveate.models.registry import model_info
from foveate.tasks.learning import Learner
from foveate.transfer.affordable import FOLDS
from foveate.transfer.backbone import for_classes
from foveate.transfer.cost import finishing_seconds
from foveate.transfer.features import Features
from foveate.transfer.head import Head, fit_head
from foveate.transfer.mirror import MirrorTest, mirror_test

CROSS_VALIDATED_MOST = 2_000  # pictures; beyond, one held-out fifth says as much
HELD_OUT_FIFTH = "a held-out fifth of the training pictures"


@dataclass(frozen=True)
class Fitted:
    """A backbone with the head that was fitted to its features of the training pictures.

    views: (V, N, D); V = 2 where mirror images are of use. mirror: what was found of them, if it was asked.
    folds: (N,) in which each picture was held out. loss: of the held-out pictures.
    """

    backbone: Model
    prepared: Prepared
    views: np.ndarray
    mirror: MirrorTest | None
    folds: np.ndarray
    head: Head
    loss: float

    @property
    def mirrored(self) -> bool:
        """Whether mirror images were learnt from."""
        return len(self.views) == 2

    @property
    def how(self) -> str:
        """How the held-out answers came about, in words."""
        crossed = self.head.was_held_out.mean() > 0.5
        return f"training pictures in {FOLDS}-fold cross-validation" if crossed else HELD_OUT_FIFTH

    @property
    def macs(self) -> float:
        """Multiply-accumulates of a picture, about: those at the network's own size, scaled to this one."""
        info, shape = model_info(self.backbone.name), self.backbone.preprocessing
        return info.macs * shape.height * shape.width / (info.input_size[1] * info.input_size[2])

    @property
    def seconds_to_finish(self) -> float:
        """What export, measuring and the report take after training, about."""
        pictures = sum(len(split) for name, split in self.prepared.splits.items() if name != "train")
        return finishing_seconds(pictures, self.macs)

    def network(self) -> Network:
        """The backbone with the head in its place."""
        return with_head(self.backbone, self.head)

    def network_of(self, rows: np.ndarray, learner: Learner) -> Network:
        """The same with a head that has seen these rows alone, by the penalty already chosen."""
        targets = self.prepared.splits["train"].targets.take(rows)
        never = np.full(len(rows), -1)
        head = fit_head(self.views[:, rows], targets, never, learner, penalty=self.head.penalty)
        return with_head(self.backbone, head)


def fit_backbone(
    backbone: Model,
    prepared: Prepared,
    learner: Learner,
    *,
    mirrored: bool,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Fitted:
    """Fit a head to a backbone's features of the training pictures; penalty by cross-validation.

    Args:
        mirrored: whether mirror images may be looked at; they are left out where they hurt.
        progress: called with (done, all) views. say: with what the user should know of features kept before.
    """
    split = prepared.splits["train"]
    with Features(backbone, cache_folder() / "features") as features:
        views = features.of(split.pixels, mirrored=mirrored, progress=progress).views
        for sentence in features.notes:
            say(sentence)
    wanted = prepared.task.matrix(split.targets)
    mirror = mirror_test(views, wanted, split.groups) if mirrored else None
    if mirror is not None and (mirror.hurts or (prepared.task.mirrors_on_proof and not mirror.seen)):
        views = views[:1]
    folds = make_folds(split.targets.strata, split.groups, seed)
    head = fit_head(views, split.targets, folds, learner)
    known, loss = np.flatnonzero(head.was_held_out), 0.0
    if len(known):
        losses = learner.losses(torch.from_numpy(head.held_out[known]), split.targets.take(known))
        loss = float(losses.mean())
    return Fitted(backbone, prepared, views, mirror, folds, head, loss)


def make_folds(strata: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """(N,) in which of five folds each picture is held out; with many pictures one fold does (others: -1)."""
    folds = stratified_folds(strata, groups, FOLDS, seed)
    return folds if len(strata) <= CROSS_VALIDATED_MOST else np.where(folds == 0, 0, -1)


class TuningRows(NamedTuple):
    """The rows of the training pictures that judge fine-tuning, and of those that it learns from.

    reader: of the pictures to learn from instead, which are none of the held-out ones.
    """

    held: np.ndarray
    rest: np.ndarray
    reader: StreamReader | None = None

    @property
    def learnt_from(self) -> int:
        """How many pictures it learns from."""
        return len(self.rest) if self.reader is None else len(self.reader.stream)


def tuning_rows(prepared: Prepared, seed: int) -> TuningRows:
    split = prepared.splits["train"]
    folds = make_folds(split.targets.strata, split.groups, seed)
    return TuningRows(np.flatnonzero(folds == 0), np.flatnonzero(folds != 0))


def with_head(backbone: Model, head: Head) -> Network:
    """A network of the backbone's layers with a fitted head."""
    network = for_classes(backbone, len(head.bias))
    with torch.no_grad():
        layer = network.get_submodule(network.classifier_name)
        layer.weight.copy_(torch.from_numpy(head.weight))  # type: ignore[operator]
        layer.bias.copy_(torch.from_numpy(head.bias))  # type: ignore[operator]
    return network.eval()
