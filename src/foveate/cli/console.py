"""What the commands share: JSON for machines on standard output, notes for people on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on standard output."
)


def emit_json(document: Any) -> None:
    """Print one JSON document: strict (no NaN) and ASCII, so that no name can break a reader or a terminal."""
    click.echo(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=True))


def note(message: str) -> None:
    """Say something to the person; never mixes with a command's result on standard output."""
    click.echo(message, err=True)


def printable(text: str) -> str:
    """The text with control characters and undecodable bytes escaped: safe to show on a terminal."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Plain aligned columns; the columns whose numbers stand in ``right`` are set flush right."""
    cells = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def interactive() -> bool:
    """Whether bars make sense: standard error is a terminal."""
    return sys.stderr.isatty()
