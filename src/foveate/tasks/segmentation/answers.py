"""What a network says of a picture: a class for each of its pixels, and how sure it is of each."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, TypedDict

import numpy as np
from numpy.typing import NDArray

from foveate.geometry import Affine
from foveate.tasks.notebooks import ShownPrediction
from foveate.tasks.segmentation.grid import placed
from foveate.tasks.segmentation.masks import Colour
from foveate.tasks.segmentation.names import IGNORED
from foveate.tasks.segmentation.rle import encode

OPACITY = 0.5  # of the colours over a picture

Share = Annotated[float, {"minimum": 0, "maximum": 1.001}]


class RunsDocument(TypedDict):
    """A mask as COCO's run lengths: pycocotools and annotation programs read it."""

    size: Annotated[list[int], {"minItems": 2, "maxItems": 2, "description": "height, width"}]
    counts: str


class ClassDocument(TypedDict):
    label: str
    share: Share
    confidence: Share
    rle: RunsDocument


class MaskDocument(TypedDict):
    """What `ClassMapping.to_dict` gives."""

    width: int
    height: int
    unsure_share: Share
    classes: Annotated[list[ClassDocument], {"description": "Those that were found, the largest first."}]


@dataclass(frozen=True)
class Found:
    """A class that was found in a picture. share: of its pixels; confidence: the mean probability there."""

    number: int
    label: str
    share: float
    confidence: float


@dataclass(frozen=True, eq=False)
class ClassMapping(ShownPrediction):
    """What the network says of one picture.

    Attributes:
        on_input, sure_on_input: (h, w) uint8, classes and confidence on the network's input.
        size: (width, height) of the picture. place: the map from its pixels to those of the input.
        labels, colours: of the classes.
        unsure_below: the model's threshold for the precision that it promises; 0 for a model without one.
    """

    on_input: NDArray[np.uint8]
    sure_on_input: NDArray[np.uint8]
    size: tuple[int, int]
    place: Affine
    labels: Sequence[str]
    colours: Sequence[Colour]
    unsure_below: float = 0.0
    limit: int = 5

    @property
    def unlikeness(self) -> float | None:
        return None

    @property
    def unlike(self) -> bool:
        return False

    @cached_property
    def mask(self) -> NDArray[np.uint8]:
        """(H, W) the class of each of the picture's own pixels."""
        return self._brought_back(self.on_input)

    @cached_property
    def confidence(self) -> NDArray[np.uint8]:
        """(H, W) how sure each is, 0 to 255."""
        return self._brought_back(self.sure_on_input)

    def _brought_back(self, on_input: NDArray[np.uint8]) -> NDArray[np.uint8]:
        width, height = self.size
        return placed(on_input, self.place.inverse(), height, width)

    @property
    def unsure(self) -> NDArray[np.bool_]:
        """(H, W) where the probability is below the model's threshold."""
        return self.confidence < self.unsure_below * 255

    @cached_property
    def found(self) -> list[Found]:
        """The classes that were found, the largest first."""
        counts = np.bincount(self.mask.ravel(), minlength=IGNORED + 1)[: len(self.labels)]
        sure = np.bincount(self.mask.ravel(), self.confidence.ravel(), IGNORED + 1)[: len(self.labels)]
        order = [int(k) for k in np.argsort(-counts, kind="stable") if counts[k]]
        shares = counts / self.mask.size
        means = sure / np.maximum(counts, 1) / 255
        return [Found(k, self.labels[k], float(shares[k]), float(means[k])) for k in order]

    def shares(self) -> list[tuple[int, float]]:
        """The classes that were found, the largest first, with their shares of the picture."""
        return [(one.number, one.share) for one in self.found]

    @property
    def unsure_share(self) -> float:
        """The share of the pixels that are unsure."""
        return float(self.unsure.mean())

    def cells(self) -> list[str]:
        told = [cell for one in self.found[: self.limit] for cell in (one.label, f"{one.share:.6f}")]
        wanted = 2 * min(self.limit, len(self.labels))
        return [*told, *[""] * (wanted - len(told)), f"{self.unsure_share:.6f}"]

    def lines(self) -> list[str]:
        lines = [f"{one.share:7.1%}  {one.label}  (sure to {one.confidence:.0%})" for one in self.found]
        return [*lines, f"{self.unsure_share:7.1%}  unsure"] if self.unsure_below else lines

    def to_text(self) -> str:
        told = [f"{one.label} {one.share:.1%}" for one in self.found[: self.limit]]
        if more := len(self.found) - len(told):
            told.append(f"{more} more")
        if self.unsure_below:
            told.append(f"{self.unsure_share:.1%} unsure")
        return ", ".join(told)

    def to_dict(self) -> MaskDocument:
        width, height = self.size
        return {
            "width": width,
            "height": height,
            "unsure_share": self.unsure_share,
            "classes": [
                {
                    "label": one.label,
                    "share": one.share,
                    "confidence": one.confidence,
                    "rle": {"size": [height, width], "counts": encode(self.mask == one.number).string},
                }
                for one in self.found
            ],
        }

    def files(self, picture: Callable[[], NDArray[np.uint8]]) -> Mapping[str, bytes]:
        """What is written for a picture, by what is put behind its name: the mask, and the mask over it.

        picture: gives its pixels (H, W, 3). The mask is an indexed PNG, whose numbers are the classes'.
        """
        from PIL import Image

        over = Image.fromarray(overlay(picture(), self.mask, self.colours))
        return {".png": self.png(), "_overlay.jpg": _written(over, "JPEG", quality=90)}

    def png(self, picture: Callable[[], NDArray[np.uint8]] | None = None) -> bytes:
        """The mask as an indexed PNG in the classes' colours; it covers the picture, which is not read."""
        return indexed_png(self.mask, self.colours)


def indexed_png(mask: NDArray[np.uint8], colours: Sequence[Colour]) -> bytes:
    """A mask (H, W) as a PNG whose pixels are its numbers, shown in the colours."""
    from PIL import Image

    picture = Image.fromarray(mask)
    picture.putpalette(np.array(palette(colours), np.uint8).ravel().tobytes())
    # Level 1: the file is a few percent larger than at 6, and written three times as fast.
    return _written(picture, "PNG", compress_level=1)


def _written(picture: object, form: str, **options: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)  # type: ignore[attr-defined]
    return buffer.getvalue()


def palette(colours: Sequence[Colour]) -> list[Colour]:
    """256 colours: the classes', black for numbers that are none, and white for ignored pixels."""
    return [*colours, *[(0, 0, 0)] * (IGNORED - len(colours)), (255, 255, 255)]


def overlay(
    picture: NDArray[np.uint8], mask: NDArray[np.uint8], colours: Sequence[Colour], opacity: float = OPACITY
) -> NDArray[np.uint8]:
    """(H, W, 3) a picture with its classes' colours laid over; ignored pixels stay as they are."""
    table = np.array(palette(colours), np.float32)
    mixed = picture.astype(np.float32) * (1 - opacity) + table[mask] * opacity
    mixed[mask == IGNORED] = picture[mask == IGNORED]
    return np.asarray(np.rint(mixed), np.uint8)
