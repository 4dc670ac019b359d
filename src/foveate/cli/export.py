"""`foveate export`: the network as one file for other programs, in integers, or as a page of its own."""

from __future__ import annotations

from typing import Any

import click

from foveate.cli.command import Command
from foveate.cli.console import after_writing, emit_json, json_option, note, overwrite_option
from foveate.words import printable


@click.command("export", cls=Command)
@click.argument("model", type=click.Path())
@click.option("--int8", is_flag=True, help="Write a model folder whose network computes in 8-bit integers.")
@click.option("--data", help="With --int8: labelled pictures to calibrate and to measure with.")
@click.option(
    "-b",
    "--batch-size",
    type=int,
    metavar="N",
    help="Let the ONNX file take N pictures at once, no other number.",
)
@click.option(
    "--web", type=click.Path(), help="Write a folder with a page that answers by itself, without a server."
)
@click.option("--download", is_flag=True, help="With --web: let the engine of the page be fetched, once.")
@click.option("-o", "--out", type=click.Path(), help="Where to write; by default named after MODEL, here.")
@overwrite_option
@json_option
def command(model: str, *, as_json: bool, **settings: Any) -> None:
    """Copy the network of the model folder MODEL out, make it smaller and faster, or make a page of it.

    \b
    foveate export runs/pets                                  writes pets.onnx
    foveate export runs/pets --int8 --data photos/            writes the model folder pets-int8
    foveate export runs/pets --web site/                      writes a page that answers by itself

    The ONNX file takes `images`, uint8 (N, height, width, 3) RGB of the network's size, and gives
    `probabilities`, float32 (N, classes): scaling and softmax are inside. Class names and preprocessing stand
    in its metadata, as JSON. --batch-size fixes N, for engines that build a plan for one shape (TensorRT).

    --int8 calibrates on up to 200 of the pictures and measures both networks on others, in turn, on this
    machine, each on the runtime that is fastest for it. It writes nothing, and says the figures, unless the
    integers are 1.3 times as fast, for one picture and for sixteen, and lose less than 0.5 points of
    accuracy.

    --web writes a page, the network and the engine that runs it in the browser. Any web host can serve the
    folder (`python -m http.server -d site`); pictures stay in the browser, and it works offline.
    """
    from foveate.api.export import export

    done = export(model, say=note, **settings)
    with after_writing():
        if as_json:
            emit_json(done.to_dict())
        else:
            click.echo(f"{printable(str(done.path))}: {done.describe()}")
