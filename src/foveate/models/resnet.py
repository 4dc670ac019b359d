"""ResNet (He, Zhang, Ren, Sun: Deep residual learning for image recognition, 2015, arXiv:1512.03385).

Key names and order are torchvision's. Deviations from the paper, those of torchvision's form:

- the stride of a bottleneck stands in its 3x3 convolution, not in the first 1x1 ("ResNet v1.5");
- a shortcut is projected where the shape changes, and only there: the paper's option B, throughout.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from torch import Tensor, nn

from foveate.errors import UnknownNameError
from foveate.layers.residual import BasicBlock, Bottleneck
from foveate.models.anatomy import Level, Network
from foveate.models.registry import register

Block: TypeAlias = type[BasicBlock] | type[Bottleneck]
BLOCKS: dict[str, Block] = {"basic": BasicBlock, "bottleneck": Bottleneck}


@register("resnet18", block="basic", depths=(2, 2, 2, 2))
@register("resnet34", block="basic", depths=(3, 4, 6, 3))
@register("resnet50", block="bottleneck", depths=(3, 4, 6, 3))
@register("resnet101", block="bottleneck", depths=(3, 4, 23, 3))
@register("resnet152", block="bottleneck", depths=(3, 8, 36, 3))
class ResNet(Network):
    """A wide first convolution, four stages of residual blocks, global average pooling, scores.

    ``depths`` counts the blocks of each stage; ``width`` is the first stage's channels, doubled in each later
    one (and four times that behind bottlenecks). ``zero_init_residual`` starts every block as the identity.
    """

    def __init__(
        self,
        *,
        block: Literal["basic", "bottleneck"] = "bottleneck",
        depths: tuple[int, int, int, int] = (3, 4, 6, 3),
        width: int = 64,
        zero_init_residual: bool = False,
        num_classes: int = 1000,
        in_channels: int = 3,
    ) -> None:
        if block not in BLOCKS:
            raise UnknownNameError("block", block, BLOCKS)
        kind = BLOCKS[block]
        channels = [width * 2**stage for stage in range(4)]
        outputs = [c * kind.expansion for c in channels]
        super().__init__(num_features=outputs[-1], num_classes=num_classes, in_channels=in_channels)
        stages = (Level(f"layer{i + 1}", outputs[i], 4 * 2**i) for i in range(4))
        self.levels = (Level("relu", width, 2), *stages)
        self.conv1 = nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(kind, width, channels[0], depths[0], stride=1)
        self.layer2 = _stage(kind, outputs[0], channels[1], depths[1], stride=2)
        self.layer3 = _stage(kind, outputs[1], channels[2], depths[2], stride=2)
        self.layer4 = _stage(kind, outputs[2], channels[3], depths[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(outputs[-1], num_classes)
        self._initialise(zero_init_residual)

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, 112, 112) from 224x224
        x = self.maxpool(x)  # (N, 64, 56, 56)
        x = self.layer1(x)  # (N, 64e, 56, 56), where e is 1 for basic blocks and 4 for bottlenecks
        x = self.layer2(x)  # (N, 128e, 28, 28)
        x = self.layer3(x)  # (N, 256e, 14, 14)
        return self.layer4(x)  # (N, 512e, 7, 7)

    def forward_head(self, features: Tensor) -> Tensor:
        return self.fc(self.avgpool(features).flatten(1))

    def _initialise(self, zero_init_residual: bool) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if zero_init_residual and isinstance(module, BasicBlock | Bottleneck):
                last = module.bn3 if isinstance(module, Bottleneck) else module.bn2
                nn.init.zeros_(last.weight)


def _stage(kind: Block, in_channels: int, channels: int, depth: int, *, stride: int) -> nn.Sequential:
    blocks = [kind(in_channels, channels, stride)]
    blocks += [kind(channels * kind.expansion, channels) for _ in range(depth - 1)]
    return nn.Sequential(*blocks)
