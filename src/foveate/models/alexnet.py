"""AlexNet (Krizhevsky, Sutskever, Hinton: ImageNet classification with deep CNNs, 2012).

Key names and order are torchvision's. Deviations from the paper, those of torchvision's form, which follows
Krizhevsky's "One weird trick for parallelizing convolutional neural networks" (2014, arXiv:1404.5997):

- one tower of 64, 192, 384, 256, 256 filters, where the paper splits 96, 256, 384, 384, 256 over two GPUs;
- no local response normalisation;
- an adaptive average pooling to 6x6 before the dense layers, so that other picture sizes run (63 or more);
- initial weights are torch's own, where the paper draws from a normal distribution of deviation 0.01.
"""

from __future__ import annotations

from torch import Tensor, nn

from foveate.models.anatomy import Level, Network, Window
from foveate.models.registry import register


@register("alexnet")
class AlexNet(Network):
    """Five convolutions, three dense layers. ``width`` filters come first, ``hidden`` units are dense."""

    classifier_name = "classifier.6"
    windows = (
        Window("features.0", 11, 4, 2),
        Window("features.2", 3, 2),
        Window("features.5", 3, 2),
        Window("features.12", 3, 2),
    )

    def __init__(
        self,
        *,
        width: int = 64,
        hidden: int = 4096,
        dropout: float = 0.5,
        num_classes: int = 1000,
        in_channels: int = 3,
    ) -> None:
        w = width
        super().__init__(num_features=4 * w, num_classes=num_classes, in_channels=in_channels)
        self.levels = (
            Level("features.1", w, 4),
            Level("features.4", 3 * w, 8),
            Level("features.11", 4 * w, 16),
            Level("features.12", 4 * w, 32),
        )
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, w, 11, stride=4, padding=2),  # (N, 64, 55, 55) from 224x224
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # (N, 64, 27, 27)
            nn.Conv2d(w, 3 * w, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # (N, 192, 13, 13)
            nn.Conv2d(3 * w, 6 * w, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(6 * w, 4 * w, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(4 * w, 4 * w, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # (N, 256, 6, 6)
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(4 * w * 6 * 6, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, num_classes),
        )

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        return self.classifier(self.avgpool(features).flatten(1))  # (N, 9216) -> (N, 1000)
