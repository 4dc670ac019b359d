"""Line charts as SVG, without a plotting library: light and dark, readable on a phone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 60
# Okabe and Ito's colours, told apart by people who see few of them; the first is this program's.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")


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
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13"><title>{escape(title)}</title>',
        "<style>svg{background:#fff;color:#1b1b1b}@media(prefers-color-scheme:dark){svg{background:#16181c;"
        "color:#e6e6e6}}.g{stroke:currentColor;opacity:.15}.t{fill:currentColor}</style>",
        f'<text class="t" x="{LEFT}" y="22" font-size="15" font-weight="600">{escape(title)}</text>',
    ]
    for value in across.ticks():
        at = across(value)
        parts.append(f'<line class="g" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(_text(at, HEIGHT - BOTTOM + 18, _number(value), "middle"))
    for value in up.ticks():
        at = up(value)
        parts.append(f'<line class="g" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(_text(LEFT - 8, at + 4, _number(value), "end"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18, x, "middle"))
    parts.append(f'<g transform="translate(18 {HEIGHT / 2}) rotate(-90)">{_text(0, 0, y, "middle")}</g>')
    for number, line in enumerate(lines):
        parts += _drawn(line, COLOURS[number % len(COLOURS)], across, up, low_y)
        parts.append(_legend(line.name, number, len(lines)))
    return "\n".join([*parts, "</svg>\n"])


def _drawn(line: Line, colour: str, across: _Axis, up: _Axis, low_y: float | None) -> list[str]:
    spread = line.spread or [0.0] * len(line.points)
    shown = [(*p, s) for p, s in zip(line.points, spread, strict=True) if low_y is None or p[1] >= low_y]
    path = " ".join(f"{across(px):.1f},{up(py):.1f}" for px, py, _ in shown)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for px, py, half in shown:
        a, b = across(px), up(py)
        parts.append(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{colour}"/>')
        if half:
            parts.append(
                f'<line x1="{a:.1f}" x2="{a:.1f}" y1="{up(py - half):.1f}" y2="{up(py + half):.1f}" '
                f'stroke="{colour}"/>'
            )
    return parts


def _legend(name: str, number: int, count: int) -> str:
    top = HEIGHT - BOTTOM - 12 - 18 * (count - number - 1)
    colour = COLOURS[number % len(COLOURS)]
    box = f'<rect x="{WIDTH - RIGHT - 18}" y="{top - 9}" width="10" height="10" fill="{colour}"/>'
    return box + _text(WIDTH - RIGHT - 24, top, name, "end")


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="t" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


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
            rough = (self.high - self.low) / 6
            size = 10.0 ** math.floor(math.log10(rough))
            step = next(size * m for m in (1, 2, 2.5, 5, 10) if size * m >= rough)
            values = [
                round(step * i, 10) for i in range(math.ceil(self.low / step), int(self.high / step) + 1)
            ]
        return [value for value in values if self.low <= value <= self.high]
