"""LeNet-5 (LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, 1998).

Input is the paper's 32x32, in which a 28x28 digit stands in the middle. Deviations, those of the common form
with 61,706 parameters:

- C3 joins every map of S2 to every map of C3; the paper's table leaves most joins out.
- Pooling is the plain mean; the paper scales and shifts it with a trained weight and bias for each map.
- The output is a dense layer for softmax; the paper measures distances to drawn prototypes (RBF units).
- tanh(x) stands for the paper's 1.7159 tanh(2x/3); initial weights are torch's own, near the paper's rule.
"""

from __future__ import annotations

from torch import Tensor, nn

from foveate.models.anatomy import Level, Network, Window
from foveate.models.registry import register


@register("lenet5")
class LeNet5(Network):
    """The paper's layers C1 to F6 under the paper's names, and the output."""

    classifier_name = "output"
    windows = (Window("c1", 5, 1), Window("s2", 2, 2), Window("c3", 5, 1), Window("s4", 2, 2))
    levels = (Level("s2", 6, 2), Level("s4", 16, 4))

    def __init__(
        self, *, image_size: tuple[int, int] = (32, 32), num_classes: int = 10, in_channels: int = 1
    ) -> None:
        super().__init__(
            num_features=16, num_classes=num_classes, in_channels=in_channels, image_size=image_size
        )
        height, width = self.map_size(*image_size)
        self.tanh = nn.Tanh()
        self.c1 = nn.Conv2d(in_channels, 6, 5)
        self.s2 = nn.AvgPool2d(2)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.s4 = nn.AvgPool2d(2)
        self.c5 = nn.Linear(16 * height * width, 120)  # a 5x5 convolution on the paper's 5x5 map
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        x = self.s2(self.tanh(self.c1(x)))  # (N, 6, 14, 14)
        return self.s4(self.tanh(self.c3(x)))  # (N, 16, 5, 5)

    def forward_head(self, features: Tensor) -> Tensor:
        x = self.tanh(self.c5(features.flatten(1)))  # (N, 120)
        x = self.tanh(self.f6(x))  # (N, 84)
        return self.output(x)
