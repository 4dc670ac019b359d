"""The report's charts as inline SVG.

Colours and sizes of type are classes of the page's style sheet, so that charts follow the light and the dark
theme.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree.ElementTree import Element, SubElement

from foveate.report import svg as draw
from foveate.tasks.measures import Headline
from foveate.tasks.sections import Histogram, Lines, Matrix, Reliability, Scatter, Unit
from foveate.words import columns, count, percent, shown

_LABEL_CHARACTERS = 18
_POINTS_WITH_TITLES = 60
_POINTS_DRAWN = 1000


@dataclass(frozen=True)
class _Frame:
    """Where numbers lie in a chart: the first and last ticks are the ends of the axes.

    size and margins (left, right, top, bottom) in units of the SVG.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    size: tuple[int, int] = (520, 290)
    margins: tuple[int, int, int, int] = (54, 108, 14, 42)

    def place(self, x: float, y: float) -> draw.Point:
        (width, height), (left, right, top, bottom) = self.size, self.margins
        across = left + (x - self.x[0]) / (self.x[1] - self.x[0]) * (width - left - right)
        return across, height - bottom - (y - self.y[0]) / (self.y[1] - self.y[0]) * (height - top - bottom)

    def axes(self, svg: Element, x: Mapping[float, str], y: Mapping[float, str], across: str) -> None:
        """Ticks with their texts, lines across from those of y, and what x is."""
        (width, height), (left, right, _, bottom) = self.size, self.margins
        for tick, text in y.items():
            level = self.place(self.x[0], tick)[1]
            draw.line(svg, (left, level), (width - right, level), "grid")
            draw.text(svg, (left - 8, level + 4), text, "end")
        for tick, text in x.items():
            draw.text(svg, (self.place(tick, self.y[0])[0], height - bottom + 18), text, "middle")
        draw.text(svg, ((left + width - right) / 2, height - 4), across, "middle", "soft")


def line_chart(lines: Lines) -> str:
    """Lines named at their right ends; what was chosen, a vertical rule."""
    points = [point for line in lines.series.values() for point in line]
    x_low, x_high = (0.0, 1.0) if lines.across_unit == "percent" else _range([x for x, _ in points])
    y_ticks = _ticks(*_value_range([y for _, y in points], lines.unit), 5)
    frame = _Frame((x_low, x_high), (y_ticks[0], y_ticks[-1]))
    svg = draw.canvas(*frame.size, lines.title)
    svg.set("class", "chart curves")
    levels = {tick: _value(tick, lines.unit, y_ticks) for tick in y_ticks}
    frame.axes(svg, _across(lines.across_unit, x_low, x_high), levels, lines.across)
    if lines.mark is not None and x_low <= lines.mark <= x_high:
        rule = draw.line(
            svg, frame.place(lines.mark, y_ticks[0]), frame.place(lines.mark, y_ticks[-1]), "mark"
        )
        SubElement(rule, "title").text = f"kept: {lines.across} {lines.mark:g}"
    for number, (name, line) in enumerate(lines.series.items()):
        style = f"s{number}"
        placed = [frame.place(*point) for point in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        SubElement(svg, "polyline", {"class": f"line {style}", "points": path})
        for (x, y), (at, value) in zip(placed, line, strict=True):
            if len(line) <= _POINTS_WITH_TITLES:
                dot = SubElement(svg, "circle", {"class": f"dot {style}", "r": "2.5"} | draw.at(x, y, "c"))
                SubElement(dot, "title").text = f"{name}, {lines.across} {at:g}: {_exact(value, lines.unit)}"
    ends = {name: frame.place(*line[-1]) for name, line in lines.series.items()}
    for number, (name, y) in enumerate(_apart({name: y for name, (_, y) in ends.items()}).items()):
        draw.text(svg, (ends[name][0] + 7, y + 4), name, "start", f"name s{number}")
    return draw.written(svg)


def _across(unit: Unit, low: float, high: float) -> dict[float, str]:
    """Ticks below lines, with their texts."""
    if unit == "number":
        return {tick: f"{tick:g}" for tick in _whole_ticks(low, high, 6)}
    ticks = _ticks(low, high, 5)
    return {tick: _value(tick, unit, ticks) for tick in ticks}


def _apart(heights: Mapping[str, float], least: float = 16) -> dict[str, float]:
    """Heights of labels moved apart, their order kept, so that none covers another."""
    order = sorted(heights, key=lambda name: heights[name])
    gaps = [heights[b] - heights[a] for a, b in pairwise(order)]
    if not gaps or min(gaps) >= least:
        return dict(heights)
    middle = sum(heights.values()) / len(heights)
    moved = {name: middle + (i - (len(order) - 1) / 2) * least for i, name in enumerate(order)}
    return {name: moved[name] for name in heights}


def reliability_chart(bins: Reliability) -> str:
    """Accuracy against confidence, the gap between them, and below how many predictions each bin holds."""
    size, left, top, strip = 250, 54, 12, 44
    svg = draw.canvas(left + size + 24, top + size + 64 + strip, bins.title)
    total, number = max(int(bins.counts.sum()), 1), len(bins.counts)
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = top + size * (1 - tick)
        draw.line(svg, (left, y), (left + size, y), "grid")
        draw.text(svg, (left - 8, y + 4), f"{tick:.0%}", "end")
        draw.text(svg, (left + size * tick, top + size + 18), f"{tick:.0%}", "middle")
    tallest = max(int(bins.counts.max()), 1)
    floor = top + size + 46 + strip
    for b, amount in enumerate(bins.counts.tolist()):
        if not amount:
            continue
        right, sure = float(bins.right[b]), float(bins.confidence[b])
        x, wide = left + size * b / number + 1, size / number - 2
        group = SubElement(svg, "g")
        words = f"{percent(sure)} sure on average, right {percent(right)} of the time"
        SubElement(group, "title").text = f"{words}; {count(amount)} pictures ({percent(amount / total)})"
        draw.rect(group, (x, top + size * (1 - min(right, sure)), wide, size * min(right, sure)), "bar")
        draw.rect(group, (x, top + size * (1 - max(right, sure)), wide, size * abs(right - sure)), "gap")
        level = top + size * (1 - right)
        draw.line(group, (x, level), (x + wide, level), "level")
        tall = max((strip - 8) * amount / tallest, 1.0)
        draw.rect(group, (x, floor - tall, wide, tall), "mass")
    draw.line(svg, (left, top + size), (left + size, top), "diagonal")
    draw.text(svg, (left + size / 2, top + size + 36), "how sure the network is", "middle", "soft")
    draw.text(svg, (left + size / 2, floor + 15), "how many pictures", "middle", "soft")
    side = draw.turned_text(svg, (11, top + size / 2), -90, "how often it is right", "middle")
    side.set("class", "soft")
    return draw.written(svg)


def scatter_chart(scatter: Scatter) -> str:
    """What was said against what is true, and the line on which both are the same; evenly chosen of many."""
    true, said = scatter.true, scatter.said
    ticks = _ticks(*_range([*true.tolist(), *said.tolist()]), 5)
    ends = (ticks[0], ticks[-1])
    frame = _Frame(ends, ends, (450, 380), (64, 16, 14, 46))
    svg = draw.canvas(*frame.size, scatter.title)
    texts = {tick: _value(tick, "number", ticks) for tick in ticks}
    frame.axes(svg, texts, texts, f"{scatter.quantity}, as it is")
    side = draw.turned_text(svg, (13, 174), -90, f"{scatter.quantity}, as the network said", "middle")
    side.set("class", "soft")
    draw.line(svg, frame.place(*ends[:1] * 2), frame.place(*ends[1:] * 2), "diagonal")
    step = max(1, math.ceil(len(true) / _POINTS_DRAWN))
    for x, y in zip(true[::step].tolist(), said[::step].tolist(), strict=True):
        dot = SubElement(svg, "circle", {"class": "point", "r": "3"} | draw.at(*frame.place(x, y), "c"))
        SubElement(dot, "title").text = f"true {x:.4g}, said {y:.4g}"
    return draw.written(svg)


def histogram_chart(histogram: Histogram) -> str:
    """How many values lie between one edge and the next."""
    edges, counts = histogram.edges.tolist(), histogram.counts.tolist()
    x_ticks, y_ticks = _ticks(edges[0], edges[-1], 5), _ticks(0, max(*counts, 4), 4)
    frame = _Frame((x_ticks[0], x_ticks[-1]), (0, y_ticks[-1]), (420, 260), (60, 16, 14, 46))
    svg = draw.canvas(*frame.size, histogram.title)
    across = {tick: _value(tick, "number", x_ticks) for tick in x_ticks}
    frame.axes(
        svg,
        across,
        {tick: f"{tick:,g}" for tick in y_ticks},
        histogram.quantity,
    )
    for (low, high), number in zip(pairwise(edges), counts, strict=True):
        (left, top), (right, bottom) = frame.place(low, number), frame.place(high, 0)
        bar = draw.rect(svg, (left + 0.5, top, right - left - 1, bottom - top), "bar")
        SubElement(bar, "title").text = f"{low:.4g} to {high:.4g}: {count(number)}"
    return draw.written(svg)


def matrix_chart(matrix: Matrix) -> str:
    """What is taken for what, as a heat map.

    Colour is the share of a row (a true thing); rights are blue, mistakes orange.
    """
    labels = [shown(name, _LABEL_CHARACTERS) for name in matrix.names]
    cell = max(15, min(46, 560 // max(len(labels), 1)))
    longest = 7 * max((columns(label) for label in labels), default=0)
    turn = 0 if longest <= cell - 4 else -45 if cell > 18 else -90  # as little as lets them pass each other
    margin, side = 16 + longest, len(labels) * cell
    above, beside = {0: (40, 12), -45: (22 + int(margin * 0.72), int(margin * 0.72)), -90: (margin, 12)}[turn]
    width = margin + side + beside
    svg = draw.canvas(width, above + side + 24, matrix.title)
    # Narrow screens scroll rather than shrink the numbers below what can be read.
    svg.set("style", f"min-width:{min(width, 480 if turn > -90 else 900)}px;max-width:{width}px")
    svg.set("class", "chart matrix" if turn > -90 else "chart matrix dense")
    draw.rect(svg, (margin, above, side, side), "field")
    for i, label in enumerate(labels):
        row = draw.text(svg, (margin - 8, above + (i + 0.5) * cell + 4), label, "end")
        x = margin + (i + 0.5) * cell + (4 if turn else 0)
        column = draw.turned_text(svg, (x, above - 8), turn, label, "start" if turn else "middle")
        for text in (row, column):
            SubElement(text, "title").text = shown(matrix.names[i])
    cells = zip(matrix.true.tolist(), matrix.called.tolist(), matrix.counts.tolist(), strict=True)
    for t, p, n in cells:
        total = int(matrix.totals[t])
        words = f"{shown(matrix.names[t])} called {shown(matrix.names[p])}: {count(n)} of {count(total)}"
        corner = (margin + p * cell, above + t * cell)
        _cell(svg, corner, cell, shares=(n, total), style="hit" if t == p else "miss", words=words)
    draw.text(svg, (margin + side / 2, above + side + 18), "what the network said", "middle", "soft")
    return draw.written(svg)


def _cell(
    svg: Element, corner: draw.Point, cell: int, *, shares: tuple[int, int], style: str, words: str
) -> None:
    """One field of the matrix; mistakes are drawn stronger than their share, or small ones would not show."""
    number, of = shares
    strength = number / of if style == "hit" else 0.05 + 0.95 * math.sqrt(number / of)
    square = draw.rect(svg, (corner[0] + 0.5, corner[1] + 0.5, cell - 1, cell - 1), style)
    square.set("fill-opacity", f"{strength:.2f}")
    SubElement(square, "title").text = words
    text = f"{number}" if number < 10_000 else f"{number / 1000:.0f}k"
    if cell >= 28 or (cell >= 20 and len(text) <= 2):
        # Which ink contrasts more changes at another strength in the light than in the dark theme.
        ink = "number strong" if strength > 0.83 else "number middle" if strength > 0.6 else "number"
        draw.text(svg, (corner[0] + cell / 2, corner[1] + cell / 2 + 4), text, "middle", ink)


def interval_chart(headline: Headline) -> str:
    """The headline with its interval on a rule, and what a constant answer would reach to compare with."""
    left, size, told = 2, 332, headline.metric.told
    (low, high), constant = headline.interval, headline.constant
    bottom = min(0.0, low, constant)
    top = 1.0 if headline.metric.is_fraction else bottom + 1.05 * (max(high, constant) - bottom or 1.0)

    def place(value: float) -> float:
        return left + size * (value - bottom) / (top - bottom)

    said = f"{told(low)} to {told(high)}"
    svg = draw.canvas(336, 58, f"{headline.metric.heading} {told(headline.value)}, 95 % interval {said}")
    draw.rect(svg, (left, 16, size, 8), "field")
    start, end = sorted((place(0.0), place(headline.value)))
    draw.rect(svg, (start, 16, end - start, 8), "bar")
    band = draw.rect(svg, (place(low), 10, max(place(high) - place(low), 2), 20), "band")
    SubElement(band, "title").text = f"95 % interval: {said}"
    for value, style in ((headline.value, "needle"), (constant, "mark")):
        draw.line(svg, (place(value), 6), (place(value), 34), style)
    share = (place(constant) - left) / size
    side = "start" if share < 0.25 else "middle" if share < 0.75 else "end"
    text = f"always the same answer: {told(constant, 0)}"
    draw.text(svg, (place(constant), 50), text, side, "soft")
    return draw.written(svg)


def bar(fraction: float) -> str:
    """A small bar for a table cell, 0 to 1; the number stands beside it, so it is hidden from readers."""
    svg = Element("svg", {"class": "mini", "viewBox": "0 0 100 8", "aria-hidden": "true"})
    svg.set("preserveAspectRatio", "none")
    draw.rect(svg, (0, 0, 100, 8), "field")
    draw.rect(svg, (0, 0, 100 * min(max(fraction, 0.0), 1.0), 8), "bar")
    return draw.written(svg)


def stacked_bar(seconds: Mapping[str, float], title: str) -> str:
    """One bar divided in proportion; segment i has the style class p(i mod 8), as its legend should."""
    svg = draw.canvas(1000, 26, title)
    svg.set("preserveAspectRatio", "none")
    total = sum(seconds.values()) or 1.0
    x = 0.0
    for i, (name, amount) in enumerate(seconds.items()):
        part = draw.rect(svg, (x, 0, 1000 * amount / total - 1.5, 26), f"p{i % 8}")
        SubElement(part, "title").text = f"{shown(name)}: {amount:.1f} s"
        x += 1000 * amount / total
    return draw.written(svg)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _value_range(values: Sequence[float], unit: str) -> tuple[float, float]:
    if unit == "percent":
        return min(math.floor(min(values) * 10) / 10, 0.9), 1.0
    low, high = min(values), max(values)
    return min(0.0, low), max(high, low + 1e-6, 1e-6)


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers (1, 2, 2.5 or 5 times a power of ten) that cover low..high."""
    step = draw.round_step(low, high, about)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [i * step for i in range(first, last + 1)]


def _whole_ticks(low: float, high: float, about: int) -> list[float]:
    """Round whole numbers inside low..high: epochs."""
    step = max(1, round(draw.round_step(low, high, about)))
    return [float(i * step) for i in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]


def _value(value: float, unit: str, ticks: Sequence[float]) -> str:
    if unit == "percent":
        return f"{100 * value:.3g} %"
    step = ticks[1] - ticks[0]
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return (
        f"{value:g}" if step >= 1 else f"{value:.{digits + (round(step * 10**digits) != step * 10**digits)}f}"
    )


def _exact(value: float, unit: str) -> str:
    return percent(value, 2) if unit == "percent" else f"{value:.4g}"
