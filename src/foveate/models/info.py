"""What is known about one network: a row of the catalogue. Plain data, no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class ModelInfo:
    """One network: a row of the table. ``input_size`` is (C, H, W); ``module`` is where its code stands.

    ``year`` is 0 where it is not known.

    ``output`` is "vector" where it gives one score a class of a picture, "map" where it gives one score a
    class of each pixel, "boxes" where it finds objects, and "words" where it writes sentences. At most one of
    ``top5_error``, ``top1_error``, ``mean_iou`` and ``average_precision`` is set, in per cent, as it was
    published; ``published_note`` says on what it was measured.
    """

    name: str
    family: str
    year: int
    title: str
    source: str
    key_idea: str
    module: str
    depth: int
    parameters: int
    macs: int
    input_size: tuple[int, int, int]
    num_classes: int = 1000
    top5_error: float | None = None
    top1_error: float | None = None
    mean_iou: float | None = None
    average_precision: float | None = None
    published_note: str = ""
    output: Literal["vector", "map", "boxes", "words"] = "vector"

    @property
    def published(self) -> str:
        """The published figure in words, or "".

        >>> from foveate.models import model_info
        >>> model_info("resnet50").published, model_info("fcn8s").published, model_info("compact_s").published
        ('top-5 error 5.3 %', 'mean IoU 62.7 %', '')
        """
        figures = {
            "top-5 error": self.top5_error,
            "top-1 error": self.top1_error,
            "mean IoU": self.mean_iou,
            "AP": self.average_precision,
        }
        return next((f"{word} {figure:g} %" for word, figure in figures.items() if figure is not None), "")


def rows_of(
    family: Callable[..., ModelInfo], columns: tuple[str, ...], *rows: tuple[Any, ...]
) -> list[ModelInfo]:
    """The rows of one family, by its columns."""
    return [family(**dict(zip(columns, row, strict=True))) for row in rows]
