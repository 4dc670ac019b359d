"""`foveate evaluate`: how good a model folder is on labelled pictures. Starts without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from foveate.cli.command import Command
from foveate.cli.console import (
    beam_option,
    emit_json,
    ignore_option,
    json_option,
    note,
    runtime_option,
    unlabelled_option,
)
from foveate.tasks.sections import cell_text
from foveate.words import printable, shown, table

if TYPE_CHECKING:
    from foveate.tasks.sections import Column, Table


@click.command("evaluate", cls=Command)
@click.argument("model", type=click.Path())
@click.argument("data")
@click.option(
    "--split", type=click.Choice(["train", "val", "test"]), help="Which part; by default test or all."
)
@ignore_option
@unlabelled_option
@beam_option
@runtime_option
@click.option("-b", "--batch-size", default=64, show_default=True, type=click.IntRange(1, 65536))
@json_option
def command(model: str, data: str, *, as_json: bool, **settings: Any) -> None:
    """Measure MODEL on DATA: accuracy, every class, what is taken for what.

    \b
    foveate evaluate runs/pets photos/test
    foveate evaluate runs/demo fashion-mnist --json

    MODEL is a model folder, or the name of a network that comes with weights. Classes are matched by name; a
    class that the model does not know is an error. Unreadable pictures are named and left out, up to 5 %.
    """
    from foveate.api.evaluate import evaluate
    from foveate.cli.predict import bar

    with bar() as progress:
        found = evaluate(model, data, progress=progress, say=note, **settings)
    for remark in found.notes:
        note(printable(remark))
    for error in found.unreadable:
        note(f"foveate: {printable(str(error))} Left out.")
    if as_json:
        emit_json(found.to_dict())
        return
    pictures = "pictures" if found.split == "all" else f"pictures of {found.split}"
    for line in found.evaluation.lines(pictures):
        click.echo(printable(line))
    for each in found.evaluation.tables():
        click.echo("\n" + drawn(each))


def drawn(found: Table) -> str:
    """A table for a terminal, under its title."""
    rows = [list(map(_cell, found.columns, row)) for row in found.rows]
    right = [i for i, column in enumerate(found.columns) if column.kind == "number"]
    lines = [found.title] if found.title else []
    headings = [column.heading for column in found.columns]
    return "\n".join([*lines, table(headings, rows, right=right)] if rows else lines)


def _cell(column: Column, cell: str | float | None) -> str:
    return "" if cell is None else printable(shown(cell_text(cell), column.limit))
