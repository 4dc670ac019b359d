"""The templates of the pages: text is escaped, and numbers and names are told as everywhere."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from foveate import words
from foveate.report import blocks


def template(name: str) -> Template:
    """A template of this room, with the filters that `_environment` lists."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("foveate.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    told = (words.shown, words.percent, words.count, words.magnitude, words.duration)
    drawn = (blocks.kind, blocks.drawn, blocks.bar, blocks.picture)
    environment.filters |= {one.__name__: one for one in (*told, *drawn)}
    return environment
