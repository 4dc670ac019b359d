"""ResNet (He, Zhang, Ren, Sun: Deep residual learning for image recognition, 2015, arXiv:1512.03385), and
ResNeXt (Xie, Girshick, Dollár, Tu, He: Aggregated residual transformations for deep neural networks, 2016,
arXiv:1611.05431), whose 3x3 convolutions are in groups.

Key names and order are torchvision's. Deviations from the paper, those of torchvision's form:

- the stride of a bottleneck stands in its 3x3 convolution, not in the first 1x1 ("ResNet v1.5");
- a shortcut is projected where the shape changes, and only there: the paper's option B, throughout.

Networks that answer pixel by pixel keep the last maps finer: a stage's stride of 2 becomes a dilation of 2 in
all later 3x3 convolutions (Yu, Koltun: Multi-scale context aggregation by dilated convolutions, 2015).
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from torch import Tensor, nn

from foveate.errors import InputError, UnknownNameError
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
@register("resnext50_32x4d", block="bottleneck", depths=(3, 4, 6, 3), groups=32, group_width=4)
class ResNet(Network):
    """A wide first convolution, four stages of residual blocks, global average pooling, scores.

    ``depths`` counts the blocks of each stage; ``width`` is the first stage's channels, doubled in each later
    one (and four times that behind bottlenecks). ``zero_init_residual`` starts every block as the identity.
    ``replace_stride_with_dilation`` says of each of the last three stages whether it keeps the map's side and
    is dilated instead; of bottlenecks alone, as in torchvision. The weights are the same either way.
    """

    def __init__(
        self,
        *,
        block: Literal["basic", "bottleneck"] = "bottleneck",
        depths: tuple[int, int, int, int] = (3, 4, 6, 3),
        width: int = 64,
        groups: int = 1,
        group_width: int = 64,
        zero_init_residual: bool = False,
        replace_stride_with_dilation: tuple[bool, bool, bool] = (False, False, False),
        num_classes: int = 1000,
        in_channels: int = 3,
    ) -> None:
        if block not in BLOCKS:
            raise UnknownNameError("block", block, BLOCKS)
        kind = BLOCKS[block]
        if any(replace_stride_with_dilation) and kind is not Bottleneck:
            raise InputError(
                "replace_stride_with_dilation is for bottlenecks (resnet50 and deeper); basic blocks have no "
                "dilation."
            )
        if (groups, group_width) != (1, 64) and kind is not Bottleneck:
            raise InputError("groups and group_width are for bottlenecks (resnext50_32x4d).")
        blocks = Blocks(kind, groups, group_width)
        channels = [width * 2**stage for stage in range(4)]
        outputs = [c * kind.expansion for c in channels]
        super().__init__(num_features=outputs[-1], num_classes=num_classes, in_channels=in_channels)
        strides = [4 * 2 ** replace_stride_with_dilation[:i].count(False) for i in range(4)]
        last = {stride: Level(f"layer{i + 1}", outputs[i], stride) for i, stride in enumerate(strides)}
        self.levels = (Level("relu", width, 2), *last.values())
        self.conv1 = nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        steps = _steps(replace_stride_with_dilation)
        self.layer1 = blocks.stage(width, channels[0], depths[0], steps[0])
        self.layer2 = blocks.stage(outputs[0], channels[1], depths[1], steps[1])
        self.layer3 = blocks.stage(outputs[1], channels[2], depths[2], steps[2])
        self.layer4 = blocks.stage(outputs[2], channels[3], depths[3], steps[3])
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(outputs[-1], num_classes)
        self._initialise(zero_init_residual)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.forward_stages(x)[-1]

    def forward_stages(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Pictures (N, in_channels, H, W) to the maps of the four stages. Raises :class:`ShapeError`."""
        self.check_input(x)
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, 112, 112) from 224x224
        x = self.maxpool(x)  # (N, 64, 56, 56)
        first = self.layer1(x)  # (N, 64e, 56, 56), where e is 1 for basic blocks and 4 for bottlenecks
        second = self.layer2(first)  # (N, 128e, 28, 28)
        third = self.layer3(second)  # (N, 256e, 14, 14)
        return first, second, third, self.layer4(third)  # (N, 512e, 7, 7)

    def forward_head(self, features: Tensor) -> Tensor:
        return self.fc(self.avgpool(features).flatten(1))

    def _initialise(self, zero_init_residual: bool) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if zero_init_residual and isinstance(module, BasicBlock | Bottleneck):
                last = module.bn3 if isinstance(module, Bottleneck) else module.bn2
                nn.init.zeros_(last.weight)


class Step(NamedTuple):
    """A stage's stride, the dilation of its first block, which looks at the map before, and of the others."""

    stride: int
    first: int
    others: int


def _steps(dilated: tuple[bool, bool, bool]) -> list[Step]:
    steps = [Step(1, 1, 1)]
    for kept in dilated:
        before = steps[-1].others
        steps.append(Step(1, before, 2 * before) if kept else Step(2, before, before))
    return steps


class Blocks(NamedTuple):
    """The blocks of a network: their kind, and of bottlenecks how many groups, of how many channels in 64."""

    kind: Block
    groups: int
    group_width: int

    def stage(self, in_channels: int, channels: int, depth: int, step: Step) -> nn.Sequential:
        blocks = [self._block(in_channels, channels, step.stride, step.first)]
        wide = channels * self.kind.expansion
        blocks += [self._block(wide, channels, 1, step.others) for _ in range(depth - 1)]
        return nn.Sequential(*blocks)

    def _block(self, in_channels: int, channels: int, stride: int, dilation: int) -> nn.Module:
        if self.kind is Bottleneck:
            inner = channels * self.group_width // 64 * self.groups
            return Bottleneck(in_channels, channels, stride, dilation, groups=self.groups, inner=inner)
        return self.kind(in_channels, channels, stride)
