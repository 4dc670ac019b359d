"""`foveate summary`: what a network is, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from foveate.cli.command import Command
from foveate.cli.console import download_option, emit_json, json_option, note, overwrite_option
from foveate.words import printable

Shape = tuple[int, int, int]


class InputSize(click.ParamType[Shape]):
    name = "CxHxW"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shape:
        parts = str(value).lower().replace("×", "x").split("x")
        if len(parts) != 3 or not all(
            p.isascii() and p.isdigit() and 1 <= int(p[:6]) <= 16_384 for p in parts
        ):
            self.fail(f"must be channels x height x width such as 3x224x224, each 1 to 16384, not {value!r}")
        return int(parts[0]), int(parts[1]), int(parts[2])


@click.command("summary", cls=Command)
@click.argument("network")
@click.option("--input", type=InputSize(), help="Picture size [the network's own].")
@click.option("--batch-size", type=click.IntRange(1, 1 << 20), default=32, show_default=True,
              help="Pictures a step, for the estimate of training memory.")  # fmt: skip
@click.option("--num-classes", type=click.IntRange(1, 1_000_000), help="Classes [the network's own].")
@click.option("--draw", type=click.Path(path_type=Path), help="Write a drawing: FILE.svg or FILE.png.")
@download_option
@overwrite_option
@json_option
def command(network: str, *, draw: Path | None, as_json: bool, **settings: Any) -> None:
    """Show every layer of NETWORK: shape, parameters, multiply-adds, memory, receptive field and jump.

    NETWORK is a name (see `foveate models`), a blueprint (FILE.yaml, FILE.json), a model folder,
    hf:OWNER/REPO or timm:NAME. Nothing is computed: even the largest network is summarised at
    once. Counts are for one picture.

    \b
    foveate summary resnet50
    foveate summary net.yaml --input 3x64x64 --draw net.svg
    foveate summary runs/photos --json
    """
    from foveate.api.summary import summary

    found = summary(network, draw=draw, **settings)
    if draw is not None:
        note(f"Drawn to {printable(str(draw))}.")
    if as_json:
        emit_json(found.to_dict())
    else:
        click.echo(printable_lines(found.to_text()))


def printable_lines(text: str) -> str:
    """The text with every line made safe to show."""
    return "\n".join(map(printable, text.splitlines()))
