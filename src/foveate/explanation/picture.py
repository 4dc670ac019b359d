"""Everything about one picture at once: what the command writes and the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from foveate.errors import InputError
from foveate.explanation.faithfulness import Curves, blurred, curves, hiding, marked
from foveate.explanation.ground import Decoded, Ground, decoded, drawn_over, own_pixels
from foveate.explanation.hooks import activation_of, capturing, last_map
from foveate.explanation.methods import NEED_ATTENTION, NEED_MAPS, HeatMap, heat_map
from foveate.explanation.part import Part, part_of
from foveate.explanation.render import Panel, curve_picture, fitted, kernel_pictures, map_picture, sheet
from foveate.explanation.rollout import attention_layers
from foveate.geometry import Box
from foveate.graph.trace import evaluating
from foveate.images.preprocess import Preprocessing
from foveate.models.model import Model
from foveate.tasks.measures import Metric

MAPS_SHOWN = 64
KERNELS_SHOWN = 96
PICTURE_PX = 448
TOP = 5  # labels


@dataclass(frozen=True)
class Explained:
    """facts: plain data for JSON. pictures: (H, W, 3) uint8 by name, for files."""

    facts: dict[str, Any]
    pictures: dict[str, NDArray[np.uint8]] = field(default_factory=dict)


def explain_picture(
    model: Model,
    picture: NDArray[np.uint8] | Decoded,
    *,
    region: Box | None = None,
    target: int | None = None,
    methods: Sequence[str] = ("grad-cam",),
    layer: str | None = None,
    seed: int = 0,
) -> Explained:
    """Heat maps, how faithful they are, feature maps and kernels, for one picture.

    Args:
        picture: (H, W, 3) uint8, of any size; `Decoded` where it was decoded smaller than it is.
        region: (x1, y1, x2, y2) in its pixels: what is said there is explained, of answers that have a place.
        target: the label to explain; by default the first that `Task.order` gives.
        layer: whose maps are looked at, also by Grad-CAM; by default the last map. A network without maps is
            explained by the other methods; what cannot be used, Grad-CAM or roll-out, is left out, with the
            reason, unless it stands alone.

    Raises:
        UnknownNameError: a method or a layer. InputError: what the methods cannot explain.
    """
    given = decoded(picture)
    seen = model.preprocessing.apply(given.pixels, given.box)  # (h, w, C)
    x = torch.from_numpy(model.preprocessing.normalise(seen[None]))
    part = part_of(model.task, model.preprocessing, given.size, region)
    with evaluating(model.module), torch.no_grad():
        outputs = model.module(x)
        values = part.values(outputs)[0].numpy()  # (K,)
    best = model.task.order(values)[:TOP]
    wanted, says = int(best[0]) if target is None else target, model.task.says
    layer, methods, left_out = _applicable(model.module, x, methods, layer)
    facts = _said(model, values, best, wanted) | {"layer": layer, "methods": {}, "left_out": left_out}
    facts |= {} if region is None else {"region": list(region)}
    ground, first = Ground(seen), ("what the network sees", seen)
    if not model.task.whole_picture:
        ground = own_pixels(given, model.preprocessing, PICTURE_PX, region)
    pictures = {"picture": fitted(ground.pixels, PICTURE_PX)}
    if model.task.draws:
        first = ("what the network says", drawn_over(ground, model, outputs))
        pictures["answer"] = first[1]
    rows: list[Panel] = []
    subject = _Subject(model, part, seen, x, wanted, seed)
    for method in methods:
        found = heat_map(model.module, x, wanted, method, layer=layer, watched=part.watched, seed=seed)
        over = ground.under(found)
        pictures[method] = fitted(over, PICTURE_PX)
        tested, hidden, curve = _tested(subject, found)
        rows += [first, (method, over), hidden, curve]
        facts["methods"][method] = found.facts | tested
    title = f"{model.labels[wanted]}: {says.plain(float(values[wanted]))}"
    pictures["explanation"] = sheet(rows, columns=4, cell_px=300, title=title, font_px=14)
    return Explained(facts, pictures | _inside(model.module, x, layer))


def _said(model: Model, values: NDArray[np.float32], best: NDArray[np.int64], wanted: int) -> dict[str, Any]:
    """What the network says of the label to explain, and of those that it names first."""
    says = model.task.says
    top = [{"label": model.labels[i], says.name: float(values[i])} for i in best]
    return {"class": model.labels[wanted], says.name: float(values[wanted]), "top": top}


@dataclass(frozen=True)
class _Subject:
    """What is explained: of a picture, as pixels ``seen`` by the network and normalised ``x``, one label."""

    model: Model
    part: Part
    seen: NDArray[np.uint8]
    x: Tensor
    target: int
    seed: int


def _inside(module: nn.Module, x: Tensor, layer: str | None) -> dict[str, NDArray[np.uint8]]:
    """Sheets of a layer's maps and of kernels, where there are any."""
    sheets = {} if layer is None else {"maps": maps_sheet(activation_of(module, x, layer), layer)}
    kernels = kernels_sheet(module, layer)
    return sheets if kernels is None else sheets | {"kernels": kernels}


def _applicable(
    module: nn.Module, x: Tensor, methods: Sequence[str], layer: str | None
) -> tuple[str | None, Sequence[str], dict[str, str]]:
    """The layer to look at, the methods that can be used, and why others cannot: method to reason."""
    found, reasons = layer, dict[str, InputError]()
    try:
        found = layer or last_map(module, x)
    except InputError as error:
        reasons |= {method: error for method in methods if method in NEED_MAPS}
    try:
        attention_layers(module)
    except InputError as error:
        reasons |= {method: error for method in methods if method in NEED_ATTENTION}
    others = [method for method in methods if method not in reasons]
    if not others:
        raise reasons[methods[0]]
    return found, others, {method: str(error) for method, error in reasons.items()}


def maps_sheet(activation: Tensor, layer: str) -> NDArray[np.uint8]:
    """The maps of the first picture, (N, C, h, w), strongest first, each on its own scale.

    Captions are channel and largest value: a dead map is dark and says 0. Raises InputError for no map.
    """
    if activation.ndim != 4:
        raise InputError(f"Layer {layer!r} gives {tuple(activation.shape)}, no map that could be drawn.")
    maps = activation[0].numpy()  # (C, h, w)
    strength = np.abs(maps).mean(axis=(1, 2))
    order = np.argsort(-strength, kind="stable")[:MAPS_SHOWN]
    panels = [
        (f"{c}: {maps[c][np.unravel_index(np.abs(maps[c]).argmax(), maps[c].shape)]:.3g}", c) for c in order
    ]
    shown = f"{len(order)} strongest of " if len(order) < len(maps) else ""
    title = f"{layer}: {shown}{len(maps)} maps of {maps.shape[1]}x{maps.shape[2]}"
    return sheet([(words, map_picture(maps[c])) for words, c in panels], title=title)


def kernels_sheet(module: nn.Module, layer: str | None = None) -> NDArray[np.uint8] | None:
    """The kernels of a convolution: ``layer`` if it is one, else the first; None where there is none."""
    convolutions = {name: m for name, m in module.named_modules() if isinstance(m, nn.Conv2d)}
    if not convolutions:
        return None
    name = layer if layer in convolutions else next(iter(convolutions))
    weight = convolutions[name].weight.detach().numpy()
    panels = kernel_pictures(weight)
    title = f"{name}: {len(weight)} kernels, {weight.shape[1]} x {weight.shape[2]} x {weight.shape[3]}"
    return sheet(panels[:KERNELS_SHOWN], columns=12, cell_px=64, title=title)


def check_layer(module: nn.Module, layer: str) -> None:
    """Raise UnknownNameError unless the network has a layer of this name."""
    with capturing(module, layer):
        pass


def _tested(subject: _Subject, found: HeatMap) -> tuple[dict[str, Any], Panel, Panel]:
    """What the tests of a heat map say as data, the picture with its hottest part hidden, and the curves."""
    heat, (model, x) = torch.from_numpy(found.values), (subject.model, subject.x)
    value, says = subject.part.value, model.task.says
    test = hiding(model.module, x, subject.target, heat, score=value, seed=subject.seed)
    lines = curves(model.module, x, subject.target, heat, score=value)
    words = f"hottest {test.fraction:.0%} hidden: {says.plain(test.marked)}"
    hidden = words, _without(model.preprocessing, subject.seen, x, found, test.fraction)
    return {"hiding": test.to_dict(), "curves": lines.to_dict()}, hidden, ("", _drawn(lines, says))


def _without(
    preprocessing: Preprocessing, seen: NDArray[np.uint8], x: Tensor, found: HeatMap, fraction: float
) -> NDArray[np.uint8]:
    """The picture with its hottest part hidden, as the test hides it."""
    mask = marked(torch.from_numpy(found.values), fraction).numpy()
    return np.where(mask[..., None], _displayed(preprocessing, blurred(x)), seen)


def _drawn(lines: Curves, value: Metric) -> NDArray[np.uint8]:
    both = (0.0, 1.0) if value.is_fraction else (*lines.deletion, *lines.insertion)
    low, high = min(both), max(both)
    return curve_picture(
        lines.fractions,
        {
            f"deletion, area {lines.deletion_area:.2f}": lines.deletion,
            f"insertion, area {lines.insertion_area:.2f}": lines.insertion,
        },
        title=f"{value.words}, hottest pixels first",
        across="pixels hidden (deletion) or shown (insertion)",
        limits=(low, high if high > low else low + 1),
        told=("{:.0%}" if value.is_fraction else "{:.3g}").format,
    )


def _displayed(preprocessing: Preprocessing, x: Tensor) -> NDArray[np.uint8]:
    """The first picture of a normalised batch (N, C, H, W) as pixels again, (H, W, C) uint8."""
    scale, shift = (v[:, None, None] for v in (preprocessing.scale, preprocessing.shift))
    pixels = (x[0].numpy() - shift) / scale
    return np.rint(np.clip(pixels, 0, 255)).astype(np.uint8).transpose(1, 2, 0)
