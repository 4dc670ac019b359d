"""Boxes in a column of a table: JSON, ``[["cat", x1, y1, x2, y2], ...]``, a crowd with a sixth entry."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from foveate.errors import InputError
from foveate.strict_json import is_number
from foveate.tasks.detection.truth import Flaw, Naming, PictureBoxes

_CROWD = "crowd"


def parsed_boxes(cell: Any) -> PictureBoxes:
    """The boxes of a picture, under a naming of its own. Raises InputError."""
    found = cell
    if isinstance(cell, str):
        try:
            found = json.loads(cell or "[]")
        except (ValueError, RecursionError):
            raise InputError(f"expected boxes as a list, found {cell!r:.60}.") from None
    if not isinstance(found, list):
        raise InputError(f"expected boxes as a list, found {cell!r:.60}.")
    for entry in found:
        ok = isinstance(entry, list) and len(entry) in (5, 6) and isinstance(entry[0], str) and entry[0]
        if not ok or not all(map(is_number, entry[1:5])) or entry[5:] not in ([], [_CROWD]):
            raise InputError(f"expected a box as [class, x1, y1, x2, y2], found {entry!r:.80}.")
    names = tuple(dict.fromkeys(entry[0] for entry in found))
    crowd = [len(entry) == 6 for entry in found]
    labels = [names.index(entry[0]) for entry in found]
    return PictureBoxes.of([entry[1:5] for entry in found], labels, Naming(names), crowd=crowd)


def written_boxes(one: PictureBoxes) -> list[list[Any]]:
    """What `parsed_boxes` reads again to the bit."""
    rows = zip(one.boxes, one.labels.tolist(), one.crowd.tolist(), strict=True)
    return [
        [one.naming.classes[label], *(float(str(side)) for side in box), *([_CROWD] if crowd else [])]
        for box, label, crowd in rows
    ]


def with_one_naming(splits: Mapping[str, Sequence[PictureBoxes]]) -> dict[str, list[PictureBoxes]]:
    """The same under one naming for all: every class that has a box, by name."""
    names = sorted({name for of in splits.values() for one in of for name in one.naming.classes})
    naming = Naming(tuple(names))
    return {split: [one.named(naming) for one in of] for split, of in splits.items()}


def kept_boxes(one: PictureBoxes, size: tuple[int, int] | None) -> dict[str, Any]:
    """All that is known of a picture's boxes, as plain JSON values; `boxes_again` reads them."""
    more: dict[str, Any] = {"size": None if size is None else list(size)}
    if one.flaws:
        more["flaws"] = [list(flaw) for flaw in one.flaws]
    return {"boxes": written_boxes(one), "areas": [float(str(area)) for area in one.areas], **more}


def boxes_again(values: Mapping[str, Any], naming: Naming) -> PictureBoxes:
    """The boxes that `kept_boxes` was given, under this naming. Raises InputError."""
    try:
        found = parsed_boxes(values["boxes"]).named(naming)
        size, areas = values["size"], np.array(values["areas"], np.float32)
        flaws = tuple(Flaw(*flaw) for flaw in values.get("flaws", ()))
        size = None if size is None else (size[0], size[1])
        return replace(found, naming=naming, areas=areas, size=size, flaws=flaws)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"expected what is kept of boxes, found {dict(values)!r:.80}.") from error
