"""`foveate export`: the network as one file for other programs, or in 8-bit integers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from foveate.cli.console import after_writing, emit_json, json_option, note, overwrite_option
from foveate.errors import InputError
from foveate.files import replacing
from foveate.outputs import check_file
from foveate.words import bytes_text, printable


@click.command("export")
@click.argument("model", type=click.Path())
@click.option("--int8", is_flag=True, help="Write a model folder whose network computes in 8-bit integers.")
@click.option("--data", help="With --int8: labelled pictures to calibrate and to measure with.")
@click.option("-o", "--out", type=click.Path(), help="Where to write; by default named after MODEL, here.")
@overwrite_option
@json_option
def command(
    model: str, *, int8: bool, data: str | None, out: str | None, overwrite: bool, as_json: bool
) -> None:
    """Copy the network of the model folder MODEL out, or make it smaller and faster.

    \b
    foveate export runs/pets                                  writes pets.onnx
    foveate export runs/pets --int8 --data photos/            writes the model folder pets-int8

    The ONNX file takes `images`, uint8 (N, height, width, 3) RGB of the network's size, and gives
    `probabilities`, float32 (N, classes): scaling and softmax are inside. Class names and preprocessing stand
    in its metadata, as JSON.

    --int8 calibrates on up to 200 of the pictures and measures both networks on others, in turn, on this
    machine. It writes nothing, and says the figures, unless the integers are faster here for one picture and
    for sixteen, and lose less than 0.5 points of accuracy.
    """
    from foveate.cli.files import model_path

    folder = model_path(model)
    name = Path(model).resolve().name if Path(model).exists() else model
    if int8:
        if data is None:
            raise InputError("--int8: expected --data DATA as well, pictures to calibrate and measure with.")
        _in_integers(folder, Path(out or f"{name}-int8"), data, overwrite=overwrite, as_json=as_json)
        return
    if data is not None:
        raise InputError("--data: expected --int8 as well; a plain export needs no pictures.")
    _copied(folder, Path(out or f"{name}.onnx"), overwrite=overwrite, as_json=as_json)


def _copied(folder: Path, target: Path, *, overwrite: bool, as_json: bool) -> None:
    from foveate.modelfolder.read import read_config, read_verified
    from foveate.runtime.config import ONNX_NAME

    check_file(target, (".onnx",), flag="--out", overwrite=overwrite)
    content = read_verified(folder, read_config(folder), ONNX_NAME)
    with replacing(target) as part:
        part.write_bytes(content)
    facts = {"model": str(folder), "file": str(target), "bytes": len(content), "precision": "float32"}
    _tell(facts, f"{printable(str(target))}: {bytes_text(len(content))}", as_json=as_json)


def _tell(facts: dict[str, Any], words: str, *, as_json: bool) -> None:
    with after_writing():
        if as_json:
            emit_json(facts)
        else:
            click.echo(words)


def _in_integers(folder: Path, target: Path, data: str, *, overwrite: bool, as_json: bool) -> None:
    from foveate.modelfolder.quantised import quantise_folder

    found = quantise_folder(folder, target, data, overwrite=overwrite, say=lambda step: note(f"{step} ..."))
    facts = {"model": str(folder), "folder": str(target), "precision": "int8", **found.to_dict()}
    _tell(facts, f"{printable(str(target))}: {found.describe()}", as_json=as_json)
