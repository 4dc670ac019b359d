"""What an ONNX file may hold before ONNX Runtime sees it: a walk over its protobuf fields, in plain Python.

A model folder may come from anyone, with hashes that match. Refused here: tensors kept in other files
(``external_data`` names a path), operators outside ONNX's own set (they load code), sub-graphs and functions
(loops without end, exponential expansion), tensors that claim more elements than the file has, and files
with so many fields or nodes that only looking at them takes long. The predictor bounds memory while running.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NoReturn

from foveate.errors import InputError

MAX_FIELDS = 1_000_000
MAX_NODES = 50_000
MAX_TENSORS = 50_000
DOMAINS = (b"", b"ai.onnx")

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
Field = tuple[int, int, int, int]  # number, wire type, and either (value, 0) or (start, end) in the file


def check_onnx(data: bytes) -> None:
    """Look through an ONNX file without running any of it. Raises InputError: what it holds that it must not.

    Time is proportional to the number of fields (at most 1,000,000), not to the weights.
    """
    _Walk(data).model()


class _Walk:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.fields_left, self.nodes_left, self.tensors_left = MAX_FIELDS, MAX_NODES, MAX_TENSORS

    def model(self) -> None:
        graphs = 0
        for number, wire, start, end in self.fields(0, len(self.data)):
            if number == 7 and wire == _BYTES:
                graphs += 1
                self.graph(start, end)
            elif number == 8 and wire == _BYTES:  # opset_import
                self.domain(start, end, field=1)
            elif number == 20:
                _refuse("training information")
            elif number == 25:
                _refuse("local functions")
        if graphs != 1:
            raise InputError(f"is no ONNX model: expected one graph, found {graphs}.")

    def graph(self, start: int, end: int) -> None:
        for number, wire, a, b in self.fields(start, end):
            if number == 1 and wire == _BYTES:
                self.nodes_left -= 1
                if self.nodes_left < 0:
                    _refuse(f"more than {MAX_NODES} nodes")
                self.node(a, b)
            elif number == 5 and wire == _BYTES:
                self.tensor(a, b)
            elif number == 15:
                _refuse("sparse tensors")

    def node(self, start: int, end: int) -> None:
        self.domain(start, end, field=7)
        for number, wire, a, b in self.fields(start, end):
            if number == 5 and wire == _BYTES:
                self.attribute(a, b)

    def domain(self, start: int, end: int, *, field: int) -> None:
        for number, wire, a, b in self.fields(start, end):
            if number == field and wire == _BYTES and self.data[a:b] not in DOMAINS:
                name = ascii(self.data[a : min(b, a + 40)].decode("utf-8", "replace"))
                _refuse(f"operators of the domain {name}, which is not ONNX's own")

    def attribute(self, start: int, end: int) -> None:
        for number, wire, a, b in self.fields(start, end):
            if number in (6, 11):
                _refuse("sub-graphs (loops, branches)")
            if number in (22, 23):
                _refuse("sparse tensors")
            if number in (5, 10) and wire == _BYTES:
                self.tensor(a, b)

    def tensor(self, start: int, end: int) -> None:
        self.tensors_left -= 1
        if self.tensors_left < 0:
            _refuse(f"more than {MAX_TENSORS} tensors")
        dims: list[int] = []
        for number, wire, a, b in self.fields(start, end):
            if number == 1:
                dims += [a] if wire == _VARINT else self.packed(a, b) if wire == _BYTES else []
            elif number == 13 or (number == 14 and (wire != _VARINT or a != 0)):
                _refuse("tensors kept in other files")
        if len(dims) > 16 or math.prod(dims) > 2 * len(self.data):  # an element has at least half a byte
            _refuse("tensors larger than the file")

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """The fields of the message in ``data[start:end]``, in order, as protobuf writes them."""
        data = self.data
        while start < end:
            self.fields_left -= 1
            if self.fields_left < 0:
                _refuse(f"more than {MAX_FIELDS} fields")
            key, start = self.varint(start, end)
            number, wire = key >> 3, key & 7
            if wire == _VARINT:
                value, start = self.varint(start, end)
                yield number, wire, value, 0
                continue
            if wire == _BYTES:
                length, start = self.varint(start, end)
            elif wire in (_FIXED32, _FIXED64):
                length = 4 if wire == _FIXED32 else 8
            else:
                length = len(data) + 1
            if number == 0 or length > end - start:
                raise InputError("is no ONNX model: its fields are broken; copy the model folder again.")
            yield number, wire, start, start + length
            start += length

    def packed(self, start: int, end: int) -> list[int]:
        values: list[int] = []
        while start < end and len(values) <= 16:
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


def _refuse(what: str) -> NoReturn:
    raise InputError(f"holds {what}; a model that `foveate train` wrote never does, so it is not run.")
