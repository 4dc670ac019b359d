"""DenseNet (Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks, 2016).

arXiv:1608.06993. Key names and order are torchvision's, which are timm's too; the names of torchvision's
published files, which are older, are taken on loading.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from foveate.models.anatomy import Level, Network, Window
from foveate.models.registry import register
from foveate.models.weights_file import foreign_table

BOTTLENECK = 4  # how many times its growth a layer's 1x1 convolution makes (the paper's DenseNet-B)
PUBLISHED = ((r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2"),)


class DenseLayer(nn.Module):
    """Batch norm, ReLU, 1x1; batch norm, ReLU, 3x3: new maps, behind those that came.

    (N, C, H, W) to (N, C + growth, H, W).
    """

    def __init__(self, in_channels: int, growth: int, dropout: float) -> None:
        super().__init__()
        inner = BOTTLENECK * growth
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(in_channels, inner, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(inner, growth, 3, padding=1, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        new = self.conv1(self.relu1(self.norm1(x)))
        new = self.conv2(self.relu2(self.norm2(new)))
        return torch.cat([x, self.dropout(new)], dim=1)


def transition(in_channels: int) -> nn.Sequential:
    """Half of the channels, and of the side: (N, C, H, W) to (N, C/2, ⌊H/2⌋, …)."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(in_channels),
            relu=nn.ReLU(),
            conv=nn.Conv2d(in_channels, in_channels // 2, 1, bias=False),
            pool=nn.AvgPool2d(2, 2),
        )
    )


@register("densenet121", growth=32, depths=(6, 12, 24, 16))
class DenseNet(Network):
    """A wide first convolution, four blocks in which each layer sees all before it, transitions between.

    ``growth`` is how many maps a layer adds (the paper's k), ``depths`` counts the layers of each block.
    """

    classifier_name = "classifier"

    def __init__(
        self,
        *,
        growth: int = 32,
        depths: tuple[int, ...] = (6, 12, 24, 16),
        dropout: float = 0.0,
        num_classes: int = 1000,
        in_channels: int = 3,
    ) -> None:
        channels, stride = 2 * growth, 4  # (N, 64, 56, 56) from 224x224
        levels = [Level("features.relu0", channels, 2)]
        layers: dict[str, nn.Module] = {
            "conv0": nn.Conv2d(in_channels, channels, 7, stride=2, padding=3, bias=False),
            "norm0": nn.BatchNorm2d(channels),
            "relu0": nn.ReLU(),
            "pool0": nn.MaxPool2d(3, stride=2, padding=1),
        }
        for number, depth in enumerate(depths, start=1):
            names = [f"denselayer{i + 1}" for i in range(depth)]
            made = [DenseLayer(channels + i * growth, growth, dropout) for i in range(depth)]
            layers[f"denseblock{number}"] = nn.Sequential(OrderedDict(zip(names, made, strict=True)))
            channels += depth * growth
            if number < len(depths):
                levels.append(Level(f"features.denseblock{number}", channels, stride))
                layers[f"transition{number}"] = transition(channels)
                channels, stride = channels // 2, stride * 2
        super().__init__(num_features=channels, num_classes=num_classes, in_channels=in_channels)
        pools = [Window(f"features.transition{i + 1}.pool", 2, 2) for i in range(len(depths) - 1)]
        stem = (Window("features.conv0", 7, 2, 3), Window("features.pool0", 3, 2, 1))
        self.windows, self.levels = (*stem, *pools), (*levels, Level("relu5", channels, stride))
        self.features = nn.Sequential(OrderedDict(layers, norm5=nn.BatchNorm2d(channels)))
        self.relu5 = nn.ReLU()  # (N, 1024, 7, 7)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)
        self.apply(_initialise)

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        return self.relu5(self.features(x))

    def forward_head(self, features: Tensor) -> Tensor:
        return self.classifier(self.avgpool(features).flatten(1))

    def foreign_names(self) -> tuple[Mapping[str, str], ...]:
        return (foreign_table(self.state_dict(), PUBLISHED),)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight)
    elif isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)
