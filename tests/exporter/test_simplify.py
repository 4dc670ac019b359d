"""The graph with less to do answers as torch does; what does not fit the patterns is left alone."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from foveate.exporter.to_onnx import Deployed, check_parity, export_onnx
from foveate.images.preprocess import Preprocessing
from foveate.runtime.predictor import Predictor
from foveate.tasks.classification.task import Classification

CLASSES = ("a", "b", "c")
PREPROCESSING = Preprocessing(13, 17, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.1))


def exported(*layers, preprocessing=PREPROCESSING, gamma=0.5):
    """The operators of a network of these layers and a head, after its answers were compared with torch's."""
    torch.manual_seed(7)
    body = nn.Sequential(*layers)
    for layer in body.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.constant_(layer.weight, gamma)
            layer.weight.data[0] = 2.0
            nn.init.normal_(layer.bias)
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.3, 2)
    channels = body.eval()(torch.zeros(1, preprocessing.channels, 13, 17)).shape[1]
    network = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3))
    deployed = Deployed(network, preprocessing, Classification(CLASSES))
    model = export_onnx(deployed, preprocessing, {})
    pictures = np.random.default_rng(3).integers(0, 256, (4, 13, 17, 3), dtype=np.uint8)
    check_parity(deployed, Predictor(model, Classification(CLASSES), preprocessing, threads=1), pictures)
    return [node.op_type for node in onnx.load_from_string(model).graph.node]


FIRST = {
    "plain": nn.Conv2d(3, 8, 3),
    "strided, padded, without bias": nn.Conv2d(3, 8, (3, 5), stride=(2, 3), padding=(1, 2), bias=False),
    "one pixel": nn.Conv2d(3, 8, 1),
    "padded on one side": nn.Sequential(nn.ZeroPad2d((0, 1, 2, 0)), nn.Conv2d(3, 8, 3, stride=2)),
}


@pytest.mark.parametrize("layer", FIRST.values(), ids=FIRST)
def test_pictures_are_read_as_they_lie(layer):
    assert exported(layer, nn.ReLU())[:4] == ["Cast", "Reshape", "Sub", "Conv"]


OTHERS = {
    "dilated": nn.Conv2d(3, 8, 3, dilation=2),
    "grouped": nn.Conv2d(3, 9, 3, groups=3),
    "reflected": nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect"),
    "no convolution": nn.AvgPool2d(2),
}


@pytest.mark.parametrize("layer", OTHERS.values(), ids=OTHERS)
def test_other_first_layers_are_transposed(layer):
    assert exported(layer)[:4] == ["Cast", "Transpose", "Mul", "Add"]


def test_a_grey_network_is_left_alone():
    grey = Preprocessing(13, 17, 1, mean=(0.3,), std=(0.2,))
    assert "Reshape" not in exported(nn.Conv2d(1, 8, 3), preprocessing=grey)[:4]


@pytest.mark.parametrize("pool", [nn.MaxPool2d(2), nn.MaxPool2d(3, 2, padding=1, ceil_mode=True)])
def test_norm_and_activation_go_before_the_pool(pool):
    found = exported(nn.Conv2d(3, 8, 3), pool, nn.BatchNorm2d(8), nn.ReLU6())
    assert found[3:7] == ["Conv", "BatchNormalization", "Clip", "MaxPool"]
    assert exported(nn.Conv2d(3, 8, 3), pool, nn.BatchNorm2d(8))[3:6] == [
        "Conv",
        "BatchNormalization",
        "MaxPool",
    ]


def test_a_falling_norm_stays_behind_the_pool():
    found = exported(nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.BatchNorm2d(8), nn.ReLU(), gamma=-0.5)
    assert found[3:7] == ["Conv", "MaxPool", "BatchNormalization", "Relu"]


def test_a_pool_that_others_use_stays():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.pool, self.norm = nn.Conv2d(3, 8, 3), nn.MaxPool2d(2), nn.BatchNorm2d(8)

        def forward(self, x):
            pooled = self.pool(self.conv(x))
            return pooled + self.norm(pooled)

    assert exported(Both())[3:5] == ["Conv", "MaxPool"]
