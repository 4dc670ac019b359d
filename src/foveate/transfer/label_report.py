"""What `foveate check --labels` says of a data set: labels in doubt, and copies that pixels do not show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.dataset.quality.duplicates import joined
from foveate.dataset.quality.finding import Finding, Integers, Place, Results, View, counted
from foveate.dataset.quality.findings import Findings
from foveate.dataset.samples import DataSet
from foveate.errors import DatasetError
from foveate.models.model import Model
from foveate.transfer.features import Features
from foveate.transfer.labels import LEAST_PICTURES, Judged, LeftOut, alike, judge_labels
from foveate.transfer.mirror import MirrorTest, mirror_test

_LIKE = "cut, mirrored, in another light, or taken a moment apart"


@dataclass(frozen=True)
class Suspect:
    """A picture whose label is in doubt.

    score: 0..1, one minus the probability that a classifier which has not seen the picture gives the label.
    """

    place: Place
    suggested: str
    score: float
    suggested_probability: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data, strict JSON."""
        return {
            "split": self.place.split,
            "index": self.place.index,
            "path": self.place.name,
            "given": self.place.label,
            "suggested": self.suggested,
            "score": round(self.score, 4),
            "suggested_probability": round(self.suggested_probability, 4),
        }


@dataclass(frozen=True)
class LabelReport:
    """Ranked suspects, the most suspicious first, and groups of pictures that are copies by their features.

    ranking: all judged pictures in order of suspicion. doubtful: how many of the first are probably wrong.
    judged: how many pictures were judged. unjudged: the classes too small for it. mirror:
    what was found of mirror images, where they may be looked at. notes: what the user should
    know of the features kept.
    """

    ranking: tuple[Suspect, ...]
    doubtful: int
    unjudged: tuple[str, ...]
    copies: tuple[tuple[Place, ...], ...]
    mirror: MirrorTest | None
    backbone: str
    notes: tuple[str, ...]

    def findings(self) -> list[Finding]:
        """The same in the form of all other findings."""
        items = [*self._doubts(), *self._copies()]
        if self.mirror is not None and self.mirror.hurts:
            message = f"Mirror images do not go with these pictures: {self.mirror.in_words('class')}."
            items.append(Finding("mirror", "note", message))
        return items

    def to_dict(self) -> dict[str, Any]:
        """Plain data, strict JSON."""
        return {
            "network": self.backbone,
            "judged": len(self.ranking),
            "doubtful": self.doubtful,
            "ranking": [suspect.to_dict() for suspect in self.ranking],
        }

    def _doubts(self) -> list[Finding]:
        items = []
        if self.doubtful:
            what = "label is" if self.doubtful == 1 else "labels are"
            message = (
                f"{self.doubtful:,} of {len(self.ranking):,} {what} in doubt: to classifiers that have not "
                "seen them these pictures show another class. The most suspicious come first."
            )
            groups = tuple((_told(suspect),) for suspect in self.ranking[: self.doubtful])
            items.append(Finding("label", "warning", message, groups))
        if self.unjudged:
            named = ", ".join(repr(name) for name in self.unjudged[:5])
            more = f" and {len(self.unjudged) - 5} more" if len(self.unjudged) > 5 else ""
            message = f"The labels of {named}{more} were not judged: fewer than {LEAST_PICTURES} pictures."
            items.append(Finding("label-unjudged", "note", message))
        return items

    def _copies(self) -> list[Finding]:
        across, torn, rest = (list[tuple[Place, ...]]() for _ in range(3))
        for group in self.copies:
            splits, labels = {place.split for place in group}, {place.label for place in group}
            (across if len(splits) > 1 else torn if len(labels) > 1 else rest).append(group)
        items = []
        for kind, severity, groups, words in (
            ("alike-leak", "warning", across, "in more than one split"),
            ("alike-contradiction", "warning", torn, "under two classes"),
            ("alike", "note", rest, "in one class and split"),
        ):
            if groups:
                number = counted(len(groups), "group")
                message = f"{number} of pictures {words} that the network takes for the same: {_LIKE}."
                items.append(Finding(kind, severity, message, tuple(groups)))  # type: ignore[arg-type]
        return items


def _told(suspect: Suspect) -> Place:
    place = suspect.place
    remark = f"rather {suspect.suggested} ({suspect.suggested_probability:.0%}); score {suspect.score:.3f}"
    return Place(place.split, place.index, place.name, place.label, remark)


def examine_labels(
    dataset: DataSet,
    results: Results,
    pixels: Mapping[str, NDArray[np.uint8]],
    *,
    found: Findings,
    backbone: Model,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> LabelReport:
    """Judge the labels of all splits together.

    Where the task permits it, pictures are seen in a mirror, too, unless they turn out to take on another
    class there.

    Args:
        results: the scan of each split.
        pixels: of each split, (N, H, W, C) uint8 as the backbone's preprocessing makes them.
        found: the other findings; copies by pixels are not named again.
        folder: where features are kept.
        progress: called with (done, all) pictures.

    Raises:
        DatasetError: fewer than two classes have enough pictures. InputError: pictures have not one class
            each.
    """
    view = View(dataset, results)
    usable = np.concatenate([results[key].ok for key in view.keys])
    rows = np.flatnonzero(usable)
    task = dataset.task
    targets = [task.class_numbers(dataset.splits[key].targets) for key in view.keys]
    labels = np.concatenate(targets)[rows]
    counts = np.bincount(labels, minlength=len(task.groups))
    if (counts >= LEAST_PICTURES).sum() < 2:
        raise DatasetError(
            f"To judge labels at least two classes need {LEAST_PICTURES} readable pictures each; "
            f"{int((counts >= LEAST_PICTURES).sum())} of {len(counts)} have them."
        )
    mirrored = task.mirror_safe
    views, notes = _features(view, pixels, backbone, folder, progress, mirrored=mirrored)
    groups = np.concatenate([found.groups[key] for key in view.keys])[rows]
    mirror = mirror_test(views, np.eye(len(task.groups))[labels], groups) if mirrored else None
    features = views[0] if mirror is not None and mirror.hurts else views.mean(axis=0)
    judged = judge_labels(LeftOut(features, groups), labels, len(task.groups))
    small = [name for name, count in zip(task.groups, counts, strict=True) if 0 < count < LEAST_PICTURES]
    return LabelReport(
        ranking=_suspects(view, rows, judged),
        doubtful=judged.doubtful,
        unjudged=tuple(small),
        copies=view.placed([rows[members] for members in _copies(features, groups)]),
        mirror=mirror,
        backbone=backbone.name,
        notes=notes,
    )


def _features(
    view: View,
    pixels: Mapping[str, NDArray[np.uint8]],
    backbone: Model,
    folder: Path,
    progress: Callable[[int, int], None],
    *,
    mirrored: bool,
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """(V, N, D) of the readable pictures, V = 2 with their mirror images; and notes."""
    parts, before, views = [], 0, 2 if mirrored else 1
    total = sum(int(view.results[key].ok.sum()) for key in view.keys)
    with Features(backbone, folder) as features:
        for key in view.keys:
            result, chosen = view.results[key], np.flatnonzero(view.results[key].ok)

            def report(done: int, _: int, start: int = before) -> None:
                progress(start + done // views, total)

            some = pixels[key] if len(chosen) == len(result) else pixels[key][chosen]
            parts.append(features.of(some, mirrored=mirrored, progress=report).views)
            before += len(chosen)
        return np.concatenate(parts, axis=1), features.notes


def _suspects(view: View, rows: Integers, judged: Judged) -> tuple[Suspect, ...]:
    return tuple(
        Suspect(
            view.place(int(rows[i])),
            view.dataset.task.groups[judged.suggested[i]],
            float(judged.score[i]),
            float(judged.suggested_probability[i]),
        )
        for i in judged.ranking
    )


def _copies(features: NDArray[np.float32], groups: Integers) -> list[Integers]:
    """Groups of pictures that are alike by their features and not all copies by their pixels."""
    pairs = alike(features)
    numbers = np.unique(groups, return_index=True, return_inverse=True)
    first = numbers[1][numbers[2].reshape(-1)]  # each group's first picture
    together = joined(first, pairs)
    order = np.argsort(together, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(together[order])) + 1)
    return [part for part in parts if len(np.unique(first[part])) > 1]
