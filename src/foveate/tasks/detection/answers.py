"""What a network says of a picture: boxes, each with a class and a score."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, TypedDict

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.detection.drawing import drawn
from foveate.tasks.notebooks import ShownPrediction
from foveate.tasks.prediction import Colour

Score = Annotated[float, {"minimum": 0, "maximum": 1.001}]
Side = Annotated[float, {"description": "pixels of the picture"}]


class BoxDocument(TypedDict):
    """A box as COCO's results have it: pycocotools and annotation programs read it."""

    label: str
    category_id: Annotated[int, {"minimum": 0, "description": "the class's place in the model's list"}]
    score: Score
    bbox: Annotated[list[Side], {"minItems": 4, "maxItems": 4, "description": "x, y, width, height"}]


class DetectionDocument(TypedDict):
    """What `DetectedBoxes.to_dict` gives."""

    width: int
    height: int
    threshold: Annotated[Score, {"description": "below it a box is probably imagined"}]
    boxes: Annotated[list[BoxDocument], {"description": "At the threshold and above, the surest first."}]
    below: Annotated[list[BoxDocument], {"description": "The others, down to the model's lowest score."}]


@dataclass(frozen=True, eq=False)
class DetectedBoxes(ShownPrediction):
    """What the network says of one picture.

    Attributes:
        boxes: (n, 4) x1 y1 x2 y2 in pixels of the picture. scores: (n,), the highest first. labels: (n,).
        size: (width, height) of the picture.
        names, colours: of the classes.
        threshold: the model's; boxes of a lower score are only told where they are asked for.
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    labels: NDArray[np.int64]
    size: tuple[int, int]
    names: Sequence[str]
    colours: Sequence[Colour]
    threshold: float

    @property
    def unlikeness(self) -> float | None:
        return None

    @property
    def unlike(self) -> bool:
        return False

    @property
    def told(self) -> int:
        """How many boxes are at the threshold or above: the first ones."""
        return int((self.scores >= self.threshold).sum())

    def counts(self) -> list[tuple[str, int]]:
        """The classes that were found with how many boxes, the most frequent first."""
        found = np.bincount(self.labels[: self.told], minlength=len(self.names))
        return [(self.names[k], int(found[k])) for k in np.argsort(-found, kind="stable") if found[k]]

    def shares(self) -> list[tuple[int, float]]:
        """The classes that were found, each with the share of the picture that its boxes cover."""
        width, height = self.size
        shares = []
        for k in sorted(set(self.labels[: self.told].tolist())):
            covered = np.zeros((height, width), bool)
            for x1, y1, x2, y2 in self.boxes[: self.told][self.labels[: self.told] == k].tolist():
                covered[int(y1) : int(np.ceil(y2)), int(x1) : int(np.ceil(x2))] = True
            shares.append((k, float(covered.mean())))
        return sorted(shares, key=lambda one: -one[1])

    def rows(self) -> list[list[str]]:
        """A row of a table for each box, under `Detection.columns`."""
        return [
            [label, f"{score:.6f}", *(f"{side:.2f}" for side in box)]
            for label, score, box in self._each(0, self.told)
        ]

    def cells(self) -> list[str]:
        """The surest box, as `rows` has it; empty cells of none."""
        return next(iter(self.rows()), [""] * 6)

    def lines(self) -> list[str]:
        found = [
            f"{score:7.1%}  {label}  ({', '.join(f'{side:.0f}' for side in box)})"
            for label, score, box in self._each(0, self.told)
        ]
        return found or [f"nothing above {self.threshold:.1%}"]

    def to_text(self) -> str:
        return ", ".join(f"{count} {name}" for name, count in self.counts()) or "nothing"

    def to_dict(self) -> DetectionDocument:
        width, height = self.size
        return {
            "width": width,
            "height": height,
            "threshold": self.threshold,
            "boxes": self._documents(0, self.told),
            "below": self._documents(self.told, len(self.boxes)),
        }

    def files(self, picture: Callable[[], NDArray[np.uint8]]) -> Mapping[str, bytes]:
        """The picture with its boxes, by what is put behind its name."""
        return {"_boxes.jpg": self._image(picture(), "JPEG", quality=90)}

    def png(self, picture: Callable[[], NDArray[np.uint8]] | None = None) -> bytes:
        """The boxes as a PNG of the picture's own size: over the picture, or on nothing without one."""
        if picture is not None:
            return self._image(picture(), "PNG", compress_level=1)
        width, height = self.size
        return self._image(np.zeros((height, width, 4), np.uint8), "PNG", compress_level=1)

    def _image(self, pixels: NDArray[np.uint8], form: str, **options: int) -> bytes:
        buffer = io.BytesIO()
        drawn(pixels, self._marked(), self.colours).save(buffer, form, **options)
        return buffer.getvalue()

    def _marked(self) -> list[tuple[tuple[float, ...], int, str]]:
        return [
            (box, int(self.labels[i]), f"{label} {score:.0%}")
            for i, (label, score, box) in enumerate(self._each(0, self.told))
        ]

    def _each(self, first: int, last: int) -> list[tuple[str, float, tuple[float, ...]]]:
        return [
            (self.names[int(self.labels[i])], float(self.scores[i]), tuple(self.boxes[i].tolist()))
            for i in range(first, last)
        ]

    def _documents(self, first: int, last: int) -> list[BoxDocument]:
        return [
            {
                "label": label,
                "category_id": int(self.labels[first + i]),
                "score": score,
                "bbox": _extent(box),
            }
            for i, (label, score, box) in enumerate(self._each(first, last))
        ]


def coco_document(told: Sequence[tuple[str, DetectedBoxes]], names: Sequence[str]) -> dict[str, object]:
    """Predictions, each with its picture's name, as COCO's JSON, which annotation programs read.

    Its ``annotations`` alone are what pycocotools takes for results.
    """
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number, (name, prediction) in enumerate(told, start=1):
        width, height = prediction.size
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for one in prediction.to_dict()["boxes"]:
            _, _, wide, high = one["bbox"]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": one["category_id"] + 1,
                    "bbox": one["bbox"],
                    "area": round(wide * high, 3),
                    "iscrowd": 0,
                    "score": one["score"],
                }
            )
    categories = [{"id": number, "name": name} for number, name in enumerate(names, start=1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def _extent(box: Sequence[float]) -> list[float]:
    """x1 y1 x2 y2 -> x, y, width, height, to a thousandth of a pixel."""
    x1, y1, x2, y2 = box
    return [round(side, 3) for side in (x1, y1, x2 - x1, y2 - y1)]
