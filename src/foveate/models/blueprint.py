"""A network written as data, in YAML or JSON, checked layer by layer with plain arithmetic before it is made.

::

    input: [1, 28, 28]          # channels, height, width
    classes: 10                 # may be left out; training sets it
    layers:
      - conv: {filters: 16, kernel: 5, padding: 2}
      - batch_norm
      - relu
      - max_pool: 2
      - flatten
      - dense: classes

A layer is a name, or a name with its arguments (``foveate.layers.known`` has them all). Four blocks hold
layers themselves: ``residual: {layers, shortcut}`` sums two paths (the shortcut is the identity where left
out), ``parallel: {branches}`` puts the channels of several paths behind each other, ``repeat: {times,
layers}`` writes the same layers, each time with weights of their own, and ``unpool: {size, layers}`` takes
the greatest of each window to its layers and puts what these leave back to the places. Errors number the
layers from 1: layer 7.2.1 is the first layer of part 2 of block 7, where a residual's parts are its layers
(1) and its shortcut (2), a parallel's its branches, a repeat's its rounds, and an unpool has one. Nothing in
a blueprint is executed.

A network that scores every pixel ends in a map of the input's height and width, one score a class, made by a
layer with ``filters: classes``; an empty branch is a skip connection::

    input: [3, 96, 96]
    layers:
      - parallel:
          branches:
            - []
            - [max_pool: 2, conv: {filters: 16, kernel: 3, padding: 1}, relu, upsample: 2]
      - conv: {filters: classes, kernel: 1}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foveate.errors import BlueprintError, MissingExtraError
from foveate.layers.known import BLUEPRINT_LAYERS
from foveate.models.blueprint_reader import Layer, Reader
from foveate.models.blueprint_text import parse, read_text
from foveate.operators.blueprint import (
    CLASSES,
    MAX_CHANNELS,
    MAX_SIDE,
    MAX_VALUES,
    Shape,
    by,
    is_number,
    shown,
)

if TYPE_CHECKING:
    from foveate.models.blueprint_network import BlueprintNetwork

DEFAULT_CLASSES = 1_000  # where none are given, as in ImageNet's networks


@dataclass(frozen=True)
class Blueprint:
    """A checked network. ``load_blueprint`` makes it, ``build`` makes a torch module of it.

    input: (C, H, W). classes: scores at the end, None where the blueprint leaves them open.
    layers: settled for that input and, where open, for 1,000 classes.
    """

    input: tuple[int, int, int]
    classes: int | None
    layers: tuple[Layer, ...]
    name: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data that `load_blueprint` reads again."""
        document: dict[str, Any] = {} if self.name is None else {"name": self.name}
        document["input"] = list(self.input)
        if self.classes is not None:
            document["classes"] = self.classes
        return document | {"layers": [layer.written for layer in self.layers]}

    def shapes(self) -> list[tuple[str, str, Shape]]:
        """(number, kind, output shape) of every layer, those inside blocks after their block."""
        return [(one.number, one.kind, one.output_shape) for layer in self.layers for one in layer.flat()]

    @property
    def parameters(self) -> int:
        """Numbers that are learnt."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def scores_pixels(self) -> bool:
        """Whether the network gives a score a class for every pixel, and not for the picture."""
        return len(self.layers[-1].output_shape) == 3

    @property
    def split(self) -> int:
        """How many layers make the map; the rest make the scores.

        They begin with the first that leaves no map, or, where pixels are scored, with that of the scores.
        """
        if self.scores_pixels:
            return self.output_index
        return next(i for i, layer in enumerate(self.layers) if len(layer.output_shape) == 1)

    @property
    def any_size(self) -> bool:
        """Whether pictures of other sizes may come: nothing in the head counts on the map's size."""
        if self.scores_pixels:
            return True
        known = (BLUEPRINT_LAYERS.get(layer.kind) for layer in self.layers[: self.split + 1])
        return any(layer.any_size for layer in known if layer is not None)

    @property
    def output_index(self) -> int:
        """Which layer, counted from 0, makes the scores: the last dense layer or convolution."""
        return max((i for i, layer in enumerate(self.layers) if _scores(layer)), default=-1)

    def adapted(
        self, *, classes: int | None = None, channels: int | None = None, size: tuple[int, int] | None = None
    ) -> Blueprint:
        """The same layers for other classes or pictures, checked anew. Raises :class:`BlueprintError`."""
        document = self.to_dict()
        if classes is not None:
            document["classes"] = classes
            document["layers"][self.output_index] = _opened(self.layers[self.output_index])
        document["input"] = [channels or self.input[0], *(size or self.input[1:])]
        return _check(document)


@dataclass(frozen=True)
class Sketch:
    """A network being written: the layers up to the first fault, and the fault.

    input is None where not even the size of the pictures can be read, and there are no layers then.
    """

    input: tuple[int, int, int] | None
    classes: int | None
    layers: tuple[Layer, ...]
    error: BlueprintError | None


def load_blueprint(source: str | Path | Mapping[str, Any]) -> Blueprint:
    """Read and check a blueprint: a file (``.yaml``, ``.yml``, ``.json``), its text, or its data.

    Raises:
        BlueprintError: with the layer's number, what was expected and found, and what would fit.
        InputError: there is no such file, or it cannot be read.
    """
    if isinstance(source, Mapping):
        return _check(source)
    text, what = read_text(source)
    try:
        return _check(parse(text))
    except BlueprintError as error:
        raise BlueprintError(f"{what}: {error}", layer=error.layer, line=error.line) from error


def sketch(document: Any) -> Sketch:
    """Read plain data as far as it makes sense; nothing is raised."""
    try:
        blueprint = _check(document)
        return Sketch(blueprint.input, blueprint.classes, blueprint.layers, None)
    except BlueprintError as error:
        found = error
    try:
        size, classes, _ = _head(document)
    except BlueprintError:
        return Sketch(None, None, (), found)
    layers: list[Layer] = []
    given = document["layers"]
    with suppress(BlueprintError):
        for layer in Reader(classes or DEFAULT_CLASSES).each(given if isinstance(given, list) else [], size):
            layers.append(layer)
    return Sketch(size, classes, tuple(layers), found)


def build(
    blueprint: Blueprint, num_classes: int | None = None, in_channels: int | None = None
) -> BlueprintNetwork:
    """Make the network, with torch's own initial weights.

    Raises :class:`BlueprintError` where it cannot be for so many classes or channels, and
    :class:`~foveate.errors.MissingExtraError` without torch.
    """
    try:
        from foveate.models.blueprint_network import BlueprintNetwork
    except ModuleNotFoundError as error:
        if error.name == "torch":
            raise MissingExtraError("Making a network", "train") from error
        raise
    if num_classes is not None or in_channels is not None:
        blueprint = blueprint.adapted(classes=num_classes, channels=in_channels)
    return BlueprintNetwork(blueprint)


def _check(document: Any) -> Blueprint:
    size, classes, name = _head(document)
    layers = Reader(classes or DEFAULT_CLASSES).layers(document["layers"], size)
    return _with_output(Blueprint(size, classes, layers, name))


def _head(document: Any) -> tuple[tuple[int, int, int], int | None, str | None]:
    """(input, classes, name): what stands beside the layers."""
    if not isinstance(document, Mapping) or "layers" not in document or "input" not in document:
        raise BlueprintError(
            "A blueprint must be a mapping with `input: [channels, height, width]` and `layers:`, "
            f"and is {shown(document)}."
        )
    unknown = [key for key in document if key not in ("name", "input", "classes", "layers")]
    if unknown:
        raise BlueprintError(
            f"A blueprint holds name, input, classes and layers, and {shown(unknown[0])} is none of them."
        )
    name, classes = document.get("name"), document.get("classes")
    if name is not None and not (isinstance(name, str) and 1 <= len(name) <= 200):
        raise BlueprintError(
            f"A blueprint's name must be a text of 1 to 200 characters, and is {shown(name)}."
        )
    if classes is not None and not is_number(classes, 1, MAX_CHANNELS):
        raise BlueprintError(
            f"classes must be a whole number of 1 to {MAX_CHANNELS:,}, and is {shown(classes)}."
        )
    return _input_size(document["input"]), classes, name


def _with_output(blueprint: Blueprint) -> Blueprint:
    """Check that the network ends in one score a class, and learn their number where it is written there."""
    left = blueprint.layers[-1].output_shape if blueprint.layers else blueprint.input
    if len(left) != 1 and not _scores_pixels(blueprint):
        raise BlueprintError(
            f"A network must end in one score a class, and this one leaves a map of {by(left)}; "
            "end it with `flatten` and `dense: classes`, or with `global_avg_pool`; or, to score each pixel, "
            f"with `conv: {{filters: classes, kernel: 1}}` and a map of {by(blueprint.input[1:])}."
        )
    last, scores = blueprint.layers[blueprint.output_index], blueprint.layers[-1].output_shape[0]
    counted = last.arguments.get(_scores(last) or "")
    if counted != scores:
        raise BlueprintError(
            f"A network must end in one score a class, made by a `dense` or `conv` layer outside blocks; "
            f"this one leaves {scores:,} values at layer {blueprint.layers[-1].number} "
            f"({blueprint.layers[-1].kind}). Put `dense: classes` at its end."
        )
    if _opened(last) == last.written:
        return blueprint
    if blueprint.classes not in (None, scores):
        raise BlueprintError(
            f"Layer {last.number} ({last.kind}) makes {scores:,} scores, and classes is "
            f"{blueprint.classes:,}; write `{_scores(last)}: {CLASSES}` there.",
            layer=last.number,
        )
    return replace(blueprint, classes=scores)


def _scores_pixels(blueprint: Blueprint) -> bool:
    """Whether the map at the end has a score a class, as is written, for every pixel of the input."""
    if not blueprint.layers or blueprint.output_index < 0:
        return False
    made, (channels, *size) = blueprint.layers[blueprint.output_index], blueprint.layers[-1].output_shape
    counted = made.arguments[_scores(made) or ""]
    return tuple(size) == blueprint.input[1:] and counted == channels and _opened(made) == made.written


def _opened(layer: Layer) -> dict[str, Any]:
    """The layer that makes the scores, written with ``classes`` in the place of their number."""
    return {layer.kind: {**layer.written[layer.kind], str(_scores(layer)): CLASSES}}


def _scores(layer: Layer) -> str | None:
    """The argument that counts the outputs of a layer that can make scores; None for one that cannot."""
    known = BLUEPRINT_LAYERS.get(layer.kind)
    return None if known is None else known.scores


def _input_size(given: Any) -> tuple[int, int, int]:
    ok = isinstance(given, list | tuple) and len(given) == 3 and all(is_number(n, 1, MAX_SIDE) for n in given)
    if not ok or math.prod(given) > MAX_VALUES:
        raise BlueprintError(
            f"input must be [channels, height, width], whole numbers of 1 to {MAX_SIDE:,} with a product of "
            f"at most {MAX_VALUES:,}, and is {shown(given)}."
        )
    return given[0], given[1], given[2]
