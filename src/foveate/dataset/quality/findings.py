"""What is wrong with a data set, in sentences a person can act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foveate.dataset.quality.class_checks import awkward_sizes, class_sizes, classes_inside, shortcuts
from foveate.dataset.quality.copy_checks import copies, copy_findings, undivided
from foveate.dataset.quality.finding import Finding, Integers, Place, Results, Severity, View, counted
from foveate.dataset.quality.scan import ScanResult
from foveate.dataset.samples import DataSet, EncodedImages
from foveate.dataset.sources.names import looks_like_placeholder, suspicious_names
from foveate.errors import DatasetError
from foveate.images.deep import WHITE_16, fitted_range
from foveate.tasks.base import Task
from foveate.tasks.sections import Table
from foveate.tasks.surveyed import Remark, Surveyed
from foveate.words import setting

MAX_UNREADABLE_FRACTION = 0.05
FILES_NAMED = 3  # in a sentence
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class SplitSummary:
    """One split in numbers: pictures in all, usable ones by class, and counts by format, mode and size."""

    images: int
    usable: int
    per_class: tuple[int, ...]
    formats: Mapping[str, int]
    modes: Mapping[str, int]
    grey: int
    sizes: Mapping[str, tuple[int, int]]  # "smallest", "median", "largest": width, height in px


@dataclass(frozen=True, eq=False)
class Findings:
    """All that was found, gravest first.

    ``groups`` is, by split, (N,) int64: pictures with the same number are copies, exact or near, or belong
    together for the task, also across splits. It is what `stratified_split` wants. ``classes`` are the task's
    groups; ``shares`` is what the answers are made of, where that is more than how many pictures a class has.
    """

    name: str
    classes: tuple[str, ...]
    splits: Mapping[str, SplitSummary]
    items: tuple[Finding, ...]
    groups: Mapping[str, Integers]
    shares: Table | None = None

    def of(self, severity: Severity) -> list[Finding]:
        """The findings of one severity."""
        return [item for item in self.items if item.severity == severity]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, strict JSON."""
        return {
            "name": self.name,
            "classes": list(self.classes),
            "splits": {
                key: {
                    "images": split.images,
                    "usable": split.usable,
                    "per_class": dict(zip(self.classes, split.per_class, strict=True)),
                    "formats": dict(split.formats),
                    "modes": dict(split.modes),
                    "grey": split.grey,
                    "sizes": {size: list(px) for size, px in split.sizes.items()},
                }
                for key, split in self.splits.items()
            },
            **({} if self.shares is None else {"shares": _records(self.shares)}),
            "findings": [item.to_dict() for item in self.items],
        }


def findings(dataset: DataSet, results: Results) -> Findings:
    """Look for everything worth saying, given the scan of each split.

    The severities: *error*, training refuses it; *warning*, the result will probably be worse or less true
    than it looks; *note*, worth knowing. How many unreadable pictures are too many is for `enforce` to say.
    """
    view = View(dataset, results)
    exact, near = copies(results)
    alike = view.by_split(near)
    surveyed = {
        key: Surveyed(dataset.splits[key].targets, result.ok, alike[key]) for key, result in results.items()
    }
    together = [dataset.task.together(dataset.splits[key].targets) for key in view.keys]
    groups = view.by_split(undivided(near, np.concatenate([np.empty(0, np.int64), *together])))
    remarks = [_told(view, remark) for remark in dataset.task.remarks(surveyed)]
    misread = [remark for remark in remarks if remark.severity == "error"]  # then no count means anything
    summaries = {key: _summary(dataset, key, result) for key, result in results.items()}
    items = [
        *misread,
        *([] if misread else class_sizes(dataset, {key: of.per_class for key, of in summaries.items()})),
        *_unreadable(view),
        *copy_findings(view, exact, near),
        *(remark for remark in remarks if remark.severity != "error"),
        *shortcuts(dataset, results),
        *_names(dataset.task),
        *classes_inside(dataset),
        *_placeholders(view),
        *awkward_sizes(view),
        *_deep_grey(results),
        *(Finding("dataset", "note", message) for message in dataset.notes),
    ]
    items.sort(key=lambda item: SEVERITIES.index(item.severity))
    shares = dataset.task.shares(surveyed)
    return Findings(dataset.name, dataset.task.groups, summaries, tuple(items), groups, shares)


def _records(table: Table) -> list[dict[str, Any]]:
    headings = [column.heading for column in table.columns]
    return [dict(zip(headings, row, strict=True)) for row in table.rows]


def _told(view: View, remark: Remark) -> Finding:
    """What a task remarks, with the pictures that it is about."""
    first = dict(zip(view.keys, view.start.tolist(), strict=False))
    groups = tuple(
        tuple(view.place(first[row.split] + row.number, row.words) for row in group)
        for group in remark.groups
    )
    return Finding(remark.kind, remark.severity, remark.message, groups)


def refusals(found: Findings, max_unreadable_fraction: float = MAX_UNREADABLE_FRACTION) -> list[Finding]:
    """The findings for which training stops: those that are errors, and too many unreadable pictures."""
    return [*_too_many_unreadable(found, max_unreadable_fraction), *found.of("error")]


def in_order(found: Findings, refused: Sequence[Finding]) -> list[Finding]:
    """All findings for a reader, `refusals` first, nothing said twice."""
    said = {*map(id, refused)}
    if any(item.kind == "too-many-unreadable" for item in refused):
        said |= {id(item) for item in found.items if item.kind == "unreadable"}
    return [*refused, *(item for item in found.items if id(item) not in said)]


def enforce(found: Findings, max_unreadable_fraction: float = MAX_UNREADABLE_FRACTION) -> None:
    """Let a data set pass or refuse it.

    Raises:
        DatasetError: more than the given share of the pictures cannot be read, a class is left without a
            picture to learn from, or fewer than two classes are. Names the first few files with reasons.
    """
    if refused := refusals(found, max_unreadable_fraction):
        more = f" And {len(refused) - 1} more: see `foveate check`." if len(refused) > 1 else ""
        raise DatasetError(f"Data set {found.name!r} cannot be used. {refused[0].message}{more}")


def _summary(dataset: DataSet, key: str, result: ScanResult) -> SplitSummary:
    usable = np.flatnonzero(result.ok)
    sizes: dict[str, tuple[int, int]] = {}
    if len(usable):
        by_area = result.sizes[usable[np.argsort(result.sizes[usable].prod(axis=1), kind="stable")]]
        for name, position in (("smallest", 0), ("median", len(by_area) // 2), ("largest", -1)):
            width, height = by_area[position].tolist()
            sizes[name] = (width, height)
    return SplitSummary(
        images=len(result),
        usable=len(usable),
        per_class=tuple(dataset.task.counts(dataset.splits[key].targets.take(usable)).tolist()),
        formats=dict(Counter(result.formats[i] for i in usable).most_common()),
        modes=dict(Counter(result.modes[i] for i in usable).most_common()),
        grey=int(result.grey[usable].sum()),
        sizes=sizes,
    )


def _unreadable(view: View) -> list[Finding]:
    bad = [
        view.place(int(view.start[s]) + i, reason)
        for s, key in enumerate(view.keys)
        for i, reason in enumerate(view.results[key].reasons)
        if reason is not None
    ]
    if not bad:
        return []
    message = f"{counted(len(bad), 'picture')} cannot be read and will be left out: {_files(bad)}."
    return [Finding("unreadable", "warning", message, tuple((place,) for place in bad))]


def _deep_grey(results: Results) -> list[Finding]:
    """What training takes for black and white where files do not say, unless it is all of 16 bits."""
    extents = results["train"].extents if "train" in results else np.zeros((0, 2))
    fitted = fitted_range(extents)
    if fitted is None or fitted == (0, WHITE_16):
        return []
    count = int(np.isfinite(extents[:, 0]).sum())
    low, high = np.nanmin(extents[:, 0]), np.nanmax(extents[:, 1])
    message = (
        f"{counted(count, 'picture')} of grey with more than 8 bits, from {low:g} to {high:g}: "
        f"in training {fitted[0]:g} is black and {fitted[1]:g} white."
    )
    return [Finding("deep-grey", "note", message)]


def _names(task: Task) -> list[Finding]:
    """Odd names of classes; such as are those of folders only where folders may be classes."""
    found = suspicious_names(task.groups)
    return [
        Finding(kind, "warning", message)
        for kind, message in found
        if task.whole_picture or kind != "name-like-split"
    ]


def _placeholders(view: View) -> list[Finding]:
    found = []
    for s, key in enumerate(view.keys):
        images = view.results[key].images
        if isinstance(images, EncodedImages):
            chosen = [i for i in range(len(images)) if looks_like_placeholder(images.name(i))]
            found += [(view.place(int(view.start[s]) + i),) for i in chosen]
    if not found:
        return []
    message = f"{counted(len(found), 'file')} named as if the picture were gone: {found[0][0].name!r}."
    return [Finding("placeholder", "warning", message, tuple(found))]


def _too_many_unreadable(found: Findings, max_fraction: float) -> list[Finding]:
    total = sum(split.images for split in found.splits.values())
    groups = next((item.groups for item in found.items if item.kind == "unreadable"), ())
    if len(groups) <= max_fraction * total:
        return []
    message = (
        f"{len(groups)} of {total:,} pictures cannot be read, {len(groups) / total:.1%}; at most "
        f"{max_fraction:.1%} may be: {_files([place for (place,) in groups])}. Repair or remove them, or "
        f"allow more with {setting('max_unreadable')}."
    )
    return [Finding("too-many-unreadable", "error", message, groups)]


def _files(places: Sequence[Place], most: int = FILES_NAMED) -> str:
    shown = ", ".join(f"{place.name!r} ({place.remark})" for place in places[:most])
    return shown if len(places) <= most else f"{shown} and {len(places) - most} more"
