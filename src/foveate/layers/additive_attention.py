"""Additive attention: where to look, by a state (Bahdanau, Cho, Bengio, 2014, arXiv:1409.0473, A.1.2).

    e_i = v · tanh(W a_i + U h),   α = softmax(e),   z = Σ α_i a_i

with places a_i and a state h. Xu et al. (2015, arXiv:1502.03044, equations 4 to 6) look at pictures so.
"""

from __future__ import annotations

from foveate.operators.optional_torch import Tensor, nn, torch


class AdditiveAttention(nn.Module):
    """A mean of places (N, L, place_features), with weights by how each suits a state (N, state_features).

    The places' part of the sums, their `keys`, is the same at every step of a sentence and is made once.
    """

    def __init__(self, place_features: int, state_features: int, units: int) -> None:
        super().__init__()
        self.key = nn.Linear(place_features, units)
        self.query = nn.Linear(state_features, units, bias=False)
        self.score = nn.Linear(units, 1, bias=False)

    def keys(self, places: Tensor) -> Tensor:
        """(N, L, units) of places (N, L, place_features)."""
        return self.key(places)

    def forward(self, places: Tensor, keys: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """What is seen, (N, place_features), and the weights (N, L), whose rows sum to 1."""
        likeness = torch.tanh(keys + self.query(state).unsqueeze(1))  # (N, L, units)
        weights = torch.softmax(self.score(likeness)[:, :, 0], dim=1)  # (N, L)
        seen = torch.matmul(weights.unsqueeze(1), places)[:, 0, :]  # (N, place_features)
        return seen, weights

    @property
    def multiply_adds(self) -> int:
        """Of one place at one step, and ``query`` aside."""
        return self.score.in_features + self.key.in_features

    def extra_repr(self) -> str:
        return f"places={self.key.in_features}, state={self.query.in_features}, units={self.key.out_features}"
