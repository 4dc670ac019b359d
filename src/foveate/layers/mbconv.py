"""The mobile inverted bottleneck of MobileNetV2 (2018), MnasNet (2018) and EfficientNet (2019, 2021)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from foveate.errors import InputError
from foveate.layers.convolution import Conv2d
from foveate.layers.squeeze_excite import SqueezeExcitation
from foveate.layers.stochastic_depth import StochasticDepth
from foveate.operators.optional_torch import Tensor, nn

__all__ = [
    "ConvNormActivation",
    "FusedMBConv",
    "MBConv",
    "SqueezeExcitation",
    "StochasticDepth",
    "Style",
    "round_channels",
]


def round_channels(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of ``divisor`` (half goes up), and never more than 10 % below ``channels``.

    >>> round_channels(32 * 1.1), round_channels(18)
    (32, 24)
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


@dataclass(frozen=True)
class Style:
    """What all convolutions of one network have in common.

    activation: ``nn.SiLU`` (EfficientNet) or ``nn.ReLU6`` (Lite); ``nn.Identity`` for none. squeeze: whether
    blocks have squeeze-and-excitation, to in_channels // 4 channels (Lite has none). same_padding:
    TensorFlow's padding, which weights trained there expect (Lite). norm_eps, norm_momentum: of batch norm.
    """

    activation: type[nn.Module] = nn.SiLU
    squeeze: bool = True
    same_padding: bool = False
    norm_eps: float = 1e-5
    norm_momentum: float = 0.1

    @property
    def linear(self) -> Style:
        """The same without an activation: of a block's last convolution."""
        return replace(self, activation=nn.Identity)


class ConvNormActivation(nn.Sequential):
    """Convolution without bias (key ``0``), batch norm (``1``), and the style's activation (``2``).

    Shapes: (N, in_channels, H, W) to (N, out_channels, H', W'), where H' = ceil(H / stride) for an odd
    kernel; padding is dilation·(k − 1)/2 on each side, TensorFlow's with ``same_padding`` (they differ at
    stride 2).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        style: Style = Style(),
    ) -> None:
        conv: nn.Conv2d
        if style.same_padding and stride > 1:
            conv = Conv2d(
                *(in_channels, out_channels, kernel, stride),
                padding="same",
                dilation=dilation,
                groups=groups,
                bias=False,
            )
        else:
            around = dilation * (kernel - 1) // 2
            conv = nn.Conv2d(
                in_channels, out_channels, kernel, stride, around, dilation, groups=groups, bias=False
            )
        norm = nn.BatchNorm2d(out_channels, eps=style.norm_eps, momentum=style.norm_momentum)
        super().__init__(conv, norm, *([] if style.activation is nn.Identity else [style.activation()]))


class MBConv(nn.Module):
    """1x1 expansion, depthwise convolution, squeeze-and-excitation, 1x1 projection without activation; + x.

    Shapes: (N, in_channels, H, W) to (N, out_channels, H', W'). The shortcut exists where stride is 1 and the
    channels do not change. Keys as in torchvision's EfficientNet: ``block.0.0.weight`` and so on; with
    ``expand_ratio`` 1 there is no expansion, and without squeeze-and-excitation its number is not left free.
    ``stochastic_depth`` is the probability in 0..1 that a picture skips the block in training.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int,
        stride: int = 1,
        expand_ratio: float = 6,
        stochastic_depth: float = 0.0,
        style: Style = Style(),
    ) -> None:
        super().__init__()
        if stride not in {1, 2}:
            raise InputError(f"The stride of an MBConv block must be 1 or 2, and is {stride}.")
        expanded = round_channels(in_channels * expand_ratio)
        layers: list[nn.Module] = []
        if expanded != in_channels:
            layers.append(ConvNormActivation(in_channels, expanded, style=style))
        layers.append(
            ConvNormActivation(expanded, expanded, kernel, stride=stride, groups=expanded, style=style)
        )
        if style.squeeze:
            layers.append(SqueezeExcitation(expanded, max(1, in_channels // 4), style.activation))
        layers.append(ConvNormActivation(expanded, out_channels, style=style.linear))
        self.block = nn.Sequential(*layers)
        self.has_shortcut = stride == 1 and in_channels == out_channels
        self.stochastic_depth = StochasticDepth(stochastic_depth)

    def forward(self, x: Tensor) -> Tensor:
        out = self.block(x)  # (N, out_channels, H', W')
        return self.stochastic_depth(out) + x if self.has_shortcut else out


class FusedMBConv(nn.Module):
    """A k x k convolution that expands, 1x1 projection without activation; + x (EfficientNetV2, 2021).

    As `MBConv`, of which it has the shapes and arguments; with ``expand_ratio`` 1 there is no projection, and
    there is no squeeze-and-excitation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int,
        stride: int = 1,
        expand_ratio: float = 4,
        stochastic_depth: float = 0.0,
        style: Style = Style(),
    ) -> None:
        super().__init__()
        expanded = round_channels(in_channels * expand_ratio)
        projects = expanded != in_channels
        first = expanded if projects else out_channels
        layers = [ConvNormActivation(in_channels, first, kernel, stride=stride, style=style)]
        if projects:
            layers.append(ConvNormActivation(expanded, out_channels, style=style.linear))
        self.block = nn.Sequential(*layers)
        self.has_shortcut = stride == 1 and in_channels == out_channels
        self.stochastic_depth = StochasticDepth(stochastic_depth)

    def forward(self, x: Tensor) -> Tensor:
        out = self.block(x)  # (N, out_channels, H', W')
        return self.stochastic_depth(out) + x if self.has_shortcut else out
