"""`foveate models`: the table of the networks that can be made by name. Needs no torch."""

from __future__ import annotations

import dataclasses

import click

from foveate.cli.console import emit_json, json_option, note, table
from foveate.errors import UnknownNameError
from foveate.models import ModelInfo, list_models, model_info

HEADER = ("name", "year", "depth", "parameters", "multiply-adds", "input", "top-5 error", "key idea")
NUMBERS = (1, 2, 3, 4, 6)


@click.command("models")
@click.argument("pattern", required=False)
@json_option
def command(pattern: str | None, as_json: bool) -> None:
    """List the networks that can be made by name, or those that match PATTERN.

    \b
    foveate models
    foveate models 'resnet*'
    foveate models vgg --json

    Parameters and multiply-adds are for one picture of the size shown and the published number of classes;
    top-5 error is the published one on ImageNet, and --json says how it was measured.
    """
    names = list_models(pattern)
    if not names:
        raise UnknownNameError("network", pattern or "", list_models())
    rows = [model_info(name) for name in names]
    if as_json:
        emit_json({"models": [_document(row) for row in rows]})
        return
    click.echo(table(HEADER, [_cells(row) for row in rows], right=NUMBERS))
    note(f"\n{len(rows)} networks. `foveate summary NAME` shows every layer of one.")


def _cells(row: ModelInfo) -> tuple[str, ...]:
    channels, height, width = row.input_size
    return (
        row.name,
        str(row.year),
        str(row.depth),
        f"{row.parameters:,}",
        _amount(row.macs),
        f"{channels}x{height}x{width}",
        "" if row.top5_error is None else f"{row.top5_error:.1f} %",
        row.key_idea,
    )


def _amount(number: int) -> str:
    """15470264320 -> "15.47 G"."""
    for unit, size in (("G", 10**9), ("M", 10**6)):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return f"{number / 1000:.2f} k"


def _document(row: ModelInfo) -> dict[str, object]:
    document = dataclasses.asdict(row)
    del document["module"]  # where the code stands is no fact about the network
    return document
