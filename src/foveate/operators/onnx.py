"""What an operator writes itself into: the ONNX graph under construction, as `foveate.exporter` makes it.

Meanings of the kinds and attributes: https://onnx.ai/onnx/operators/ (operator set 20).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from foveate.operators.optional_torch import Tensor
from foveate.operators.reading import Value

UNUSED = ""  # the name of an output that must not be used, such as the places that topk finds
# Types of numbers that graphs hold, by torch's name, and their number in ONNX (TensorProto.DataType). Where
# two of them meet, both become the later one.
_TYPES = {"bool": 9, "uint8": 2, "int32": 6, "int64": 7, "float32": 1}


class NotInTable(Exception):  # noqa: N818 -- no failure: the caller takes another way
    """The network calls something the table has not, or in a way that it cannot write."""


class OnnxGraph(Protocol):
    """Nodes and constants so far. Values go by names; tensors, arrays and numbers become constants.

    out: what the function or layer at hand returned: `foveate.operators.reading.Value`, or several.
    padded: zero padding of rows and columns: name -> (what is padded, pads as a convolution takes them).
    """

    out: Any
    padded: dict[str, tuple[str, list[int]]]

    def op(self, kind: str, *inputs: Any, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; returns the name of its output, or the list of them where there are several."""

    def value(self, value: Any) -> str:
        """The name of a computed tensor, or of a constant made of a parameter, an array or a number."""

    def integers(self, values: Any) -> str:
        """The name of a constant of whole numbers, as shapes and axes are."""

    def ones(self, count: int, value: float = 1.0) -> str:
        """The name of a constant of so many ones, or of another value."""

    def loop(
        self,
        most: int,
        first: Mapping[str, str],
        shapes: Mapping[str, tuple[Any, tuple[int, ...]]],
        body: Callable[[Any, dict[str, str]], tuple[str, dict[str, str]]],
    ) -> dict[str, str]:
        """Add a loop of at most so many turns; gives the names of what it carried, after the last.

        first: names of what is carried, with those of their values before the first turn. shapes: of each the
        type, and the sizes without the batch's; they never change. body: (graph, names of what is carried) ->
        name of a truth, whether it goes on, and what is carried on. In it values from outside are known.
        """

    def traced(self, module: Any, given: Sequence[tuple[str, Any, Sequence[int]]]) -> list[str]:
        """Add what a module calls on values of these names, types and sizes without the batch's."""

    def input(self, name: str, value: Value) -> str:
        """The name of a further input of the graph, of this value's shape: what is not computed within."""

    def producer(self, name: str) -> Any:
        """The node that computes a value; None for a constant or the input."""


def type_name(dtype: Any) -> str:
    """torch's name of a type of numbers, without its prefix. Raises NotInTable for those left to torch."""
    name = str(dtype).removeprefix("torch.")
    if name not in _TYPES:
        raise NotInTable(f"numbers of type {name}")
    return name


def element_type(dtype: Any) -> int:
    """ONNX's number of a type of torch's."""
    return _TYPES[type_name(dtype)]


def cast(g: OnnxGraph, value: Any, dtype: Any) -> str:
    """The value in this type of torch's, by a node where it has another."""
    name: str = g.value(value) if value.dtype == dtype else g.op("Cast", value, to=element_type(dtype))
    return name


def alike(g: OnnxGraph, *operands: Any, least: str = "bool") -> list[str]:
    """Names of operands in their common type, as torch finds it, and at least ``least``."""
    tensors = [type_name(one.dtype) for one in operands if isinstance(one, Value | Tensor)]
    real = any(isinstance(one, float) for one in operands)
    common = max([least, *tensors, *(["float32"] if real else [])], key=list(_TYPES).index)
    names = []
    for one in operands:
        if isinstance(one, Value):
            known = type_name(one.dtype) == common
            names.append(g.value(one) if known else g.op("Cast", one, to=_TYPES[common]))
        elif isinstance(one, Tensor) and type_name(one.dtype) == common:
            names.append(g.value(one))
        else:
            array = one.detach().cpu().numpy() if isinstance(one, Tensor) else one
            names.append(g.value(np.asarray(array, dtype=common)))
    return names


def only(ok: bool, what: str) -> None:
    """Leave the network to torch's exporter unless ``ok``."""
    if not ok:
        raise NotInTable(what)


def plain(kind: str) -> Any:
    """Writes a function of one tensor as the ONNX operator of this kind."""

    def write(g: OnnxGraph, input: Any, inplace: bool = False) -> str:
        name: str = g.op(kind, input)
        return name

    return write


def reshape(g: OnnxGraph, input: Any, *_: Any, **__: Any) -> str:
    """To the shape that torch gave; the first axis stays as it is, or takes what is left."""
    first = 0 if len(g.out) == len(input) else -1
    name: str = g.op("Reshape", input, g.integers([first, *g.out.shape[1:]]))
    return name
