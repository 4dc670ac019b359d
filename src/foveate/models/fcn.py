"""FCN (Long, Shelhamer, Darrell: Fully convolutional networks for semantic segmentation, 2015).

arXiv:1411.4038. ``fcn32s``, ``fcn16s`` and ``fcn8s`` are the paper's networks on VGG-16 as the authors
released them (github.com/shelhamer/fcn.berkeleyvision.org): 100 pixels of padding before the first
convolution, so that a picture of any size leaves a place in the last map; fc6 and fc7 as convolutions; score
layers that start at zero; upsampling by fixed bilinear transposed convolutions; crops at the release's
offsets. Deviations:

- all upsampling is fixed, as in the release (the paper's text lets the 2x ones learn), and goes channel by
  channel, where Caffe's filters are dense with zeros between channels: the same numbers;
- pool4 and pool3 are multiplied by 0.01 and 0.0001 before they are scored, as in the release's "at once"
  FCN-8s, which starts from VGG-16 in one go (``skip_scales`` of 1, 1 for the paper's 32s, then 16s, then 8s);
- without the weights of a VGG-16, all layers but the scores start from He's normal distribution.

``FCN`` is the same idea on any trunk that tells its levels, without the padding: scores of its levels, the
coarser brought to the side of the next finer and added. There bilinear interpolation to a size stands for
the transposed convolutions: inside the map they are the same (at its border these fade), and odd sizes need
no crop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from foveate.errors import InputError
from foveate.models.anatomy import Level, Network, Window
from foveate.models.registry import create_model, register
from foveate.models.segmenter import Segmenter, resized

STAGES = (2, 2, 3, 3, 3)  # convolutions in each stage of VGG-16
PADDING_PX = 100
FINAL_OFFSET_PX = {32: 19, 16: 27, 8: 31}  # where the last crop begins, by stride
POOL4_OFFSET, POOL3_OFFSET = 5, 9  # where the crops of their scores begin, in places of the map


def bilinear(channels: int, factor: int) -> nn.ConvTranspose2d:
    """Upsampling by an even ``factor``: a transposed convolution of kernel 2·factor, channel by channel.

    Its weights are those of linear interpolation, and fixed: a buffer, no parameter. Shapes:
    (N, channels, h, w) to (N, channels, factor·(h + 1), factor·(w + 1)).
    """
    kernel = 2 * factor
    layer = nn.ConvTranspose2d(channels, channels, kernel, factor, groups=channels, bias=False)
    line = 1 - (torch.arange(kernel) + 0.5 - factor).abs() / factor
    del layer.weight
    layer.register_buffer("weight", torch.outer(line, line).repeat(channels, 1, 1, 1))
    return layer


def cropped(x: Tensor, offset: int, like: Tensor) -> Tensor:
    """The part of a map (N, C, h, w) that begins at ``offset`` and is as large as ``like``."""
    height, width = like.shape[-2:]
    return x[:, :, offset : offset + height, offset : offset + width]


@register("fcn32s", stride=32)
@register("fcn16s", stride=16)
@register("fcn8s", stride=8)
class FCNVGG16(Segmenter):
    """VGG-16 with fc6 and fc7 as convolutions, and scores of fc7 and, by ``stride``, of pool4 and pool3.

    Args:
        stride: 32 scores fc7 alone, 16 pool4 too, 8 pool3 too.
        width: filters of the first stage; the next ones double that up to eight times.
        hidden: channels of fc6 and fc7.
        skip_scales: what pool4 and pool3 are multiplied by before they are scored.
    """

    trunk_name = "vgg16"
    trunk_layers = ("features", "fc6", "fc7")
    upscore: nn.ConvTranspose2d
    upscore2: nn.ConvTranspose2d
    upscore_pool4: nn.ConvTranspose2d

    def __init__(
        self,
        *,
        stride: int = 32,
        width: int = 64,
        hidden: int = 4096,
        dropout: float = 0.5,
        skip_scales: tuple[float, float] = (0.01, 0.0001),
        num_classes: int = 21,
        in_channels: int = 3,
    ) -> None:
        if stride not in FINAL_OFFSET_PX:
            raise InputError(f"The stride of FCN on VGG-16 is 32, 16 or 8, not {stride!r}.")
        super().__init__(num_features=hidden, num_classes=num_classes, in_channels=in_channels)
        self.stride, self.skip_scales = stride, skip_scales
        widths = [width * min(2**stage, 8) for stage in range(len(STAGES))]
        self.features = self._stages(widths)
        self.fc6 = nn.Conv2d(widths[-1], hidden, 7)
        self.relu6 = nn.ReLU()
        self.drop6 = nn.Dropout(dropout)
        self.fc7 = nn.Conv2d(hidden, hidden, 1)
        self.relu7 = nn.ReLU()
        self.drop7 = nn.Dropout(dropout)
        self.windows += (Window("fc6", 7, 1),)
        self.levels += (Level("relu7", hidden, 32),)
        self.apply(_initialise)
        self.score_fr = nn.Conv2d(hidden, num_classes, 1)
        self.score_layers = ("score_fr",)
        if stride < 32:
            self.score_pool4 = nn.Conv2d(widths[3], num_classes, 1)
            self.score_layers += ("score_pool4",)
        if stride < 16:
            self.score_pool3 = nn.Conv2d(widths[2], num_classes, 1)
            self.score_layers += ("score_pool3",)
        self._start_scores()

    def _stages(self, widths: list[int]) -> nn.Sequential:
        """VGG-16's convolutions under its names, the first padded by 100; poolings round up, as in Caffe."""
        layers: list[nn.Module] = []
        channels, self.pools = self.in_channels, list[int]()
        for convolutions, width in zip(STAGES, widths, strict=True):
            for _ in range(convolutions):
                padding = 1 if layers else PADDING_PX
                self.windows += (Window(f"features.{len(layers)}", 3, 1, padding),)
                layers += [nn.Conv2d(channels, width, 3, padding=padding), nn.ReLU()]
                channels = width
            self.levels += (Level(f"features.{len(layers) - 1}", width, 2 ** len(self.pools)),)
            self.windows += (Window(f"features.{len(layers)}", 2, 2, ceil=True),)
            self.pools.append(len(layers))
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        return nn.Sequential(*layers)

    def _start_scores(self) -> None:
        """Scores of zero, and the upsampling of as many channels as there are classes."""
        _zero(self)
        factors = {"upscore2": 2, "upscore_pool4": 2} if self.stride == 8 else {"upscore2": 2}
        factors = ({} if self.stride == 32 else factors) | {"upscore": self.stride}
        for name, factor in factors.items():
            self.add_module(name, bilinear(self.num_classes, factor).to(self.score_fr.weight))

    def reset_classifier(self, num_classes: int) -> None:
        super().reset_classifier(num_classes)
        self._start_scores()

    def forward_features(self, x: Tensor) -> Tensor:
        return self._body(x)[-1]

    def forward_scores(self, x: Tensor, *, aux: bool) -> tuple[Tensor, ...]:
        pool3, pool4, top = self._body(x)
        scores = self.score_fr(top)  # (N, 21, 16, 16) from 500x500
        if self.stride < 32:
            scores = self.upscore2(scores)  # (N, 21, 34, 34)
            skip = self.score_pool4(pool4 * self.skip_scales[0])
            scores = scores + cropped(skip, POOL4_OFFSET, scores)
        if self.stride < 16:
            scores = self.upscore_pool4(scores)  # (N, 21, 70, 70)
            skip = self.score_pool3(pool3 * self.skip_scales[1])
            scores = scores + cropped(skip, POOL3_OFFSET, scores)
        return (cropped(self.upscore(scores), FINAL_OFFSET_PX[self.stride], x),)  # (N, 21, 500, 500)

    def _body(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.check_input(x)
        pooled = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self.pools:
                pooled.append(x)
        x = self.drop6(self.relu6(self.fc6(x)))  # (N, 4096, 16, 16) from (N, 512, 22, 22)
        return pooled[2], pooled[3], self.drop7(self.relu7(self.fc7(x)))

    def trunk_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """VGG-16's dense layers read as convolutions: of its 7x7 map, and of one place."""
        given = {key: value for key, value in state.items() if key.startswith("features.")}
        for dense, layer in (("classifier.0", self.fc6), ("classifier.3", self.fc7)):
            weight = state.get(f"{dense}.weight")
            if weight is not None and weight.numel() == layer.weight.numel():
                name = "fc6" if layer is self.fc6 else "fc7"
                given[f"{name}.weight"] = weight.reshape(layer.weight.shape)
                given[f"{name}.bias"] = state[f"{dense}.bias"]
        return given


class FCN(Segmenter):
    """Scores of a trunk's levels, from the coarsest to that of ``stride``, added from coarse to fine.

    Args:
        trunk: a network that tells its levels; its head is taken off.
        stride: that of one of its levels: 32 scores the last map alone, 16 and 8 finer ones too.
        trunk_name: what it is called in the catalogue.

    Raises:
        InputError: a trunk without levels, or without one of this stride.
    """

    def __init__(
        self, trunk: Network, *, stride: int = 8, trunk_name: str = "", num_classes: int = 21
    ) -> None:
        strides = [level.stride for level in trunk.levels]
        if stride not in strides or isinstance(trunk, Segmenter):
            raise InputError(
                f"FCN with stride {stride!r} needs a classifier with a level of this stride, and the levels "
                f"of {trunk_name or type(trunk).__name__} have {', '.join(map(str, strides)) or 'none'}."
            )
        trunk.drop_head()
        super().__init__(
            num_features=trunk.num_features, num_classes=num_classes, in_channels=trunk.in_channels
        )
        self.trunk_name = trunk_name or type(trunk).__name__
        self.trunk = trunk
        self.follow(trunk.windows, trunk.levels)
        self.score = nn.ModuleDict(
            {
                str(level.stride): nn.Conv2d(level.channels, num_classes, 1)
                for level in reversed(trunk.levels)
                if level.stride >= stride
            }
        )
        self.score_layers = tuple(f"score.{name}" for name in self.score)
        _zero(self)

    def reset_classifier(self, num_classes: int) -> None:
        super().reset_classifier(num_classes)
        _zero(self)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.trunk.forward_features(x)

    def forward_scores(self, x: Tensor, *, aux: bool) -> tuple[Tensor, ...]:
        maps = self.trunk.forward_levels(x)
        coarse, *finer = (score(maps[int(stride)]) for stride, score in self.score.items())
        for scores in finer:  # (N, num_classes, h, w), each about twice as large as the one before
            coarse = resized(coarse, scores) + scores
        return (coarse,)


@register("fcn32s_efficientnet_lite0", trunk="efficientnet_lite0", stride=32)
@register("fcn16s_efficientnet_lite0", trunk="efficientnet_lite0", stride=16)
@register("fcn8s_efficientnet_lite0", trunk="efficientnet_lite0", stride=8)
@register("fcn32s_resnet18", trunk="resnet18", stride=32)
@register("fcn16s_resnet18", trunk="resnet18", stride=16)
@register("fcn8s_resnet18", trunk="resnet18", stride=8)
@register("fcn32s_resnet50", trunk="resnet50", stride=32)
@register("fcn16s_resnet50", trunk="resnet50", stride=16)
@register("fcn8s_resnet50", trunk="resnet50", stride=8)
def fcn(
    *,
    trunk: str,
    stride: int,
    trunk_options: Mapping[str, Any] | None = None,
    num_classes: int = 21,
    in_channels: int = 3,
) -> FCN:
    """FCN on a trunk of the catalogue; ``trunk_options`` are those of :func:`create_model` for it."""
    made = create_model(trunk, in_channels=in_channels, **(trunk_options or {}))
    return FCN(made, stride=stride, trunk_name=trunk, num_classes=num_classes)


def _zero(network: Segmenter) -> None:
    """Score layers start at zero: at first all classes are as likely at each pixel."""
    for name in network.score_layers:
        for parameter in network.get_submodule(name).parameters():
            nn.init.zeros_(parameter)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
