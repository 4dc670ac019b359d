"""The two small networks of the lesson: its 32x32 pipeline and its PyTorch program.

``lesson32`` follows the lesson's worked pipeline, whose sides go 32, 30, 15, 13, 6, 4: convolutions without
padding, and no pooling after the last. ``lesson_cnn`` is the lesson's PyTorch network with batch norm, whose
adaptive pooling lets it take pictures of any size from 8x8. Initial weights are torch's own.
"""

from __future__ import annotations

from torch import Tensor, nn

from foveate.models.anatomy import Level, Network, Window
from foveate.models.registry import register


@register("lesson32")
class Lesson32(Network):
    """Three plain convolutions with two poolings between, a dense layer of 256, and the scores."""

    windows = (
        Window("conv1", 3, 1),
        Window("pool1", 2, 2),
        Window("conv2", 3, 1),
        Window("pool2", 2, 2),
        Window("conv3", 3, 1),
    )
    levels = (Level("relu1", 32, 1), Level("relu2", 64, 2), Level("relu3", 128, 4))

    def __init__(
        self, *, image_size: tuple[int, int] = (32, 32), num_classes: int = 10, in_channels: int = 3
    ) -> None:
        super().__init__(
            num_features=128, num_classes=num_classes, in_channels=in_channels, image_size=image_size
        )
        height, width = self.map_size(*image_size)
        self.conv1 = nn.Conv2d(in_channels, 32, 3)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(2)
        self.conv3 = nn.Conv2d(64, 128, 3)
        self.relu3 = nn.ReLU()
        self.fc1 = nn.Linear(128 * height * width, 256)
        self.relu4 = nn.ReLU()
        self.fc = nn.Linear(256, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        x = self.pool1(self.relu1(self.conv1(x)))  # (N, 32, 15, 15)
        x = self.pool2(self.relu2(self.conv2(x)))  # (N, 64, 6, 6)
        return self.relu3(self.conv3(x))  # (N, 128, 4, 4)

    def forward_head(self, features: Tensor) -> Tensor:
        return self.fc(self.relu4(self.fc1(features.flatten(1))))  # (N, 2048) -> (N, 256) -> (N, 10)


@register("lesson_cnn")
class LessonCNN(Network):
    """Three times convolution, batch norm, ReLU, max pooling; averages in a 4x4 grid; dense of 256."""

    windows = (Window("features.3", 2, 2), Window("features.7", 2, 2), Window("features.11", 2, 2))
    levels = (
        Level("features.2", 32, 1),
        Level("features.6", 64, 2),
        Level("features.10", 128, 4),
        Level("features.11", 128, 8),
    )
    classifier_name = "classifier.3"

    def __init__(self, *, dropout: float = 0.5, num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__(num_features=128, num_classes=num_classes, in_channels=in_channels)
        self.features = nn.Sequential(
            *_stage(in_channels, 32),  # (N, 32, 16, 16) from 32x32
            *_stage(32, 64),  # (N, 64, 8, 8)
            *_stage(64, 128),  # (N, 128, 4, 4)
        )
        self.avgpool = nn.AdaptiveAvgPool2d(4)
        self.classifier = nn.Sequential(
            nn.Linear(128 * 4 * 4, 256), nn.ReLU(), nn.Dropout(dropout), nn.Linear(256, num_classes)
        )

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        return self.classifier(self.avgpool(features).flatten(1))


def _stage(in_channels: int, out_channels: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(in_channels, out_channels, 3, padding=1),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )
