"""Snake, x + sin²(ax)/a (Ziyin et al., 2020), as an activation of one's own: this file is all of it."""

import math

import torch
from torch import nn

from foveate import register_layer
from foveate.operators import Argument, BlueprintLayer, Reading, Real, pointwise


class Snake(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.a = a

    def forward(self, x):
        return x + torch.sin(self.a * x) ** 2 / self.a


def onnx(g, snake, x):
    sine = g.op("Sin", g.op("Mul", x, snake.a))
    return g.op("Add", x, g.op("Div", g.op("Mul", sine, sine), snake.a))


in_blueprints = BlueprintLayer(
    lambda shape, a: Snake(a),
    group="activation",
    summary="Grows, and swings as it does.",
    arguments={"a": Argument(Real(0.01, 100), 1.0)},
)
register_layer(
    "snake",
    Snake,
    read=lambda snake, x, out: Reading("snake", "Snake", {"a": snake.a}),
    sum=pointwise(lambda x, a: x + math.sin(a * x) ** 2 / a, "{x} + sin²({a:g} · {x}) / {a:g}"),
    onnx=onnx,
    blueprint=in_blueprints,
)
