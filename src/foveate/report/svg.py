"""The elements of a drawing in SVG, with nothing but the standard library.

They are built with ElementTree, which escapes every text and attribute. ``style`` is a class of the drawing's
style sheet.
"""

from __future__ import annotations

import math
from xml.etree.ElementTree import Element, SubElement, tostring

Point = tuple[float, float]


def canvas(width: float, height: float, title: str) -> Element:
    """The drawing itself; ``title`` is what a screen reader says of it."""
    return Element(
        "svg",
        {"viewBox": f"0 0 {width:g} {height:g}", "role": "img", "aria-label": title, "class": "chart"},
    )


def at(x: float, y: float, prefix: str = "") -> dict[str, str]:
    """A place as attributes: x and y, or with the prefix ``c`` cx and cy."""
    return {f"{prefix}x": f"{x:.1f}", f"{prefix}y": f"{y:.1f}"}


def text(parent: Element, place: Point, words: str, anchor: str, style: str = "") -> Element:
    """Words whose start, middle or end (``anchor``) stands at the place."""
    element = SubElement(parent, "text", at(*place) | {"text-anchor": anchor})
    if style:
        element.set("class", style)
    element.text = words
    return element


def turned_text(parent: Element, place: Point, degrees: int, words: str, anchor: str) -> Element:
    """Words turned about their place, clockwise."""
    element = text(parent, (0, 0), words, anchor)
    turn = f" rotate({degrees})" if degrees else ""
    element.set("transform", f"translate({place[0]:.1f} {place[1]:.1f}){turn}")
    return element


def line(parent: Element, start: Point, end: Point, style: str) -> Element:
    ends = {"x1": f"{start[0]:.1f}", "y1": f"{start[1]:.1f}", "x2": f"{end[0]:.1f}", "y2": f"{end[1]:.1f}"}
    return SubElement(parent, "line", {"class": style} | ends)


def rect(parent: Element, box: tuple[float, float, float, float], style: str) -> Element:
    """A rectangle of x, y, width and height; never less than nothing wide."""
    x, y, width, height = box
    size = {"width": f"{max(width, 0):.1f}", "height": f"{max(height, 0):.1f}"}
    return SubElement(parent, "rect", {"class": style} | at(x, y) | size)


def written(svg: Element) -> str:
    return tostring(svg, encoding="unicode")


def round_step(low: float, high: float, about: int) -> float:
    """The step of about so many ticks from low to high: 1, 2, 2.5 or 5 times a power of ten."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    return next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * 0.999)
