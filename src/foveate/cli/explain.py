"""`foveate explain`: why a network says what it says of a picture, and whether the explanation is true."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foveate.cli.command import Command
from foveate.cli.console import after_writing, download_option, emit_json, json_option, note, overwrite_option
from foveate.outputs import numbered
from foveate.words import printable

if TYPE_CHECKING:
    from foveate.api.explain import Explanation


@click.command("explain", cls=Command)
@click.argument("model")
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "--class",
    "--output",
    "class_",
    help="The class, label or number to explain, by name or place [the one it names; the first number].",
)
@click.option(
    "--region",
    metavar="X1,Y1,X2,Y2",
    help="Of an answer for each pixel, explain what it says of a part of IMAGE, in its pixels [all of it].",
)
@click.option("--layer", help="Whose maps to look at, by its name in `foveate summary` [the last map].")
@click.option(
    "--method",
    default="grad-cam",
    show_default=True,
    metavar="NAME",
    help="grad-cam, integrated-gradients, occlusion, saliency, rollout, or all.",
)
@click.option(
    "--weights",
    help="A file of weights or hf:OWNER/REPO, where MODEL is a network's name [its published weights].",
)
@download_option
@click.option("--data", help="A data set: also show which of its pictures excite the layer's maps most.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder to write to [IMAGE's name-explained, ...-2]."
)
@overwrite_option
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True)
@json_option
def command(
    model: str,
    image: Path,
    *,
    data: str | None,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Show what in IMAGE speaks for a class, according to MODEL, and how far that can be believed.

    MODEL is a model folder, a network's name (see `foveate models`), a blueprint (FILE.yaml, with --weights)
    or hf:OWNER/REPO. Written are the heat maps over the picture, a sheet that puts them to the test, the maps
    of a layer, the kernels, and all numbers as JSON.

    \b
    foveate explain runs/pets cat.jpg
    foveate explain runs/pets cat.jpg --class dog --method all --out why/
    foveate explain efficientnet_lite0 bee.jpg --layer features.4
    foveate explain runs/pets cat.jpg --layer features.0 --data photos/ --out edges/
    foveate explain runs/crossings crossing.jpg --class bicyclist --region 120,80,200,160
    """
    from foveate.api.explain import explain
    from foveate.cli.predict import bar

    base = out or Path(f"{image.stem}-explained")
    with bar(hidden=data is None) as progress:
        found = explain(
            model,
            image,
            data=data,
            out=base if out is not None or overwrite else numbered(base)[-1],
            overwrite=overwrite,
            progress=progress,
            say=note,
            **settings,
        )
    with after_writing():
        if as_json:
            emit_json(found.to_dict())
        else:
            _tell(found)


def _tell(found: Explanation) -> None:
    for line in found.lines():
        click.echo(line)
    for layer in found.facts.get("data", {}).get("units", []):
        if layer["dead"]:
            click.echo(f"{layer['name']}: {len(layer['dead'])} of {layer['channels']} maps never answered")
    click.echo("")
    for path in found.files:
        click.echo(printable(path))
