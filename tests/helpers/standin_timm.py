"""A package that stands in for timm, which needs a torchvision that is not published for every torch.

It has the four things of timm's interface that are used, as timm 1.0.31 has them: `create_model`,
`list_models`, `data.resolve_model_data_config`, and of a network `pretrained_cfg`, `num_features`,
`forward_features`, `forward_head`, `get_classifier`.
"""

import types

import torch
from torch import nn

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
CONFIG = {
    "input_size": (3, 32, 32),
    "interpolation": "bicubic",
    "mean": MEAN,
    "std": STD,
    "crop_pct": 0.95,
    "crop_mode": "center",
}
NAMES = ["tinynet", "tinyvit", "convnet_tiny"]


class TinyNet(nn.Module):
    """tinynet: two convolutions and a dense layer; convnet_tiny ends in a convolution."""

    def __init__(self, arch, num_classes, in_chans):
        super().__init__()
        self.num_features = 8
        self.pretrained_cfg = {"num_classes": 7, "architecture": arch, **CONFIG}
        self.conv1 = nn.Conv2d(in_chans, 8, 3, 2, 1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, 2, 1, bias=False)
        self.fc = nn.Conv2d(8, num_classes, 1) if arch == "convnet_tiny" else nn.Linear(8, num_classes)

    def forward_features(self, x):
        return torch.relu(self.conv2(torch.relu(self.bn1(self.conv1(x)))))

    def forward_head(self, x):
        pooled = x.mean((2, 3), keepdim=True)
        return self.fc(pooled).flatten(1) if isinstance(self.fc, nn.Conv2d) else self.fc(pooled.flatten(1))

    def forward(self, x):
        return self.forward_head(self.forward_features(x))

    def get_classifier(self):
        return self.fc


class TinyVit(TinyNet):
    """Its position embedding counts on the picture's size."""

    def __init__(self, arch, num_classes, in_chans, img_size=(32, 32)):
        super().__init__(arch, num_classes, in_chans)
        self.pretrained_cfg["fixed_input_size"] = True
        self.pos_embed = nn.Parameter(torch.zeros(1, 8, img_size[0] // 4, img_size[1] // 4))

    def forward_features(self, x):
        return super().forward_features(x) + self.pos_embed


def make_timm():
    """The package; ``asked`` is what its `create_model` was asked for."""
    timm, data = types.ModuleType("timm"), types.ModuleType("timm.data")
    timm.asked = []

    def create_model(name, pretrained=False, num_classes=7, in_chans=3, **settings):
        assert not pretrained, "weights are never asked of timm"
        timm.asked.append(name)
        arch = name.partition(".")[0]
        return (TinyVit if arch == "tinyvit" else TinyNet)(arch, num_classes, in_chans, **settings)

    timm.create_model = create_model
    timm.list_models = lambda pretrained=False: [f"{n}.a1_in1k" for n in NAMES] if pretrained else NAMES
    data.resolve_model_data_config = lambda module: dict(CONFIG)
    timm.data = data
    return timm
