"""Tiny VGG: the network of CNN Explainer (Wang et al., 2020, arXiv:2004.15004), layer names as on its page.

Initial weights are torch's own, where the page's were Keras's.
"""

from __future__ import annotations

from torch import Tensor, nn

from foveate.models.anatomy import Level, Network, Window
from foveate.models.registry import register


@register("tinyvgg")
class TinyVGG(Network):
    """Twice: two 3x3 convolutions of ten filters without padding, max pooling; then one dense layer."""

    classifier_name = "output"
    windows = (
        Window("conv_1_1", 3, 1),
        Window("conv_1_2", 3, 1),
        Window("max_pool_1", 2, 2),
        Window("conv_2_1", 3, 1),
        Window("conv_2_2", 3, 1),
        Window("max_pool_2", 2, 2),
    )
    levels = (Level("relu_1_2", 10, 1), Level("relu_2_2", 10, 2), Level("max_pool_2", 10, 4))

    def __init__(
        self, *, image_size: tuple[int, int] = (64, 64), num_classes: int = 10, in_channels: int = 3
    ) -> None:
        super().__init__(
            num_features=10, num_classes=num_classes, in_channels=in_channels, image_size=image_size
        )
        height, width = self.map_size(*image_size)
        self.conv_1_1 = nn.Conv2d(in_channels, 10, 3)
        self.relu_1_1 = nn.ReLU()
        self.conv_1_2 = nn.Conv2d(10, 10, 3)
        self.relu_1_2 = nn.ReLU()
        self.max_pool_1 = nn.MaxPool2d(2)
        self.conv_2_1 = nn.Conv2d(10, 10, 3)
        self.relu_2_1 = nn.ReLU()
        self.conv_2_2 = nn.Conv2d(10, 10, 3)
        self.relu_2_2 = nn.ReLU()
        self.max_pool_2 = nn.MaxPool2d(2)
        self.output = nn.Linear(10 * height * width, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        x = self.relu_1_1(self.conv_1_1(x))  # (N, 10, 62, 62)
        x = self.relu_1_2(self.conv_1_2(x))  # (N, 10, 60, 60)
        x = self.max_pool_1(x)  # (N, 10, 30, 30)
        x = self.relu_2_1(self.conv_2_1(x))  # (N, 10, 28, 28)
        x = self.relu_2_2(self.conv_2_2(x))  # (N, 10, 26, 26)
        return self.max_pool_2(x)  # (N, 10, 13, 13)

    def forward_head(self, features: Tensor) -> Tensor:
        return self.output(features.flatten(1))  # (N, 1690) -> (N, 10)
