"""Stochastic gradient descent, Adam and AdamW, step for step torch's.

Parameters and gradients are dicts of arrays under the same names; a step changes the parameters in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from foveate.reference.windows import Array

Arrays = Mapping[str, Array]


@dataclass
class SGD:
    """v ← momentum·v + g, w ← w − lr·v; with ``nesterov`` w ← w − lr·(g + momentum·v).

    ``weight_decay`` adds its multiple of w to g. The first v is g itself, as in torch.
    """

    lr: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False
    velocity: dict[str, Array] = field(default_factory=dict)

    def step(self, parameters: Arrays, gradients: Arrays) -> None:
        for name, w in parameters.items():
            g = gradients[name] + self.weight_decay * w
            if self.momentum:
                v = self.momentum * self.velocity[name] + g if name in self.velocity else g
                self.velocity[name] = v
                g = g + self.momentum * v if self.nesterov else v
            w[...] -= self.lr * g


@dataclass
class Adam:
    """Adam (Kingma, Ba, 2014): the step is a running mean of g over the root of a running mean of g².

    ``weight_decay`` adds its multiple of w to g. Both means start at zero, and what that lacks is made up.
    """

    lr: float = 0.001
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    steps: int = 0
    mean: dict[str, Array] = field(default_factory=dict)
    square: dict[str, Array] = field(default_factory=dict)

    def step(self, parameters: Arrays, gradients: Arrays) -> None:
        self.steps += 1
        for name, w in parameters.items():
            self._update(name, w, gradients[name] + self.weight_decay * w)

    def _update(self, name: str, w: Array, g: Array) -> None:
        first, second = self.betas
        m = first * self.mean.get(name, 0.0) + (1 - first) * g
        v = second * self.square.get(name, 0.0) + (1 - second) * g * g
        self.mean[name], self.square[name] = m, v
        m_hat, v_hat = m / (1 - first**self.steps), v / (1 - second**self.steps)
        w -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)


@dataclass
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov, Hutter, 2017): w ← w·(1 − lr·decay), then the step."""

    weight_decay: float = 0.01

    def step(self, parameters: Arrays, gradients: Arrays) -> None:
        self.steps += 1
        for name, w in parameters.items():
            w[...] *= 1 - self.lr * self.weight_decay
            self._update(name, w, gradients[name])
