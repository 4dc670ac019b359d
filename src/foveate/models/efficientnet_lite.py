"""EfficientNet-Lite (Liu: Higher accuracy on vision models with EfficientNet-Lite, TensorFlow blog, 2020).

There is no paper; the program is ``efficientnet/lite`` in github.com/tensorflow/tpu. Against EfficientNet:

- no squeeze-and-excitation, and ReLU6 in place of SiLU: both for 8-bit arithmetic;
- the first convolution (32), the last (1,280) and the depth of the first and last stage are not scaled;
- batch norm as TensorFlow's (eps 0.001), and its "SAME" padding, which at stride 2 puts the odd pixel behind:
  the published weights expect both. Pictures are (x - 127) / 128.

torchvision has no Lite; key names are those of its EfficientNet. Files with timm's ``tf_efficientnet_lite*``
names, and with those of lukemelas's EfficientNet-PyTorch, load as well. (timm's ``efficientnet_lite0``
without ``tf_`` has the same names and other padding and eps: it loads, and is then not quite right.)
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from foveate.layers.mbconv import Style
from foveate.models.efficientnet import HEAD_CHANNELS, STAGES, STEM_CHANNELS, MBConvNetwork, scaled
from foveate.models.registry import register

LITE = Style(activation=nn.ReLU6, squeeze=False, same_padding=True, norm_eps=1e-3, norm_momentum=0.01)

# What other programs call the (convolution, batch norm) of each part of a block.
TIMM = {
    "expand": ("conv_pw", "bn1"),
    "depthwise": ("conv_dw", "bn2"),
    "project": ("conv_pwl", "bn3"),
}
TIMM_FIRST = {"depthwise": ("conv_dw", "bn1"), "project": ("conv_pw", "bn2")}  # blocks without expansion
LUKEMELAS = {
    "expand": ("_expand_conv", "_bn0"),
    "depthwise": ("_depthwise_conv", "_bn1"),
    "project": ("_project_conv", "_bn2"),
}
TIMM_ENDS = {"conv_stem": "0.0", "bn1": "0.1", "conv_head": "8.0", "bn2": "8.1"}
LUKEMELAS_ENDS = {"_conv_stem": "0.0", "_bn0": "0.1", "_conv_head": "8.0", "_bn1": "8.1"}


@register("efficientnet_lite0", width=1.0, depth=1.0, dropout=0.2)
@register("efficientnet_lite1", width=1.0, depth=1.1, dropout=0.2)
@register("efficientnet_lite2", width=1.1, depth=1.2, dropout=0.3)
@register("efficientnet_lite3", width=1.2, depth=1.4, dropout=0.3)
@register("efficientnet_lite4", width=1.4, depth=1.8, dropout=0.3)
class EfficientNetLite(MBConvNetwork):
    """Lite0, its channels times ``width`` and the blocks of its inner stages times ``depth``."""

    def __init__(
        self,
        *,
        width: float = 1.0,
        depth: float = 1.0,
        dropout: float = 0.2,
        stochastic_depth: float = 0.2,
        num_classes: int = 1000,
        in_channels: int = 3,
    ) -> None:
        first, *inner, last = scaled(STAGES, width, depth)
        stages = [first._replace(depth=STAGES[0].depth), *inner, last._replace(depth=STAGES[-1].depth)]
        super().__init__(
            stages,
            LITE,
            (STEM_CHANNELS, HEAD_CHANNELS),
            dropout=dropout,
            stochastic_depth=stochastic_depth,
            num_classes=num_classes,
            in_channels=in_channels,
        )

    def foreign_names(self) -> tuple[Mapping[str, str], ...]:
        timm = {name: f"features.{ours}" for name, ours in TIMM_ENDS.items()} | {"classifier": "classifier.1"}
        lukemelas = {name: f"features.{ours}" for name, ours in LUKEMELAS_ENDS.items()} | {
            "_fc": "classifier.1"
        }
        number = 0  # lukemelas counts the blocks through all stages
        for index, stage in enumerate(self.stages):
            for block in range(stage.depth):
                ours = f"features.{index + 1}.{block}.block"
                parts = ("depthwise", "project") if stage.expand_ratio == 1 else tuple(TIMM)
                theirs = TIMM_FIRST if stage.expand_ratio == 1 else TIMM
                for position, part in enumerate(parts):
                    for layer in (0, 1):
                        timm[f"blocks.{index}.{block}.{theirs[part][layer]}"] = f"{ours}.{position}.{layer}"
                        lukemelas[f"_blocks.{number}.{LUKEMELAS[part][layer]}"] = f"{ours}.{position}.{layer}"
                number += 1
        return timm, lukemelas
