"""What an ONNX file may hold before ONNX Runtime sees it: a walk over its protobuf fields, in plain Python.

A model folder may come from anyone, with hashes that match. Refused here: tensors kept in other files
(``external_data`` names a path), operators outside ONNX's own set (they load code), functions and sub-graphs
(exponential expansion), but for the body of a loop of so many turns at most, in which there is no other,
tensors that claim more elements than the file has, files with so
many fields or nodes that only looking at them takes long (ONNX Runtime's time to open a graph grows with the
square of its nodes), and more arithmetic than looking at a picture takes (`foveate.runtime.onnx_cost`). The
session bounds memory and time while it runs.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any, NoReturn

from foveate.errors import InputError
from foveate.runtime.onnx_call import MAX_VALUES, Graph, Node, Shape, Tensor, Values
from foveate.runtime.onnx_cost import operations

MAX_FIELDS = 1_000_000
MAX_FIELD_NUMBER = (1 << 29) - 1  # of a key beyond 32 bits protobuf keeps the low ones: another field's
# The largest network of the guides has 984 nodes, in 8-bit integers some four times as many; ONNX Runtime's
# time to open grows with their square, and takes some 3 s for so many.
MAX_NODES = 10_000
MAX_TENSORS = 50_000
MAX_KEPT_BYTES = 100  # of an attribute that is remembered
MAX_FACTORS = 16  # numbers of a tensor of floats that may be a picture's growth
DOMAINS = (b"", b"ai.onnx")

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Of an attribute: the field that holds a value of this type (float, int, text, tensor, graph, lists of them).
FIELD_OF_TYPE = {1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7, 7: 8, 8: 9, 9: 10}
Field = tuple[int, int, int, int]  # number, wire type, and either (value, 0) or (start, end) in the file


def check_onnx(data: bytes) -> int:
    """Look through an ONNX file without running any of it: the multiply-adds that it takes for one picture.

    Time is proportional to the number of fields (at most 1,000,000), not to the weights. Raises InputError:
    what it holds that it must not.
    """
    return operations(read_graph(data))


def read_graph(data: bytes) -> Graph:
    """The graph of an ONNX file, as far as `Graph` tells it. Raises InputError as `check_onnx` does."""
    return _Walk(data).model()


class _Walk:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.fields_left, self.nodes_left, self.tensors_left = MAX_FIELDS, MAX_NODES, MAX_TENSORS
        self.nodes: list[Node] = []
        self.constants: dict[str, Tensor] = {}
        self.inputs: dict[str, Shape] = {}
        self.outputs: list[str] = []
        self.attributes: dict[bytes, tuple[str, Any]] = {}
        self.in_loop = False

    def model(self) -> Graph:
        graphs = 0
        for number, wire, start, end in self.fields(0, len(self.data)):
            if number == 7 and wire == _BYTES:
                graphs += 1
                self.graph(start, end)
            elif number == 8 and wire == _BYTES:  # opset_import
                for inner, kind, a, b in self.fields(start, end):
                    if inner == 1 and kind == _BYTES:
                        self.domain(a, b)
            elif number == 20:
                _refuse("training information")
            elif number == 25:
                _refuse("local functions")
        if graphs != 1:
            raise InputError(f"is no ONNX model: expected one graph, found {graphs}.")
        return Graph(self.nodes, self.constants, self.inputs, self.outputs)

    def body(self, start: int, end: int) -> Graph:
        """The graph that a loop repeats; it has no loop in it."""
        if self.in_loop:
            _refuse("loops within loops")
        outside = self.nodes, self.constants, self.inputs, self.outputs
        self.nodes, self.constants, self.inputs, self.outputs = [], {}, {}, []
        self.in_loop = True
        self.graph(start, end)
        found = Graph(self.nodes, self.constants, self.inputs, self.outputs)
        self.in_loop = False
        self.nodes, self.constants, self.inputs, self.outputs = outside
        return found

    def graph(self, start: int, end: int) -> None:
        for number, wire, a, b in self.fields(start, end):
            if number == 1 and wire == _BYTES:
                self.nodes_left -= 1
                if self.nodes_left < 0:
                    _refuse(f"more than {MAX_NODES} nodes")
                self.nodes.append(self.node(a, b))
            elif number == 5 and wire == _BYTES:
                name, tensor = self.tensor(a, b)
                self.constants[name] = tensor
            elif number == 11 and wire == _BYTES:
                self.input(a, b)
            elif number == 12 and wire == _BYTES:
                self.outputs += [
                    self.text(*at) for inner, kind, *at in self.fields(a, b) if inner == 1 and kind == _BYTES
                ]
            elif number == 15:
                _refuse("sparse tensors")

    def input(self, start: int, end: int) -> None:
        """A ``ValueInfoProto``: its name, and its shape with 1 for a side that is free."""
        name, sides = "", []
        for number, wire, a, b in self.fields(start, end):
            if number == 1 and wire == _BYTES:
                name = self.text(a, b)
            elif number == 2 and wire == _BYTES:
                sides = [side for shape in self.within(a, b, 1, 2) for side in self.within(*shape, 1)]
        self.inputs[name] = tuple(self.side(a, b) for a, b in sides)

    def side(self, start: int, end: int) -> int:
        """A ``TensorShapeProto.Dimension``: 1 where it has a name, or nothing."""
        found = (a for number, wire, a, _ in self.fields(start, end) if number == 1 and wire == _VARINT)
        return next(found, 1)

    def within(self, start: int, end: int, *path: int) -> Iterator[tuple[int, int]]:
        """Where the messages lie that are reached by these field numbers, one inside the other."""
        for number, wire, a, b in self.fields(start, end):
            if number == path[0] and wire == _BYTES:
                if path[1:]:
                    yield from self.within(a, b, *path[1:])
                else:
                    yield a, b

    def node(self, start: int, end: int) -> Node:
        kind, inputs, outputs, attributes = "", [], [], {}
        for number, wire, a, b in self.fields(start, end):
            if wire != _BYTES:
                continue
            if number == 1:
                inputs.append(self.text(a, b))
            elif number == 2:
                outputs.append(self.text(a, b))
            elif number == 4:
                kind = self.text(a, b)
            elif number == 5:
                raw = self.data[a : min(b, a + MAX_KEPT_BYTES)]
                pair = self.attributes.get(raw)  # many nodes say the same, such as strides [1, 1]
                if pair is None:
                    pair = self.attribute(a, b)
                    if b - a < MAX_KEPT_BYTES:
                        self.attributes[raw] = pair
                attributes[pair[0]] = pair[1]
            elif number == 7:
                self.domain(a, b)
        bodies = [name for name, value in attributes.items() if isinstance(value, Graph)]
        if bodies and (kind != "Loop" or bodies != ["body"]):
            _refuse("sub-graphs that are no loop's (branches, scans)")
        return Node(kind, inputs, outputs, attributes)

    def domain(self, start: int, end: int) -> None:
        if self.data[start:end] not in DOMAINS:
            name = ascii(self.data[start : min(end, start + 40)].decode("utf-8", "replace"))
            _refuse(f"operators of the domain {name}, which is not ONNX's own")

    def attribute(self, start: int, end: int) -> tuple[str, Any]:
        name, value, several, kind = "", None, [], 0
        seen: list[int] = []
        for number, wire, a, b in self.fields(start, end):
            if number in FIELD_OF_TYPE.values():
                seen.append(number)
            if number in (11, 22, 23):
                _refuse("several sub-graphs or sparse tensors")
            if number == 1 and wire == _BYTES:
                name = self.text(a, b)
            elif number == 20:
                kind = a
            elif number == 2 and wire == _FIXED32:
                (value,) = struct.unpack("<f", self.data[a:b])
            elif number == 3 and wire == _VARINT:
                value = _signed(a)
            elif number == 4 and wire == _BYTES:
                value = self.data[a:b]
            elif number == 6 and wire == _BYTES:
                value = self.body(a, b)
            elif number in (5, 10) and wire == _BYTES:
                _, value = self.tensor(a, b)
            elif number in (7, 8):
                several += self.numbers(number == 7, wire, a, b)
        # Which of two values ONNX Runtime would take is not guessed at.
        other = (bool(seen) and FIELD_OF_TYPE.get(kind) != seen[0]) or len(several) > MAX_VALUES
        if other or len(set(seen)) > 1 or (len(seen) > 1 and not several):
            _refuse("an attribute with two values, of another type than it says, or of too many numbers")
        return name, tuple(several) if several else value

    def tensor(self, start: int, end: int) -> tuple[str, Tensor]:
        self.tensors_left -= 1
        if self.tensors_left < 0:
            _refuse(f"more than {MAX_TENSORS} tensors")
        dims: list[int] = []
        name, kind, raw = "", 0, (0, 0)
        typed: list[Any] = []
        for number, wire, a, b in self.fields(start, end):
            if number == 1:
                dims += [a] if wire == _VARINT else self.packed(a, b, 17) if wire == _BYTES else []
            elif number == 2 and wire == _VARINT:
                kind = a
            elif number == 8 and wire == _BYTES:
                name = self.text(a, b)
            elif number == 9 and wire == _BYTES:
                raw = (a, b)
            elif number in (4, 5, 7) and len(typed) <= MAX_VALUES:
                found = self.numbers(number == 4, wire, a, b)
                typed += [_signed(value, 32) for value in found] if number == 5 else found
            elif number == 13 or (number == 14 and (wire != _VARINT or a != 0)):
                _refuse("tensors kept in other files")
        if len(dims) > 16 or math.prod(dims) > 2 * len(self.data):  # an element has at least half a byte
            _refuse("tensors larger than the file")
        return name, Tensor(tuple(dims), self.values(math.prod(dims), kind, raw, typed))

    def values(self, count: int, kind: int, raw: tuple[int, int], typed: list[Any]) -> Values | None:
        """The numbers of a small tensor that may be sizes: whole ones, or a few factors."""
        letter = {1: "f", 6: "i", 7: "q"}.get(kind)  # FLOAT, INT32, INT64
        if letter is None or count > (MAX_FACTORS if letter == "f" else MAX_VALUES):
            return None
        start, end = raw
        if end - start == count * struct.calcsize(f"<{letter}"):
            return struct.unpack(f"<{count}{letter}", self.data[start:end])
        return tuple(typed) if len(typed) == count else None

    def numbers(self, floats: bool, wire: int, a: int, b: int) -> list[Any]:
        """A repeated field's numbers, one or packed; none where it is of another type, as in protobuf.

        Of those that are packed at most one more than are followed.
        """
        if wire not in (_BYTES, _FIXED32 if floats else _VARINT):
            return []
        if floats:
            whole = min(b - (b - a) % 4, a + 4 * (MAX_VALUES + 1))
            return list(struct.unpack(f"<{(whole - a) // 4}f", self.data[a:whole]))
        return [_signed(value) for value in ([a] if wire == _VARINT else self.packed(a, b, MAX_VALUES + 1))]

    def text(self, start: int, end: int) -> str:
        """A name, lossless: two names must not become one."""
        return self.data[start:end].decode("utf-8", "surrogateescape")

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """The fields of the message in ``data[start:end]``, in order, as protobuf writes them."""
        data, varint = self.data, self.varint
        while start < end:
            self.fields_left -= 1
            if self.fields_left < 0:
                _refuse(f"more than {MAX_FIELDS} fields")
            key, start = data[start], start + 1
            if (
                key > 127
            ):  # most keys and lengths are one byte, and calling for each takes longer than reading
                key, start = varint(start - 1, end)
            number, wire = key >> 3, key & 7
            if not 0 < number <= MAX_FIELD_NUMBER:
                _broken()
            if wire == _VARINT:
                value = data[start] if start < end else 128
                start += 1
                if value > 127:
                    value, start = varint(start - 1, end)
                yield number, wire, value, 0
                continue
            if wire == _BYTES:
                length = data[start] if start < end else 128
                start += 1
                if length > 127:
                    length, start = varint(start - 1, end)
            elif wire in (_FIXED32, _FIXED64):
                length = 4 if wire == _FIXED32 else 8
            else:
                length = len(data) + 1
            if length > end - start:
                _broken()
            yield number, wire, start, start + length
            start += length

    def packed(self, start: int, end: int, most: int) -> list[int]:
        values: list[int] = []
        while start < end and len(values) < most:
            value, start = self.varint(start, end)
            values.append(value)
        return values

    def varint(self, start: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while start < end and shift < 70:
            byte = self.data[start]
            start += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, start
            shift += 7
        raise InputError("is no ONNX model: a number is cut off; copy the model folder again.")


def _signed(value: int, bits: int = 64) -> int:
    """A number of protobuf's int64 or int32, whose negative ones are written as large ones."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def _broken() -> NoReturn:
    raise InputError("is no ONNX model: its fields are broken; copy the model folder again.")


def _refuse(what: str) -> NoReturn:
    raise InputError(f"holds {what}; a model that `foveate train` wrote never does, so it is not run.")
