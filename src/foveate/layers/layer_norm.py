"""Layer normalisation (Ba, Kiros, Hinton: Layer normalization, 2016, arXiv:1607.06450).

Arguments of torch's function are its own, in its order.
"""

# ruff: noqa: PLR0917

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from foveate.operators.blueprint import Argument, BlueprintLayer, Real, Shape
from foveate.operators.onnx import OnnxGraph
from foveate.operators.optional_torch import F, Tensor, nn, torch
from foveate.operators.reading import Reading, Value
from foveate.operators.sums import Arithmetic, Formula, Place, Term, shown
from foveate.operators.table import reads, register_layer, writes

_CHANNELS_LAST, _CHANNELS_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


class LayerNorm2d(nn.LayerNorm):
    """The channels of each place of a map, brought to mean 0 and deviation 1, scaled and shifted.

    (N, C, H, W) to the same. ``nn.LayerNorm`` itself is for tokens (N, T, D), and does so with the D numbers
    of each.
    """

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(_CHANNELS_LAST)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(_CHANNELS_FIRST)


def _reading(eps: float, axes: tuple[int, ...], weight: Tensor | None, bias: Tensor | None) -> Reading:
    """axes: those of the step's shape over which mean and variance are taken."""
    tensors = {"gamma": weight, "beta": bias}
    kept = {key: tensor for key, tensor in tensors.items() if tensor is not None}
    return Reading("layer_norm", "layer norm", {"eps": eps, "axes": axes}, kept)


def _read_map(module: Any, x: Value, out: Value) -> Reading:
    return _reading(module.eps, (0,), module.weight, module.bias)


@reads("layer_norm")
def _read(
    out: Value,
    input: Any,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Reading | None:
    axes = tuple(range(-len(normalized_shape), 0))
    return _reading(eps, axes, weight, bias) if len(axes) < input.ndim <= 4 else None


def _sum(place: Place) -> Arithmetic:
    """Of the numbers along the axes: their mean and variance, and then one of them, scaled and shifted."""
    x, axes, eps = place.at(), place.step.settings["axes"], place.step.settings["eps"]
    index: list[Any] = list(place.index)
    own = tuple(index[axis] for axis in axes)
    for axis in axes:
        index[axis] = slice(None)
    values = place.input()[tuple(index)].astype(np.float64).ravel()
    mean = math.fsum(values) / values.size
    variance = math.fsum((values - mean) ** 2) / values.size
    gamma, beta = (
        default if (array := place.optional(name)) is None else float(array[own])
        for name, default in (("gamma", 1.0), ("beta", 0.0))
    )
    deviation = math.sqrt(variance + eps)
    scaled = (x - mean) / deviation
    total = scaled * gamma + beta
    steps = (
        Formula(f"the mean of {values.size:,} numbers", shown(mean)),
        Formula("the mean of their squared distances from it", shown(variance)),
        Formula(f"√({shown(variance)} + {eps:g})", shown(deviation)),
        Formula(f"({shown(x)} − mean {shown(mean)}) / {shown(deviation)}", shown(scaled)),
        Formula(f"{shown(scaled)} · gamma {shown(gamma)} + beta {shown(beta)}", shown(total)),
    )
    facts = {
        **{"mean": mean, "variance": variance, "eps": eps, "gamma": gamma, "beta": beta},
        "values": values,
    }
    factor = gamma / deviation
    term = Term(place.step.inputs[0], place.channel, factor, x, factor * x)
    return Arithmetic("layer_norm", place.value, total, (term,), steps=steps, facts=facts)


@writes("layer_norm")
def _write(
    g: OnnxGraph,
    input: Any,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Any:
    scale = torch.ones(tuple(normalized_shape)) if weight is None else weight
    shift = [] if bias is None else [bias]
    return g.op("LayerNormalization", input, scale, *shift, axis=-len(normalized_shape), epsilon=eps)


def _write_map(g: OnnxGraph, module: Any, x: Value) -> str:
    last = g.op("Transpose", x, perm=_CHANNELS_LAST)
    last = _write(g, last, module.normalized_shape, module.weight, module.bias, module.eps)
    name: str = g.op("Transpose", last, perm=_CHANNELS_FIRST)
    return name


def _make(shape: Shape, eps: float) -> nn.Module:
    return (LayerNorm2d if len(shape) == 3 else nn.LayerNorm)(shape[0], eps=eps)


register_layer(
    "layer_norm",
    LayerNorm2d,
    read=_read_map,
    sum=_sum,
    onnx=_write_map,
    receptive_field=lambda module, x, out: x.seen,
    blueprint=BlueprintLayer(
        _make,
        "normalisation",
        "Brings the channels of each place to mean 0 and deviation 1, whatever the batch.",
        arguments={"eps": Argument(Real(1e-12, 1), 1e-6)},
        parameters=lambda args, shape: 2 * shape[0],
        scalar="eps",
    ),
)
