"""Running a chapter: its cells in one namespace, in order; what each printed and its last value are kept."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from foveate.guide.chapter import Cell, Chapter, GuideError, Part, Prose, Widget, chapter_names, read_chapter

_EVAL = re.compile(r"\{eval\}`([^`]+)`")


@dataclass(frozen=True)
class Ran:
    """A part that has been run.

    values: of the places in prose, as they are written. printed, value: of a cell; value is what the last
    line gave, or None. data: what a widget is given, as JSON; of bytes in it, such as a network, the name of
    a file. files: name -> content.
    """

    part: Part
    values: tuple[str, ...] = ()
    printed: str = ""
    value: Any = None
    data: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)

    def prose(self, computed: Callable[[str], str] = str) -> str:
        """The text of prose with its values in their places, each as ``computed`` writes it."""
        if not isinstance(self.part, Prose):
            raise TypeError(f"{type(self.part).__name__} is no prose.")
        values = iter(self.values)
        return _EVAL.sub(lambda _: computed(next(values)), self.part.text)


Chapters = dict[str, list[Ran]]
Say = Callable[[str], None]


def run_chapters(*, say: Say | None = None) -> Chapters:
    """All chapters of the package, run one after another: by name, in the order of reading."""
    chapters: Chapters = {}
    for name in chapter_names():
        if say is not None:
            say(f"  {name}")
        chapters[name] = execute(read_chapter(name))
    return chapters


def execute(chapter: Chapter) -> list[Ran]:
    """Run all parts in order, in an empty folder.

    Raises:
        GuideError: a program fails; says where.
    """
    namespace: dict[str, Any] = {"__name__": chapter.name}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return [_run(chapter.name, part, namespace) for part in chapter.parts]


def _run(name: str, part: Part, namespace: dict[str, Any]) -> Ran:
    try:
        match part:
            case Prose():
                values = [
                    written(_computed(name, found[1], _line_of(part, found), namespace))
                    for found in _EVAL.finditer(part.text)
                ]
                return Ran(part, values=tuple(values))
            case Widget():
                data, files = _given(_evaluate(name, part.data, part.line, namespace))
                return Ran(part, data=data, files=files)
            case Cell():
                printed = io.StringIO()
                with contextlib.redirect_stdout(printed):
                    value = _cell(name, part, namespace)
                return Ran(part, printed=printed.getvalue().rstrip("\n"), value=value)
    except Exception as error:
        raise GuideError(
            f"{name}.md, line {_line(error, name, part.line)}: {type(error).__name__}: {error}"
        ) from error


def _given(value: Any) -> tuple[str, dict[str, bytes]]:
    """What a widget is given, as JSON that may stand in a page's script, and the files that it names."""
    files: dict[str, bytes] = {}

    def named(content: Any) -> str:
        if not isinstance(content, bytes):
            raise TypeError(f"a widget cannot be given a {type(content).__name__}")
        name = f"{hashlib.blake2b(content, digest_size=8).hexdigest()}.gz"
        files[name] = content
        return name

    return json.dumps(value, allow_nan=False, default=named).replace("</", "<\\/"), files


def _cell(name: str, cell: Cell, namespace: dict[str, Any]) -> Any:
    """Execute all but a last expression, and give that one's value; a last line that ends in ; gives none."""
    tree = ast.parse(cell.code)
    ast.increment_lineno(tree, cell.line - 1)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, f"{name}.md", "exec"), namespace)  # noqa: S102 -- the package's own chapters
    if not isinstance(last, ast.Expr):
        return None
    value = eval(compile(ast.Expression(last.value), f"{name}.md", "eval"), namespace)  # noqa: S307
    return None if cell.code.rstrip().endswith(";") else value


def _line_of(part: Prose, found: re.Match[str]) -> int:
    return part.line + part.text.count("\n", 0, found.start())


def _computed(name: str, expression: str, line: int, namespace: dict[str, Any]) -> Any:
    """A value for a sentence. Raises ValueError: a number that was typed is not computed."""
    if isinstance(ast.parse(expression.strip(), mode="eval").body, ast.Constant):
        raise ValueError(f"{expression.strip()} was typed, not computed; name the value that it is.")
    return _evaluate(name, expression, line, namespace)


def _evaluate(name: str, expression: str, line: int, namespace: dict[str, Any]) -> Any:
    tree = ast.parse(expression.strip(), mode="eval")
    ast.increment_lineno(tree, line - 1)
    return eval(compile(tree, f"{name}.md", "eval"), namespace)  # noqa: S307 -- the package's own chapters


def _line(error: Exception, name: str, begin: int) -> int:
    """Of the chapter where it went wrong: the innermost that lies in it."""
    line, trace = begin, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == f"{name}.md":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def written(value: Any) -> str:
    """A value within a sentence: whole numbers in groups of three, others as Python writes them.

    >>> written(25557032), written(0.25), written("4.8·10¹¹")
    ('25,557,032', '0.25', '4.8·10¹¹')
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}".replace("-", "−")
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return written(value.item())
    return f"{value:g}".replace("-", "−") if isinstance(value, float) else str(value)
