"""The blocks of the well-known networks, composed of layers; parameters have the names of the torch blocks.

The blocks' papers and deviations stand beside their torch twins in :mod:`foveate.layers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Unpack

import numpy as np

from foveate.layers.padding import Padding
from foveate.reference.activations import (
    gelu,
    gelu_backward,
    hardsigmoid,
    hardsigmoid_backward,
    hardswish,
    hardswish_backward,
    relu,
    relu6,
    relu6_backward,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    silu,
    silu_backward,
)
from foveate.reference.global_pooling import global_average_pool, global_average_pool_backward
from foveate.reference.joining import add, add_backward, concat, concat_backward
from foveate.reference.network import (
    BatchNorm,
    Conv2d,
    Layer,
    Operation,
    Sequential,
    Sliding,
    StochasticDepth,
)
from foveate.reference.pooling import max_pool, max_pool_backward
from foveate.reference.windows import Array, Pair

ACTIVATIONS = {
    "relu": (relu, relu_backward),
    "relu6": (relu6, relu6_backward),
    "silu": (silu, silu_backward),
    "sigmoid": (sigmoid, sigmoid_backward),
    "hardsigmoid": (hardsigmoid, hardsigmoid_backward),
    "hardswish": (hardswish, hardswish_backward),
    "gelu": (gelu, gelu_backward),
}


class Residual(Layer):
    """activation(F(x) + shortcut(x)): without a shortcut x itself is added, the activation may be missing."""

    def __init__(self, body: Layer, shortcut: Layer | None = None, activation: Layer | None = None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut or Sequential([])
        self.activation = activation or Sequential([])
        self.children = {"": body, "downsample": self.shortcut}

    def forward(self, x: Array, *, training: bool = False) -> Array:
        out = self.body.forward(x, training=training)
        out = add(out, self.shortcut.forward(x, training=training))
        return self.activation.forward(out, training=training)

    def backward(self, grad: Array) -> Array:
        through, around = add_backward(self.activation.backward(grad))
        return self.body.backward(through) + self.shortcut.backward(around)


class Parallel(Layer):
    """Branches over one input, joined channel behind channel."""

    def __init__(self, branches: Mapping[str, Layer]) -> None:
        super().__init__()
        self.children = dict(branches)

    def forward(self, x: Array, *, training: bool = False) -> Array:
        self._parts = [branch.forward(x, training=training) for branch in self.children.values()]
        return concat(self._parts)

    def backward(self, grad: Array) -> Array:
        grads = concat_backward(grad, self._parts)
        return np.sum([b.backward(g) for b, g in zip(self.children.values(), grads, strict=True)], axis=0)


class SqueezeExcitation(Layer):
    """Each channel times a number in 0..1, made of the means of all channels."""

    def __init__(
        self,
        in_channels: int,
        squeeze_channels: int,
        activation: str,
        *,
        rng: np.random.Generator,
        gate: str = "sigmoid",
    ) -> None:
        super().__init__()
        self._gate = Sequential(
            {
                "avgpool": Operation(global_average_pool, global_average_pool_backward),
                "fc1": Conv2d(in_channels, squeeze_channels, 1, rng=rng),
                "activation": Operation(*ACTIVATIONS[activation]),
                "fc2": Conv2d(squeeze_channels, in_channels, 1, rng=rng),
                "gate": Operation(*ACTIVATIONS[gate]),
            }
        )
        self.children = {"": self._gate}

    def forward(self, x: Array, *, training: bool = False) -> Array:
        self._x = x
        self._scale = self._gate.forward(x, training=training)  # (N, C, 1, 1)
        return x * self._scale

    def backward(self, grad: Array) -> Array:
        d_scale = (grad * self._x).sum((2, 3), keepdims=True)
        return grad * self._scale + self._gate.backward(d_scale)


def separable(
    in_channels: int,
    out_channels: int,
    kernel: int | Pair,
    *,
    rng: np.random.Generator,
    **window: Unpack[Sliding],
) -> Sequential:
    """Depthwise-separable convolution: each channel filtered alone, then all mixed by 1x1."""
    depthwise = Conv2d(in_channels, in_channels, kernel, rng=rng, groups=in_channels, bias=False, **window)
    return Sequential({"depthwise": depthwise, "pointwise": Conv2d(in_channels, out_channels, 1, rng=rng)})


def basic_block(in_channels: int, channels: int, stride: int = 1, *, rng: np.random.Generator) -> Residual:
    """Two 3x3 convolutions beside the shortcut (ResNet-18 and 34)."""
    body = Sequential(
        {
            "conv1": Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False, rng=rng),
            "bn1": BatchNorm(channels),
            "relu1": Operation(relu, relu_backward),
            "conv2": Conv2d(channels, channels, 3, padding=1, bias=False, rng=rng),
            "bn2": BatchNorm(channels),
        }
    )
    return Residual(body, _downsample(in_channels, channels, stride, rng), Operation(relu, relu_backward))


def bottleneck(
    in_channels: int, channels: int, stride: int = 1, dilation: int = 1, *, rng: np.random.Generator
) -> Residual:
    """1x1, 3x3 and 1x1 to four times the channels (ResNet-50 and deeper); ``dilation`` is the 3x3's."""
    window: Sliding = {"stride": stride, "padding": dilation, "dilation": dilation}
    body = Sequential(
        {
            "conv1": Conv2d(in_channels, channels, 1, bias=False, rng=rng),
            "bn1": BatchNorm(channels),
            "relu1": Operation(relu, relu_backward),
            "conv2": Conv2d(channels, channels, 3, bias=False, rng=rng, **window),
            "bn2": BatchNorm(channels),
            "relu2": Operation(relu, relu_backward),
            "conv3": Conv2d(channels, 4 * channels, 1, bias=False, rng=rng),
            "bn3": BatchNorm(4 * channels),
        }
    )
    return Residual(body, _downsample(in_channels, 4 * channels, stride, rng), Operation(relu, relu_backward))


def inception(
    in_channels: int,
    conv1: int,
    conv3: Pair,
    conv5: Pair,
    pool: int,
    *,
    rng: np.random.Generator,
) -> Parallel:
    """GoogLeNet's module; arguments as of :class:`foveate.layers.inception.Inception`."""

    def conv(inputs: int, outputs: int, kernel: int) -> Sequential:
        return Sequential(
            {
                "conv": Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False, rng=rng),
                "bn": BatchNorm(outputs, eps=0.001),
                "relu": Operation(relu, relu_backward),
            }
        )

    return Parallel(
        {
            "branch1": conv(in_channels, conv1, 1),
            "branch2": Sequential([conv(in_channels, conv3[0], 1), conv(*conv3, 3)]),
            "branch3": Sequential([conv(in_channels, conv5[0], 1), conv(*conv5, 3)]),
            "branch4": Sequential(
                [Operation(max_pool, max_pool_backward, 3, 1, 1), conv(in_channels, pool, 1)]
            ),
        }
    )


@dataclass(frozen=True)
class Style:
    """What all blocks of a network have in common; see `foveate.layers.mbconv.Style`."""

    squeeze: bool = True
    activation: str = "silu"
    same_padding: bool = False
    stochastic_depth: float = 0.0


def mbconv(
    in_channels: int,
    out_channels: int,
    *,
    kernel: int,
    rng: np.random.Generator,
    stride: int = 1,
    expanded: int,
    style: Style = Style(),
) -> Layer:
    """EfficientNet's block, for a given number of ``expanded`` channels."""

    def conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[Layer]:
        padding: Padding = "same" if style.same_padding else kernel // 2
        return [
            Conv2d(
                inputs, outputs, kernel, stride=stride, padding=padding, groups=groups, bias=False, rng=rng
            ),
            BatchNorm(outputs),
        ]

    layers: list[Layer] = []
    if expanded != in_channels:
        layers.append(Sequential([*conv(in_channels, expanded), Operation(*ACTIVATIONS[style.activation])]))
    act = Operation(*ACTIVATIONS[style.activation])
    layers.append(Sequential([*conv(expanded, expanded, kernel, stride, expanded), act]))
    if style.squeeze:
        layers.append(SqueezeExcitation(expanded, max(1, in_channels // 4), style.activation, rng=rng))
    layers.append(Sequential(conv(expanded, out_channels)))
    body = Sequential(
        {"block": Sequential(layers), "stochastic_depth": StochasticDepth(style.stochastic_depth, rng=rng)}
    )
    if stride == 1 and in_channels == out_channels:
        return Residual(body)
    return Sequential({"block": Sequential(layers)})


def _downsample(
    in_channels: int, out_channels: int, stride: int, rng: np.random.Generator
) -> Sequential | None:
    if stride == 1 and in_channels == out_channels:
        return None
    conv = Conv2d(in_channels, out_channels, 1, stride=stride, bias=False, rng=rng)
    return Sequential([conv, BatchNorm(out_channels)])
