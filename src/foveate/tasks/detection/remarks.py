"""What is remarkable in the boxes of a data set, before anything is learnt from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from foveate.tasks.detection.input_size import FEWEST_PX, share_below, suggested_side
from foveate.tasks.detection.matching import overlaps
from foveate.tasks.detection.targets import BoxTargets
from foveate.tasks.detection.truth import (
    BEYOND,
    DOUBLED,
    EMPTY,
    FLAWED,
    ONE_PIXEL,
    OUTSIDE,
    SWAPPED,
    PictureBoxes,
)
from foveate.tasks.sections import Column, Table
from foveate.tasks.surveyed import Remark, Row, Surveyed
from foveate.words import plural, share

MOST_FLAWED = 0.05  # of all boxes may have one fault: beyond, they are misread and not mistaken
NEARLY_SAME = 0.9  # the overlap of two boxes of one class that are probably of one thing
MANY_SMALL = 0.05  # of the boxes, too small for the input

_EXCHANGED = "are columns exchanged, or is it width and height?"
_MENDED = {  # what is done about so many boxes, and what it may come from where they are many
    OUTSIDE: ("left out", "are they of other pictures, or of other sizes?"),
    BEYOND: ("cut at its edge", "are the pictures those that were annotated?"),
    SWAPPED: ("put right", _EXCHANGED),
    EMPTY: ("left out", _EXCHANGED),
    ONE_PIXEL: ("left out", "are they fractions and not pixels?"),
    DOUBLED: ("the second is left out", "was a file appended to itself?"),
}

Found = tuple[Row, PictureBoxes]


def remarks_on(splits: Mapping[str, Surveyed]) -> list[Remark]:
    """Faulty boxes by kind, boxes that are probably of one thing, and boxes too small for the input."""
    usable = [(row, one) for row, one in _all(splits) if splits[row.split].usable[row.number]]
    return [*_flaws(usable), *_nearly_same(usable), *_small(splits)]


def shares_of(splits: Mapping[str, Surveyed], classes: Sequence[str]) -> Table:
    """The id in the data, the class, and by split how many boxes it has in how many pictures."""
    first = next(iter(splits.values()))
    ids = _targets(first).naming.ids or [str(k) for k in range(len(classes))]
    columns = [Column("id" if _targets(first).naming.ids else "number"), Column("class", "name")]
    rows: list[list[str | float | None]] = [list(pair) for pair in zip(ids, classes, strict=True)]
    for key, split in splits.items():
        targets = _targets(split).take(np.flatnonzero(split.usable))
        boxes, pictures = targets.box_counts.sum(axis=0), targets.shown.sum(axis=0)
        columns += [Column(f"{key} boxes"), Column("pictures")]
        for k, row in enumerate(rows):
            row += [f"{int(boxes[k]):,}", f"{int(pictures[k]):,}"]
    return Table("The classes of the boxes", columns, rows)


def _targets(split: Surveyed) -> BoxTargets:
    if not isinstance(split.targets, BoxTargets):
        raise TypeError(f"boxes are looked at, not {type(split.targets).__name__}")
    return split.targets


def _all(splits: Mapping[str, Surveyed]) -> Iterator[Found]:
    for key, split in splits.items():
        for number, one in enumerate(_targets(split).pictures):
            yield Row(key, number), one


def _flaws(found: Sequence[Found]) -> list[Remark]:
    """Each kind of fault, counted and named; an error where so many have it that they are misread."""
    kinds = [flaw.kind for _, one in found for flaw in one.flaws]
    left_out = sum(kind not in (BEYOND, SWAPPED) for kind in kinds)
    total = sum(len(one) for _, one in found) + left_out
    remarks = []
    for kind, number in Counter(kinds).items():
        done, cause = _MENDED[kind]
        said = f"{plural(number, 'box', 'boxes')} of {total:,} {FLAWED[kind][number > 1]}"
        wheres = [flaw.where for _, one in found for flaw in one.flaws if flaw.kind == kind]
        first = f" The first: {wheres[0]}."
        rows = tuple(
            (row._replace(words="; ".join(flaw.where for flaw in one.flaws if flaw.kind == kind)),)
            for row, one in found
            if any(flaw.kind == kind for flaw in one.flaws)
        )
        if number > MOST_FLAWED * total:
            message = f"{said}, and at most {share(MOST_FLAWED, 0)} may: {cause}{first}"
            remarks.append(Remark(f"box-{kind}", "error", message, rows))
        else:
            remarks.append(Remark(f"box-{kind}", "warning", f"{said}: {done}.{first}", rows))
    return remarks


def _nearly_same(found: Sequence[Found]) -> list[Remark]:
    """Two boxes of one class that are nearly the same: one thing that was annotated twice."""
    rows = []
    number = 0
    for row, one in found:
        corners = one.boxes.astype(np.float64)
        same = overlaps(corners, corners) >= NEARLY_SAME
        same &= one.labels[:, None] == one.labels[None]
        same &= ~(one.crowd[:, None] | one.crowd[None])
        if pairs := int(np.triu(same, 1).sum()):
            number += pairs
            rows.append((row,))
    if not rows:
        return []
    message = (
        f"{plural(number, 'pair')} of boxes of one class overlap by {share(NEARLY_SAME, 0)} or more: is one "
        "thing annotated twice?"
    )
    return [Remark("box-pairs", "warning", message, tuple(rows))]


def _small(splits: Mapping[str, Surveyed]) -> list[Remark]:
    """How many boxes are below a few pixels once the pictures have the size that the network takes."""
    key = "train" if "train" in splits else next(iter(splits))
    targets = _targets(splits[key]).take(np.flatnonzero(splits[key].usable))
    if (side := suggested_side(targets)) is None:
        return []
    small = share_below(targets, side)
    if small < MANY_SMALL:
        return []
    message = (
        f"{share(small)} of the boxes are less than {FEWEST_PX} pixels wide or high in pictures of {side} "
        "pixels on their longer side: of these little can be seen; cut the pictures into parts, or train on "
        "larger ones."
    )
    return [Remark("box-small", "warning", message)]
