"""A network of one's own: coarse and fine patterns, each on a path of its own. This file is all of it."""

import torch
from torch import nn

import foveate


@foveate.register_model(
    "two_paths", input_size=(3, 32, 32), num_classes=10, key_idea="kernels of two sizes side by side"
)
class TwoPaths(foveate.Network):
    def __init__(self, *, width=8, num_classes=10, in_channels=3):
        super().__init__(num_features=2 * width, num_classes=num_classes, in_channels=in_channels)
        self.fine = nn.Conv2d(in_channels, width, 3, padding=1)
        self.coarse = nn.Conv2d(in_channels, width, 7, padding=3)
        self.fc = nn.Linear(2 * width, num_classes)

    def forward_features(self, x):
        return torch.relu(torch.cat([self.fine(x), self.coarse(x)], dim=1))  # (N, 2 * width, H, W)

    def forward_head(self, features):
        return self.fc(features.mean(dim=(2, 3)))
