"""EfficientNetV2 (Tan, Le: EfficientNetV2: smaller models and faster training, 2021, arXiv:2104.00298).

Key names and order are torchvision's. Deviation from the paper, that of torchvision's form: padding is
(k - 1)/2 on every side, where the paper's program pads by TensorFlow's "SAME" rule; timm's weights were
learnt with that and are not taken.
"""

from __future__ import annotations

from foveate.layers.mbconv import Style, round_channels
from foveate.models.efficientnet import HEAD_CHANNELS, MBConvNetwork, Stage, scaled
from foveate.models.registry import register

# The paper's table 4.
SMALL = (
    Stage(1, 3, 1, 24, 2, fused=True),
    Stage(4, 3, 2, 48, 4, fused=True),
    Stage(4, 3, 2, 64, 4, fused=True),
    Stage(4, 3, 2, 128, 6),
    Stage(6, 3, 1, 160, 9),
    Stage(6, 3, 2, 256, 15),
)


@register("efficientnet_v2_s")
class EfficientNetV2(MBConvNetwork):
    """The paper's S: its first three stages are fused, one convolution in place of expansion and depthwise.

    ``width`` and ``depth`` multiply the channels and the blocks of its stages. ``stochastic_depth`` is the
    probability that the last block is skipped in training; it grows from 0.
    """

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
        stages = scaled(SMALL, width, depth)
        super().__init__(
            stages,
            Style(norm_eps=1e-3),
            (stages[0].channels, round_channels(HEAD_CHANNELS * width)),
            dropout=dropout,
            stochastic_depth=stochastic_depth,
            num_classes=num_classes,
            in_channels=in_channels,
        )
