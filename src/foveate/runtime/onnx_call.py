"""An ONNX graph as far as its cost depends on it: nodes, shapes, and the numbers that are sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

MAX_VALUES = 1024  # numbers of a tensor that are followed, for they may be sizes

Shape = tuple[int, ...]
Values = tuple[Any, ...]


class Tensor(NamedTuple):
    """A constant. values: its numbers, flat, where they are few and may be sizes."""

    shape: Shape
    values: Values | None = None


class Node(NamedTuple):
    """An operator's call.

    attributes: int, float, text (bytes), `Tensor`, a list of numbers, or a `Graph`, the body of a loop.
    """

    kind: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: Mapping[str, Any]


class Graph(NamedTuple):
    """inputs: shapes by name, with 1 for the number of pictures. Nodes stand in the order of computing.

    outputs: their names, in order.
    """

    nodes: Sequence[Node]
    constants: Mapping[str, Tensor]
    inputs: Mapping[str, Shape]
    outputs: Sequence[str] = ()


class Call:
    """A node with what it is given; rules add the multiply-adds to ``products``."""

    def __init__(self, node: Node, given: list[Tensor]) -> None:
        self.node, self.given, self.products = node, given, 0

    def shape(self, number: int) -> Shape:
        return self.given[number].shape

    def values(self, number: int) -> Values:
        """The numbers of an input, which decide a size."""
        values = self.given[number].values
        if values is None:
            raise ValueError("not constant")
        return values

    def has(self, number: int) -> bool:
        return number < len(self.node.inputs) and self.node.inputs[number] != ""

    def get(self, name: str, usual: Any = None) -> Any:
        return self.node.attributes.get(name, usual)

    def numbers(self, name: str, number: int) -> Values | None:
        """Numbers that older operator sets have as an attribute and newer ones as an input."""
        found = self.get(name)
        if found is None and self.has(number):
            found = self.values(number)
        return found if found is None or isinstance(found, tuple) else (found,)


# Sizes of what a node computes, or an exception where they cannot be told.
Rule = Callable[[Call], list[Tensor]]


def broadcast(*shapes: Shape) -> Shape:
    """NumPy's and ONNX's rule for two or more shapes."""
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return tuple(max(sides) if 0 not in sides else 0 for sides in zip(*padded, strict=True))
