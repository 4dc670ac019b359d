"""What the last dense layer of a finished network is given: the features of pictures, without torch.

``model.onnx`` gives answers only. Protobuf's rule that messages written one after the other are merged lets
one more output be appended to its bytes.
https://protobuf.dev/programming-guides/encoding/#last-one-wins
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError
from foveate.runtime.onnx_call import Graph
from foveate.runtime.onnx_check import read_graph
from foveate.runtime.predictor import BATCH_SIZE, Picture, Predictor
from foveate.runtime.session import Session
from foveate.tasks.values import Output

_DENSE = {"Gemm", "MatMul"}
_GRAPH, _OUTPUT, _NAME, _TYPE, _TENSOR, _ELEMENT = 7, 12, 1, 2, 1, 1  # fields of onnx.proto
_FLOAT = 1
# What may stand between the last dense layer and the answer.
_AFTERWARDS = {"Softmax", "Sigmoid", "Mul", "Div", "Add", "Sub", "Identity", "Clip"}


class Embedder(Predictor):
    """A model that gives the features of pictures instead of answers; made as a `Predictor` is.

    Raises InputError for a network that does not end in a dense layer.
    """

    def features(
        self, pictures: Picture | Iterable[Picture], *, batch_size: int = BATCH_SIZE
    ) -> NDArray[np.float32]:
        """(N, D); takes what `Predictor.values` takes."""
        (output,) = self.outputs
        return self.values(pictures, batch_size=batch_size)[output.name]

    def _open(self, model: bytes, threads: int | None) -> Session:
        super()._open(model, 1)  # it is looked at as any other model is
        name = _last_features(read_graph(model), self.task.outputs[0].name)
        self.outputs = (Output(name, (None,)),)
        return Session(model + _one_more_output(name), threads)


def _last_features(graph: Graph, answer: str) -> str:
    """The value that the last dense layer before this output takes."""
    made_by = {name: node for node in graph.nodes for name in node.outputs}
    value = answer
    while (node := made_by.get(value)) is not None and node.kind in _AFTERWARDS:
        value = next((name for name in node.inputs if name not in graph.constants), "")
    if node is None or node.kind not in _DENSE:
        raise InputError(
            "this network does not end in a dense layer whose input could be taken for features; make it in "
            "torch with `to_torch()`, and take what you need there."
        )
    return node.inputs[0]


def _one_more_output(name: str) -> bytes:
    """A ``ModelProto`` of nothing but ``graph.output``: a float tensor of this name."""
    tensor = bytes([_ELEMENT << 3, _FLOAT])
    value = _message(_NAME, name.encode()) + _message(_TYPE, _message(_TENSOR, tensor))
    return _message(_GRAPH, _message(_OUTPUT, value))


def _message(field: int, content: bytes) -> bytes:
    """A field whose length is told before it."""
    return bytes([field << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    low = number & 127
    return bytes([low]) if number < 128 else bytes([low | 128]) + _varint(number >> 7)
