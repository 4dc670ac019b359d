"""Copies in a data set: within a split, across splits, and under two labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foveate.dataset.quality.duplicates import exact_groups, joined, near_pairs
from foveate.dataset.quality.finding import Finding, Integers, Results, View, counted

_WORDS = {
    "exact": "exact copies of each other",
    "near": "nearly the same (saved again, resized, a little brighter)",
}


def copies(results: Results) -> tuple[Integers, Integers]:
    """(M,) groups of exact copies, and of exact and near ones together, over all splits end to end.

    A group's number is that of its first picture; unreadable pictures are alone.
    """
    scans = list(results.values())
    usable = np.concatenate([scan.ok for scan in scans])
    exact = exact_groups(np.concatenate([scan.digests for scan in scans]), usable)
    first = np.flatnonzero(usable & (exact == np.arange(len(exact))))  # one of each content is compared
    thumbnails = np.concatenate([scan.thumbnails for scan in scans])[first]
    colours = np.concatenate([scan.colours for scan in scans])[first]
    return exact, joined(exact, first[near_pairs(thumbnails, colours)])


def undivided(near: Integers, together: Integers) -> Integers:
    """(M,) groups of copies, joined where a task says that pictures belong together; see `Task.together`."""
    order = np.argsort(together, kind="stable")
    order = order[together[order] >= 0]
    same = np.flatnonzero(np.diff(together[order]) == 0)
    return joined(near, np.stack([order[same], order[same + 1]], axis=1))


def copy_findings(view: View, exact: Integers, near: Integers) -> list[Finding]:
    """Leaks, contradictions and duplicates: of exact copies first, then what near copies add to that."""
    exactly = _members(exact)
    nearly = [m for m in _members(near) if len(np.unique(exact[m])) > 1]
    items = []
    for kind, groups in (("exact", exactly), ("near", nearly)):
        across = [m for m in groups if _differ(view.split[m])]
        within = [m for m in groups if not _differ(view.split[m])]
        contradicting = [m for m in groups if _differ(view.answers[m])]
        if kind == "near":  # not again where the exact copies among them already contradict each other
            said = np.zeros(len(exact), bool)
            for m in exactly:
                said[m] = _differ(view.answers[m])
            contradicting = [m for m in contradicting if not said[m].any()]
        items += _leak(view, kind, across) + _contradiction(view, kind, contradicting)
        if within:
            message = (
                f"{sum(map(len, within))} pictures in {counted(len(within), 'group')} are {_WORDS[kind]}; a "
                f"group is kept on one side when training sets validation pictures aside."
            )
            items.append(Finding(f"{kind}-duplicates", "note", message, view.placed(within)))
    return items


def _leak(view: View, kind: str, groups: Sequence[Integers]) -> list[Finding]:
    if not groups:
        return []
    told: Counter[str] = Counter()
    for members in groups:
        first = view.split[members].min()
        told.update(view.keys[s] for s in view.split[members] if s != first)
    parts = " and ".join(
        f"{told[key]} of {len(view.results[key]):,} pictures in {key}" for key in view.keys if told[key]
    )
    copy = "an exact copy" if kind == "exact" else "nearly a copy (saved again, resized, a little brighter)"
    message = f"{parts} have {copy} in an earlier split: on those, memory is measured and not skill."
    return [Finding(f"{kind}-leak", "warning", message, view.placed(groups))]


def _contradiction(view: View, kind: str, groups: Sequence[Integers]) -> list[Finding]:
    task = view.dataset.task
    if not groups or not task.one_right_answer or (kind == "near" and not task.whole_picture):
        return []  # what has its place in a picture moves with every little that the picture does
    picture = "The same picture" if kind == "exact" else "Nearly the same picture"
    times = "once" if len(groups) == 1 else f"{len(groups)} times"
    message = f"{picture} stands under two {task.called}, {times}: one of the labels is wrong."
    if not task.whole_picture:
        message = f"{picture} has two answers, {times}, which differ in some place: one of them is wrong."
    return [Finding(f"{kind}-contradiction", "warning", message, view.placed(groups))]


def _differ(values: NDArray[np.int64]) -> bool:
    return bool((values != values[0]).any())


def _members(groups: Integers) -> list[Integers]:
    """The pictures of each group of two and more, in the order of their first picture."""
    order = np.argsort(groups, kind="stable")
    order = order[np.bincount(groups, minlength=1)[groups[order]] > 1]
    return np.split(order, np.flatnonzero(np.diff(groups[order])) + 1) if len(order) else []
