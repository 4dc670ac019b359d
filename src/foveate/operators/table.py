"""The operator table: all that the program knows of each kind of layer and of each function of torch.

`foveate.layers.known` has it filled; a file of one's own adds to it with ``foveate.register_layer``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foveate.errors import InputError
from foveate.operators.reading import Reading
from foveate.plugins import Registry

if TYPE_CHECKING:
    from torch import nn

    from foveate.operators.blueprint import BlueprintLayer
    from foveate.operators.fields import Field
    from foveate.operators.onnx import OnnxGraph
    from foveate.operators.reading import Value
    from foveate.operators.sums import Arithmetic, Place

    LayerReader = Callable[[nn.Module, Value, Value], Reading]
    OnnxWriter = Callable[..., str | list[str]]
    KindWriter = Callable[[OnnxGraph, Value, Reading], str]


@dataclass(frozen=True)
class Function:
    """A function of torch: read(out, *its arguments) and onnx(graph, *its arguments).

    read gives one reading, or a list of them where the function gives several tensors. onnx is for what has
    no reading, or is written otherwise than its kind (``WRITERS``).
    """

    read: Callable[..., Reading | list[Reading | None] | None] | None = None
    onnx: OnnxWriter | None = None


@dataclass(frozen=True)
class LayerEntry:
    """A class of modules that is one operation, whatever functions it calls; see `register_layer`.

    A module may take several values: onnx is given all of them, and the others the first.
    """

    read: LayerReader
    onnx: Callable[..., str] | None = None
    receptive_field: Callable[[Any, Value, Value], Field | None] | None = None
    multiply_adds: Callable[[Any, Value, Value], int] | None = None


FUNCTIONS: dict[str, Function] = {}  # by torch's name, without underscores at its ends
MODULES: dict[type[nn.Module], LayerEntry] = {}  # exactly these: a subclass may compute something else
SUMS: dict[str, Callable[[Place], Arithmetic]] = {}  # by the operation's kind
WRITERS: dict[str, KindWriter] = {}  # by the operation's kind: (graph, input, reading) -> name
BLUEPRINT_LAYERS: Registry[BlueprintLayer] = Registry()  # by the name in blueprints


def register_layer(
    name: str,
    module: type[nn.Module],
    *,
    read: LayerReader | None = None,
    sum: Callable[[Place], Arithmetic] | None = None,
    onnx: Callable[[OnnxGraph, Any, Value], str] | None = None,
    receptive_field: Callable[[Any, Value, Value], Field | None] | None = None,
    multiply_adds: Callable[[Any, Value, Value], int] | None = None,
    blueprint: BlueprintLayer | None = None,
) -> None:
    """Add a kind of layer to the operator table; every part but the module may be left out.

    Args:
        name: of the operation, and of the layer in blueprints.
        module: its class, a map (N, C, H, W) to a map or (N, features) to (N, features).
        read: (module, input, output) -> what it does, in words and settings. Where it is a
            `foveate.operators.reading.windowed`, the receptive field follows from the window.
        sum: the arithmetic of one number of its output; without it only the operands are shown.
        onnx: (graph, module, input) -> the name of the value that it adds. Without it the functions that the
            module calls are written.
        receptive_field: (module, input, output) -> what the output sees, from ``input.seen``. Without it, it
            follows from the window, or from the operations of torch that the module calls.
        multiply_adds: (module, input, output) -> how many for one picture; without it they are counted.
        blueprint: how it is written in blueprints, and shown among the layers of the design page.

    Raises:
        InputError: another layer has this name.
    """
    known = BLUEPRINT_LAYERS.peek(name)
    again = any(_path(one) == _path(module) for one in MODULES)  # a notebook's cell, run a second time
    if not again and (name in SUMS or known is not None):
        raise InputError(f"There is a layer named {name!r} already; give yours another name.")
    words = Reading(name, name.replace("_", " "))
    reader = read or (lambda *_: words)

    def seen(module: Any, x: Value, out: Value) -> Field | None:
        """Through the window that the reader tells of; else as the operations have it."""
        window = reader(module, x, out).settings
        return x.seen.through(window, out.shape[-2:]) if x.seen and "kernel" in window else out.seen

    MODULES[module] = LayerEntry(reader, onnx, receptive_field or seen, multiply_adds)
    if sum is not None:
        SUMS[name] = sum
    if blueprint is not None:
        BLUEPRINT_LAYERS[name] = blueprint


def _path(module: type) -> str:
    return f"{module.__module__}.{module.__qualname__}"


# --- What the files of `foveate.layers` say of torch's own functions and modules ---------------------------


def reads(*names: str, call: type | None = None) -> Any:
    """The decorated function reads calls of torch's functions of these names.

    call: a dataclass of the function's arguments, by torch's names and in torch's order. Where it is given
    the reader takes one of it behind the output, instead of the arguments one by one.
    """
    return _function("read", names, call)


def writes(*names: str, call: type | None = None) -> Any:
    """The decorated function writes torch's functions of these names as ONNX; ``call`` as of `reads`."""
    return _function("onnx", names, call)


def _function(part: str, names: tuple[str, ...], call: type | None) -> Any:
    def put(function: Any) -> Any:
        def of_call(first: Any, *given: Any, **named: Any) -> Any:
            return function(first, call(*given, **named))  # type: ignore[misc]  # there is one

        for name in names:
            known = FUNCTIONS.get(name, Function())
            taken = function if call is None else of_call
            FUNCTIONS[name] = Function(**{**vars(known), part: taken})
        return function

    return put


def sums(*ops: str) -> Any:
    """The decorated function takes numbers of these kinds of operations apart."""

    def put(function: Any) -> Any:
        SUMS.update(dict.fromkeys(ops, function))
        return function

    return put


def writes_kind(*ops: str) -> Any:
    """The decorated function writes these kinds of operations on one value as ONNX."""

    def put(function: KindWriter) -> KindWriter:
        WRITERS.update(dict.fromkeys(ops, function))
        return function

    return put


def in_blueprints(layers: Mapping[str, BlueprintLayer]) -> None:
    """Layers that blueprints may name, whose modules or functions are in the table already."""
    BLUEPRINT_LAYERS.update(layers)
