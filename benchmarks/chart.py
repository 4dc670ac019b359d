"""Line charts as SVG, without a plotting library: light and dark, readable on a phone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from foveate.report import svg as draw

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 60
# Okabe and Ito's colours, told apart by people who see few of them; the first is this program's.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")

STYLE = (
    "svg{background:#fff;color:#1b1b1b;font-size:13px}@media(prefers-color-scheme:dark){svg{background:#16181c;"
    "color:#e6e6e6}}text{fill:currentColor}.title{font-size:15px;font-weight:600}"
    ".grid{stroke:currentColor;opacity:.15}.line{fill:none;stroke-width:2}"
)


@dataclass(frozen=True)
class Line:
    """A named run of points (x, y); with ``spread`` of as many entries, a bar of +- that height at each."""

    name: str
    points: Sequence[tuple[float, float]]
    spread: Sequence[float] = ()


def chart(
    title: str,
    lines: Sequence[Line],
    *,
    x: str,
    y: str,
    log_x: bool = True,
    log_y: bool = False,
    low_y: float | None = None,
) -> str:
    """An SVG picture of the lines. low_y: where the vertical axis starts; points below it are cut off."""
    across = _Axis([p[0] for line in lines for p in line.points], LEFT, WIDTH - RIGHT, log_x)
    heights = [p[1] for line in lines for p in line.points if low_y is None or p[1] >= low_y]
    up = _Axis(heights if low_y is None else [low_y, *heights], HEIGHT - BOTTOM, TOP, log_y)
    svg = draw.canvas(WIDTH, HEIGHT, title)
    for name, value in {
        "xmlns": "http://www.w3.org/2000/svg",
        "font-family": "system-ui, sans-serif",
    }.items():
        svg.set(name, value)
    SubElement(svg, "title").text = title
    SubElement(svg, "style").text = STYLE
    draw.text(svg, (LEFT, 22), title, "start", "title")
    for value in across.ticks():
        at = across(value)
        draw.line(svg, (at, TOP), (at, HEIGHT - BOTTOM), "grid")
        draw.text(svg, (at, HEIGHT - BOTTOM + 18), _number(value), "middle")
    for value in up.ticks():
        at = up(value)
        draw.line(svg, (LEFT, at), (WIDTH - RIGHT, at), "grid")
        draw.text(svg, (LEFT - 8, at + 4), _number(value), "end")
    draw.text(svg, ((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18), x, "middle")
    draw.turned_text(svg, (18, HEIGHT / 2), -90, y, "middle")
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        _draw(svg, line, colour, lambda x, y: (across(x), up(y)), low_y)
        top = HEIGHT - BOTTOM - 12 - 18 * (len(lines) - number - 1)
        draw.rect(svg, (WIDTH - RIGHT - 18, top - 9, 10, 10), "key").set("fill", colour)
        draw.text(svg, (WIDTH - RIGHT - 24, top), line.name, "end")
    return draw.written(svg) + "\n"


def _draw(
    svg: Element, line: Line, colour: str, place: Callable[[float, float], draw.Point], low_y: float | None
) -> None:
    spread = line.spread or [0.0] * len(line.points)
    shown = [(*p, s) for p, s in zip(line.points, spread, strict=True) if low_y is None or p[1] >= low_y]
    path = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y, _ in shown)
    SubElement(svg, "polyline", {"class": "line", "points": path, "stroke": colour})
    for x, y, half in shown:
        SubElement(svg, "circle", draw.at(*place(x, y), "c") | {"r": "3.5", "fill": colour})
        if half:
            draw.line(svg, place(x, y - half), place(x, y + half), "spread").set("stroke", colour)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10_000 else f"{value:g}"


class _Axis:
    """Values -> places; with a little room at both ends."""

    def __init__(self, values: Sequence[float], start: float, end: float, log: bool) -> None:
        low, high = min(values), max(values)
        if log:
            self.low, self.high = low / 1.15, high * 1.15
        else:
            room = 0.06 * ((high - low) or 1.0)
            self.low, self.high = low, high + room
        self.start, self.end, self.log = start, end, log

    def __call__(self, value: float) -> float:
        scale = math.log if self.log else float
        value = min(max(value, self.low), self.high)
        part = (scale(value) - scale(self.low)) / (scale(self.high) - scale(self.low))
        return self.start + part * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round numbers inside: 1, 2, 5, 10 ... on a logarithmic axis, equal steps on another."""
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            steps = (1, 2, 5) if self.high / self.low < 500 else (1,)
            values = [step * 10.0**decade for decade in decades for step in steps]
        else:
            step = draw.round_step(self.low, self.high, 6)
            values = [
                round(step * i, 10) for i in range(math.ceil(self.low / step), int(self.high / step) + 1)
            ]
        return [value for value in values if self.low <= value <= self.high]
