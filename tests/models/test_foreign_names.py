"""Weights under the names of other programs: what each calls a tensor, and that a file of it loads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from foveate.models import create_model
from foveate.models.anatomy import Network
from foveate.models.pretrained import load_weights

# Names as their writers give them: timm 1.0.31, the authors' own programs, torchvision's published files.
NAMES = {
    ("mobilenet_v2", 0): {
        "conv_stem.weight": "features.0.0.weight",
        "bn1.bias": "features.0.1.bias",
        "blocks.0.0.conv_dw.weight": "features.1.conv.0.0.weight",
        "blocks.0.0.conv_pw.weight": "features.1.conv.1.weight",
        "blocks.0.0.bn2.running_var": "features.1.conv.2.running_var",
        "blocks.1.0.conv_pw.weight": "features.2.conv.0.0.weight",
        "blocks.1.0.conv_dw.weight": "features.2.conv.1.0.weight",
        "blocks.1.1.conv_pwl.weight": "features.3.conv.2.weight",
        "blocks.6.0.bn3.weight": "features.17.conv.3.weight",
        "conv_head.weight": "features.18.0.weight",
        "bn2.running_mean": "features.18.1.running_mean",
        "classifier.bias": "classifier.1.bias",
    },
    ("densenet121", 0): {
        "features.conv0.weight": "features.conv0.weight",
        "features.denseblock1.denselayer1.norm.1.weight": "features.denseblock1.denselayer1.norm1.weight",
        "features.denseblock2.denselayer10.conv.2.weight": "features.denseblock2.denselayer10.conv2.weight",
        "features.transition1.norm.bias": "features.transition1.norm.bias",
        "features.norm5.running_mean": "features.norm5.running_mean",
    },
    ("convnext_tiny", 0): {
        "stem.0.weight": "features.0.0.weight",
        "stem.1.bias": "features.0.1.bias",
        "stages.0.blocks.2.gamma": "features.1.2.layer_scale",
        "stages.1.downsample.0.weight": "features.2.0.weight",
        "stages.1.downsample.1.bias": "features.2.1.bias",
        "stages.2.blocks.8.conv_dw.weight": "features.5.8.block.0.weight",
        "stages.3.blocks.0.norm.weight": "features.7.0.block.2.weight",
        "stages.3.blocks.0.mlp.fc1.weight": "features.7.0.block.3.weight",
        "stages.3.blocks.0.mlp.fc2.bias": "features.7.0.block.5.bias",
        "head.norm.weight": "classifier.0.weight",
        "head.fc.weight": "classifier.2.weight",
    },
    ("convnext_tiny", 1): {
        "downsample_layers.0.0.weight": "features.0.0.weight",
        "downsample_layers.3.1.weight": "features.6.1.weight",
        "stages.0.2.gamma": "features.1.2.layer_scale",
        "stages.2.8.dwconv.bias": "features.5.8.block.0.bias",
        "stages.3.0.norm.weight": "features.7.0.block.2.weight",
        "stages.3.0.pwconv1.weight": "features.7.0.block.3.weight",
        "stages.3.0.pwconv2.weight": "features.7.0.block.5.weight",
        "norm.bias": "classifier.0.bias",
        "head.weight": "classifier.2.weight",
    },
}
SMALL = {
    "mobilenet_v2": {"width": 0.25},
    "densenet121": {"growth": 4, "depths": (1, 2)},
    "convnext_tiny": {"width": 8, "depths": (1, 2)},
}


def whole_names(network: Network, which: int) -> dict[str, str]:
    """Their name of each of our tensors."""
    table = network.foreign_names()[which]
    ours = {name: theirs for theirs, name in table.items()}
    found = {}
    for name in network.state_dict():
        layer, _, tensor = name.rpartition(".")
        found[name] = ours[name] if name in ours else f"{ours[layer]}.{tensor}"
    return found


@pytest.mark.parametrize(("name", "which"), NAMES)
def test_tensors_are_called_as_their_writers_call_them(name: str, which: int) -> None:
    with torch.device("meta"):
        theirs = whole_names(create_model(name), which)
    assert {called: ours for ours, called in theirs.items()}.items() >= NAMES[name, which].items()
    assert len(set(theirs.values())) == len(theirs)


@pytest.mark.parametrize(("name", "which"), NAMES)
def test_a_file_of_theirs_loads(name: str, which: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, other = (create_model(name, num_classes=3, **SMALL[name]).eval() for _ in range(2))
    state = network.state_dict()
    theirs = {called: state[ours] for ours, called in whole_names(network, which).items()}
    for called, tensor in theirs.items():
        if called.endswith("gamma"):
            theirs[called] = tensor.flatten()  # (channels,) there
    torch.save(theirs, tmp_path / "theirs.pth")
    load_weights(other, tmp_path / "theirs.pth")
    x = torch.randn(2, 3, 64, 64)
    assert torch.equal(other(x), network(x))
