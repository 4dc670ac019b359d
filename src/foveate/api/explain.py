"""`explain`: why a network says what it says of a picture, and whether the explanation is true."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foveate.api.common import Progress, Say, needs, unsaid, unseen
from foveate.errors import InputError, UnknownNameError
from foveate.files import replacing
from foveate.outputs import check_folder
from foveate.tasks.measures import PROBABILITY, Metric
from foveate.tasks.notebooks import html_picture, png_of
from foveate.words import html_lines, printable, setting

if TYPE_CHECKING:
    from foveate.dataset import Split
    from foveate.explanation.ground import Decoded
    from foveate.models.model import Model

FACTS_NAME = "explanation.json"
SHEET_PX = 1200  # of the sheet in a notebook, at most


@dataclass(frozen=True)
class Explanation:
    """What speaks for an answer.

    Attributes:
        facts: all numbers, such as ``facts["methods"]["grad-cam"]["hiding"]``.
        pictures: (H, W, 3) uint8 by name: the heat maps, the sheet that tests them, a layer's maps, kernels.
        files: what was written of it.
        says: what its numbers are: probabilities, or the numbers that the network tells.
    """

    facts: Mapping[str, Any]
    pictures: Mapping[str, NDArray[np.uint8]] = field(repr=False)
    files: Sequence[str] = ()
    says: Metric = field(default=PROBABILITY, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: what `foveate explain --json` prints."""
        return {**self.facts, "files": list(self.files)}

    def lines(self) -> list[str]:
        """What the network says, and for each method what hiding what it marks does to that."""
        facts, says = self.facts, self.says
        wanted = printable(facts["class"])
        if "region" in facts:
            wanted += f" in {','.join(f'{number:g}' for number in facts['region'])}"
        told = ["  ".join(f"{printable(t['label'])} {says.plain(t[says.name])}" for t in facts["top"])]
        for method, found in facts["methods"].items():
            told += ["", *_method_lines(method, found, wanted, says)]
        return told

    def _repr_html_(self) -> str:
        return html_lines(self.lines()) + html_picture(png_of(self.pictures["explanation"]), SHEET_PX)


def _method_lines(method: str, found: Mapping[str, Any], wanted: str, says: Metric) -> list[str]:
    hiding, curves = found["hiding"], found["curves"]
    where = f" at {found['layer']}, a map of {'x'.join(map(str, found['map']))}" if "layer" in found else ""
    return [
        f"{method}{where}, for {wanted} ({says.plain(hiding['before'])})",
        f"  hide the hottest {hiding['fraction']:.0%}: {says.plain(hiding['marked'])} "
        f"({_change(says, -hiding['drop'])}); "
        f"the same shape elsewhere: {_spread(says, hiding, 'elsewhere')}; "
        f"as much, scattered: {_spread(says, hiding, 'scattered')}",
        f"  deletion {curves['deletion_area']:.3f} (lower is better), "
        f"insertion {curves['insertion_area']:.3f} (higher is better)",
    ]


def _change(says: Metric, change: float) -> str:
    return f"{100 * change:+.1f} points" if says.is_fraction else f"{change:+.3g}"


def _spread(says: Metric, hiding: Mapping[str, Any], key: str) -> str:
    """Mean and standard deviation over the draws: of probabilities, as percentage points of change."""
    scale, form = (100, ".1f") if says.is_fraction else (1, ".3g")
    changes = [scale * (value - hiding["before"]) for value in hiding[key]]
    return f"{fmean(changes):+{form}} ± {pstdev(changes):{form}}"


def explain(
    model: str | Path,
    image: str | Path | bytes | NDArray[np.uint8],
    *,
    class_: str | int | None = None,
    region: str | Sequence[float] | None = None,
    layer: str | None = None,
    method: str = "grad-cam",
    weights: str | Path | None = None,
    download: bool = False,
    data: str | Path | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    seed: int = 0,
    progress: Progress = unseen,
    say: Say = unsaid,
) -> Explanation:
    """What in a picture speaks for a class, according to a network, and how far that can be believed.

    >>> found = foveate.explain("runs/shapes", "shapes/circle/0.png", class_="circle", method="occlusion")
    >>> found.facts["class"], sorted(found.pictures)
    ('circle', ['explanation', 'kernels', 'maps', 'occlusion', 'picture'])

    Args:
        model: a model folder, a network's name, a blueprint (with ``weights``), hf:OWNER/REPO or timm:NAME.
        image: a file, its bytes, or (H, W, 3) uint8.
        class_: the class to explain, by name or number; by default the one that the network names.
        region: (x1, y1, x2, y2) in pixels of the picture, or the same as a text: of an answer for each pixel,
            what it says of that part is explained.
        layer: whose maps to look at, by its name in `summary`; by default the last map, or, of a network that
            scores each pixel, its coarsest one.
        method: grad-cam, integrated-gradients, occlusion, saliency, rollout, one that was registered, or all.
        weights: a file of weights or hf:OWNER/REPO, where ``model`` is a network's name.
        download: let the weights named hf:... be fetched.
        data: a data set, of which the pictures are shown that excite the layer's maps most.
        out: a folder to write it to; by default nothing is written. ``overwrite`` replaces an earlier one.

    Raises UnknownNameError: a class, a method, a layer. InputError: what the methods cannot explain.
    """
    folder = None if out is None else _folder(Path(out), overwrite)
    with needs("train", "Explaining a network"):
        from foveate.explanation.part import region_of
        from foveate.explanation.picture import explain_picture
        from foveate.resolve import resolve
    methods, part = _methods(method), None if region is None else region_of(region)
    network = resolve(str(model), weights, download=download, say=say)
    target = _target(network, class_, layer)
    split = None if data is None else _split(data)  # a wrong name is told before the work, not after
    picture = _picture(network, image)
    how: dict[str, Any] = {"target": target, "methods": methods, "layer": layer, "seed": seed}
    explained = explain_picture(network, picture, region=part, **how)
    facts: dict[str, Any] = {"model": str(model), "image": _name(image)} | explained.facts
    pictures = dict(explained.pictures)
    _say_left_out(facts["left_out"], say)
    if split is not None:
        facts["data"], pictures["exciting"] = _survey(
            network, split, facts["layer"], picture, progress=progress, say=say
        )
    files = [] if folder is None else _write(folder, pictures, facts)
    return Explanation(facts, pictures, files, network.task.says)


def _say_left_out(reasons: Mapping[str, str], say: Say) -> None:
    for name, reason in reasons.items():
        say(f"{name} is left out: {printable(reason)}")


def _target(network: Model, class_: str | int | None, layer: str | None) -> int | None:
    """The label to explain, where one is named; a layer that is named must be there."""
    from foveate.explanation.picture import check_layer
    from foveate.tasks.labels import label_meant

    if layer is not None:
        check_layer(network.module, layer)
    return None if class_ is None else label_meant(network.task, class_)


def _folder(out: Path, overwrite: bool) -> Path:
    """The folder, if an explanation may be written there."""
    return check_folder(out, FACTS_NAME, what="an explanation", name="out", overwrite=overwrite)


def _name(image: object) -> str | None:
    return str(image) if isinstance(image, str | Path) else None


def _methods(name: str) -> tuple[str, ...]:
    """The methods of this name, all of them for "all". Raises UnknownNameError."""
    from foveate.explanation.methods import METHODS

    if name not in (*METHODS, "all"):
        raise UnknownNameError("method", name, [*METHODS, "all"])
    return tuple(METHODS) if name == "all" else (name,)


def _picture(network: Model, image: str | Path | bytes | NDArray[np.uint8]) -> Decoded:
    from foveate.explanation.ground import Decoded, decoded

    if isinstance(image, np.ndarray):
        return decoded(image)
    pixels, info = network.preprocessing.decode(image)
    return Decoded(pixels, info.box, (info.width, info.height))


def _split(data: str | Path) -> tuple[str, Split]:
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
    picture: Decoded,
    *,
    progress: Progress,
    say: Say,
) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """The pictures that excite most the maps that this picture excites, and units that none of them wakes."""
    from foveate.explanation.survey import survey

    if layer is None:
        raise InputError(f"{setting('data')} shows what excites maps, and this network makes none.")
    name, pictures = split
    found = survey(model, pictures.images, layer, picture, progress=progress)
    for unreadable, reason in found.unreadable:
        say(f"{printable(unreadable)} is left out: {printable(reason)}")
    return {"name": name} | found.facts, found.picture


def _write(folder: Path, pictures: Mapping[str, NDArray[np.uint8]], facts: dict[str, Any]) -> list[str]:
    """The pictures as files, and all numbers; the paths."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    files = [str(folder / f"{name}.png") for name in pictures] + [str(folder / FACTS_NAME)]
    for path, pixels in zip(files, pictures.values(), strict=False):  # the last file holds the numbers
        with replacing(Path(path)) as part:
            Image.fromarray(pixels).save(part)
    text = json.dumps(facts | {"files": files}, indent=2, allow_nan=False, ensure_ascii=True)
    with replacing(folder / FACTS_NAME) as part:
        part.write_text(text + "\n", encoding="ascii")
    return files
