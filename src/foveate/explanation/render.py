"""Results as pictures: heat over a photograph, sheets of maps and kernels, curves. NumPy and Pillow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw, ImageFont

from foveate.errors import InputError
from foveate.explanation.colour import coloured, heat_colours, signed_colours
from foveate.images.pixels import to_grey
from foveate.words import printable

Picture = NDArray[np.uint8]  # (H, W, 3)
Panel = tuple[str, Picture]  # caption, picture
Layer = tuple[Picture, NDArray[np.float64]]  # colours, cover

PAPER = (250, 250, 248)
INK = (40, 40, 40)
LINES = ((29, 104, 167), (180, 80, 11))  # blue and orange, told apart by everybody
GAP_PX = 10


def overlay(picture: Picture, heat: ArrayLike, *, opacity: float = 0.8) -> Picture:
    """A heat map laid over a picture: where it is cold the picture shows in grey, where hot the colour.

    picture: (H, W, 3) or (H, W, 1) uint8. heat: (H, W) of any range; the colder half and what is below 0
    stay grey, the 99.5th percentile is hottest. Returns (H, W, 3).
    """
    return _laid_over(picture, heat_layer(heat), opacity)


def signed_overlay(picture: Picture, values: ArrayLike, *, opacity: float = 0.9) -> Picture:
    """Signed values over a picture: orange speaks for the class, blue against it, grey says nothing.

    Single pixels do not outshine all others: the 99.5th percentile of the sizes is full colour.
    """
    return _laid_over(picture, signed_layer(values), opacity)


def heat_layer(heat: ArrayLike) -> Layer:
    """What `overlay` lays over a picture: (H, W, 3) colours, and how much of each covers, (H, W) in 0..1."""
    array = np.clip(np.asarray(heat, np.float64), 0, None)
    warm = np.clip(_scaled(array - np.median(array)), 0, 1)
    # The colours of the cold end are dark and hide the picture: they are left to the weight.
    return coloured(0.25 + 0.75 * warm, heat_colours()), np.minimum(1.5 * warm, 1)


def signed_layer(values: ArrayLike) -> Layer:
    """What `signed_overlay` lays over a picture: colours (H, W, 3), and how much of each covers, (H, W)."""
    scaled = _scaled(values)
    # Half way to the ends, where the colours are strong already: the weight carries the size.
    shown = coloured(0.5 + np.sign(scaled) * (0.3 + 0.2 * np.abs(scaled)), signed_colours())
    return shown, np.minimum(1.5 * np.abs(scaled), 1)


def heat_picture(values: ArrayLike) -> Picture:
    """A map (h, w) alone in heat colours, 0 to its largest value; one without positive values is dark."""
    warm = np.clip(np.asarray(values, np.float64), 0, None)
    return coloured(warm / warm.max() if warm.max() > 0 else warm, heat_colours())


def signed_picture(values: ArrayLike) -> Picture:
    """A map (h, w) alone in signed colours, white at 0 and both ends equally far from it."""
    array = np.asarray(values, np.float64)
    most = float(np.abs(array).max(initial=0.0)) or 1.0
    return coloured(0.5 + 0.5 * array / most, signed_colours())


def map_picture(values: ArrayLike) -> Picture:
    """A feature map (h, w): heat colours where it has no negative values, signed colours elsewhere."""
    array = np.asarray(values)
    return heat_picture(array) if array.min(initial=0.0) >= 0 else signed_picture(array)


def kernel_pictures(weights: ArrayLike) -> list[Panel]:
    """The kernels of a convolution, (C_out, C_in, kh, kw), as small pictures with their numbers as captions.

    Of three input channels: one RGB picture a filter, mid-grey at 0. Else one signed picture for each filter
    and input channel, the filter's own largest weight being full colour.
    """
    array = np.asarray(weights, np.float64)
    if array.ndim != 4:
        raise InputError(
            f"Kernels are (C_out, C_in, kh, kw), not {array.shape}; give a convolution's weights."
        )
    panels: list[Panel] = []
    for number, kernel in enumerate(array):
        most = float(np.abs(kernel).max()) or 1.0
        if len(kernel) == 3:
            rgb = 0.5 + 0.5 * kernel.transpose(1, 2, 0) / most
            panels.append((f"{number}", np.rint(rgb * 255).astype(np.uint8)))
            continue
        for channel, plane in enumerate(kernel):
            caption = f"{number}" if len(kernel) == 1 else f"{number} < {channel}"
            panels.append((caption, coloured(0.5 + 0.5 * plane / most, signed_colours())))
    return panels


def sheet(
    panels: Sequence[Panel], *, columns: int = 8, cell_px: int = 96, title: str = "", font_px: int = 13
) -> Picture:
    """Captioned pictures in rows. Small ones are enlarged with visible pixels, large ones made smaller.

    Captions wider than a cell are cut. Returns (H', W', 3).
    """
    if not panels:
        raise InputError("A sheet needs at least one picture.")
    columns = max(min(columns, len(panels)), 1)
    rows = -(-len(panels) // columns)
    caption_px = font_px + 9 if any(caption for caption, _ in panels) else 0
    head_px = 34 if title else 0
    across, down = cell_px + GAP_PX, cell_px + caption_px + GAP_PX
    font, head = ImageFont.load_default(size=font_px), ImageFont.load_default(size=17)
    width = max(columns * across + GAP_PX, int(head.getlength(title)) + 2 * GAP_PX)
    canvas = Image.new("RGB", (width, rows * down + GAP_PX + head_px), PAPER)
    draw = ImageDraw.Draw(canvas)
    draw.text((GAP_PX, GAP_PX + head_px / 2), title, INK, head, anchor="lm")
    for i, (caption, picture) in enumerate(panels):
        left, top = GAP_PX + (i % columns) * across, head_px + GAP_PX + (i // columns) * down
        cell = Image.fromarray(fitted(picture, cell_px))
        canvas.paste(cell, (left + (cell_px - cell.width) // 2, top + (cell_px - cell.height) // 2))
        words = _cut(caption, font, cell_px)
        draw.text((left + cell_px / 2, top + cell_px + caption_px / 2), words, INK, font, anchor="mm")
    return np.asarray(canvas).copy()


def fitted(picture: Picture, side_px: int) -> Picture:
    """The picture (H, W, 1 or 3), its shape kept, with ``side_px`` as its longer side: (H', W', 3)."""
    height, width = picture.shape[:2]
    scale = side_px / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = Image.Resampling.NEAREST if scale > 1.5 else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(in_colour(picture)).resize(size, how)).copy()


def framed(picture: Picture, box: tuple[int, int, int, int]) -> Picture:
    """The picture with a white and black line just outside (top, bottom, left, right), ends included."""
    top, bottom, left, right = box
    canvas = Image.fromarray(in_colour(picture))
    draw = ImageDraw.Draw(canvas)
    for grow, colour in ((0, (0, 0, 0)), (1, (255, 255, 255))):
        draw.rectangle((left - grow, top - grow, right + grow, bottom + grow), outline=colour)
    return np.asarray(canvas).copy()


def curve_picture(
    fractions: Sequence[float],
    series: Mapping[str, Sequence[float]],
    *,
    title: str = "",
    across: str = "",
    limits: tuple[float, float] = (0.0, 1.0),
    told: Callable[[float], str] = "{:.0%}".format,
) -> Picture:
    """Lines over fractions 0 to 1, with their names: (300, 330, 3). At most two series.

    limits: of the values. told: how one of them is written.
    """
    zoom, width, height = 2, 330, 300  # drawn at twice the size: Pillow's lines are smooth only when shrunk
    left, right, top, bottom = 44 * zoom, (width - 16) * zoom, 58 * zoom, (height - 50) * zoom
    canvas = Image.new("RGB", (width * zoom, height * zoom), PAPER)
    draw = ImageDraw.Draw(canvas)
    font, head = ImageFont.load_default(size=12 * zoom), ImageFont.load_default(size=15 * zoom)

    def at(fraction: float, value: float) -> tuple[float, float]:
        height = (value - limits[0]) / (limits[1] - limits[0])
        return left + fraction * (right - left), bottom - height * (bottom - top)

    for tick in (0, 0.25, 0.5, 0.75, 1):
        value = limits[0] + tick * (limits[1] - limits[0])
        draw.line([at(0, value), at(1, value)], (221, 226, 230), zoom)
        draw.text((left - 8 * zoom, at(0, value)[1]), told(value), INK, font, anchor="rm")
        draw.text((at(tick, 0)[0], bottom + 13 * zoom), f"{tick:.0%}", INK, font, anchor="mm")
    draw.text((width * zoom / 2, (height - 16) * zoom), across, INK, font, anchor="mm")
    draw.text((left, 18 * zoom), title, INK, head, anchor="lm")
    place = float(left)
    for (name, values), colour in zip(series.items(), LINES, strict=False):
        draw.line([at(f, v) for f, v in zip(fractions, values, strict=True)], colour, 2 * zoom, "curve")
        draw.text((place, 42 * zoom), name, colour, font, anchor="lm")
        place += font.getlength(name) + 16 * zoom
    return np.asarray(canvas.resize((width, height), Image.Resampling.LANCZOS)).copy()


def in_colour(picture: Picture) -> Picture:
    """(H, W, 1) or (H, W, 3) -> (H, W, 3)."""
    return np.ascontiguousarray(np.repeat(picture, 3, axis=2) if picture.shape[2] == 1 else picture)


def _greyed(picture: Picture) -> NDArray[np.float64]:
    """The picture without colours and softened, so that what is laid over it stands out: (H, W, 3)."""
    grey = picture if picture.shape[2] == 1 else to_grey(picture)
    return np.repeat(35 + 0.72 * grey.astype(np.float64), 3, axis=2)


def _laid_over(picture: Picture, layer: Layer, opacity: float) -> Picture:
    over, cover = layer
    under = _greyed(picture)
    if under.shape != over.shape:
        raise InputError(f"A heat map has its picture's size: {under.shape[:2]}, not {over.shape[:2]}.")
    weight = opacity * cover[..., None]
    return np.rint(under * (1 - weight) + over * weight).astype(np.uint8)


def _scaled(values: ArrayLike) -> NDArray[np.float64]:
    """From -1 to 1, both ends at the 99.5th percentile of the sizes."""
    array = np.asarray(values, np.float64)
    most = float(np.percentile(np.abs(array), 99.5)) or float(np.abs(array).max()) or 1.0
    return np.clip(array / most, -1, 1)


def _cut(caption: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    words = printable(caption)
    while len(words) > 1 and font.getlength(words) > width:
        words = words[:-2] + "…" if words.endswith("…") else words[:-1] + "…"
    return words
