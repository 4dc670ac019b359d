"""Two changes to an ONNX graph that give the runtime less to do and the same answer.

- A picture's bytes lie interleaved, RGBRGB..., and a convolution over C channels of a k x k window is the
  same sum as one over a single channel, C times as wide, of a k x Ck window that moves by C times the stride.
  So nothing needs to be transposed; and the division by the standard deviation goes into the weights.
- Batch norm and activation after a maximum pool go before it, where they melt into the convolution: a
  function that never falls may be applied before the greatest is taken as well as after.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, helper, numpy_helper

from foveate.exporter.emitter import inputs_of

_RISING = ("Relu", "Clip")  # activations that never fall and take one tensor


def rewrite(graph: GraphProto, input_name: str) -> None:
    """Change the graph in place where the patterns are met; elsewhere it stays as it is."""
    view = _View(graph)
    _read_interleaved(view, input_name)
    for node in list(graph.node):
        if node.op_type == "BatchNormalization":
            _norm_before_pool(view, node)


class _View:
    """Who computes a value, who uses it, and which values are constants."""

    def __init__(self, graph: GraphProto) -> None:
        self.graph = graph
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        self._outputs = {value.name for value in graph.output}

    def array(self, name: str) -> np.ndarray | None:
        return numpy_helper.to_array(self.constants[name]) if name in self.constants else None

    def constant(self, name: str, value: np.ndarray) -> str:
        self.graph.initializer.append(numpy_helper.from_array(value, name))
        self.constants[name] = self.graph.initializer[-1]
        return name

    def only_user(self, name: str, *kinds: str) -> NodeProto | None:
        """The node of one of these kinds that alone uses the value, as its first input."""
        users = [node for node in self.graph.node if name in inputs_of(node)]
        if len(users) != 1 or name in self._outputs:
            return None
        fits = users[0].op_type in kinds and users[0].input[0] == name
        return users[0] if fits and list(users[0].input).count(name) == 1 else None

    def maker(self, name: str, kind: str) -> NodeProto | None:
        return next((n for n in self.graph.node if name in n.output and n.op_type == kind), None)

    def drop_unused_constants(self) -> None:
        used = {name for node in self.graph.node for name in inputs_of(node)}
        for tensor in [tensor for tensor in self.graph.initializer if tensor.name not in used]:
            self.graph.initializer.remove(tensor)
            del self.constants[tensor.name]


def _read_interleaved(view: _View, input_name: str) -> None:
    """Cast, Transpose, Mul, Add, Conv -> Cast, Reshape, Sub, Conv."""
    cast = view.only_user(input_name, "Cast")
    transpose = cast and view.only_user(cast.output[0], "Transpose")
    scaled = transpose and view.only_user(transpose.output[0], "Mul")
    shifted = scaled and view.only_user(scaled.output[0], "Add")
    conv = shifted and view.only_user(shifted.output[0], "Conv")
    if not (cast and transpose and scaled and shifted and conv):
        return
    scale, shift, weight = (view.array(node.input[1]) for node in (scaled, shifted, conv))
    settings = {a.name: helper.get_attribute_value(a) for a in conv.attribute}
    if scale is None or shift is None or weight is None or list(transpose.attribute[0].ints) != [0, 3, 1, 2]:
        return
    channels = weight.shape[1]
    plain = settings.get("group", 1) == 1 and set(settings.get("dilations", [1])) == {1}
    if not plain or scale.size != channels or shift.size != channels or "auto_pad" in settings:
        return
    _, height, width, _ = (d.dim_value for d in _input_type(view.graph, input_name).shape.dim)
    scale, shift = scale.ravel().astype(np.float64), shift.ravel().astype(np.float64)
    wide = (weight * scale[:, None, None]).transpose(0, 2, 3, 1)  # (O, k, k, C)
    wide = wide.reshape(len(weight), 1, weight.shape[2], -1).astype(np.float32)  # (O, 1, k, k C)
    mean = np.tile(-shift / scale, width).astype(np.float32)  # (W C,)
    rows = view.constant("interleaved_shape", np.array([0, 1, height, width * channels], np.int64))
    replaced = [
        helper.make_node("Reshape", [cast.output[0], rows], ["interleaved"], name="interleaved"),
        helper.make_node("Sub", ["interleaved", view.constant("mean", mean)], ["centred"], name="centred"),
    ]
    _widen(conv, settings, channels)
    conv.input[0], conv.input[1] = "centred", view.constant("interleaved_weight", wide)
    place = list(view.graph.node).index(conv)
    for node in reversed(replaced):
        view.graph.node.insert(place, node)
    for node in (transpose, scaled, shifted):
        view.graph.node.remove(node)
    view.drop_unused_constants()


def _widen(conv: NodeProto, settings: dict[str, Any], channels: int) -> None:
    """Everything that counts columns of the picture counts columns of ``channels`` numbers."""
    top, left, bottom, right = settings.get("pads", [0] * 4)
    kernel, strides = settings["kernel_shape"], settings.get("strides", [1, 1])
    del conv.attribute[:]
    for name, value in (
        ("kernel_shape", [kernel[0], kernel[1] * channels]),
        ("strides", [strides[0], strides[1] * channels]),
        ("pads", [top, left * channels, bottom, right * channels]),
    ):
        conv.attribute.append(helper.make_attribute(name, value))


def _norm_before_pool(view: _View, norm: NodeProto) -> None:
    """Conv, MaxPool, BatchNormalization, activation -> Conv, BatchNormalization, activation, MaxPool."""
    pool = view.maker(norm.input[0], "MaxPool")
    if pool is None or len(pool.output) > 1 or view.only_user(pool.output[0], norm.op_type) is None:
        return
    conv = view.maker(pool.input[0], "Conv")
    if conv is None or view.only_user(conv.output[0], "MaxPool") is None:
        return
    scale = view.array(norm.input[1])
    if scale is None or not (scale > 0).all():  # falling, in some channel: the greatest becomes the least
        return
    last = view.only_user(norm.output[0], *_RISING) or norm
    result = last.output[0]
    norm.input[0] = conv.output[0]
    last.output[0] = f"{result}_before_pool"
    pool.input[0], pool.output[0] = last.output[0], result
    view.graph.node.remove(pool)
    view.graph.node.insert(list(view.graph.node).index(last) + 1, pool)


def _input_type(graph: GraphProto, name: str) -> Any:
    return next(value for value in graph.input if value.name == name).type.tensor_type
