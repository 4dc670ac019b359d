"""How charts look where the pages' style sheet is not: in a notebook."""

from __future__ import annotations

from functools import cache
from importlib import resources

_CHART = "svg.chart"


def styled(html: str) -> str:
    """HTML as a notebook shows it: with the pages' rules for charts, if there is a chart in it."""
    return f"<style>{chart_rules()}</style>{html}" if "<svg" in html else html


@cache
def chart_rules() -> str:
    """The rules of guide.css that are about charts, and the colours that they use, on a card of their own."""
    lines = (resources.files("foveate.guide") / "web" / "guide.css").read_text("utf-8").splitlines()
    begin = lines.index(":root {") + 1
    colours = " ".join(line.strip() for line in lines[begin : lines.index("}", begin)])
    card = f"{_CHART} {{ color-scheme: light; background: var(--card); {colours} }}"
    return "\n".join([card, *(line for line in lines if line.startswith(_CHART))])
