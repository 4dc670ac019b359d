"""A chapter as it is written: Markdown (MyST), with programs to run, widgets, and numbers to be filled in.

A chapter is one file of `chapters/`. Beside plain MyST it may hold::

    ```{code-cell} python          a program; what it prints and its last value stand below it
    :tags: [hide-input]            folded away: how a picture was made, or what the program begins with;
                                   [thumbnail]: what it gives stands for the chapter on the first page
    ```
    ```{widget} pooling Words      the module web/pooling.js, called Words for those who do not see it
    {"picture": grid.tolist()}     what it is given: an expression of the chapter's program
    ```
    {eval}`len(kernels)`           a value of the program, within a sentence
    {quoted}`1998 <LeCun et al.>`  a number that somebody else gave, and who
    :::{question} Why?             an answer to unfold

Cells and `eval` are written as in Jupyter's and MyST-NB's text notebooks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

from foveate.errors import FoveateError

CELL, WIDGET = "code-cell", "widget"
_FENCE = re.compile(r"^```\{(?P<kind>code-cell|widget)\}[ ]*(?P<argument>.*)$")
_OPTION = re.compile(r"^:(?P<name>[\w-]+):[ ]*(?P<value>.*)$")
FOLDED, THUMBNAIL = "hide-input", "thumbnail"


class GuideError(FoveateError):
    """A chapter that does not run, or says a number that nobody computed."""


@dataclass(frozen=True)
class Prose:
    """Markdown between programs. line: of the chapter's file, from 1."""

    text: str
    line: int


@dataclass(frozen=True)
class Cell:
    """A program. tags: FOLDED where it is folded away, THUMBNAIL."""

    code: str
    line: int
    tags: str = ""


@dataclass(frozen=True)
class Widget:
    """A module of web/, what it is called, and the expression of what it is given."""

    name: str
    title: str
    data: str
    line: int


Part = Prose | Cell | Widget


@dataclass(frozen=True)
class Chapter:
    name: str
    parts: tuple[Part, ...]

    @property
    def title(self) -> str:
        """Its first heading."""
        for part in self.parts:
            if isinstance(part, Prose) and (found := re.search(r"^# (.+)$", part.text, re.MULTILINE)):
                return found[1].strip()
        raise GuideError(f"{self.name}.md: expected a first heading, `# …`, found none.")


def chapter_names() -> list[str]:
    """The chapters in the order of reading: those that index.md lists."""
    text = (resources.files("foveate.guide") / "chapters" / "index.md").read_text("utf-8")
    return re.findall(r"^([a-z]\w*)$", text, re.MULTILINE)


def read_chapter(name: str) -> Chapter:
    """A chapter of the package by its name. Raises GuideError: a fence that does not end."""
    text = (resources.files("foveate.guide") / "chapters" / f"{name}.md").read_text("utf-8")
    return parse(name, text)


def parse(name: str, text: str) -> Chapter:
    """The parts of a chapter in their order. Raises GuideError: a fence that does not end."""
    parts: list[Part] = []
    prose: list[str] = []
    lines = text.splitlines()
    start = at = 0
    while at < len(lines):
        fence = _FENCE.match(lines[at])
        if fence is None:
            prose.append(lines[at])
            at += 1
            continue
        if "```" not in lines[at + 1 :]:
            raise GuideError(f"{name}.md, line {at + 1}: expected ``` where the {fence['kind']} ends.")
        end = lines.index("```", at + 1)
        if any(prose):
            parts.append(Prose("\n".join(prose), start + 1))
        parts.append(_fenced(fence, lines[at + 1 : end], at + 1))
        prose, start, at = [], end + 1, end + 1
    if any(prose):
        parts.append(Prose("\n".join(prose), start + 1))
    return Chapter(name, tuple(parts))


def _fenced(fence: re.Match[str], body: list[str], line: int) -> Cell | Widget:
    options: dict[str, str] = {}
    while body and (option := _OPTION.match(body[0])):
        options[option["name"]] = option["value"]
        body, line = body[1:], line + 1
    content = "\n".join(body)
    if fence["kind"] == CELL:
        return Cell(content, line + 1, options.get("tags", ""))
    name, _, title = fence["argument"].partition(" ")
    return Widget(name, title, content.strip() or "None", line + 1)
