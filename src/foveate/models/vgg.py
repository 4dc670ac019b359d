"""VGG (Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition, 2014).

The paper's configurations A, B, D and E are ``vgg11``, ``vgg13``, ``vgg16`` and ``vgg19``; key names and
order are torchvision's. Deviations from the paper, those of torchvision's form:

- ``_bn`` puts batch norm (2015) behind each convolution; the paper had none and trained A first;
- an adaptive average pooling to 7x7 before the dense layers, so that other picture sizes run (32 or more);
- convolutions start from He's normal distribution (2015), where the paper starts from trained shallower nets.
"""

from __future__ import annotations

from torch import Tensor, nn

from foveate.models.anatomy import Level, Network, Window
from foveate.models.registry import register


@register("vgg11", stages=(1, 1, 2, 2, 2))
@register("vgg11_bn", stages=(1, 1, 2, 2, 2), batch_norm=True)
@register("vgg13", stages=(2, 2, 2, 2, 2))
@register("vgg13_bn", stages=(2, 2, 2, 2, 2), batch_norm=True)
@register("vgg16", stages=(2, 2, 3, 3, 3))
@register("vgg16_bn", stages=(2, 2, 3, 3, 3), batch_norm=True)
@register("vgg19", stages=(2, 2, 4, 4, 4))
@register("vgg19_bn", stages=(2, 2, 4, 4, 4), batch_norm=True)
class VGG(Network):
    """Stages of 3x3 convolutions, each ended by a pooling; then three dense layers.

    ``stages`` holds the convolutions of each stage; the first has ``width`` filters, the next ones double
    that up to eight times. ``hidden`` is the width of the dense layers.
    """

    classifier_name = "classifier.6"

    def __init__(
        self,
        *,
        stages: tuple[int, ...] = (2, 2, 3, 3, 3),
        batch_norm: bool = False,
        width: int = 64,
        hidden: int = 4096,
        dropout: float = 0.5,
        num_classes: int = 1000,
        in_channels: int = 3,
    ) -> None:
        widths = [width * min(2**stage, 8) for stage in range(len(stages))]
        super().__init__(num_features=widths[-1], num_classes=num_classes, in_channels=in_channels)
        layers: list[nn.Module] = []
        channels = in_channels
        for convolutions, out_channels in zip(stages, widths, strict=True):
            for _ in range(convolutions):
                layers.append(nn.Conv2d(channels, out_channels, 3, padding=1))
                layers += [nn.BatchNorm2d(out_channels)] if batch_norm else []
                layers.append(nn.ReLU())
                channels = out_channels
            self.levels += (Level(f"features.{len(layers) - 1}", channels, 2 ** len(self.windows)),)
            self.windows += (Window(f"features.{len(layers)}", 2, 2),)
            layers.append(nn.MaxPool2d(2))
        self.levels += (Level(f"features.{len(layers) - 1}", channels, 2 ** len(stages)),)
        self.features = nn.Sequential(*layers)  # (N, 512, 7, 7) from 224x224
        self.avgpool = nn.AdaptiveAvgPool2d(7)
        self.classifier = nn.Sequential(
            nn.Linear(channels * 7 * 7, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, num_classes),
        )
        self.apply(_initialise)

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        return self.features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        return self.classifier(self.avgpool(features).flatten(1))  # (N, 25088) -> (N, 1000)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
