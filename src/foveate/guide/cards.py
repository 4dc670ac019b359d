"""The chapters on the first page: each with a picture that its program made."""

from __future__ import annotations

import re
from html import escape

from foveate.guide.chapter import THUMBNAIL, Cell, Prose
from foveate.guide.execute import Chapters, Ran
from foveate.guide.show import as_html

CARDS = "% cards of the chapters"  # where index.md has them
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


def cards(chapters: Chapters) -> str:
    """A list of links to the chapters, in MyST. Links have the titles as text; pictures say no more."""
    items = "".join(_card(name, ran) for name, ran in chapters.items())
    return f'```{{raw}} html\n<ol class="cards">{items}</ol>\n```'


def _card(name: str, ran: list[Ran]) -> str:
    picture = re.sub(r"\s*\n\s*", " ", _thumbnail(ran))
    shown = f'<span class="thumbnail" aria-hidden="true" inert>{picture}</span>'
    return f'<li><a href="{name}.html">{shown}<span>{escape(_title(ran))}</span></a></li>'


def _title(ran: list[Ran]) -> str:
    texts = (one.part.text for one in ran if isinstance(one.part, Prose))
    return next(found[1].strip() for text in texts if (found := _TITLE.search(text)))


def _thumbnail(ran: list[Ran]) -> str:
    """What the chapter's cell gave that is tagged so, else the first that gave anything; nothing without."""
    given = [one for one in ran if isinstance(one.part, Cell) and one.value is not None]
    tagged = [one for one in given if isinstance(one.part, Cell) and THUMBNAIL in one.part.tags]
    html = as_html((tagged or given)[0].value) if given else ""
    return re.sub(r' (?:tabindex|role|aria-label)="[^"]*"', "", html)
