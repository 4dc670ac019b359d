"""`foveate explain`: why a network says what it says of a picture, and whether the explanation is true."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

import click

from foveate.cli.console import after_writing, download_option, emit_json, json_option, note, overwrite_option
from foveate.errors import InputError, MissingExtraError, UnknownNameError
from foveate.files import replacing
from foveate.outputs import check_folder, numbered
from foveate.words import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from foveate.dataset import Split
    from foveate.models.model import Model

METHODS = ("grad-cam", "integrated-gradients", "occlusion", "saliency")
FACTS_NAME = "explanation.json"


@click.command("explain")
@click.argument("model")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--class", "class_name", help="The class to explain, by name or number [the one it names].")
@click.option("--layer", help="Whose maps to look at, by its name in `foveate summary` [the last map].")
@click.option(
    "--method",
    type=click.Choice([*METHODS, "all"]),
    default="grad-cam",
    show_default=True,
    help="How to find what speaks for the class.",
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
    class_name: str | None,
    layer: str | None,
    method: str,
    weights: str | None,
    download: bool,
    data: str | None,
    out: Path | None,
    overwrite: bool,
    seed: int,
    as_json: bool,
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
    """
    try:
        from foveate.explanation.picture import check_layer, explain_picture
        from foveate.resolve import resolve
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError("Explaining a network", "train") from error
    target_folder = _folder(image, out, overwrite=overwrite)
    network = resolve(model, weights, download=download, say=note)
    target = None if class_name is None else _class_number(class_name, network.labels)
    if layer is not None:
        check_layer(network.module, layer)
    split = None if data is None else _split(data)  # a wrong name is told before the work, not after
    picture, info = network.preprocessing.decode(image)
    methods = METHODS if method == "all" else (method,)
    explained = explain_picture(
        network, picture, box=info.box, target=target, methods=methods, layer=layer, seed=seed
    )
    facts: dict[str, Any] = {"model": model, "image": str(image)} | explained.facts
    for name, reason in explained.facts["left_out"].items():
        note(f"{name} is left out: {printable(reason)}")
    pictures = dict(explained.pictures)
    if split is not None:
        facts["data"], pictures["exciting"] = _survey(network, split, facts["layer"], picture, info.box)
    facts["files"] = _write(target_folder, pictures, facts)
    with after_writing():
        if as_json:
            emit_json(facts)
        else:
            _tell(facts)


# --- What is explained -----------------------------------------------------------------------------------


def _class_number(name: str, classes: Any) -> int:
    from foveate.tasks.classification.labels import are_numbered, class_numbers

    given: list[str | int] = [name]
    if name.isascii() and name.isdigit():
        given.append(int(name[:9]))
    for number in class_numbers(given, classes):
        if number is not None:
            return number
    if are_numbered(classes):
        raise InputError(
            f"--class: this network's classes have no names; give a number from 0 to {len(classes) - 1}."
        )
    raise UnknownNameError("class", name, classes)


# --- What a data set shows -------------------------------------------------------------------------------


def _split(data: str) -> tuple[str, Split]:
    """The part of a data set to look through, and what to call it: held-out pictures where there are any."""
    from foveate.dataset import open_dataset
    from foveate.dataset.samples import measured_splits

    dataset = open_dataset(data)
    name = measured_splits(dataset.splits)[-1]
    return f"{dataset.name}, {name}", dataset.splits[name]


def _survey(
    model: Model,
    split: tuple[str, Split],
    layer: str | None,
    picture: NDArray[np.uint8],
    box: tuple[float, float, float, float] | None,
) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """The pictures that excite most the maps that this picture excites, and units that none of them wakes."""
    from foveate.cli.predict import bar
    from foveate.explanation.survey import survey

    if layer is None:
        raise InputError("--data shows what excites maps, and this network makes none.")
    name, pictures = split
    with bar() as progress:
        found = survey(model, pictures.images, layer, picture, box=box, progress=progress)
    for unreadable, reason in found.unreadable:
        note(f"{printable(unreadable)} is left out: {printable(reason)}")
    return {"name": name} | found.facts, found.picture


# --- What comes out --------------------------------------------------------------------------------------


def _folder(image: Path, out: Path | None, *, overwrite: bool) -> Path:
    """Where it is written: into ``out``, or a folder that is named for the picture. Raises InputError."""
    base = out if out is not None else Path(f"{image.stem}-explained")
    folder = base if out is not None or overwrite else numbered(base)[-1]
    return check_folder(folder, FACTS_NAME, what="an explanation", flag="--out", overwrite=overwrite)


def _write(folder: Path, pictures: dict[str, NDArray[np.uint8]], facts: dict[str, Any]) -> list[str]:
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, pixels in pictures.items():
        path = folder / f"{name}.png"
        with replacing(path) as part:
            Image.fromarray(pixels).save(part)
        files.append(str(path))
    path = folder / FACTS_NAME
    files.append(str(path))
    text = json.dumps(facts | {"files": files}, indent=2, allow_nan=False, ensure_ascii=True)
    with replacing(path) as part:
        part.write_text(text + "\n", encoding="ascii")
    return files


def _tell(facts: dict[str, Any]) -> None:
    wanted = printable(facts["class"])
    click.echo("  ".join(f"{printable(t['label'])} {t['probability']:.1%}" for t in facts["top"]))
    for method, found in facts["methods"].items():
        hiding, curves = found["hiding"], found["curves"]
        where = (
            f" at {found['layer']}, a map of {'x'.join(map(str, found['map']))}" if "layer" in found else ""
        )
        click.echo(f"\n{method}{where}, for {wanted} ({hiding['before']:.1%})")
        click.echo(
            f"  hide the hottest {hiding['fraction']:.0%}: {hiding['marked']:.1%} "
            f"({-100 * hiding['drop']:+.1f} points); "
            f"the same shape elsewhere: {_spread(hiding, 'elsewhere')}; "
            f"as much, scattered: {_spread(hiding, 'scattered')}"
        )
        click.echo(
            f"  deletion {curves['deletion_area']:.3f} (lower is better), "
            f"insertion {curves['insertion_area']:.3f} (higher is better)"
        )
    for layer in facts.get("data", {}).get("units", []):
        if layer["dead"]:
            click.echo(f"{layer['name']}: {len(layer['dead'])} of {layer['channels']} maps never answered")
    click.echo("")
    for path in facts["files"]:
        click.echo(printable(path))


def _spread(hiding: dict[str, Any], key: str) -> str:
    """Mean and standard deviation over the draws, as percentage points of change."""
    changes = [100 * (value - hiding["before"]) for value in hiding[key]]
    return f"{fmean(changes):+.1f} ± {pstdev(changes):.1f}"
