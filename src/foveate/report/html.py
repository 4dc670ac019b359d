"""The templates of the pages: text is escaped, and numbers and names are told as everywhere."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from foveate import words


def template(name: str) -> Template:
    """A template of this room, with the filters shown, percent, count, magnitude and duration."""
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
    filters = (words.shown, words.percent, words.count, words.magnitude, words.duration)
    environment.filters |= {one.__name__: one for one in filters}
    return environment
