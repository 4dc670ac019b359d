"""Our networks give torchvision's scores under the same weights, loaded strictly under its key names.

The slow ones (the VGGs, the deeper ResNets and EfficientNets) are compared by
``tools/verify_torchvision.py``, whose functions these are.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
import torch

from foveate.models import create_model

HERE = Path(__file__).parent
EXPECTED = json.loads((HERE / "torchvision_outputs.json").read_text())["networks"]


@pytest.fixture(scope="module")
def verify() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "verify_torchvision", HERE.parents[1] / "tools" / "verify_torchvision.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["alexnet", "googlenet", "resnet18", "resnet50", "efficientnet_b0"])
def test_scores_are_torchvisions(verify: ModuleType, name: str) -> None:
    found = verify.errors(EXPECTED[name], verify.scores(name, EXPECTED[name]["gain"]))
    assert max(found.values()) <= 1e-5, found


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("vgg11", {"features.18.weight": (512, 512, 3, 3), "classifier.6.bias": (1000,)}),
        ("vgg13_bn", {"features.32.running_var": (512,), "classifier.0.weight": (4096, 25088)}),
        ("vgg16", {"features.28.weight": (512, 512, 3, 3), "classifier.3.weight": (4096, 4096)}),
        ("vgg19_bn", {"features.50.weight": (512,), "classifier.6.weight": (1000, 4096)}),
        ("resnet34", {"layer3.5.conv2.weight": (256, 256, 3, 3), "layer4.0.downsample.1.bias": (512,)}),
        ("resnet152", {"layer2.7.bn3.num_batches_tracked": (), "layer3.35.conv1.weight": (256, 1024, 1, 1)}),
        ("googlenet", {"aux2.fc1.weight": (1024, 2048), "inception4e.branch3.1.bn.running_mean": (128,)}),
        (
            "efficientnet_b7",
            {"features.7.3.block.2.fc2.weight": (3840, 160, 1, 1), "features.8.1.bias": (2560,)},
        ),
    ],
)
def test_key_names_are_torchvisions(name: str, keys: dict[str, tuple[int, ...]]) -> None:
    with torch.device("meta"):
        state = create_model(name).state_dict()
    assert {key: tuple(state[key].shape) for key in keys} == keys
