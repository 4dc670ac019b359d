"""The backbone's features are torch's, and its identity changes with whatever changes them."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from foveate.errors import WeightsError
from foveate.exporter.features import Extractor
from foveate.models.model import Model
from foveate.models.registry import create_model
from foveate.resolve import published
from foveate.transfer.backbone import PACKAGED, backbone_from_file, for_classes, identity, width, with_fit
from foveate.transfer.features import Features

PICTURES = np.random.default_rng(0).integers(0, 256, (20, 224, 224, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def backbone() -> Model:
    return published(PACKAGED[0])


def test_features_are_what_torchs_last_layer_takes(backbone):
    some = PICTURES[:3]
    caught = []
    layer = backbone.module.get_submodule(backbone.module.classifier_name)
    handle = layer.register_forward_hook(lambda module, inputs, output: caught.append(inputs[0]))
    with torch.inference_mode():
        x = torch.from_numpy(some).permute(0, 3, 1, 2).float()
        backbone.module((x - 127) / 128)  # as the publisher has it
    handle.remove()
    assert Extractor(backbone.module, backbone.preprocessing)(some) == pytest.approx(
        caught[0].numpy(), abs=1e-4
    )
    assert width(backbone) == 1280


def test_known_features_are_not_computed_again_and_are_the_same(backbone, tmp_path):
    small = dataclasses.replace(backbone.preprocessing, height=64, width=64)
    backbone = dataclasses.replace(backbone, preprocessing=small)
    pixels = PICTURES[:, :64, :64]
    told = []
    with Features(backbone, tmp_path) as features:
        first = features.of(
            pixels[:12], mirrored=True, progress=lambda done, total: told.append((done, total))
        )
    assert first.computed == 24
    assert told[-1] == (24, 24)
    with Features(backbone, tmp_path) as features:
        second = features.of(pixels, mirrored=True)
        plain = features.of(pixels)
    assert second.computed == 16  # eight pictures are new
    assert (second.views[:, :12] == first.views).all()
    assert plain.computed == 0
    assert plain.views.shape == (1, 20, 1280)


def test_the_second_view_is_the_mirror_image(backbone, tmp_path):
    small = dataclasses.replace(backbone.preprocessing, height=64, width=64)
    backbone = dataclasses.replace(backbone, preprocessing=small)
    with Features(backbone, tmp_path) as features:
        views = features.of(PICTURES[:2, :64, :64], mirrored=True).views
        mirrored = features.of(PICTURES[:2, :64, 63::-1]).views
    assert views[1] == pytest.approx(mirrored[0], abs=1e-6)
    assert np.abs(views[0] - views[1]).max() > 0.01


def test_identity_follows_weights_and_normalisation(backbone):
    other = dataclasses.replace(
        backbone, preprocessing=dataclasses.replace(backbone.preprocessing, mean=(0.1,) * 3)
    )
    assert identity(other) != identity(backbone)
    changed = dataclasses.replace(backbone, module=for_classes(backbone, 1000))
    assert identity(changed) == identity(backbone)  # the head has no part in the features
    with torch.no_grad():
        next(changed.module.parameters()).add_(0.1)
    assert identity(changed) != identity(backbone)


def test_pictures_prepared_otherwise_are_other_pictures(backbone, tmp_path):
    """One file, cut or padded: neither takes the other's features, and each finds its own again."""
    small = dataclasses.replace(backbone.preprocessing, height=64, width=64)
    backbone = dataclasses.replace(backbone, preprocessing=small)
    wide = np.random.default_rng(3).integers(0, 256, (60, 180, 3), dtype=np.uint8)
    found = {}
    for fit in ("crop", "pad", "stretch", "crop"):
        pixels = with_fit(backbone, fit).preprocessing.apply(wide)[None]
        with Features(with_fit(backbone, fit), tmp_path) as features:
            extracted = features.of(pixels)
        assert extracted.computed == (fit not in found)
        expected = Extractor(backbone.module, small)(pixels)
        assert extracted.views[0] == pytest.approx(expected, abs=1e-2)
        found[fit] = extracted.views
    assert np.abs(found["crop"] - found["pad"]).max() > 0.1


def test_weights_that_give_no_usable_numbers_are_told(tmp_path):
    torch.manual_seed(0)
    network = create_model("resnet18", num_classes=10)
    network.layer4[1].bn2.weight.data.fill_(1e9)  # finite, and more than half precision holds
    safetensors.torch.save_file(network.state_dict(), tmp_path / "mine.safetensors")
    made = backbone_from_file("resnet18", tmp_path / "mine.safetensors", 64)
    with (
        Features(made, tmp_path) as features,
        pytest.raises(WeightsError, match=r"the weights of mine.safetensors gives features that are no num"),
    ):
        features.of(PICTURES[:2, :64, :64])


def test_a_files_weights_make_a_backbone(tmp_path):
    torch.manual_seed(0)
    network = create_model("resnet18", num_classes=10)
    safetensors.torch.save_file(network.state_dict(), tmp_path / "mine.safetensors")
    made = backbone_from_file("resnet18", Path(tmp_path / "mine.safetensors"), 64)
    assert made.preprocessing.height == 64
    assert torch.equal(made.module.state_dict()["conv1.weight"], network.state_dict()["conv1.weight"])
    assert for_classes(made, 3).fc.out_features == 3
    assert made.module.fc.out_features == 10  # the backbone itself is left alone


def test_a_network_of_one_size_is_no_backbone(tmp_path):
    network = create_model("lenet5")
    safetensors.torch.save_file(network.state_dict(), tmp_path / "lenet.safetensors")
    with pytest.raises(WeightsError, match="no backbone for photographs"):
        backbone_from_file("lenet5", tmp_path / "lenet.safetensors")
