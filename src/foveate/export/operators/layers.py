"""Convolution, pooling, normalisation. The arguments are torch's own, in torch's order."""

# ruff: noqa: PLR0917

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foveate.export.emitter import Graph
from foveate.export.operators.table import entry, only, pair, reshape
from foveate.graph.trace import Value


@entry("conv2d")
def _conv2d(
    g: Graph,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> str:
    only(input.dim() == 4 and not isinstance(weight, Value), "a convolution with computed weights")
    kernel, dilations = list(weight.shape[2:]), pair(dilation)
    if padding == "same":  # torch puts the odd pixel at the end
        total = [d * (k - 1) for d, k in zip(dilations, kernel, strict=True)]
        pads = [t // 2 for t in total] + [t - t // 2 for t in total]
    else:
        pads = [0] * 4 if padding == "valid" else pair(padding) * 2
    before = g.producer(g.value(input))
    if before is not None and before.name in g.padded:  # torch pads on one side only in a step of its own
        source, amounts = g.padded[before.name]
        pads = [a + b for a, b in zip(pads, amounts, strict=True)]
    else:
        source = g.value(input)
    inputs = [source, weight] if bias is None else [source, weight, bias]
    return g.op(
        "Conv",
        *inputs,
        kernel_shape=kernel,
        strides=pair(stride),
        pads=pads,
        dilations=dilations,
        group=groups,
    )


@entry("max_pool2d")
def _max_pool2d(
    g: Graph,
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> str:
    only(input.dim() == 4 and not return_indices, "pooling with indices")
    before = g.producer(g.value(input))
    if before is not None and before.name in g.padded:
        # A pool's own padding never wins, a padded zero beats negative numbers. ONNX Runtime (1.31) takes one
        # for the other and merges the two steps (its Pad_Fusion), but only where the zero is exactly zero.
        before.input[2] = g.value(float(np.finfo(np.float32).tiny))
    return g.op(
        "MaxPool",
        input,
        kernel_shape=pair(kernel_size),
        strides=pair(stride if stride not in (None, [], ()) else kernel_size),
        pads=pair(padding) * 2,
        dilations=pair(dilation),
        ceil_mode=int(ceil_mode),
    )


@entry("avg_pool2d")
def _avg_pool2d(
    g: Graph,
    input: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> str:
    # With ceil_mode the two disagree on what the last window is divided by.
    only(input.dim() == 4 and not ceil_mode and divisor_override is None, "avg_pool2d with ceil_mode")
    return g.op(
        "AveragePool",
        input,
        kernel_shape=pair(kernel_size),
        strides=pair(stride if stride not in (None, [], ()) else kernel_size),
        pads=pair(padding) * 2,
        count_include_pad=int(count_include_pad),
    )


@entry("adaptive_avg_pool2d")
def _adaptive_avg_pool2d(g: Graph, input: Tensor, output_size: Any) -> str:
    return _adaptive(g, input, "AveragePool")


@entry("adaptive_max_pool2d")
def _adaptive_max_pool2d(g: Graph, input: Tensor, output_size: Any, return_indices: bool = False) -> str:
    only(not return_indices, "pooling with indices")
    return _adaptive(g, input, "MaxPool")


def _adaptive(g: Graph, input: Tensor, kind: str) -> str:
    sides, targets = list(input.shape[2:]), list(g.out.shape[2:])
    if targets == [1, 1]:
        return g.op(f"Global{kind}", input)
    if sides == targets:
        return g.value(input)
    only(all(s % t == 0 for s, t in zip(sides, targets, strict=True)), "adaptive windows of several sizes")
    window = [s // t for s, t in zip(sides, targets, strict=True)]
    return g.op(kind, input, kernel_shape=window, strides=window)


@entry("batch_norm")
def _batch_norm(
    g: Graph,
    input: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> str:
    only(not training, "batch norm in training mode")
    channels = input.shape[1]
    scale = g.ones(channels) if weight is None else weight
    shift = g.ones(channels, 0.0) if bias is None else bias
    return g.op("BatchNormalization", input, scale, shift, running_mean, running_var, epsilon=eps)


@entry("layer_norm")
def _layer_norm(
    g: Graph,
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> str:
    scale = torch.ones(tuple(normalized_shape)) if weight is None else weight
    return g.op(
        "LayerNormalization",
        input,
        scale,
        *([] if bias is None else [bias]),
        axis=-len(normalized_shape),
        epsilon=eps,
    )


@entry("group_norm")
def _group_norm(
    g: Graph,
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> str:
    rows = g.op("Reshape", input, g.integers([0, num_groups, -1]))
    rows = g.op("InstanceNormalization", rows, g.ones(num_groups), g.ones(num_groups, 0.0), epsilon=eps)
    value = reshape(g, rows)
    for kind, part in (("Mul", weight), ("Add", bias)):
        if part is not None:
            value = g.op(kind, value, part.detach().reshape(-1, *[1] * (input.dim() - 2)))
    return value


@entry("local_response_norm")
def _local_response_norm(
    g: Graph, input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> str:
    only(size % 2 == 1, "local response norm of an even size")  # the window's odd end differs
    return g.op("LRN", input, size=size, alpha=alpha, beta=beta, bias=k)


@entry("softmax")
def _softmax(g: Graph, input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> str:
    only(dim is not None and dim % input.dim() != 0, "softmax without an axis")
    return g.op("Softmax", input, axis=dim)


@entry("log_softmax")
def _log_softmax(
    g: Graph, input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> str:
    only(dim is not None and dim % input.dim() != 0, "log_softmax without an axis")
    return g.op("LogSoftmax", input, axis=dim)
