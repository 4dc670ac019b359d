"""Tiny networks whose explanations can be checked against captum, brute force and pencil."""

import pytest
import torch
from torch import nn


class Residual(nn.Module):
    """One ReLU module called twice, in place, around a sum: what breaks careless hooks."""

    def __init__(self, channels, *, inplace):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=inplace)

    def forward(self, x):
        y = self.relu(self.conv1(x))
        y = self.conv2(y)
        y += x
        return self.relu(y)


def make_network(*, inplace=False, channels=3, classes=4, seed=0):
    """3x12x12 pictures -> 6 maps of 6x6 -> 4 scores."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(channels, 6, 3, padding=1),
            nn.BatchNorm2d(6),
            nn.ReLU(inplace=inplace),
            nn.MaxPool2d(2),
            Residual(6, inplace=inplace),
            nn.AdaptiveAvgPool2d(2),
            nn.Dropout(0.5),
            nn.Flatten(),
            nn.Linear(24, classes),
        )


@pytest.fixture
def network():
    return make_network()


@pytest.fixture
def inplace_network():
    """The same weights; every ReLU works in place."""
    return make_network(inplace=True)


@pytest.fixture
def pictures():
    return torch.randn(3, 3, 12, 12, generator=torch.Generator().manual_seed(1))
