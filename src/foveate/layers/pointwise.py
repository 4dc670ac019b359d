"""A dense layer at each place of a map: what a 1x1 convolution is, with the weights of a dense layer."""

from __future__ import annotations

from foveate.operators.optional_torch import F, Tensor, nn


class PointwiseLinear(nn.Linear):
    """(N, in_features, H, W) to (N, out_features, H, W); the weight is (out_features, in_features)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight[:, :, None, None], self.bias)
