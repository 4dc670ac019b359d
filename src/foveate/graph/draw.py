"""A network as a drawing: SVG for pages, PNG for everything else, from one layout."""

from __future__ import annotations

from html import escape
from pathlib import Path

from foveate.errors import InputError
from foveate.graph.layout import Box, Layout, Point, lay_out, top_middle
from foveate.graph.walk import Walk

# Name -> (fill, border) on light and on dark ground.
COLOURS = {
    "input": (("#ffffff", "#8a8f98"), ("#1b1e24", "#7b818c")),
    "conv": (("#e3eefc", "#3b78c9"), ("#15273f", "#5b97e6")),
    "pool": (("#e2f4e6", "#3d9a56"), ("#143021", "#58b873")),
    "dense": (("#f1e6fb", "#8a4fc4"), ("#2b1b3d", "#ab78e0")),
    "join": (("#fdf0d9", "#c98a1b"), ("#3a2b10", "#dca544")),
    "other": (("#f1f2f4", "#8a8f98"), ("#262a31", "#7b818c")),
}
GROUND, INK, SOFT, LINE = (
    ("#ffffff", "#14161a"),
    ("#1d2127", "#e8eaee"),
    ("#5d6570", "#a3abb8"),
    ("#8a8f98",) * 2,
)
MAX_PNG_PX = 60_000_000


def draw(walk: Walk, target: Path) -> None:
    """Write the drawing to a ``.svg`` (follows the reader's light or dark) or ``.png`` file.

    Raises InputError for another suffix, or for a network too large for a PNG.
    """
    layout = lay_out(walk)
    match target.suffix.lower():
        case ".svg":
            target.write_text(svg(layout), encoding="utf-8")
        case ".png":
            _png(layout, target)
        case other:
            raise InputError(f"A drawing is written as .svg or .png, and {str(target)!r} ends in {other!r}.")


def svg(layout: Layout) -> str:
    """The drawing as one self-contained SVG document."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{layout.width:g}" height="{layout.height:g}" '
        f'viewBox="0 0 {layout.width:g} {layout.height:g}" role="img" aria-label="network drawing">',
        f"<style>{_style(0)} @media (prefers-color-scheme: dark) {{{_style(1)}}}</style>",
        '<rect class="ground" width="100%" height="100%"/>',
        *[f'<path class="line" d="M{_xy(a)} C{_xy(b)} {_xy(c)} {_xy(d)}"/>' for a, b, c, d in layout.curves],
        *map(_svg_box, layout.boxes),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _style(mode: int) -> str:
    rules = [f".{name} {{fill: {c[mode][0]}; stroke: {c[mode][1]};}}" for name, c in COLOURS.items()]
    return " ".join(
        [
            f".ground {{fill: {GROUND[mode]};}}",
            f".line {{fill: none; stroke: {LINE[mode]}; stroke-width: 1.6;}}",
            f"text {{fill: {INK[mode]}; font: 14px system-ui, sans-serif;}}",
            f"text.soft {{fill: {SOFT[mode]}; font-size: 11.5px;}}",
            *rules,
        ]
    )


def _svg_box(box: Box) -> str:
    x, y, width, height = box.place
    frame = (
        f'<rect class="{box.colour}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
        f'rx="{height / 2 if box.join else 8:g}" stroke-width="1.4"/>'
    )
    texts = [
        f'<text x="{tx:g}" y="{ty + 5:g}" text-anchor="{anchor}"{soft}>{escape(words)}</text>'
        for tx, ty, anchor, words, soft in (
            (tx, ty, {"l": "start", "r": "end", "m": "middle"}[side], words, ' class="soft"' if small else "")
            for tx, ty, side, words, small in _words(box)
        )
    ]
    return f"<g>{frame}{''.join(texts)}</g>"


def _words(box: Box) -> list[tuple[float, float, str, str, bool]]:
    """(x, y of the middle, side it hangs on, text, small) of what is written in a box."""
    x, y, width, height = box.place
    if box.join:
        return [(x + width / 2, top_middle(box), "m", f"{box.title}   {box.shape}", False)]
    upper, lower = (y + 17, y + height - 15) if box.detail else (top_middle(box),) * 2
    words = [
        (x + 12, upper, "l", _short(box.title, 22), False),
        (x + width - 12, upper, "r", box.shape, False),
        (x + 12, lower, "l", _short(box.detail, 38), True),
        (x + width - 12, lower, "r", f"{box.parameters:,}" if box.parameters else "", True),
    ]
    return [word for word in words if word[3]]


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"


def _xy(point: Point) -> str:
    return f"{point[0]:g} {point[1]:g}"


def _png(layout: Layout, target: Path) -> None:
    from PIL import Image, ImageDraw, ImageFont

    width, height = round(layout.width), round(layout.height)
    if width * height > MAX_PNG_PX:
        raise InputError(f"A PNG of this network would be {width}×{height} pixels; draw it as .svg.")
    zoom = 2 if 4 * width * height <= MAX_PNG_PX else 1  # Pillow's lines are smooth only when shrunk
    picture = Image.new("RGB", (width * zoom, height * zoom), GROUND[0])
    pen = ImageDraw.Draw(picture)
    fonts = {small: ImageFont.load_default(size=(12 if small else 14) * zoom) for small in (False, True)}
    for curve in layout.curves:
        pen.line([(x * zoom, y * zoom) for x, y in _points(curve)], LINE[0], round(1.6 * zoom), "curve")
    for box in layout.boxes:
        x, y, w, h = (side * zoom for side in box.place)
        fill, border = COLOURS[box.colour][0]
        pen.rounded_rectangle((x, y, x + w, y + h), h / 2 if box.join else 8 * zoom, fill, border, zoom)
        for tx, ty, side, words, small in _words(box):
            ink = (SOFT if small else INK)[0]
            known = words.replace("×", "x")  # which the built-in typeface lacks
            pen.text((tx * zoom, ty * zoom), known, ink, fonts[small], anchor=f"{side}m")
    picture.resize((width, height), Image.Resampling.LANCZOS).save(target)


def _points(curve: tuple[Point, Point, Point, Point], steps: int = 24) -> list[Point]:
    """Points along a cubic Bézier curve."""
    points = []
    for step in range(steps + 1):
        t = step / steps
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        x, y = (sum(w * p[i] for w, p in zip(weights, curve, strict=True)) for i in (0, 1))
        points.append((x, y))
    return points
