"""Normalisations, softmax and dropout. Arguments are torch's own, in torch's order."""

# ruff: noqa: PLR0917

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from foveate.operators.blueprint import Argument, BlueprintLayer, Real, Shape
from foveate.operators.onnx import OnnxGraph, only, reshape
from foveate.operators.optional_torch import Tensor, nn, torch
from foveate.operators.reading import Reading, Value, step_axis
from foveate.operators.sums import Arithmetic, Formula, Place, Term, pointwise, shown
from foveate.operators.table import MODULES, LayerEntry, in_blueprints, reads, sums, writes, writes_kind

# --- Batch norm --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BatchNorm:
    """The arguments of torch's batch_norm."""

    input: Any
    running_mean: Any
    running_var: Any
    weight: Any = None
    bias: Any = None
    training: bool = False
    momentum: float = 0.1
    eps: float = 1e-5


@reads("batch_norm", call=BatchNorm)
def _read_batch_norm(out: Value, of: BatchNorm) -> Reading | None:
    if of.training or of.running_mean is None:
        return None
    tensors = {"mean": of.running_mean, "variance": of.running_var, "gamma": of.weight, "beta": of.bias}
    kept = {key: tensor for key, tensor in tensors.items() if tensor is not None}
    return Reading("batch_norm", "batch norm", {"eps": of.eps}, kept)


@writes_kind("batch_norm")
def _write_batch_norm(g: OnnxGraph, input: Value, reading: Reading) -> Any:
    given, channels = reading.tensors, input.shape[1]
    scale = given["gamma"] if "gamma" in given else g.ones(channels)
    shift = given["beta"] if "beta" in given else g.ones(channels, 0.0)
    eps = reading.settings["eps"]
    return g.op("BatchNormalization", input, scale, shift, given["mean"], given["variance"], epsilon=eps)


@sums("batch_norm")
def _sum_batch_norm(place: Place) -> Arithmetic:
    x, eps, channel = place.at(), place.step.settings["eps"], place.channel
    mean, variance, gamma, beta = (
        default if (array := place.optional(name)) is None else float(array[channel])
        for name, default in (("mean", 0.0), ("variance", 1.0), ("gamma", 1.0), ("beta", 0.0))
    )
    deviation = math.sqrt(variance + eps)
    scaled = (x - mean) / deviation
    total = scaled * gamma + beta
    steps = (
        Formula(f"√(variance {shown(variance)} + {eps:g})", shown(deviation)),
        Formula(f"({shown(x)} − mean {shown(mean)}) / {shown(deviation)}", shown(scaled)),
        Formula(f"{shown(scaled)} · gamma {shown(gamma)} + beta {shown(beta)}", shown(total)),
    )
    facts = {"mean": mean, "variance": variance, "eps": eps, "gamma": gamma, "beta": beta}
    term = Term(place.step.inputs[0], channel, gamma / deviation, x, gamma / deviation * x)
    return Arithmetic("batch_norm", place.value, total, (term,), steps=steps, facts=facts)


def _make_batch_norm(shape: Shape, *, eps: float, momentum: float) -> nn.Module:
    norm = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
    return norm(shape[0], eps=eps, momentum=momentum)


in_blueprints(
    {
        "batch_norm": BlueprintLayer(
            _make_batch_norm,
            "normalisation",
            "Brings each channel to mean 0 and deviation 1, then scales it; trains faster.",
            arguments={"eps": Argument(Real(1e-12, 1), 1e-5), "momentum": Argument(Real(0, 1), 0.1)},
            parameters=lambda args, shape: 2 * shape[0],
        )
    }
)

# --- Other normalisations, which are only written ----------------------------------------------------------


@writes("group_norm")
def _write_group_norm(
    g: OnnxGraph,
    input: Value,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Any:
    rows = g.op("Reshape", input, g.integers([0, num_groups, -1]))
    rows = g.op("InstanceNormalization", rows, g.ones(num_groups), g.ones(num_groups, 0.0), epsilon=eps)
    value = reshape(g, rows)
    for kind, part in (("Mul", weight), ("Add", bias)):
        if part is not None:
            value = g.op(kind, value, part.detach().reshape(-1, *[1] * (input.dim() - 2)))
    return value


@writes("local_response_norm")
def _write_local_response_norm(
    g: OnnxGraph, input: Value, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    only(size % 2 == 1, "local response norm of an even size")  # the window's odd end differs
    return g.op("LRN", input, size=size, alpha=alpha, beta=beta, bias=k)


# --- Softmax -----------------------------------------------------------------------------------------------


class Softmax(nn.Module):
    """Scores (N, K, ...) -> shares of 1 (N, K, ...): softmax of scores / temperature."""

    def __init__(self, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = float(temperature)

    def forward(self, scores: Tensor) -> Tensor:
        return torch.softmax(scores / self.temperature, dim=1)


def _read_with_temperature(module: Any, x: Value, out: Value) -> Reading:
    return Reading("softmax", "softmax", {"temperature": module.temperature, "axis": 0})


MODULES[Softmax] = LayerEntry(_read_with_temperature)


@reads("softmax")
def _read_softmax(
    out: Value, input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Reading | None:
    axis = None if dim is None else step_axis(dim, input.ndim)
    return None if axis is None else Reading("softmax", "softmax", {"temperature": 1.0, "axis": axis})


def _write_softmax(
    kind: str, g: OnnxGraph, input: Value, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Any:
    only(dim is not None and dim % input.dim() != 0, f"{kind} without an axis")
    return g.op(kind, input, axis=dim)


writes("softmax")(partial(_write_softmax, "Softmax"))
writes("log_softmax")(partial(_write_softmax, "LogSoftmax"))


@sums("softmax")
def _sum_softmax(place: Place) -> Arithmetic:
    temperature, axis = place.step.settings["temperature"], place.step.settings["axis"]
    along = tuple(slice(None) if i == axis else n for i, n in enumerate(place.index))
    logits = place.input()[along].astype(np.float64)  # of (K,), (K, H, W) or (heads, T, T): one row of them
    most, at = float(logits.max()), place.index[axis]
    exponentials = np.exp((logits - most) / temperature)
    sum_, own = float(exponentials.sum()), float(exponentials[at])
    total = own / sum_
    divided = "" if temperature == 1 else f" / temperature {shown(temperature)}"
    steps = (
        Formula(f"e^(({shown(float(logits[at]))} − {shown(most)}){divided})", shown(own)),
        Formula(f"sum of all {len(logits):,}", shown(sum_)),
        Formula(f"{shown(own)} / {shown(sum_)}", shown(total)),
    )
    facts = {"logits": logits, "exp": exponentials, "sum": sum_, "greatest": most, "temperature": temperature}
    facts |= {"axis": axis}  # of which place it is one row: channels, rows or columns
    term = Term(place.step.inputs[0], None, np.ones_like(logits), logits, float(logits.sum()))
    return Arithmetic("softmax", place.value, total, (term,), steps=steps, facts=facts)


# --- Dropout -----------------------------------------------------------------------------------------------


@reads("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
def _read_dropout(
    out: Value, input: Any, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Reading | None:
    return None if training and p else Reading("dropout", "dropout", {"p": float(p)})


writes_kind("dropout")(lambda g, input, reading: g.value(input))
sums("dropout")(pointwise(lambda x, p: x, "{x} as it is (dropout is for training)"))
in_blueprints(
    {
        "dropout": BlueprintLayer(
            lambda shape, p: nn.Dropout(p),
            "normalisation",
            "In training, sets a random part of the values to 0; against learning by heart.",
            arguments={"p": Argument(Real(0, 0.999), 0.5)},
            scalar="p",
        )
    }
)
