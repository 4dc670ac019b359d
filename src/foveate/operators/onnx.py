"""What an operator writes itself into: the ONNX graph under construction, as `foveate.exporter` makes it.

Meanings of the kinds and attributes: https://onnx.ai/onnx/operators/ (operator set 20).
"""

from __future__ import annotations

from typing import Any, Protocol

UNUSED = ""  # the name of an output that must not be used, such as the places that topk finds


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

    def producer(self, name: str) -> Any:
        """The node that computes a value; None for a constant or the input."""


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
    """To the shape that torch gave; the batch, first, stays as it is."""
    name: str = g.op("Reshape", input, g.integers([0, *g.out.shape[1:]]))
    return name
