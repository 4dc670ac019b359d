"""GoogLeNet (Szegedy et al.: Going deeper with convolutions, 2014, arXiv:1409.4842).

Key names and order are torchvision's. Deviations from the paper, those of torchvision's form:

- batch norm behind every convolution, and no local response normalisation;
- the "5x5" branch of an inception module has a 3x3 window, as torchvision's weights have;
- dropout before the scores is 0.2, in the auxiliary heads 0.7 (the paper: 0.4 and 0.7); adaptive pooling
  to 4x4 in those heads, so that other picture sizes run (15 or more);
- weights start from a normal distribution of deviation 0.01 cut at 2, where the paper does not say.
"""

from __future__ import annotations

from torch import Tensor, nn

from foveate.errors import InputError
from foveate.layers.inception import BasicConv2d, Inception, InceptionAux
from foveate.models.anatomy import Level, Network, Window
from foveate.models.published import IMAGENET_MEAN, IMAGENET_STD
from foveate.models.registry import register


@register("googlenet")
class GoogLeNet(Network):
    """Nine inception modules between poolings; the names 3a to 5b are the paper's.

    With ``aux_logits`` two auxiliary heads stand behind 4a and 4d. Only training uses them, through
    :meth:`forward_with_aux`; ``forward`` gives the scores alone, in training and in evaluation.

    ``transform_input`` takes pictures normalised with ImageNet's mean and deviation and rescales them to the
    mean and deviation of 0.5 that torchvision's pretrained weights expect.
    """

    aux_weight = 0.3  # of each auxiliary head's loss, beside the loss of the scores: the paper's section 5
    windows = (
        Window("conv1", 7, 2, 3),
        Window("maxpool1", 3, 2, ceil=True),
        Window("maxpool2", 3, 2, ceil=True),
        Window("maxpool3", 3, 2, ceil=True),
        Window("maxpool4", 2, 2, ceil=True),
    )
    levels = (
        Level("conv1", 64, 2),
        Level("conv3", 192, 4),
        Level("inception3b", 480, 8),
        Level("inception4e", 832, 16),
        Level("inception5b", 1024, 32),
    )

    def __init__(
        self,
        *,
        aux_logits: bool = True,
        transform_input: bool = False,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
        num_classes: int = 1000,
        in_channels: int = 3,
    ) -> None:
        super().__init__(num_features=1024, num_classes=num_classes, in_channels=in_channels)
        if transform_input and in_channels != 3:
            raise InputError(f"transform_input is for pictures of 3 channels, not {in_channels}.")
        self.transform_input = transform_input

        self.conv1 = BasicConv2d(in_channels, 64, 7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = BasicConv2d(64, 64, 1)
        self.conv3 = BasicConv2d(64, 192, 3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, 2, ceil_mode=True)

        self.inception3a = Inception(192, 64, (96, 128), (16, 32), 32)
        self.inception3b = Inception(256, 128, (128, 192), (32, 96), 64)
        self.maxpool3 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.inception4a = Inception(480, 192, (96, 208), (16, 48), 64)
        self.inception4b = Inception(512, 160, (112, 224), (24, 64), 64)
        self.inception4c = Inception(512, 128, (128, 256), (24, 64), 64)
        self.inception4d = Inception(512, 112, (144, 288), (32, 64), 64)
        self.inception4e = Inception(528, 256, (160, 320), (32, 128), 128)
        self.maxpool4 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.inception5a = Inception(832, 256, (160, 320), (32, 128), 128)
        self.inception5b = Inception(832, 384, (192, 384), (48, 128), 128)

        self.aux1 = InceptionAux(512, num_classes, dropout_aux) if aux_logits else None
        self.aux2 = InceptionAux(528, num_classes, dropout_aux) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        self.apply(_initialise)

    def forward_features(self, x: Tensor) -> Tensor:
        return self._body(x)[0]

    def forward_head(self, features: Tensor) -> Tensor:
        return self.fc(self.dropout(self.avgpool(features).flatten(1)))

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The scores (N, num_classes), and those of the two auxiliary heads, from one pass."""
        features, after_4a, after_4d = self._body(x)
        heads = ((self.aux1, after_4a), (self.aux2, after_4d))
        return self.forward_head(features), tuple(head(at) for head, at in heads if head is not None)

    def _body(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.check_input(x)
        if self.transform_input:
            mean, std = x.new_tensor((IMAGENET_MEAN, IMAGENET_STD)).view(2, 3, 1, 1)
            x = (x * std + mean - 0.5) / 0.5
        x = self.maxpool1(self.conv1(x))  # (N, 64, 56, 56) from 224x224
        x = self.maxpool2(self.conv3(self.conv2(x)))  # (N, 192, 28, 28)
        x = self.maxpool3(self.inception3b(self.inception3a(x)))  # (N, 480, 14, 14)
        after_4a = self.inception4a(x)  # (N, 512, 14, 14)
        after_4d = self.inception4d(self.inception4c(self.inception4b(after_4a)))  # (N, 528, 14, 14)
        x = self.maxpool4(self.inception4e(after_4d))  # (N, 832, 7, 7)
        return self.inception5b(self.inception5a(x)), after_4a, after_4d  # (N, 1024, 7, 7)

    def classifier_layers(self) -> tuple[str, ...]:
        return ("fc",) if self.aux1 is None else ("fc", "aux1.fc2", "aux2.fc2")

    def is_optional(self, key: str) -> bool:
        return self.aux1 is None and key.startswith(("aux1.", "aux2."))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.01, a=-0.02, b=0.02)
