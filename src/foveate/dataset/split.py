"""Dividing a data set: deterministic, stratified, and never with copies of one picture on two sides.

A picture whose copy stands in the training part is no test of anything, so whole *groups* (the duplicates
that `foveate.dataset.quality.scan` finds) are dealt out, not pictures. Random order comes from the raw stream
of a PCG64 bit generator: NumPy guarantees that stream for ever (NEP 19), which it does not for
``permutation``, so a split made today is the split made in five years, on any platform.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import InputError
from foveate.words import setting

HELD_OUT_MOST = 3_000  # pictures: an accuracy of 90 % is then known to about one point

Indices = NDArray[np.int64]


def shares_held_out(pictures: Mapping[str, int], asked: Mapping[str, float | None]) -> dict[str, float]:
    """What is held out of the training pictures for each side that the data set does not bring.

    pictures: of each split that it has. asked: a share for each side that can be held out, None for the usual
    one. Raises InputError where a share is asked for and the side is there.
    """
    usual = min(0.1, HELD_OUT_MOST / max(pictures["train"], 1))
    if "val" in pictures:
        usual = 0.0  # a user's own train/val pair is complete: nothing is taken from its training pictures
    for name, share in asked.items():
        if name in pictures and share:
            raise InputError(
                f"{setting(f'{name}_fraction', share)} would hold out training pictures, and the data set "
                f"brings {pictures[name]:,} pictures for that itself ({name}); leave it out, or "
                "bring the training pictures alone."
            )
    return {name: usual if share is None else share for name, share in asked.items() if name not in pictures}


def stratified_split(
    labels: ArrayLike,
    groups: ArrayLike | None,
    fractions: Mapping[str, float],
    seed: int,
    *,
    fixed: ArrayLike | None = None,
) -> dict[str, Indices]:
    """Deal the samples out into named parts.

    Args:
        labels: (N,) the class of each sample, 0 or greater.
        groups: (N,) samples with the same number stay together; ``None`` when no two belong together.
        fractions: part -> share of the samples; must hold "train", be positive and add up to 1.
        seed: the same seed, labels and groups give the same parts on every machine.
        fixed: (N,) the part that a sample is in already, by its number in ``fractions``; -1 where it is still
            to be dealt out. A group
            has one part, or none. What has none is dealt so that the shares come right again.

    Returns:
        part -> (n,) indices in rising order. Together they are every sample exactly once.

    Every class with a sample has one in "train". A class gives each other part its share, rounded, and at
    least one sample as long as more than half of the class stays in "train": with two parts that takes
    three samples. Smaller classes stay whole in "train"; `split_notes` names them. Without groups a part's
    count of a class differs from its exact share by less than the number of parts; a group of g samples
    can shift it by g more.

    Raises:
        InputError: the shapes differ, a label is negative, or the fractions are not a division of 1.
    """
    label, group = _validated(labels, groups, fractions)
    parts = list(fractions)
    train = parts.index("train")
    target = _targets(np.bincount(label), np.array([fractions[part] for part in parts]), train)
    order = _shuffled(len(label), seed)
    part_of = np.full(len(label), -1, dtype=np.int64) if fixed is None else np.array(fixed, np.int64)
    settled = part_of >= 0
    remaining = target.copy()
    np.subtract.at(remaining, (part_of[settled], label[settled]), 1)
    _deal_groups(part_of, remaining, label, group, order)
    _deal_singles(part_of, remaining, label, order)
    _keep_every_class_in_train(part_of, label, group, train, settled)
    return {part: np.flatnonzero(part_of == s) for s, part in enumerate(parts)}


def split_notes(sizes: Mapping[str, int], counts: Mapping[str, Indices], classes: Sequence[str]) -> list[str]:
    """What a person should know about a division: one sentence for each part that lacks classes.

    sizes: the pictures of each part; counts: (K,) those of each class. A class that is nowhere in the data
    set is not mentioned here: `foveate.dataset.quality.findings` does that. ``classes`` may be none.
    """
    present = np.sum(list(counts.values()), axis=0) > 0
    notes = []
    for part, size in sizes.items():
        absent = np.flatnonzero(present & (counts[part] == 0))
        if size == 0:
            notes.append(f"The {part} part is empty: the data set is too small to be divided.")
        elif len(absent):
            shown = ", ".join(repr(classes[c]) for c in absent[:5])
            more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
            notes.append(
                f"The {part} part has no picture of {shown}{more}: too few pictures, or all of them copies."
            )
    return notes


def _validated(
    labels: ArrayLike, groups: ArrayLike | None, fractions: Mapping[str, float]
) -> tuple[Indices, Indices]:
    label = np.asarray(labels)
    if label.size == 0:
        label = label.astype(np.int64)
    if label.ndim != 1 or not np.issubdtype(label.dtype, np.integer) or (label < 0).any():
        raise InputError(
            f"labels must be a row of whole numbers from 0 up, found shape {label.shape}, {label.dtype}."
        )
    group = np.arange(len(label)) if groups is None else np.asarray(groups)
    if group.shape != label.shape:
        raise InputError(f"groups must have one number a label, {label.shape}, found {group.shape}.")
    values = list(fractions.values())
    if "train" not in fractions or not all(math.isfinite(f) and f > 0 for f in values):
        raise InputError(f'fractions must hold "train" and be greater than 0, found {dict(fractions)}.')
    if abs(sum(values) - 1) > 1e-6:
        raise InputError(f"fractions must add up to 1, found {dict(fractions)}: {sum(values):g}.")
    compact = np.unique(group, return_inverse=True)[1].astype(np.int64)
    return label.astype(np.int64), compact


def _targets(counts: Indices, fractions: NDArray[np.float64], train: int) -> Indices:
    """(S, K) how many samples of each class each part should get, by largest remainder."""
    exact = fractions[:, None] * counts  # (S, K)
    target = np.floor(exact + 1e-9).astype(np.int64)
    remainder = exact - target
    remainder[train] += 1e-6  # a tie goes to training
    rank = np.argsort(np.argsort(-remainder, axis=0, kind="stable"), axis=0)
    target += rank < counts - target.sum(axis=0)
    for s in [s for s in range(len(fractions)) if s != train]:
        poor = (target[s] == 0) & (2 * (target[train] - 1) > counts)
        target[s, poor] += 1
        target[train, poor] -= 1
    bare = np.flatnonzero((target[train] == 0) & (counts > 0))
    target[target[:, bare].argmax(axis=0), bare] -= 1
    target[train, bare] += 1
    return target


def _shuffled(n: int, seed: int) -> Indices:
    return np.argsort(np.random.PCG64(seed).random_raw(n), kind="stable").astype(np.int64)


def _deal_groups(
    part_of: Indices, remaining: Indices, label: Indices, group: Indices, order: Indices
) -> None:
    """Groups of two and more, largest first, each to the part that needs its classes most."""
    by_group = order[np.argsort(group[order], kind="stable")]
    starts = np.flatnonzero(np.diff(group[by_group], prepend=-1))
    members = [m for m in np.split(by_group, starts[1:]) if len(m) > 1 and (part_of[m] < 0).all()]
    place = np.empty(len(label), dtype=np.int64)
    place[order] = np.arange(len(order))
    members.sort(key=lambda m: (-len(m), place[m].min()))
    for m in members:
        classes, n = np.unique(label[m], return_counts=True)
        # The part in which the squared distance to the targets falls most (or grows least).
        s = int((remaining[:, classes] @ n).argmax())
        part_of[m] = s
        remaining[s, classes] -= n


def _deal_singles(part_of: Indices, remaining: Indices, label: Indices, order: Indices) -> None:
    """The rest fills what is still open, class by class."""
    free = order[part_of[order] < 0]
    by_class = free[np.argsort(label[free], kind="stable")]
    starts = np.flatnonzero(np.diff(label[by_class], prepend=-1))
    for m in np.split(by_class, starts[1:]) if len(by_class) else []:
        need = np.maximum(remaining[:, label[m[0]]], 0)
        # Groups may have overfilled one part: the others then share what is left.
        for _ in range(int(need.sum()) - len(m)):
            need[need.argmax()] -= 1
        part_of[m] = np.repeat(np.arange(len(need)), need)


def _keep_every_class_in_train(
    part_of: Indices, label: Indices, group: Indices, train: int, settled: NDArray[np.bool_]
) -> None:
    """A class that can be learnt from nothing cannot be learnt: its smallest group moves to training.

    A group that was in its part already moves only where there is no other.
    """
    size = np.bincount(group) + len(group) * np.bincount(group, settled).astype(bool)
    for c in np.setdiff1d(label, label[part_of == train]):
        mine = np.unique(group[label == c])
        if not (part_of[label == c] == train).any():  # an earlier move may have brought it along
            part_of[group == mine[size[mine].argmin()]] = train


def stratified_folds(labels: ArrayLike, groups: ArrayLike | None, count: int, seed: int) -> Indices:
    """Deal the samples out into folds for cross-validation.

    Args:
        labels: (N,) the class of each sample, 0 or greater.
        groups: (N,) samples with the same number stay together; ``None`` when no two belong together.
        count: how many folds, 2 or more.
        seed: the same seed, labels and groups give the same folds on every machine.

    Returns:
        (N,) the fold of each sample, 0..count-1. A class that is one single group is in no fold (-1): held
        out, nothing of it would be left to learn from.
    """
    label, group = _validated(labels, groups, {"train": 1.0})
    order = _shuffled(len(label), seed)
    fold_of_group = np.full(int(group.max(initial=-1)) + 1, -1, dtype=np.int64)
    dealt = 0
    for number in range(int(label.max(initial=-1)) + 1):
        own = list(dict.fromkeys(group[order[label[order] == number]].tolist()))
        if len(own) < 2:
            continue
        for one in own:
            if fold_of_group[one] == -1:
                fold_of_group[one] = dealt % count
                dealt += 1
    return fold_of_group[group]
