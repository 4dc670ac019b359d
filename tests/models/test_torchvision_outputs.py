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
SEGMENTERS = json.loads((HERE / "segmentation_outputs.json").read_text())["networks"]


@pytest.fixture(scope="module")
def verify() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "verify_torchvision", HERE.parents[1] / "tools" / "verify_torchvision.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "name",
    [
        *("alexnet", "googlenet", "resnet18", "resnet50", "efficientnet_b0"),
        *("mobilenet_v3_small", "mobilenet_v3_large", "vit_b_16"),
        *("mobilenet_v2", "densenet121", "resnext50_32x4d", "efficientnet_v2_s", "convnext_tiny"),
    ],
)
def test_scores_are_torchvisions(verify: ModuleType, name: str) -> None:
    right, line = verify.verify(name, EXPECTED[name])
    assert right, line


@pytest.mark.parametrize("name", [name for name in EXPECTED if "keys_sha256" in EXPECTED[name]])
def test_names_shapes_and_constants_are_torchvisions(verify: ModuleType, name: str) -> None:
    expected = EXPECTED[name]
    assert verify.keys_digest(name) == expected["keys_sha256"]
    with torch.device("meta"):
        network = create_model(name)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected["parameters"]
    assert sorted({m.eps for m in network.modules() if hasattr(m, "eps")}) == expected["norm_eps"]


@pytest.mark.parametrize("name", ["fcn_resnet50", "deeplabv3_resnet50", "lraspp_mobilenet_v3_large"])
def test_score_maps_are_torchvisions(verify: ModuleType, name: str) -> None:
    expected = SEGMENTERS[name]
    got = verify.score_maps(name, expected)
    assert set(got) == {"out", "aux"} & set(expected)
    for which, scores in got.items():
        assert list(scores.shape) == expected[which]["shape"]
        found = verify.map_errors(expected[which], scores)
        assert found.pop("moved") <= verify.MOST_MOVED
        assert max(found.values()) <= 1e-4, (which, found)


@pytest.mark.parametrize("name", SEGMENTERS)
def test_segmenters_have_torchvisions_names_shapes_and_constants(verify: ModuleType, name: str) -> None:
    expected = SEGMENTERS[name]
    assert verify.keys_digest(name) == expected["keys_sha256"]
    with torch.device("meta"):
        network = create_model(name)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected["parameters"]
    assert sorted({m.eps for m in network.modules() if hasattr(m, "eps")}) == expected["norm_eps"]
    assert network.aux_weight * ("aux" in expected) == 0.5 * ("aux" in expected)


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
