"""Networks that run in the reader's browser: as ONNX, for ONNX Runtime Web, small enough to be fetched."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from foveate.exporter.emitter import emit
from foveate.exporter.to_onnx import FromPixels
from foveate.models.anatomy import Network
from foveate.models.model import Model
from foveate.tasks.values import MODEL_INPUT

STRIDES = (4, 8, 16, 32)  # of the maps that a page shows; finer ones are as large as the picture itself
LIKELIEST = 5  # classes that a page names
_FEW = 256  # numbers that are left in 32 bits: scales and shifts, which cost nothing
_TRACED = 3  # pictures, not 1, which is broadcast


class Places(FromPixels):
    """Pictures (N, H, W, 3) uint8 -> what the network says, where it finds that, and its maps of each stride.

    scores: (N, K). likeliest: the numbers of the `LIKELIEST` greatest of them. places: (N, 5, h * w), the
    scores of these at each place of the last map, row by row. A network that takes the mean of its last map,
    and scores it with one dense layer, gives the same when each place is scored first and the mean is taken
    then. So a class's scores, place by place, say where in the picture its evidence lies (Zhou et al., CVPR
    2016).
    """

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        network = self.network
        if not isinstance(network, Network):
            raise TypeError(f"expected a network of foveate.models, found {type(network).__name__}")
        x = images.float().permute(0, 3, 1, 2) * self.scale + self.shift  # (N, 3, H, W)
        levels = network.forward_levels(x)
        dense = network.get_submodule(network.classifier_layers()[0])
        if not isinstance(dense, nn.Linear):
            raise TypeError(f"expected a dense layer at the end, found {type(dense).__name__}")
        last = levels[STRIDES[-1]]  # (N, C, h, w)
        scores = dense(last.mean((2, 3)))
        likeliest = scores.topk(LIKELIEST, dim=1)[1]
        weights = F.embedding(likeliest, dense.weight)  # (N, 5, C): only these, for all would be work
        places = torch.matmul(weights, last.flatten(2))  # (N, 5, h * w)
        places = places + F.embedding(likeliest, dense.bias[:, None])
        return scores, likeliest, places, *(levels[stride] for stride in STRIDES)


def looked_into(model: Model) -> bytes:
    """A network with global average pooling, as `Places`: "scores", "likeliest", "places", "stride4", …

    It takes pictures of any height and width: a glance at a small one costs less.
    """
    module = Places(model.module, model.preprocessing).eval()
    _, height, width = model.input_shape
    names = ("scores", "likeliest", "places", *(f"stride{stride}" for stride in STRIDES))
    made = emit(module, torch.zeros(_TRACED, height, width, 3, dtype=torch.uint8), MODEL_INPUT, *names)
    _of_any_size(made.graph)
    return _bytes(made)


def _of_any_size(graph: GraphProto) -> None:
    """Free the height and the width of the pictures, for which nothing but the places' number stands."""
    (images,) = graph.input
    for dimension, name in zip(images.type.tensor_type.shape.dim[1:3], ("H", "W"), strict=True):
        dimension.dim_param = name
    for value in graph.output:
        for number, dimension in enumerate(value.type.tensor_type.shape.dim[2:]):
            dimension.dim_param = f"{value.name}_{number}"
    (scored,) = (node for node in graph.node if node.op_type == "MatMul")
    (flat,) = (node for node in graph.node if node.output[0] == scored.input[1])
    (shape,) = (tensor for tensor in graph.initializer if tensor.name == flat.input[1])
    batch, channels, _ = numpy_helper.to_array(shape)
    shape.CopyFrom(numpy_helper.from_array(np.array([batch, channels, -1]), shape.name))


def small_network(module: nn.Module, pictures: Tensor) -> bytes:
    """A network that takes (N, C, H, W) float32 such as ``pictures``, N >= 2: "pictures" to "scores"."""
    return _bytes(emit(module.eval(), pictures, "pictures", "scores"))


def _bytes(model: ModelProto) -> bytes:
    _in_half(model.graph)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _in_half(graph: GraphProto) -> None:
    """Keep large weights in 16 bits, which halves the file; the engine makes 32 of them when it opens it."""
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) <= _FEW:
            continue
        name, half = tensor.name, f"{tensor.name}_16"
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [name], name=f"{name}_32", to=TensorProto.FLOAT))
    for node in reversed(casts):
        graph.node.insert(0, node)
