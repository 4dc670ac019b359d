"""Minimising a smooth convex function by L-BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.4).

torch has one too; making it imports torch's compiler, which takes longer than all that is minimised here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

HISTORY = 20
SUFFICIENT = 1e-4  # of the decrease that the slope promises: Armijo's condition
SHORTEST = 1e-10  # of a step; below, rounding decides


def minimise(
    function: Callable[[Tensor], tuple[float, Tensor]], start: Tensor, *, tolerance: float, iterations: int
) -> Tensor:
    """The argument with the least value, of the shape of ``start``.

    Args:
        function: gives the value and the gradient at an argument.
        tolerance: the search ends when no entry of the gradient is larger.
        iterations: at most.
    """
    x = start
    value, gradient = function(x)
    pairs: deque[tuple[Tensor, Tensor, float]] = deque(
        maxlen=HISTORY
    )  # steps, changes of gradient, 1 / (s y)
    for _ in range(iterations):
        if float(gradient.abs().max()) <= tolerance:
            break
        direction = _direction(gradient, pairs)
        slope = float((direction * gradient).sum())
        step = 1.0 if pairs else min(1.0, 1.0 / float(gradient.abs().sum()))
        while step > SHORTEST:
            moved = x + step * direction
            new_value, new_gradient = function(moved)
            if new_value <= value + SUFFICIENT * step * slope:
                break
            step /= 2
        else:
            break  # no step gets lower: the minimum, to the last digit
        change, difference = moved - x, new_gradient - gradient
        curvature = float((change * difference).sum())
        if curvature > 0:
            pairs.append((change, difference, 1.0 / curvature))
        x, value, gradient = moved, new_value, new_gradient
    return x


def _direction(gradient: Tensor, pairs: deque[tuple[Tensor, Tensor, float]]) -> Tensor:
    """Where to go: minus the gradient times the inverse Hessian that the last steps suggest."""
    q = gradient.clone()
    factors = []
    for change, difference, rho in reversed(pairs):
        factor = rho * (change * q).sum()
        q -= factor * difference
        factors.append(factor)
    if pairs:
        change, difference, rho = pairs[-1]
        q *= 1.0 / (rho * (difference * difference).sum())
    for (change, difference, rho), factor in zip(pairs, reversed(factors), strict=True):
        q += change * (factor - rho * (difference * q).sum())
    return torch.neg(q)
