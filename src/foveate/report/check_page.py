"""What `foveate check` found, as one HTML file: no script, no network, names of any kind made harmless."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.dataset.quality.finding import Finding, Place
from foveate.dataset.quality.findings import SEVERITIES, Findings, in_order
from foveate.dataset.samples import DataSet
from foveate.errors import ImageError
from foveate.report.html import template

THUMBNAIL_PX = 128
_PIXELATED_PX = 64  # smaller pictures are enlarged as squares: they are meant to be seen pixel by pixel
_GROUPS_SHOWN = 24  # of each finding; the JSON has them all
_LABELS_SHOWN = 120  # they are a list to work through
_PICTURES_SHOWN = 6  # of each group
_CLASSES_SHOWN = 200


def render_check_page(dataset: DataSet, found: Findings, refused: Sequence[Finding] = ()) -> str:
    """The page, as text that any encoding of Unicode can hold.

    ``refused`` are the findings for which training would stop (`refusals`); they come first. The pictures
    concerned are read again, a few of each finding, and shown small.
    """
    items = in_order(found, refused)
    by_severity = {severity: [item for item in items if item.severity == severity] for severity in SEVERITIES}
    splits = [
        {
            "name": key,
            "images": split.images,
            "usable": split.usable,
            "sizes": [" × ".join(map(str, size)) for size in split.sizes.values()],
            "formats": ", ".join(f"{count:,} {form}" for form, count in split.formats.items()),
            "modes": ", ".join(f"{count:,} {mode}" for mode, count in split.modes.items()),
            "grey": split.grey,
        }
        for key, split in found.splits.items()
    ]
    rows = _class_rows(found)
    return template("check.html.j2").render(
        name=dataset.name,
        total=sum(split.images for split in found.splits.values()),
        classes=len(found.classes),
        splits=splits,
        shares=found.shares,
        rows=rows[:_CLASSES_SHOWN],
        more_rows=max(len(rows) - _CLASSES_SHOWN, 0),
        counts={severity: len(of) for severity, of in by_severity.items()},
        findings=[_shown_finding(dataset, item) for of in by_severity.values() for item in of],
    )  # fmt: skip


def _class_rows(found: Findings) -> list[dict[str, Any]]:
    """One row a class: its usable pictures in each split, and the bar of the first."""
    counts = np.array([split.per_class for split in found.splits.values()]).T  # (K, splits)
    largest = max(int(counts.max(initial=1)), 1)
    return [
        {"name": name, "counts": row.tolist(), "percent": 100 * int(row[0]) / largest}
        for name, row in zip(found.classes, counts, strict=True)
    ]


def _shown_finding(dataset: DataSet, item: Finding) -> dict[str, Any]:
    most = _LABELS_SHOWN if item.kind == "label" else _GROUPS_SHOWN
    groups = [
        {
            "pictures": [_shown_place(dataset, place) for place in group[:_PICTURES_SHOWN]],
            "more": max(len(group) - _PICTURES_SHOWN, 0),
        }
        for group in item.groups[:most]
    ]
    return {
        "severity": item.severity,
        "message": item.message,
        "groups": groups,
        "single": all(len(group) == 1 for group in item.groups),
        "more": max(len(item.groups) - most, 0),
    }


def _shown_place(dataset: DataSet, place: Place) -> dict[str, Any]:
    try:
        thumbnail = _thumbnail(dataset.splits[place.split].images.read(place.index))
    except ImageError:
        thumbnail = None
    return {"place": place, "thumbnail": thumbnail}


def _thumbnail(image: NDArray[np.uint8]) -> dict[str, Any]:
    """(H, W, 3) uint8 -> a data URI of at most 128 pixels a side; small pictures lose nothing."""
    small = Image.fromarray(image)
    pixelated = max(small.size) <= _PIXELATED_PX
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
    stream = io.BytesIO()
    small.save(stream, "PNG" if pixelated else "JPEG", quality=80)
    kind = "png" if pixelated else "jpeg"
    return {
        "uri": f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode('ascii')}",
        "width": small.width,
        "height": small.height,
        "pixelated": pixelated,
    }
