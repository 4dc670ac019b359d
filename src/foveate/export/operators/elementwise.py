"""Arithmetic: what is done number by number, and sums over axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foveate.export.emitter import UNUSED, Graph, Operator
from foveate.export.operators.table import TABLE, entry, only, reshape
from foveate.graph.trace import Value

_CAST_FLOAT = 1  # TensorProto.FLOAT

# --- One tensor, element by element ----------------------------------------------------------------------


def _plain(kind: str) -> Operator:
    def write(g: Graph, input: Tensor, inplace: bool = False) -> str:
        return g.op(kind, input)

    return write


for _name, _kind in {
    "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "neg": "Neg", "sqrt": "Sqrt", "exp": "Exp",
    "log": "Log", "floor": "Floor", "abs": "Abs", "erf": "Erf", "mish": "Mish", "reciprocal": "Reciprocal",
    "hardswish": "HardSwish", "softsign": "Softsign",
}.items():  # fmt: skip
    TABLE[_name] = _plain(_kind)


@entry("float", "to", "contiguous", "clone", "detach")
def _same_numbers(g: Graph, input: Tensor, *_: Any, **__: Any) -> str:
    # The recorder refuses any result that is not float32, so only uint8 -> float32 changes anything here.
    return g.value(input) if input.dtype == torch.float32 else g.op("Cast", input, to=_CAST_FLOAT)


@entry("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
def _dropout(g: Graph, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> str:
    only(not training or p == 0, "dropout in training mode")
    return g.value(input)


@entry("silu")
def _silu(g: Graph, input: Tensor, inplace: bool = False) -> str:
    return g.op("Mul", input, g.op("Sigmoid", input))


@entry("gelu")
def _gelu(g: Graph, input: Tensor, approximate: str = "none") -> str:
    return g.op("Gelu", input, approximate=approximate)


@entry("hardsigmoid")
def _hardsigmoid(g: Graph, input: Tensor, inplace: bool = False) -> str:
    return g.op("HardSigmoid", input, alpha=1 / 6, beta=0.5)


@entry("leaky_relu")
def _leaky_relu(g: Graph, input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> str:
    return g.op("LeakyRelu", input, alpha=negative_slope)


@entry("elu")
def _elu(g: Graph, input: Tensor, alpha: float = 1.0, inplace: bool = False) -> str:
    return g.op("Elu", input, alpha=alpha)


@entry("softplus")
def _softplus(g: Graph, input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> str:
    only(beta == 1 and threshold >= 15, "softplus with a beta or a low threshold")
    return g.op("Softplus", input)


@entry("prelu")
def _prelu(g: Graph, input: Tensor, weight: Tensor) -> str:
    return g.op("PRelu", input, weight.detach().reshape(-1, *[1] * (input.dim() - 2)))


@entry("hardtanh")
def _hardtanh(
    g: Graph, input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> str:
    return g.op("Clip", input, float(min_val), float(max_val))


@entry("relu6")
def _relu6(g: Graph, input: Tensor, inplace: bool = False) -> str:
    return g.op("Clip", input, 0.0, 6.0)


@entry("clamp", "clip")
def _clamp(g: Graph, input: Tensor, min: float | None = None, max: float | None = None) -> str:
    only(not isinstance(min, Tensor | Value) and not isinstance(max, Tensor | Value), "clamp by tensors")
    low, high = -math.inf if min is None else min, math.inf if max is None else max
    limit = np.finfo(np.float32).max
    return g.op("Clip", input, float(np.clip(low, -limit, limit)), float(np.clip(high, -limit, limit)))


# --- Two tensors, or a tensor and a number ---------------------------------------------------------------


@entry("add", "radd", "iadd")
def _add(g: Graph, input: Any, other: Any, *, alpha: float = 1) -> str:
    only(alpha == 1, "add with alpha")
    return g.op("Add", input, other)


@entry("sub", "isub")
def _sub(g: Graph, input: Any, other: Any, *, alpha: float = 1) -> str:
    only(alpha == 1, "sub with alpha")
    return g.op("Sub", input, other)


@entry("rsub")
def _rsub(g: Graph, input: Any, other: Any) -> str:
    return g.op("Sub", other, input)


@entry("mul", "rmul", "imul", "multiply")
def _mul(g: Graph, input: Any, other: Any) -> str:
    return g.op("Mul", input, other)


@entry("div", "truediv", "itruediv", "divide", "true_divide")
def _div(g: Graph, input: Any, other: Any, *, rounding_mode: str | None = None) -> str:
    only(rounding_mode is None, "div with rounding")
    return g.op("Div", input, other)


@entry("rdiv", "rtruediv")
def _rdiv(g: Graph, input: Any, other: Any) -> str:
    return g.op("Div", other, input)


@entry("pow")
def _pow(g: Graph, input: Any, exponent: Any) -> str:
    return g.op("Mul", input, input) if exponent == 2 else g.op("Pow", input, exponent)


@entry("matmul", "mm", "bmm")
def _matmul(g: Graph, input: Tensor, other: Tensor) -> str:
    return g.op("MatMul", input, other)


@entry("linear")
def _linear(g: Graph, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> str:
    if input.dim() == 2:
        return g.op("Gemm", input, weight, *([] if bias is None else [bias]), transB=1)
    product = g.op("MatMul", input, weight.detach().t().contiguous())
    return product if bias is None else g.op("Add", product, bias)


# --- Reductions ------------------------------------------------------------------------------------------


def _reduction(kind: str) -> Operator:
    def write(g: Graph, input: Tensor, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> str:
        only(dim is not None, f"{kind} over everything")
        dims = sorted(d % input.dim() for d in (dim if isinstance(dim, Sequence) else [dim]))
        only(0 not in dims, f"{kind} over the batch")
        if kind == "ReduceMean" and dims == [2, 3] and input.dim() == 4:  # the form the runtime is fastest in
            return (
                g.op("GlobalAveragePool", input) if keepdim else reshape(g, g.op("GlobalAveragePool", input))
            )
        return g.op(kind, input, g.integers(dims), keepdims=int(keepdim))

    return write


TABLE.update(mean=_reduction("ReduceMean"), sum=_reduction("ReduceSum"), amax=_reduction("ReduceMax"))


@entry("topk")
def _topk(g: Graph, input: Tensor, k: int, dim: int = -1) -> list[str]:
    only(dim % input.dim() != 0, "topk over the batch")
    values, _ = g.op("TopK", input, g.integers([k]), outputs=2, axis=dim)
    return [values, UNUSED]
