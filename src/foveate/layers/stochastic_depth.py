"""Stochastic depth (Huang et al.: Deep networks with stochastic depth, 2016), picture by picture."""

from __future__ import annotations

from foveate.errors import InputError
from foveate.operators.optional_torch import Tensor, nn


class StochasticDepth(nn.Module):
    """In training, each picture of a batch loses this branch with probability ``p``; else it is scaled up.

    The survivors are multiplied by 1/(1 − p), so that the expected value is the input's and nothing needs
    scaling in evaluation, where this is the identity. Stands at the end of a residual branch.

    Shapes: (N, ...) to the same.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise InputError(f"The probability p of dropping a branch must be in 0..1, and is {p}.")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(1 - self.p)
        return x * (kept / (1 - self.p)) if self.p < 1 else x * kept

    def extra_repr(self) -> str:
        return f"p={self.p}"
