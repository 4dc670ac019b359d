"""Layers that keep their parameters and remember their input, so that networks can be trained.

``forward(x, training=...)`` remembers what ``backward(grad)`` needs; ``backward`` leaves the parameters'
gradients of that one batch and returns the input's. Names of parameters are torch's (``layer1.0.weight``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypedDict, Unpack

import numpy as np

from foveate.errors import WeightsError
from foveate.geometry import pair
from foveate.layers.padding import Padding, PaddingMode
from foveate.reference.batch_norm import (
    batch_norm_eval,
    batch_norm_eval_backward,
    batch_norm_train,
    batch_norm_train_backward,
    running_statistics,
    values_a_channel,
)
from foveate.reference.convolution import conv2d, conv2d_backward
from foveate.reference.dense import dense, dense_backward
from foveate.reference.dropout import (
    dropout,
    dropout_backward,
    keep_mask,
    stochastic_depth,
    stochastic_depth_backward,
)
from foveate.reference.windows import Array, Pair


class Layer:
    """Base of layers, and of networks, which are layers with children (named "", one adds no path)."""

    def __init__(self) -> None:
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.buffers: dict[str, Array] = {}
        self.children: dict[str, Layer] = {}

    def forward(self, x: Array, *, training: bool = False) -> Array:
        raise NotImplementedError

    def backward(self, grad: Array) -> Array:
        """From the gradient of the last ``forward``'s output to that of its input."""
        raise NotImplementedError

    def layers(self, path: str = "") -> Iterator[tuple[str, Layer]]:
        """(path, layer) of this layer and of all below it; a path ends in a dot unless it is empty."""
        yield path, self
        for name, child in self.children.items():
            yield from child.layers(f"{path}{name}." if name else path)

    def named_parameters(self) -> dict[str, Array]:
        """The arrays themselves, under dotted names."""
        return {path + name: w for path, layer in self.layers() for name, w in layer.parameters.items()}

    def named_gradients(self) -> dict[str, Array]:
        """Of the last ``backward``, under the same names."""
        return {path + name: g for path, layer in self.layers() for name, g in layer.gradients.items()}

    def state(self) -> dict[str, Array]:
        """Parameters and buffers (running statistics) under torch's names."""
        buffers = {path + name: b for path, layer in self.layers() for name, b in layer.buffers.items()}
        return self.named_parameters() | buffers

    def load(self, state: Mapping[str, Array]) -> None:
        """Take all parameters and buffers, and their type, from ``state``; except torch's batch counters.

        Raises:
            WeightsError: a name or a shape is not this network's.
        """
        state = {name: a for name, a in state.items() if not name.endswith("num_batches_tracked")}
        mine = self.state()
        wrong = state.keys() ^ mine.keys()
        wrong |= {name for name in state.keys() & mine.keys() if state[name].shape != mine[name].shape}
        if wrong:
            named = ", ".join(sorted(wrong))
            raise WeightsError(f"These arrays are missing, unknown or of another shape: {named}.")
        for path, layer in self.layers():
            for own in (layer.parameters, layer.buffers):
                own.update({name: np.array(state[path + name]) for name in own})

    def convert(self, dtype: Any) -> None:
        """Take another floating-point type: float32 is twice as fast as float64."""
        self.load({name: array.astype(dtype) for name, array in self.state().items()})


class Operation(Layer):
    """A layer without parameters: ``forward(x, *arguments)`` and ``backward(grad, x, *arguments)``."""

    def __init__(
        self, forward: Callable[..., Array], backward: Callable[..., Array], *arguments: Any
    ) -> None:
        super().__init__()
        self._functions = forward, backward
        self._arguments = arguments

    def forward(self, x: Array, *, training: bool = False) -> Array:
        self._x = x
        return self._functions[0](x, *self._arguments)

    def backward(self, grad: Array) -> Array:
        return self._functions[1](grad, self._x, *self._arguments)


class Sliding(TypedDict, total=False):
    """How a window slides; the defaults are those of :func:`foveate.reference.convolution.conv2d`."""

    stride: int | Pair
    padding: Padding
    dilation: int | Pair
    padding_mode: PaddingMode


class Conv2d(Layer):
    """:func:`foveate.reference.convolution.conv2d` with weights of its own, drawn as torch draws them."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | Pair,
        *,
        rng: np.random.Generator,
        bias: bool = True,
        groups: int = 1,
        **window: Unpack[Sliding],
    ) -> None:
        super().__init__()
        shape = (out_channels, in_channels // groups, *pair(kernel))
        self.parameters = _uniform(shape, bias=bias, rng=rng)
        self._forward: Callable[..., Array] = partial(conv2d, groups=groups, **window)
        self._backward: Callable[..., tuple[Array, Array, Array]] = partial(
            conv2d_backward, groups=groups, **window
        )

    def forward(self, x: Array, *, training: bool = False) -> Array:
        self._x = x
        return self._forward(x, self.parameters["weight"], self.parameters.get("bias"))

    def backward(self, grad: Array) -> Array:
        dx, dw, db = self._backward(grad, self._x, self.parameters["weight"])
        self.gradients = {"weight": dw} | ({"bias": db} if "bias" in self.parameters else {})
        return dx


class Dense(Layer):
    """:func:`foveate.reference.dense.dense` with weights of its own, drawn as torch draws them."""

    def __init__(self, in_features: int, out_features: int, *, rng: np.random.Generator) -> None:
        super().__init__()
        self.parameters = _uniform((out_features, in_features), bias=True, rng=rng)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        self._x = x
        return dense(x, self.parameters["weight"], self.parameters["bias"])

    def backward(self, grad: Array) -> Array:
        dx, dw, db = dense_backward(grad, self._x, self.parameters["weight"])
        self.gradients = {"weight": dw, "bias": db}
        return dx


class BatchNorm(Layer):
    """Batch norm with running statistics: the batch's own in training, the running ones in evaluation."""

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.parameters = {"weight": np.ones(channels), "bias": np.zeros(channels)}
        self.buffers = {"running_mean": np.zeros(channels), "running_var": np.ones(channels)}
        self._eps, self._momentum = eps, momentum

    def forward(self, x: Array, *, training: bool = False) -> Array:
        self._x, self._training = x, training
        affine = self.parameters["weight"], self.parameters["bias"]
        statistics = self.buffers["running_mean"], self.buffers["running_var"]
        if not training:
            return batch_norm_eval(x, *affine, *statistics, eps=self._eps)
        out, mean, variance = batch_norm_train(x, *affine, self._eps)
        new = running_statistics(*statistics, mean, variance, values_a_channel(x), momentum=self._momentum)
        self.buffers = {"running_mean": new[0], "running_var": new[1]}
        return out

    def backward(self, grad: Array) -> Array:
        weight = self.parameters["weight"]
        if self._training:
            dx, dw, db = batch_norm_train_backward(grad, self._x, weight, self._eps)
        else:
            statistics = self.buffers["running_mean"], self.buffers["running_var"]
            dx, dw, db = batch_norm_eval_backward(grad, self._x, weight, *statistics, eps=self._eps)
        self.gradients = {"weight": dw, "bias": db}
        return dx


class Dropout(Layer):
    """Forgets each unit with probability ``p`` in training; ``mask`` is what the last batch kept."""

    mask: Array | None = None

    def __init__(self, p: float, *, rng: np.random.Generator) -> None:
        super().__init__()
        self.p, self._rng = p, rng

    def forward(self, x: Array, *, training: bool = False) -> Array:
        self.mask = keep_mask(x.shape, self.p, self._rng) if training else None
        return x if self.mask is None else dropout(x, self.mask, self.p)

    def backward(self, grad: Array) -> Array:
        return grad if self.mask is None else dropout_backward(grad, self.mask, self.p)


class StochasticDepth(Dropout):
    """The same for whole pictures of a batch, at the end of a residual branch."""

    def forward(self, x: Array, *, training: bool = False) -> Array:
        self.mask = keep_mask(x.shape[:1], self.p, self._rng) if training else None
        return x if self.mask is None else stochastic_depth(x, self.mask, self.p)

    def backward(self, grad: Array) -> Array:
        return grad if self.mask is None else stochastic_depth_backward(grad, self.mask, self.p)


class Sequential(Layer):
    """One layer after another, named or numbered; backwards the other way round (the chain rule)."""

    def __init__(self, layers: Sequence[Layer] | Mapping[str, Layer]) -> None:
        super().__init__()
        named = layers if isinstance(layers, Mapping) else {str(i): layer for i, layer in enumerate(layers)}
        self.children = dict(named)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        for layer in self.children.values():
            x = layer.forward(x, training=training)
        return x

    def backward(self, grad: Array) -> Array:
        for layer in reversed(self.children.values()):
            grad = layer.backward(grad)
        return grad


def _uniform(shape: tuple[int, ...], *, bias: bool, rng: np.random.Generator) -> dict[str, Array]:
    """torch's default for convolutions and dense layers: all uniform within ±1/√(inputs of one output)."""
    bound = 1 / np.sqrt(np.prod(shape[1:]))
    parameters = {"weight": rng.uniform(-bound, bound, shape)}
    return parameters | ({"bias": rng.uniform(-bound, bound, shape[0])} if bias else {})
