"""What sections are made of, as the templates draw them."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from foveate.errors import ShapeError
from foveate.report import charts
from foveate.tasks.sections import Chart, Histogram, Lines, Matrix, Pixels, Reliability, Scatter

PICTURE_PX = 192  # larger pictures are made smaller: the page shall stay light
PIXELATED_PX = 96  # smaller ones are shown with visible pixels


def kind(block: object) -> str:
    """The name of a block's type."""
    return type(block).__name__


def drawn(chart: Chart | Matrix) -> Markup:
    """A chart as inline SVG."""
    match chart:
        case Lines():
            return Markup(charts.line_chart(chart))
        case Scatter():
            return Markup(charts.scatter_chart(chart))
        case Histogram():
            return Markup(charts.histogram_chart(chart))
        case Reliability():
            return Markup(charts.reliability_chart(chart))
        case Matrix():
            return Markup(charts.matrix_chart(chart))


def bar(fraction: float) -> Markup:
    """A small bar for a table cell."""
    return Markup(charts.bar(fraction))


def picture(pixels: Pixels) -> dict[str, Any]:
    """A picture as a PNG data URI with its displayed size.

    pixels: (H, W, 3), (H, W, 1) or (H, W) uint8. Raises ShapeError for anything else.
    """
    array = np.asarray(pixels)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if (
        array.dtype != np.uint8
        or array.ndim not in (2, 3)
        or array.shape[2:] not in ((), (3,))
        or not array.size
    ):
        raise ShapeError(
            f"A picture of the report must be uint8 (H, W, 3) or (H, W, 1); got {array.dtype} {array.shape}."
        )
    image = Image.fromarray(np.ascontiguousarray(array))
    image.thumbnail((PICTURE_PX, PICTURE_PX), Image.Resampling.BOX)
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return {
        "uri": "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii"),
        "width": image.width,
        "height": image.height,
        "pixelated": max(image.size) < PIXELATED_PX,
    }
