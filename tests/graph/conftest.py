"""Small networks with every way that paths split and meet."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    """Two 3x3 convolutions beside an identity, and functions where modules are the custom."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.a = nn.Conv2d(4, 4, 3, padding=1)
        self.b = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        x = F.softplus(self.stem(x))
        return x + self.b(F.softplus(self.a(x)))


class Inception(nn.Module):
    """Branches of 1x1, 3x3, 5x5 and pooled pixels, concatenated."""

    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(2, 3, 1)
        self.three = nn.Conv2d(2, 3, 3, padding=1)
        self.five = nn.Conv2d(2, 3, (5, 3), padding=(2, 1))
        self.pool = nn.AvgPool2d(3, 1, 1)

    def forward(self, x):
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


class Gate(nn.Module):
    """Squeeze and excite: a map scaled by what the whole picture says."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, stride=2)
        self.gate = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        x = self.conv(x)
        return x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True)))


def sequential(*layers):
    return lambda: nn.Sequential(*[layer() for layer in layers])


NETWORKS = {
    "strides": sequential(
        lambda: nn.Conv2d(2, 3, 3, stride=2, padding=1),
        nn.Softplus,
        lambda: nn.Conv2d(3, 3, 5, padding=2),
        lambda: nn.AvgPool2d(2),
        lambda: nn.Conv2d(3, 2, 3),
    ),
    "each axis its own": sequential(
        lambda: nn.Conv2d(2, 3, (1, 5), stride=(1, 2), padding=(0, 1)),
        lambda: nn.AvgPool2d((3, 2), stride=(2, 1)),
    ),
    "dilation and groups": sequential(
        lambda: nn.Conv2d(2, 4, 3, dilation=2, padding=2, groups=2),
        nn.Tanh,
        lambda: nn.Conv2d(4, 4, 3, dilation=3),
    ),
    "asymmetric padding": sequential(
        lambda: nn.ZeroPad2d((0, 1, 2, 0)),
        lambda: nn.Conv2d(2, 3, 3, stride=2),
        lambda: nn.Conv2d(3, 2, 3, padding="same"),
    ),
    "reflect": sequential(
        lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), lambda: nn.AvgPool2d(3)
    ),
    "replicate": sequential(lambda: nn.Conv2d(2, 3, 5, padding=2, padding_mode="replicate")),
    "adaptive": sequential(lambda: nn.Conv2d(2, 3, 3), lambda: nn.AdaptiveAvgPool2d((4, 5))),
    "space to depth": sequential(
        lambda: nn.ZeroPad2d((1, 0, 1, 0)),
        lambda: nn.PixelUnshuffle(2),
        lambda: nn.Conv2d(8, 3, 3, padding=1),
    ),
    "transposed": sequential(
        lambda: nn.Conv2d(2, 3, 3, stride=2), lambda: nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1)
    ),
    "bilinear": sequential(
        lambda: nn.Conv2d(2, 3, 3, stride=2),
        lambda: nn.Upsample(scale_factor=2, mode="bilinear"),
        lambda: nn.Conv2d(3, 2, 3, padding=1),
    ),
    "bilinear by corners": sequential(
        lambda: nn.Conv2d(2, 3, 3, stride=3),
        lambda: nn.Upsample((17, 12), mode="bilinear", align_corners=True),
    ),
    "nearest": sequential(
        lambda: nn.Conv2d(2, 3, 3, stride=2), lambda: nn.Upsample(scale_factor=2.5, mode="nearest")
    ),
    "nearest exact": sequential(
        lambda: nn.Conv2d(2, 2, 2, stride=2), lambda: nn.Upsample((16, 25), mode="nearest-exact")
    ),
    "softmax over channels": sequential(lambda: nn.Conv2d(2, 3, 3), lambda: nn.Softmax(dim=1)),
    "residual": Residual,
    "inception": Inception,
    "residual of inception": sequential(Residual, lambda: nn.Conv2d(4, 2, 1), Inception),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    torch.manual_seed(0)
    return NETWORKS[request.param]().double().eval()


@pytest.fixture
def gate():
    torch.manual_seed(0)
    return Gate().double().eval()
