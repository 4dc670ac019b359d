"""Networks that score pixels: dilated trunks, auxiliary heads, classifiers' weights, odd sizes in ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import save_file

from foveate.errors import InputError, UnknownNameError
from foveate.exporter.emitter import emit
from foveate.models import create_model
from foveate.models.pretrained import from_file, load_weights
from foveate.models.segmenter import Segmenter

RESNET: dict[str, Any] = {"trunk_options": {"width": 8, "depths": (1, 2, 2, 2)}}
SMALL: dict[str, dict[str, Any]] = {
    "fcn8s": {"width": 4, "hidden": 16},
    "fcn8s_resnet18": {"trunk_options": {"width": 8}},
    "fcn16s_efficientnet_lite0": {"trunk_options": {"width": 0.5, "depth": 0.25}},
    "fcn_resnet50": RESNET,
    "deeplabv3_resnet50": RESNET | {"channels": 16},
    "lraspp_mobilenet_v3_large": {"width": 0.5, "channels": 16},
}


def made(name: str, **options: Any) -> Segmenter:
    torch.manual_seed(0)
    network = create_model(name, num_classes=5, **(SMALL[name] | options)).eval()
    assert isinstance(network, Segmenter)
    for layer in network.score_layers:
        torch.nn.init.normal_(network.get_submodule(layer).weight, std=0.1)
    return network


@pytest.mark.parametrize("name", SMALL)
def test_onnx_computes_the_same_at_odd_sizes(name: str) -> None:
    network, x = made(name), torch.randn(2, 3, 45, 70, generator=torch.Generator().manual_seed(0))
    file = emit(network, x, "x", "scores").SerializeToString()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    (found,) = session.run(["scores"], {"x": x.numpy()})
    with torch.no_grad():
        expected = network(x).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert (found.argmax(1) != expected.argmax(1)).mean() <= 1e-3


def test_a_dilated_trunk_computes_what_its_classifier_does_where_nothing_was_halved() -> None:
    """Its first two stages are the classifier's, and every second place of its third is the classifier's."""
    torch.manual_seed(1)
    sizes = {"width": 8, "depths": (1, 2, 1, 1)}
    classifier = create_model("resnet50", **sizes).eval()
    network = made("fcn_resnet50", trunk_options=sizes)
    network.load_trunk(classifier)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        plain, dilated = classifier.forward_stages(x), network.backbone.forward_stages(x)
    assert torch.equal(plain[0], dilated[0]) and torch.equal(plain[1], dilated[1])
    # One block: its first 3x3 looks at the map before, undilated; taking every second place is the stride.
    torch.testing.assert_close(dilated[2][..., ::2, ::2], plain[2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "classifier", "options"),
    [
        ("deeplabv3_resnet50", "resnet50", RESNET["trunk_options"]),
        ("lraspp_mobilenet_v3_large", "mobilenet_v3_large", {"width": 0.5}),
    ],
)
def test_trunks_take_the_weights_of_their_classifiers(
    name: str, classifier: str, options: dict[str, Any]
) -> None:
    torch.manual_seed(1)
    network, given = made(name), create_model(classifier, **options)
    network.load_trunk(given)
    assert network.trunk_name == classifier
    weights = {key.removeprefix("features."): value for key, value in given.state_dict().items()}
    for key, value in network.backbone.state_dict().items():
        assert torch.equal(value, weights[key]), key
    with pytest.raises(InputError, match=f"takes the weights of {classifier}, and those of this VGG do not"):
        network.load_trunk(create_model("vgg11", width=4, hidden=8))


def test_files_with_and_without_an_auxiliary_head(tmp_path: Path) -> None:
    whole, path = made("fcn_resnet50"), tmp_path / "whole.safetensors"
    save_file(whole.state_dict(), path)
    without = made("fcn_resnet50", aux_loss=False)
    assert without.forward_with_aux(torch.zeros(1, 3, 32, 32))[1] == ()
    load_weights(without, path)
    x = torch.randn(1, 3, 32, 40)
    with torch.no_grad():
        assert torch.equal(without(x), whole(x))


def test_a_file_tells_how_many_classes_it_scores(tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_file(
        create_model("lraspp_mobilenet_v3_large", num_classes=4).state_dict(), tmp_path / "w.safetensors"
    )
    network = from_file("lraspp_mobilenet_v3_large", tmp_path / "w.safetensors").eval()
    assert network(torch.zeros(1, 3, 33, 40)).shape == (1, 4, 33, 40)


def test_what_cannot_be_dilated_is_refused() -> None:
    with pytest.raises(InputError, match="is for bottlenecks"):
        create_model("resnet18", replace_stride_with_dilation=(False, True, True))
    with pytest.raises(UnknownNameError, match="Unknown trunk 'resnet18'; did you mean"):
        create_model("fcn_resnet50", trunk="resnet18")
