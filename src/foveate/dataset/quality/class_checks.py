"""Classes with too little, what gives a class away, and pictures of awkward sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from foveate.dataset.quality.finding import Finding, Results, View, counted
from foveate.dataset.samples import DataSet, EncodedImages
from foveate.errors import listed

FEW_IMAGES = 10  # in a class; below it neither learning nor measuring means much
IMBALANCE = 10  # times as many pictures in the largest class as in the smallest
TINY_PX = 8  # shorter side
LONG = 4  # times as long as wide
_TIED_SHARE = 0.95  # of a class's pictures share what hardly any other class has: a shortcut to learn

Counts = NDArray[np.int64]  # (K,) usable pictures of each class


def class_sizes(dataset: DataSet, usable: Mapping[str, Sequence[int]]) -> list[Finding]:
    """Classes with nothing, next to nothing, far less than others, or in some splits only.

    ``usable`` holds, by split, how many pictures of each class can be read. What a sample of a stream
    lacks the stream may have: of small classes nothing is said then.
    """
    key, task = "train" if "train" in usable else next(iter(usable)), dataset.task
    if not task.groups:
        return []
    counts, given = np.array(usable[key]), dataset.counts(key)
    where = f" in {key}" if len(usable) > 1 else ""

    def named(chosen: NDArray[np.bool_]) -> str:
        return listed([task.groups[c] for c in np.flatnonzero(chosen)])

    items = []
    if (counts > 0).sum() < task.fewest_groups:
        found = f"found {named(counts > 0)} alone" if counts.any() else "found none"
        message = f"{task.needs}{where}; {found}."
        items.append(Finding("too-few-classes", "error", message))
    if dataset.stream is not None:
        return items + _imbalance(task.groups, counts, where)
    if (lost := (counts == 0) & (given > 0)).any():
        message = f"No picture of {named(lost)}{where} can be read: repair some, or remove the class."
        items.append(Finding("class-lost", "error", message))
    if (empty := given == 0).any():
        items.append(Finding("class-empty", "warning", f"There is no picture of {named(empty)}{where}."))
    if (single := counts == 1).any():
        message = f"There is only one picture of {named(single)}{where}: it cannot be learnt and measured."
        items.append(Finding("class-single", "warning", message))
    if (few := (counts > 1) & (counts < FEW_IMAGES)).any():
        message = f"There are fewer than {FEW_IMAGES} pictures of {named(few)}{where}."
        items.append(Finding("class-few", "warning", message))
    for other in usable:
        if other != key and (missing := (counts > 0) & (np.array(usable[other]) == 0)).any():
            message = f"There is no picture of {named(missing)} in {other}: how well it does stays unknown."
            items.append(Finding("class-missing-in-split", "warning", message))
    return items + _imbalance(task.groups, counts, where)


def _imbalance(classes: Sequence[str], counts: Counts, where: str) -> list[Finding]:
    present = np.flatnonzero(counts)
    if len(present) < 2:
        return []
    small, large = present[counts[present].argmin()], present[counts[present].argmax()]
    ratio = counts[large] / counts[small]
    if ratio < IMBALANCE:
        return []
    message = (
        f"There are {ratio:.0f} times as many pictures of {classes[large]!r} ({counts[large]}) as of "
        f"{classes[small]!r} ({counts[small]}){where}: look at macro-F1, which small classes count in."
    )
    return [Finding("imbalance", "warning", message)]


def classes_inside(dataset: DataSet) -> list[Finding]:
    """Class folders that all hold the same folders, and no pictures beside them: those may be the classes."""
    key = "train" if "train" in dataset.splits else next(iter(dataset.splits))
    split = dataset.splits[key]
    if not isinstance(split.images, EncodedImages):
        return []
    inside: dict[str, set[str]] = {}
    names = map(split.images.name, range(len(split)))
    for path, label in zip(names, dataset.task.cells(split.targets), strict=True):
        _, found, below = f"/{path}".partition(f"/{label}/")
        folder, deeper, _ = below.partition("/")
        if not found or not deeper:
            return []
        inside.setdefault(label, set()).add(folder)
    common = set.intersection(*inside.values()) if len(inside) > 1 else set()
    if len(common) < 2 or any(folders != common for folders in inside.values()):
        return []
    outer = listed(sorted(inside))
    message = (
        f"The class folders {outer} all hold the folders {listed(sorted(common))}: if those are the classes, "
        f"name one of the outer folders as the data set, or call them train, val and test."
    )
    return [Finding("classes-inside", "warning", message)]


def awkward_sizes(view: View) -> list[Finding]:
    """Pictures with hardly any pixels, and pictures of which a square crop shows little."""
    width, height = np.concatenate([r.sizes for r in view.results.values()]).T
    usable = np.concatenate([r.ok for r in view.results.values()])
    short, long = np.minimum(width, height), np.maximum(width, height)
    items = []
    if (tiny := np.flatnonzero(usable & (short < TINY_PX))).size:
        groups = tuple((view.place(i, f"{width[i]} x {height[i]}"),) for i in tiny.tolist())
        message = (
            f"{counted(len(tiny), 'picture')} with a side below {TINY_PX} pixels: hardly anything to see."
        )
        items.append(Finding("tiny", "warning", message, groups))
    if (narrow := np.flatnonzero(usable & (long >= LONG * short))).size:
        groups = tuple((view.place(i, f"{width[i]} x {height[i]}"),) for i in narrow.tolist())
        message = (
            f"{counted(len(narrow), 'picture')} at least {LONG} times as long as wide: a square crop shows "
            f"little of such a picture; padding shows all."
        )
        items.append(Finding("narrow", "note", message, groups))
    return items


def shortcuts(dataset: DataSet, results: Results) -> list[Finding]:
    """What a network could learn instead of the class: the file format, or grey against colour."""
    key = "train" if "train" in results else next(iter(results))
    result, targets, task = results[key], dataset.splits[key].targets, dataset.task
    formats = np.array(result.formats, dtype=object)
    traits = [(f"are stored as {form}", formats == form) for form in sorted(set(result.formats) - {""})]
    traits += [("are grey", result.grey), ("are in colour", ~result.grey)]
    readable = task.counts(targets.take(np.flatnonzero(result.ok)))
    items = []
    for words, trait in traits:
        having = task.counts(targets.take(np.flatnonzero(result.ok & trait)))
        others, others_having = readable.sum() - readable, having.sum() - having
        enough = np.minimum(readable, others) >= FEW_IMAGES
        tied = (having >= _TIED_SHARE * readable) & (others_having <= (1 - _TIED_SHARE) * others)
        for c in np.flatnonzero(enough & tied):
            message = (
                f"Nearly all pictures of {task.groups[c]!r} {words}, and hardly any of another class: a "
                f"network may learn that instead of what they show."
            )
            items.append(Finding("shortcut", "warning", message))
    return items
