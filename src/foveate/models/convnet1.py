"""The article's ``convnet1``: two convolutions and one dense layer, for 28x28 grey pictures.

The article's text gives its convolutions 5x5 windows with padding 2 and its code 3x3 with padding 1: both are
built here, as ``convnet1`` and ``convnet1_k3``. Initial weights are torch's own, as in the article.
"""

from __future__ import annotations

from torch import Tensor, nn

from foveate.models.anatomy import Level, Network, Window
from foveate.models.registry import register


@register("convnet1", kernel=5)
@register("convnet1_k3", kernel=3)
class ConvNet1(Network):
    """Convolution, batch norm, ReLU, max pooling; the same again; a dense layer."""

    levels = (Level("layer1", 16, 2), Level("layer2", 32, 4))

    def __init__(
        self,
        *,
        kernel: int = 5,
        image_size: tuple[int, int] = (28, 28),
        num_classes: int = 10,
        in_channels: int = 1,
    ) -> None:
        super().__init__(
            num_features=32, num_classes=num_classes, in_channels=in_channels, image_size=image_size
        )
        same = kernel // 2
        self.windows = (
            Window("layer1.0", kernel, 1, same),
            Window("layer1.3", 2, 2),
            Window("layer2.0", kernel, 1, same),
            Window("layer2.3", 2, 2),
        )
        height, width = self.map_size(*image_size)
        self.layer1 = _stage(in_channels, 16, kernel)
        self.layer2 = _stage(16, 32, kernel)
        self.fc = nn.Linear(32 * height * width, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        x = self.layer1(x)  # (N, 16, 14, 14)
        return self.layer2(x)  # (N, 32, 7, 7)

    def forward_head(self, features: Tensor) -> Tensor:
        return self.fc(features.flatten(1))  # (N, 1568) -> (N, 10)


class _Stage(nn.Sequential):
    """Convolution, batch norm, ReLU, max pooling, which training computes in another order.

    Maxima commute with ReLU, so pooling first gives the same values and leaves ReLU, and its gradient, a
    quarter of them.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        convolution, norm, relu, pool = self
        return relu(pool(norm(convolution(x))))


def _stage(in_channels: int, out_channels: int, kernel: int) -> _Stage:
    return _Stage(
        nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )
