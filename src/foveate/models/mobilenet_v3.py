"""MobileNetV3 (Howard et al.: Searching for MobileNetV3, 2019, arXiv:1905.02244).

Key names and order are torchvision's. Deviations from the paper, those of torchvision's form:

- the squeeze of squeeze-and-excitation is a quarter of the expanded channels, rounded to a multiple of 8;
- padding is (k - 1)/2 on every side, where the paper's program pads by TensorFlow's "SAME" rule;
- batch norm has TensorFlow's eps (0.001), its momentum 0.01 in torch's sense.

``dilated`` keeps the last stage's map at stride 16 and dilates its convolutions by 2: the paper's section
6.4, where the network is the trunk of a segmentation network (`foveate.models.lraspp`).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor, nn

from foveate.errors import UnknownNameError
from foveate.layers.mbconv import ConvNormActivation, Style, round_channels
from foveate.layers.squeeze_excite import SqueezeExcitation
from foveate.models.anatomy import Level, Network
from foveate.models.registry import register

RELU = Style(activation=nn.ReLU, norm_eps=1e-3, norm_momentum=0.01)
HARD_SWISH = Style(activation=nn.Hardswish, norm_eps=1e-3, norm_momentum=0.01)


class Row(NamedTuple):
    """A row of the paper's tables 1 and 2: kernel, expansion, output channels, SE, activation, stride."""

    kernel: int
    expanded: int
    channels: int
    squeeze: bool
    style: Style
    stride: int


LARGE = (
    Row(3, 16, 16, False, RELU, 1),
    Row(3, 64, 24, False, RELU, 2),
    Row(3, 72, 24, False, RELU, 1),
    Row(5, 72, 40, True, RELU, 2),
    Row(5, 120, 40, True, RELU, 1),
    Row(5, 120, 40, True, RELU, 1),
    Row(3, 240, 80, False, HARD_SWISH, 2),
    Row(3, 200, 80, False, HARD_SWISH, 1),
    Row(3, 184, 80, False, HARD_SWISH, 1),
    Row(3, 184, 80, False, HARD_SWISH, 1),
    Row(3, 480, 112, True, HARD_SWISH, 1),
    Row(3, 672, 112, True, HARD_SWISH, 1),
    Row(5, 672, 160, True, HARD_SWISH, 2),
    Row(5, 960, 160, True, HARD_SWISH, 1),
    Row(5, 960, 160, True, HARD_SWISH, 1),
)
SMALL = (
    Row(3, 16, 16, True, RELU, 2),
    Row(3, 72, 24, False, RELU, 2),
    Row(3, 88, 24, False, RELU, 1),
    Row(5, 96, 40, True, HARD_SWISH, 2),
    Row(5, 240, 40, True, HARD_SWISH, 1),
    Row(5, 240, 40, True, HARD_SWISH, 1),
    Row(5, 120, 48, True, HARD_SWISH, 1),
    Row(5, 144, 48, True, HARD_SWISH, 1),
    Row(5, 288, 96, True, HARD_SWISH, 2),
    Row(5, 576, 96, True, HARD_SWISH, 1),
    Row(5, 576, 96, True, HARD_SWISH, 1),
)
SIZES = {"large": LARGE, "small": SMALL}
HIDDEN = {"large": 1280, "small": 1024}
STEM_CHANNELS = 16


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise convolution, squeeze-and-excitation, 1x1 projection without activation; + x.

    Shapes: (N, in_channels, H, W) to (N, row.channels, H', W'). The shortcut exists where the stride is 1 and
    the channels do not change; a ``dilation`` takes the stride's place.
    """

    def __init__(self, in_channels: int, row: Row, dilation: int = 1) -> None:
        super().__init__()
        stride = 1 if dilation > 1 else row.stride
        layers: list[nn.Module] = []
        if row.expanded != in_channels:
            layers.append(ConvNormActivation(in_channels, row.expanded, style=row.style))
        layers.append(
            ConvNormActivation(
                *(row.expanded, row.expanded, row.kernel),
                stride=stride,
                dilation=dilation,
                groups=row.expanded,
                style=row.style,
            )
        )
        if row.squeeze:
            squeezed = round_channels(row.expanded // 4)
            layers.append(SqueezeExcitation(row.expanded, squeezed, gate=nn.Hardsigmoid))
        layers.append(ConvNormActivation(row.expanded, row.channels, style=row.style.linear))
        self.block = nn.Sequential(*layers)
        self.has_shortcut = row.stride == 1 and in_channels == row.channels

    def forward(self, x: Tensor) -> Tensor:
        out = self.block(x)  # (N, row.channels, H', W')
        return out + x if self.has_shortcut else out


@register("mobilenet_v3_large", size="large")
@register("mobilenet_v3_small", size="small")
class MobileNetV3(Network):
    """A first convolution, inverted residual blocks, a 1x1 convolution, average pooling, two dense layers.

    ``width`` multiplies the channels, which stay multiples of 8; the hidden dense layer keeps its own.
    """

    classifier_name = "classifier.3"

    def __init__(
        self,
        *,
        size: Literal["large", "small"] = "large",
        width: float = 1.0,
        dilated: bool = False,
        dropout: float = 0.2,
        num_classes: int = 1000,
        in_channels: int = 3,
    ) -> None:
        if size not in SIZES:
            raise UnknownNameError("size", size, SIZES)
        rows, hidden = _scaled(SIZES[size], width), HIDDEN[size]
        last = 6 * rows[-1].channels
        super().__init__(num_features=last, num_classes=num_classes, in_channels=in_channels)
        self.rows = tuple(rows)
        stem = round_channels(STEM_CHANNELS * width)
        layers: list[nn.Module] = [ConvNormActivation(in_channels, stem, 3, stride=2, style=HARD_SWISH)]
        channels = stem  # (N, 16, 112, 112) from 224x224
        strided = [i for i, row in enumerate(rows) if row.stride > 1]
        for i, row in enumerate(rows):
            dilation = 2 if dilated and i >= strided[-1] else 1
            layers.append(InvertedResidual(channels, row, dilation))
            channels = row.channels
        layers.append(ConvNormActivation(channels, last, style=HARD_SWISH))
        self.levels = _levels(stem, rows, last, dilated)
        self.features = nn.Sequential(*layers)  # (N, 960, 7, 7)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(last, hidden), nn.Hardswish(), nn.Dropout(dropout), nn.Linear(hidden, num_classes)
        )
        self.apply(_initialise)

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        return self.classifier(self.avgpool(features).flatten(1))  # (N, 960) -> (N, 1280) -> (N, 1000)


def _scaled(rows: tuple[Row, ...], width: float) -> list[Row]:
    return [
        row._replace(
            expanded=round_channels(row.expanded * width), channels=round_channels(row.channels * width)
        )
        for row in rows
    ]


def _levels(stem: int, rows: list[Row], last: int, dilated: bool) -> tuple[Level, ...]:
    """Each block before one that halves the map, and the last convolution behind all of them."""
    levels, stride = {2: Level("features.0", stem, 2)}, 2  # of the first convolution
    halvings = sum(row.stride > 1 for row in rows) - dilated
    for number, row in enumerate(rows, start=1):
        if row.stride > 1 and halvings:
            stride, halvings = stride * 2, halvings - 1
        levels[stride] = Level(f"features.{number}", row.channels, stride)
    levels[stride] = Level(f"features.{len(rows) + 1}", last, stride)
    return tuple(levels.values())


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
