"""What is remarkable in the masks of a data set, before anything is learnt from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.sections import Column, Table
from foveate.tasks.segmentation.legend import STRAY
from foveate.tasks.segmentation.mask_files import TURN_UNKNOWN, TURNED
from foveate.tasks.segmentation.targets import Facts, MaskTargets
from foveate.tasks.surveyed import Remark, Row, Surveyed
from foveate.words import plural, share

MOST_STRAY = 0.01  # of all pixels may have no class: the smoothed edges of a few
MOST_STRAY_IN_ONE = 0.1  # of a mask's pixels: beyond, it is no edge

Found = tuple[Row, Facts]


def remarks_on(splits: Mapping[str, Surveyed], ignored: str) -> list[Remark]:
    """Misread masks, smoothed edges, turned ones, masks of one class, and one mask under several pictures."""
    found = list(_all(splits))
    usable = [(row, facts) for row, facts in found if splits[row.split].usable[row.number]]
    looks = (*_misread(found), *_stray(usable), *_turned(usable), *_plain(usable), *_copies(usable, splits))
    return [*looks, *_never_ignored([facts for _, facts in usable], ignored)]


def shares_of(splits: Mapping[str, Surveyed], classes: Sequence[str], ignored: str) -> Table:
    """Number, class, and by split its share of the pixels and how many pictures show it."""
    columns = [Column("number"), Column("class", "name")]
    rows: list[list[str | float | None]] = [[str(n), name] for n, name in enumerate(classes)]
    left_out: list[str | float | None] = ["-", f"ignored ({ignored})" if ignored else "ignored"]
    for key, split in splits.items():
        targets = _targets(split)
        chosen = np.flatnonzero(split.usable).tolist()
        facts = [targets.facts(row) for row in chosen]
        pixels = np.array([one.pixels for one in facts], np.int64).reshape(-1, len(classes))
        area = sum(one.area for one in facts)
        columns += [Column(f"{key} pixels"), Column("pictures")]
        for n, row in enumerate(rows):
            row += [_share(int(pixels[:, n].sum()), area), f"{int((pixels[:, n] > 0).sum()):,}"]
        rest = np.array([one.area for one in facts], np.int64) - pixels.sum(axis=1)
        left_out += [_share(int(rest.sum()), area), f"{int((rest > 0).sum()):,}"]
    return Table("The classes of the masks", columns, [*rows, left_out])


def _share(pixels: int, area: int) -> str:
    return share(pixels / area, 2) if area else "-"


def _targets(split: Surveyed) -> MaskTargets:
    if not isinstance(split.targets, MaskTargets):
        raise TypeError(f"masks are remarked on, not {type(split.targets).__name__}")
    return split.targets


def _all(splits: Mapping[str, Surveyed]) -> Iterator[Found]:
    for key, split in splits.items():
        targets = _targets(split)
        for number in range(len(targets)):
            yield Row(key, number, targets.masks[number].name), targets.facts(number)


def _groups(rows: Sequence[Row]) -> tuple[tuple[Row, ...], ...]:
    return tuple((row,) for row in rows)


def _misread(found: Sequence[Found]) -> list[Remark]:
    """Masks that show that all are misread: by kind, the first in its own words."""
    kinds: dict[str, list[tuple[Row, str]]] = {}
    for row, facts in found:
        if facts.misread is not None:
            kinds.setdefault(facts.misread.kind, []).append((row, str(facts.misread)))
    remarks = []
    for kind, cases in kinds.items():
        more = f" So {'has' if len(cases) == 2 else 'have'} {plural(len(cases) - 1, 'mask')} more."
        message = cases[0][1] + (more if len(cases) > 1 else "")
        remarks.append(Remark(kind, "error", message, _groups([row for row, _ in cases])))
    return remarks


def _stray(found: Sequence[Found]) -> list[Remark]:
    """Pixels whose number or colour is of no class: few are smoothed edges, many are another table."""
    cases = [
        (row, facts, oddity) for row, facts in found for oddity in facts.oddities if oddity.kind == STRAY
    ]
    if not cases:
        return []
    pixels, area = sum(oddity.pixels for _, _, oddity in cases), sum(facts.area for _, facts in found)
    worst, of_worst = max(((one, one[2].pixels / one[1].area) for one in cases), key=lambda pair: pair[1])
    said = (
        f"{plural(pixels, 'pixel')} ({share(pixels / area, 2)}) in {plural(len(cases), 'mask')} are of no "
        f"class, as smoothed edges are: {worst[2].what} ({worst[0].words!r})"
    )
    rows = _groups([row._replace(words=f"{row.words}: {oddity.pixels:,} pixels") for row, _, oddity in cases])
    if pixels <= MOST_STRAY * area and of_worst <= MOST_STRAY_IN_ONE:
        return [Remark(STRAY, "warning", f"{said}. They are ignored.", rows)]
    message = (
        f"{said}, and there {share(of_worst)} of the pixels; at most {share(MOST_STRAY)} of all and "
        f"{share(MOST_STRAY_IN_ONE)} of one may be: is the table of colours another data set's? Make masks "
        "without smoothing, or add the class."
    )
    return [Remark(STRAY, "error", message, rows)]


def _turned(found: Sequence[Found]) -> list[Remark]:
    remarks = []
    for kind, severity, message in (
        (TURNED, "note", "{} under pictures that EXIF turns were not turned, by their size: they are now."),
        (
            TURN_UNKNOWN,
            "warning",
            "{} under pictures that EXIF turns have a size that does not tell whether they are turned, too; "
            "they are taken to be: look at one.",
        ),
    ):
        if rows := [row for row, facts in found if any(oddity.kind == kind for oddity in facts.oddities)]:
            said = message.format(plural(len(rows), "mask"))
            remarks.append(Remark(kind, "note" if severity == "note" else "warning", said, _groups(rows)))
    return remarks


def _plain(found: Sequence[Found]) -> list[Remark]:
    """Masks that show one class alone, or none."""
    shown = [int((facts.pixels > 0).sum()) for _, facts in found]
    remarks = []
    if rows := [row for (row, _), count in zip(found, shown, strict=True) if count == 0]:
        said = f"{plural(len(rows), 'mask')} of nothing but ignored pixels: nothing is learnt from them."
        remarks.append(Remark("mask-empty", "warning", said, _groups(rows)))
    if (single := shown.count(1)) and len(found) > 1:
        said = f"{single:,} of {plural(len(found), 'mask')} show one class alone."
        remarks.append(Remark("mask-single", "warning" if single == len(found) else "note", said))
    return remarks


def _copies(found: Sequence[Found], splits: Mapping[str, Surveyed]) -> list[Remark]:
    """One mask under pictures that are no copies of each other; masks of one class may well be alike."""
    alike: dict[bytes, list[Row]] = {}
    for row, facts in found:
        if (facts.pixels > 0).sum() > 1:
            alike.setdefault(facts.digest, []).append(row)
    groups = []
    for rows in alike.values():
        pictures: NDArray[np.int64] = np.array([splits[row.split].copies[row.number] for row in rows])
        if len(np.unique(pictures)) > 1:
            groups.append(tuple(rows))
    if not groups:
        return []
    across = sum(len({row.split for row in rows}) > 1 for rows in groups)
    where = f", {plural(across, 'time')} across splits" if across else ""
    message = (
        f"One mask stands under several pictures, {plural(len(groups), 'time')}{where}: one of them is wrong."
    )
    return [Remark("mask-copies", "warning", message, tuple(groups))]


def _never_ignored(found: Sequence[Facts], ignored: str) -> list[Remark]:
    if not ignored or not found or any(int(facts.pixels.sum()) < facts.area for facts in found):
        return []
    return [Remark("mask-ignored", "note", f"No pixel of any mask is what is to be ignored: {ignored}.")]
