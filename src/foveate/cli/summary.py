"""`foveate summary`: what a network is, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foveate.cli.console import emit_json, json_option, note, overwrite_option
from foveate.errors import InputError, MissingExtraError, UnknownNameError
from foveate.files import replacing
from foveate.outputs import check_file
from foveate.words import printable

if TYPE_CHECKING:
    from torch import nn

Shape = tuple[int, int, int]
BLUEPRINT_SUFFIXES = {".yaml", ".yml", ".json"}


class InputSize(click.ParamType[Shape]):
    name = "CxHxW"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shape:
        parts = str(value).lower().replace("×", "x").split("x")
        if len(parts) != 3 or not all(
            p.isascii() and p.isdigit() and 1 <= int(p[:6]) <= 16_384 for p in parts
        ):
            self.fail(f"must be channels x height x width such as 3x224x224, each 1 to 16384, not {value!r}")
        return int(parts[0]), int(parts[1]), int(parts[2])


@click.command("summary")
@click.argument("network")
@click.option("--input", "size", type=InputSize(), help="Picture size [the network's own].")
@click.option("--batch-size", type=click.IntRange(1, 1 << 20), default=32, show_default=True,
              help="Pictures a step, for the estimate of training memory.")  # fmt: skip
@click.option("--num-classes", type=click.IntRange(1, 1_000_000), help="Classes [the network's own].")
@click.option(
    "--draw", "drawing", type=click.Path(path_type=Path), help="Write a drawing: FILE.svg or FILE.png."
)
@overwrite_option
@json_option
def command(
    network: str,
    size: Shape | None,
    batch_size: int,
    num_classes: int | None,
    drawing: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Show every layer of NETWORK: shape, parameters, multiply-adds, memory, receptive field and jump.

    NETWORK is a name (see `foveate models`), a blueprint (FILE.yaml, FILE.json) or a model folder. Nothing is
    computed: even the largest network is summarised at once. Counts are for one picture.

    \b
    foveate summary resnet50
    foveate summary net.yaml --input 3x64x64 --draw net.svg
    foveate summary runs/photos --json
    """
    if drawing is not None:
        check_file(drawing, (".svg", ".png"), flag="--draw", overwrite=overwrite)
    try:
        from foveate.graph.draw import draw
        from foveate.graph.summary import summarize
        from foveate.models.weightless import weightless
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError("Summarising a network", "train") from error

    with weightless():
        module, shape = _network(network, size, num_classes)
    summary = summarize(module, shape, batch_size=batch_size)
    if drawing is not None:
        with replacing(drawing) as part:
            draw(summary.walk, part)
        note(f"Drawn to {printable(str(drawing))}.")
    if as_json:
        emit_json({"network": network} | summary.to_dict())
    else:
        click.echo(printable_lines(summary.to_text()))


def printable_lines(text: str) -> str:
    """The text with every line made safe to show."""
    return "\n".join(map(printable, text.splitlines()))


def _network(network: str, size: Shape | None, num_classes: int | None) -> tuple[nn.Module, Shape]:
    """The module that a name, file or folder means, and the size of its pictures."""
    from foveate.models import list_models

    path = Path(network)
    if network in list_models():
        return _named(network, size, num_classes)
    if path.suffix.lower() in BLUEPRINT_SUFFIXES:
        from foveate.models.blueprint import load_blueprint

        return _from_blueprint(load_blueprint(path), size, num_classes)
    if path.is_dir():
        return _from_folder(path, size, num_classes)
    if path.exists():
        raise InputError(
            f"{printable(network)} is neither a network's name, nor a blueprint (.yaml, .yml, .json), nor a "
            "model folder."
        )
    raise UnknownNameError("network", network, list_models())


def _named(name: str, size: Shape | None, num_classes: int | None) -> tuple[nn.Module, Shape]:
    from foveate.models import create_model, model_info, model_options

    shape = size or model_info(name).input_size
    # Networks whose dense layers count on the picture's size are made for the size that is asked for.
    options: dict[str, Any] = {}
    if size is not None and "image_size" in model_options(name):
        options["image_size"] = size[1:]
    return create_model(name, num_classes=num_classes, in_channels=shape[0], **options), shape


def _from_blueprint(blueprint: Any, size: Shape | None, num_classes: int | None) -> tuple[nn.Module, Shape]:
    from foveate.models.blueprint import build

    if size is not None:
        blueprint = blueprint.adapted(channels=size[0], size=size[1:])
    return build(blueprint, num_classes), blueprint.input


def _from_folder(folder: Path, size: Shape | None, num_classes: int | None) -> tuple[nn.Module, Shape]:
    from foveate.modelfolder.read import read_config
    from foveate.modelfolder.to_torch import network_of

    config = read_config(folder)
    shape = size or (config.input.channels, config.input.height, config.input.width)
    classes = num_classes or len(config.classes)
    if "custom" in config.architecture:
        raise InputError(
            f"{printable(str(folder))} holds a network of its maker's own code, which is never run; "
            "summarise it in Python with foveate.graph.summary.summarize."
        )
    return network_of(config.architecture, classes, shape[0], shape[1:] if size else None), shape
