"""How chapters show what they compute: pictures, numbers, curves and tables, on a page and in a notebook."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from xml.etree.ElementTree import SubElement

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from foveate.api.summary import summary
from foveate.dataset.sources.scenes.scene import scene as draw_scene
from foveate.dataset.sources.scenes.shapes import Shapes
from foveate.explanation.colour import heat_colours, signed_colours
from foveate.guide.styles import styled
from foveate.report.charts import line_chart
from foveate.report.svg import canvas, rect, written
from foveate.tasks.sections import Lines, Unit

_SMALLEST = 1e-12


@dataclass(frozen=True)
class Shown:
    """Something to look at. alt: the same in words."""

    html: str
    alt: str

    def _repr_html_(self) -> str:
        return styled(self.html)

    def __repr__(self) -> str:
        return self.alt


def picture(pixels: ArrayLike, alt: str, *, scale: int = 1, caption: str = "") -> Shown:
    """A picture in its own colours, each pixel as a square of ``scale`` pixels.

    pixels: (H, W) or (H, W, 3) of 0 to 255.
    """
    array = np.asarray(pixels)
    return _figure(np.clip(np.rint(array), 0, 255).astype(np.uint8), alt, scale, caption)


def feature_map(values: ArrayLike, alt: str, *, scale: int = 1, caption: str = "") -> Shown:
    """Numbers as colours: from black to yellow; where some are negative, blue below zero and orange above.

    values: (H, W).
    """
    array = np.asarray(values, dtype=np.float64)
    most = max(float(np.abs(array).max()), _SMALLEST)
    if array.min() < 0:
        colours = signed_colours()[np.rint((array / most + 1) / 2 * 255).astype(int)]
    else:
        colours = heat_colours()[np.rint(array / most * 255).astype(int)]
    return _figure(np.asarray(colours, np.uint8), alt, scale, caption)


def _figure(pixels: NDArray[np.uint8], alt: str, scale: int, caption: str) -> Shown:
    height, width = pixels.shape[0] * scale, pixels.shape[1] * scale
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    source = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    image = (
        f'<img src="{source}" alt="{escape(alt)}" width="{width}" height="{height}" '
        'style="image-rendering: pixelated">'
    )
    words = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return Shown(f'<figure class="shown">{image}{words}</figure>', alt)


def as_html(value: Any) -> str:
    """A value as Jupyter would show it: its own HTML or SVG, else its text. Pages have the styles already."""
    if isinstance(value, Shown):
        return value.html
    for name in ("_repr_html_", "_repr_svg_"):
        if hasattr(value, name) and (html := getattr(value, name)()):
            return str(html)
    return f'<pre tabindex="0">{escape(repr(value))}</pre>'


def row(*shown: Shown) -> Shown:
    """Side by side, as far as there is room."""
    inside = "".join(one.html for one in shown)
    return Shown(
        f'<div class="shown-row" style="display: flex; flex-wrap: wrap; gap: 1rem">{inside}</div>',
        "; ".join(one.alt for one in shown),
    )


def numbers(values: ArrayLike, caption: str, *, form: str = "g") -> Shown:
    """A small matrix as a table of numbers; the larger, the more colour.

    values: (H, W).
    """
    array = np.asarray(values)
    most = max(float(np.abs(array).max()), _SMALLEST)
    rows = "".join(
        "<tr>" + "".join(_number(value, form, abs(value) / most) for value in line.tolist()) + "</tr>"
        for line in array
    )
    table = f'<table class="numbers"><caption>{escape(caption)}</caption><tbody>{rows}</tbody></table>'
    return Shown(table, f"{caption}: {array.tolist()}")


def _number(value: float, form: str, share: float) -> str:
    colour = "29, 104, 167" if value >= 0 else "180, 80, 11"
    text = f"{value + 0.0:{form}}".replace("-", "−")  # no minus before a zero
    return f'<td style="background: rgba({colour}, {0.32 * share:.2f})">{text}</td>'


def curves(
    title: str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    across: str = "epoch",
    unit: Unit = "number",
) -> Shown:
    """One or two lines over whole numbers (epochs, steps): name -> (x, y)."""
    chart = line_chart(Lines(title, series, unit, across=across))
    words = f"<figcaption>{escape(title)}</figcaption>"
    return Shown(f'<figure class="shown wide">{chart}{words}</figure>', title)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], caption: str = "") -> Shown:
    """Rows under a head; the first cell of a row says what it is of. A cell that is `Shown` is shown."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{_inside(first)}</th>'
        + "".join(f"<td>{_inside(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    words = f"<caption>{escape(caption)}</caption>" if caption else ""
    html = f'<table class="facts">{words}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'
    plain = "\n".join(" | ".join(str(cell) for cell in line) for line in [head, *rows])
    name = escape(caption or head[0])
    return Shown(f'<div class="scroll" tabindex="0" role="region" aria-label="{name}">{html}</div>', plain)


def _inside(cell: Any) -> str:
    if isinstance(cell, Shown):
        return cell.html
    return escape(f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell))


def link(words: str, page: str) -> Shown:
    """To another chapter."""
    return Shown(f'<a href="{escape(page)}.html">{escape(words)}</a>', words)


def scene(side: int = 64, seed: int = 23) -> NDArray[np.uint8]:
    """A drawn picture with a few coloured shapes, the same each time: (side, side, 3) of 0 to 255."""
    return draw_scene(np.random.default_rng(seed), Shapes(), side).picture


_KINDS = {"Conv2d": "conv", "MaxPool2d": "pool", "AvgPool2d": "pool", "Linear": "dense"}


def network(name: str) -> Shown:
    """A network as boxes from left to right: as high as its maps, as wide as there are many (by roots)."""
    boxes = []
    for layer in summary(name).rows:
        kind = next((style for word, style in _KINDS.items() if word in layer.kind), None)
        if kind is not None:
            channels, *sides = layer.output_shape
            boxes.append((kind, math.sqrt(sides[0]) if sides else 2.0, math.sqrt(channels) / 4, layer))
    wide = sum(width + 1.5 for _, _, width, _ in boxes)
    scale = 620 / wide
    title = f"{name}: {len(boxes)} layers from {boxes[0][3].output_shape} to {boxes[-1][3].output_shape}"
    svg, at, middle = canvas(640, 130, title), 10.0, 65.0
    for kind, height, width, layer in boxes:
        tall = 8.0 * height
        box = rect(svg, (at, middle - tall / 2, max(width * scale, 1.0), tall), f"layer-{kind}")
        SubElement(box, "title").text = f"{layer.kind}: {layer.output_shape}"
        at += (width + 1.5) * scale
    return Shown(f'<figure class="shown wide">{written(svg)}</figure>', title)
