"""Layer by layer through a blueprint: what is written, what it means, what shape it leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foveate.errors import BlueprintError, InputError, UnknownNameError
from foveate.geometry import output_size
from foveate.layers.known import BLUEPRINT_LAYERS
from foveate.operators.blueprint import (
    CLASSES,
    MAX_VALUES,
    REQUIRED,
    BlueprintLayer,
    Pair,
    Shape,
    a_map,
    by,
    is_number,
    shown,
)

MAX_LAYERS = 5_000  # with repeats written out
MAX_DEPTH = 8  # blocks in blocks
MAX_PARAMETERS = 2_000_000_000
BLOCKS = ("residual", "parallel", "repeat", "unpool")


@dataclass(frozen=True)
class Layer:
    """One layer, settled: all arguments with their defaults, and the shapes that arrive and leave.

    number: as errors call it, from 1. written: plain JSON data, defaults left out.
    parts: the layers inside a block (of a residual: layers and shortcut; of a repeat: one part a round).
    arguments: of a block, those that are no layers and that its module needs.
    """

    number: str
    kind: str
    arguments: Mapping[str, Any]
    input_shape: Shape
    output_shape: Shape
    parameters: int
    written: Any
    parts: tuple[tuple[Layer, ...], ...] = ()

    def flat(self) -> Iterator[Layer]:
        """This layer and all inside it, in order."""
        yield self
        for part in self.parts:
            for layer in part:
                yield from layer.flat()


class Reader:
    """Reads the layers of one blueprint; counts as it goes, so that no blueprint can grow without bound."""

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._layers = 0
        self._parameters = 0

    def layers(self, given: Any, shape: Shape, prefix: str = "", depth: int = 0) -> tuple[Layer, ...]:
        """Read a list of layers; ``shape`` is what arrives at the first. Raises :class:`BlueprintError`."""
        if not isinstance(given, Sequence) or isinstance(given, str | bytes):
            where = f"Block {prefix[:-1]}" if prefix else "A blueprint"
            raise BlueprintError(f"{where} must hold a list of layers, and holds {shown(given)}.")
        return tuple(self.each(given, shape, prefix, depth))

    def each(self, given: Sequence[Any], shape: Shape, prefix: str = "", depth: int = 0) -> Iterator[Layer]:
        """One layer after the other; raises :class:`BlueprintError` when it comes to a faulty one."""
        for i, one in enumerate(given, 1):
            layer = self._layer(one, shape, f"{prefix}{i}", depth)
            shape = layer.output_shape
            yield layer

    def _layer(self, given: Any, shape: Shape, number: str, depth: int) -> Layer:
        self._layers += 1
        if self._layers > MAX_LAYERS:
            raise BlueprintError(
                f"Layer {number}: a blueprint has at most {MAX_LAYERS:,} layers.", layer=number
            )
        name, arguments = _named(given, number)
        try:
            if name in BLOCKS:
                if depth >= MAX_DEPTH:
                    raise InputError(f"blocks may stand at most {MAX_DEPTH} deep in one another")
                layer = self._block(name, arguments, shape, number, depth)
            else:
                layer = self._simple(name, arguments, shape, number)
        except BlueprintError:
            raise
        except InputError as error:
            raise BlueprintError(
                f"Layer {number} ({name}): {str(error).rstrip('.')}.", layer=number
            ) from None
        return layer

    def _simple(self, name: str, given: Any, shape: Shape, number: str) -> Layer:
        kind = BLUEPRINT_LAYERS[name]
        plain = _arguments(kind, given)
        settled = {key: self._classes if value == CLASSES else value for key, value in plain.items()}
        out = kind.shape(settled, shape)
        values = 1
        for side in out:
            values *= side
        if values > MAX_VALUES:
            raise InputError(f"its output {by(out)} has more than {MAX_VALUES:,} values")
        parameters = kind.parameters(settled, shape)
        self._parameters += parameters
        if self._parameters > MAX_PARAMETERS:
            raise InputError(
                f"it has {parameters:,} parameters, and a blueprint may have {MAX_PARAMETERS:,} in all"
            )
        return Layer(number, name, settled, shape, out, parameters, _written(name, kind, plain))

    def _block(self, name: str, given: Any, shape: Shape, number: str, depth: int) -> Layer:
        needed, optional = _BLOCK_KEYS[name]
        if not isinstance(given, Mapping):
            raise InputError(f"it must hold {' and '.join(needed)}, and holds {shown(given)}")
        for key in given:
            if key not in needed and key not in optional:
                raise InputError(
                    f"it holds {', '.join((*needed, *optional))}, and {shown(key)} is none of them"
                )
        for key in needed:
            if key not in given:
                raise InputError(f"`{key}:` is missing")
        arguments = {"size": _size_of(given)} if name == "unpool" else {}
        given = {**given, **arguments}
        parts = getattr(self, f"_{name}")(given, shape, number, depth)
        out = _OUT[name](parts, shape)
        written = {key: _parts_written(key, given, parts) for key in given}
        parameters = sum(layer.parameters for part in parts for layer in part)
        return Layer(number, name, arguments, shape, out, parameters, {name: written}, parts)

    def _residual(self, given: Any, shape: Shape, number: str, depth: int) -> tuple[tuple[Layer, ...], ...]:
        return (
            self.layers(given["layers"], shape, f"{number}.1.", depth + 1),
            self.layers(given.get("shortcut", ()), shape, f"{number}.2.", depth + 1),
        )

    def _parallel(self, given: Any, shape: Shape, number: str, depth: int) -> tuple[tuple[Layer, ...], ...]:
        branches = given["branches"]
        if not isinstance(branches, list | tuple) or not 1 <= len(branches) <= MAX_LAYERS:
            raise InputError(f"branches must be a list of lists of layers, and is {shown(branches)}")
        return tuple(
            self.layers(branch, shape, f"{number}.{i}.", depth + 1) for i, branch in enumerate(branches, 1)
        )

    def _repeat(self, given: Any, shape: Shape, number: str, depth: int) -> tuple[tuple[Layer, ...], ...]:
        times = given["times"]
        if not is_number(times, 1, MAX_LAYERS):
            raise InputError(f"times must be a whole number of 1 to {MAX_LAYERS:,}, and is {shown(times)}")
        rounds: list[tuple[Layer, ...]] = []
        for i in range(1, times + 1):
            rounds.append(self.layers(given["layers"], shape, f"{number}.{i}.", depth + 1))
            shape = _leaves(rounds[-1], shape)
            if not rounds[-1]:
                raise InputError("layers must not be empty")
        return tuple(rounds)

    def _unpool(self, given: Any, shape: Shape, number: str, depth: int) -> tuple[tuple[Layer, ...], ...]:
        size = given["size"]
        channels, *sides = a_map(shape)
        height, width = (
            output_size(n, window, window, axis=axis)
            for n, window, axis in zip(sides, size, ("height", "width"), strict=True)
        )
        pooled = (channels, height, width)
        part = self.layers(given["layers"], pooled, f"{number}.1.", depth + 1)
        left = _leaves(part, pooled)
        if left != pooled:
            raise InputError(
                f"its layers are given {by(pooled)} and leave {by(left)}; each value goes back to the place "
                "that one was taken from, so they must leave as many"
            )
        return (part,)


# Keys that a block must hold, and may hold.
_BLOCK_KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "residual": (("layers",), ("shortcut",)),
    "parallel": (("branches",), ()),
    "repeat": (("times", "layers"), ()),
    "unpool": (("size", "layers"), ()),
}


def _size_of(given: Mapping[str, Any]) -> tuple[int, int]:
    try:
        return Pair(1)(given["size"])
    except InputError as error:
        raise InputError(f"size {error}") from None


def _leaves(part: tuple[Layer, ...], shape: Shape) -> Shape:
    """The shape behind a list of layers; behind none it is the one that arrives."""
    return part[-1].output_shape if part else shape


def _sum(parts: tuple[tuple[Layer, ...], ...], shape: Shape) -> Shape:
    body, shortcut = _leaves(parts[0], shape), _leaves(parts[1], shape)
    if body == shortcut:
        return body
    advice = "make both paths leave the same"
    if len(body) == len(shortcut) == 3 and not parts[1]:
        stride = [-(-shape[i] // body[i]) for i in (1, 2)]
        if all(-(-shape[i] // stride[i - 1]) == body[i] for i in (1, 2)):
            step = stride[0] if stride[0] == stride[1] else stride
            advice = f"`shortcut: [conv: {{filters: {body[0]}, kernel: 1, stride: {step}}}]` would fit"
    raise InputError(
        f"its layers leave {by(body)} and its shortcut {by(shortcut)}, and a sum needs the same; {advice}"
    )


def _concatenation(parts: tuple[tuple[Layer, ...], ...], shape: Shape) -> Shape:
    outs = [_leaves(part, shape) for part in parts]
    if any(out[1:] != outs[0][1:] for out in outs):
        raise InputError(
            f"its branches leave {', '.join(map(by, outs))}; only the channels may differ where branches are "
            "joined: give each branch the padding and stride that leave the same height and width"
        )
    return sum(out[0] for out in outs), *outs[0][1:]


_OUT = {
    "residual": _sum,
    "parallel": _concatenation,
    "repeat": lambda parts, shape: _leaves(parts[-1], shape),
    "unpool": lambda parts, shape: shape,
}


def _named(given: Any, number: str) -> tuple[str, Any]:
    """(name, arguments) of one entry of a list of layers."""
    if isinstance(given, Mapping) and len(given) == 1:
        (name, arguments), *_ = given.items()
    else:
        name, arguments = given, None
    if not isinstance(name, str):
        raise BlueprintError(
            f"Layer {number} must be a name such as `relu`, or one name with its arguments such as "
            f"`conv: {{filters: 16, kernel: 3}}`, and is {shown(given)}.",
            layer=number,
        )
    if name == "softmax":
        raise BlueprintError(
            f"Layer {number} (softmax): leave it out, a network ends in the scores before it.", layer=number
        )
    if name not in BLUEPRINT_LAYERS and name not in BLOCKS:
        unknown = UnknownNameError("layer", name[:60], [*BLUEPRINT_LAYERS, *BLOCKS])
        raise BlueprintError(f"Layer {number}: {unknown}", layer=number)
    return name, arguments


def _arguments(kind: BlueprintLayer, given: Any) -> dict[str, Any]:
    """All arguments in their plain form, with the defaults."""
    if given is None:
        given = {}
    elif not isinstance(given, Mapping):
        if kind.scalar is None:
            takes = f"takes {', '.join(kind.arguments)} by name" if kind.arguments else "takes no arguments"
            raise InputError(f"it {takes}, and is given {shown(given)}")
        given = {kind.scalar: given}
    for key in given:
        if key not in kind.arguments:
            takes = ", ".join(kind.arguments) or "none"
            raise InputError(f"{shown(key)} is no argument of it; its arguments are: {takes}")
    plain = {}
    for key, argument in kind.arguments.items():
        if key not in given and argument.default is REQUIRED:
            raise InputError(f"`{key}:` is missing")
        try:
            plain[key] = argument.check(given[key]) if key in given else argument.default
        except InputError as error:
            raise InputError(f"{key} {error}") from None
    return plain


def _written(name: str, kind: BlueprintLayer, plain: Mapping[str, Any]) -> Any:
    """The layer as plain JSON data, with the arguments that are not the default."""
    told = {key: value for key, value in plain.items() if value != kind.arguments[key].default}
    return {name: {key: _json(value) for key, value in told.items()}} if told else name


def _parts_written(key: str, given: Any, parts: tuple[tuple[Layer, ...], ...]) -> Any:
    lists = [[layer.written for layer in part] for part in parts]
    if key in {"times", "size"}:
        return _json(given[key])
    if key == "branches":
        return lists
    return lists[1] if key == "shortcut" else lists[0]


def _json(value: Any) -> Any:
    """Tuples as JSON would write them; a pair of equal numbers as one."""
    if not isinstance(value, tuple):
        return value
    if len(value) == 2 and value[0] == value[1] and isinstance(value[0], int):
        return value[0]
    return [_json(item) if isinstance(item, int) else list(item) for item in value]
