"""Weights files: formats, wrappers and names that load, and what is said about those that do not."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from foveate.errors import MissingExtraError, WeightsError
from foveate.models import create_model, pretrained
from foveate.models.anatomy import Network
from foveate.models.pretrained import PRETRAINED, load_weights, lookalike
from foveate.seal import sealed


def small(**changes: Any) -> Network:
    return create_model("resnet18", **({"width": 8, "num_classes": 10} | changes)).eval()


@pytest.fixture
def state() -> dict[str, Tensor]:
    torch.manual_seed(7)
    return dict(small().state_dict())


def assert_loaded(network: nn.Module, state: dict[str, Tensor]) -> None:
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_all_formats_load(state: dict[str, Tensor], tmp_path: Path, suffix: str) -> None:
    path, network = tmp_path / f"weights{suffix}", small()
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    load_weights(network, path)
    assert_loaded(network, state)


def test_a_folder_with_model_safetensors_loads(state: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(state, tmp_path / "model.safetensors")
    network = small()
    load_weights(network, tmp_path)
    assert_loaded(network, state)


def model_folder(folder: Path, state: dict[str, Tensor], version: int) -> Path:
    """A model folder's weights and its config.json, as far as they concern each other."""
    weights = folder / "model.safetensors"
    save_file(state, weights)
    record = {"sha256": hashlib.sha256(weights.read_bytes()).hexdigest(), "bytes": weights.stat().st_size}
    document = {"format_version": version, "classes": ["a", "b"], "files": {"model.safetensors": record}}
    (folder / "config.json").write_text(json.dumps(document if version == 1 else sealed(document)))
    return weights


@pytest.mark.parametrize("version", [1, 2])
def test_weights_of_a_model_folder_are_compared_with_its_hash(
    state: dict[str, Tensor], tmp_path: Path, version: int
) -> None:
    weights = model_folder(tmp_path, state, version)
    load_weights(network := small(), weights)
    assert_loaded(network, state)
    data = bytearray(weights.read_bytes())
    data[-1000] ^= 1  # a bit of a number: it would load, and be another network
    weights.write_bytes(data)
    for given in (weights, tmp_path):
        with pytest.raises(WeightsError, match=r"model.safetensors: damaged or changed after training"):
            load_weights(small(), given)
    (tmp_path / "config.json").unlink()  # now a file like any other
    load_weights(small(), weights)


def test_weights_beside_a_changed_config_are_refused(state: dict[str, Tensor], tmp_path: Path) -> None:
    weights = model_folder(tmp_path, state, 2)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"a"', '"c"'))
    with pytest.raises(WeightsError, match=r"config.json was changed after it was written"):
        load_weights(small(), weights)
    config.write_text('{"architecture": "resnet18"}')  # a hub's, which tells nothing of its files
    load_weights(small(), weights)


@pytest.mark.parametrize("wrapper", ["model", "state_dict", "model_state_dict"])
def test_trainers_wrappers_and_prefixes_come_off(
    state: dict[str, Tensor], tmp_path: Path, wrapper: str
) -> None:
    parallel = {f"module.{key}": value for key, value in state.items()}
    torch.save({"epoch": 3, wrapper: parallel}, tmp_path / "a.pth")
    network = small()
    load_weights(network, tmp_path / "a.pth")
    assert_loaded(network, state)


def test_files_from_before_the_batch_counter_load(state: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save({k: v for k, v in state.items() if "num_batches" not in k}, tmp_path / "old.pth")
    network = small()
    load_weights(network, tmp_path / "old.pth")
    assert_loaded(network, state)


def test_a_mismatch_names_keys_shapes_and_the_lookalike(tmp_path: Path) -> None:
    state = dict(create_model("resnet18").state_dict())
    del state["bn1.weight"], state["layer1.0.bn1.bias"]
    state["extra.weight"] = torch.zeros(2)
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(WeightsError) as caught:
        load_weights(create_model("resnet34", num_classes=10, width=32), tmp_path / "a.pth")
    message = str(caught.value)
    assert "does not fit ResNet: of its 218 tensors" in message
    assert "missing (bn1.weight, layer1.0.bn1.bias, layer1.2.conv1.weight" in message
    assert "1 not expected (extra.weight)" in message
    assert "conv1.weight is 64x3x7x7 and should be 32x3x7x7" in message
    assert message.endswith("The file looks like resnet18.")


def test_weights_for_another_number_of_channels_say_so(tmp_path: Path) -> None:
    for name in ("tinyvgg", "compact_s"):
        path = tmp_path / f"{name}.safetensors"
        save_file(create_model(name, in_channels=3).state_dict(), path)
        with pytest.raises(WeightsError, match=r"learnt on colour pictures .* to take grey pictures"):
            load_weights(create_model(name, in_channels=1), path, skip_head=None)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    path, network = tmp_path / "wrong.safetensors", create_model("tinyvgg")
    before = network.conv_1_2.weight.clone()
    for value in (float("nan"), float("-inf")):
        state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        state["conv_1_2.weight"][3, 0, 1, 1] = value
        save_file(state, path)
        with pytest.raises(WeightsError, match=r"NaN or infinite \(conv_1_2.weight\)"):
            load_weights(network, path)
    assert torch.equal(network.conv_1_2.weight, before)


def test_a_file_of_nothing_known_is_said_to_be_that(tmp_path: Path) -> None:
    torch.save({"some.weight": torch.zeros(3, 3)}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="looks like none of the networks that `foveate models` lists"):
        load_weights(small(), tmp_path / "a.pth")


@pytest.mark.parametrize("name", ["convnet1_k3", "vgg11_bn", "googlenet", "resnet34"])
def test_files_are_recognised_whatever_their_classes(name: str) -> None:
    with torch.device("meta"):
        weights = create_model(name, num_classes=7).state_dict()
    assert lookalike(weights) == name


def test_another_head_is_skipped_only_when_asked(state: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(state, tmp_path / "a.pth")
    network = small(num_classes=3)
    before = network.get_submodule("fc").weight.clone()
    with pytest.raises(WeightsError, match=r"num_classes=10, or skip the head \(skip_head=True\)"):
        load_weights(network, tmp_path / "a.pth")
    load_weights(network, tmp_path / "a.pth", skip_head=True)
    assert torch.equal(network.get_submodule("fc").weight, before)
    assert torch.equal(network.get_submodule("layer4.1.bn2").weight, state["layer4.1.bn2.weight"])


def test_googlenet_loads_with_and_without_its_side_heads(tmp_path: Path) -> None:
    with_heads = create_model("googlenet", num_classes=5)
    torch.save(with_heads.state_dict(), tmp_path / "a.pth")
    without = create_model("googlenet", num_classes=5, aux_logits=False).eval()
    load_weights(without, tmp_path / "a.pth")
    picture = torch.rand(1, 3, 32, 32)
    assert torch.equal(without(picture), with_heads.eval()(picture))


def test_torchvisions_googlenet_file_implies_its_scaling(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "googlenet.pth"
    torch.save(create_model("googlenet", num_classes=5).state_dict(), path)
    plain = create_model("googlenet", num_classes=5).eval()
    load_weights(plain, path)
    assert not plain.transform_input
    digits = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    monkeypatch.setitem(pretrained.FILE_OPTIONS, digits, pretrained.FILE_OPTIONS["1378be20"])
    assert pretrained.implied_options(path) == {"transform_input": True}
    network = create_model("googlenet", num_classes=5).eval()
    load_weights(network, path)
    picture = torch.rand(1, 3, 32, 32)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised = (picture - mean[:, None, None]) / std[:, None, None]
    assert torch.allclose(network(normalised), plain((picture - 0.5) / 0.5), rtol=1e-3, atol=1e-5)


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(tmp_path / "exploded"),)

    torch.save({"conv1.weight": Bomb()}, tmp_path / "a.pth")
    (tmp_path / "b.pth").write_bytes(pickle.dumps(Bomb()))
    for name in ("a.pth", "b.pth"):
        with pytest.raises(WeightsError, match=r"is not unpickled|is damaged"):
            load_weights(small(), tmp_path / name)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04", b"PK\x03\x04" + b"\0" * 50, b"\xff" * 16])
@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_damaged_files_are_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=f"a{suffix} "):
        load_weights(small(), path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"Weights come as \.safetensors, \.pth, \.pt or a folder"):
        load_weights(small(), tmp_path / "weights.onnx")
    with pytest.raises(WeightsError, match="There is no weights file"):
        load_weights(small(), tmp_path / "absent.pth")
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(WeightsError, match=r"holds no state dict .* but list"):
        load_weights(small(), tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "number.pth")
    with pytest.raises(WeightsError, match="'epoch' is int, no tensor"):
        load_weights(small(), tmp_path / "number.pth")


# Names of tf_efficientnet_lite0 in timm, and of the package's file, as their writers give them.
TIMM = ["conv_stem", "bn1", "blocks.0.0.conv_dw", "blocks.0.0.bn1", "blocks.0.0.conv_pw", "blocks.0.0.bn2"]
TIMM += ["blocks.1.0.conv_pw", "blocks.1.0.bn1", "blocks.1.0.conv_dw", "blocks.1.0.bn2"]
TIMM += ["blocks.1.0.conv_pwl", "blocks.1.0.bn3", "blocks.6.0.bn3", "conv_head", "bn2", "classifier"]
LUKEMELAS = ["_conv_stem", "_bn0", "_blocks.0._depthwise_conv", "_blocks.0._bn1", "_blocks.0._project_conv"]
LUKEMELAS += ["_blocks.0._bn2", "_blocks.1._expand_conv", "_blocks.1._bn0", "_blocks.15._bn2"]
LUKEMELAS += ["_conv_head", "_bn1", "_fc"]


@pytest.mark.parametrize(("style", "names"), [(0, TIMM), (1, LUKEMELAS)])
def test_lite_loads_other_programs_names(tmp_path: Path, style: int, names: list[str]) -> None:
    network = create_model("efficientnet_lite0", width=0.25, num_classes=5)
    table = network.foreign_names()[style]
    ours = {name for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d | nn.BatchNorm2d)}
    assert set(table.values()) == ours | {"classifier.1"}
    assert set(names) <= set(table)
    theirs = {ours: name for name, ours in table.items()}
    state = {}
    for key, value in network.state_dict().items():
        layer, _, tensor = key.rpartition(".")
        state[f"{theirs[layer]}.{tensor}"] = value
    torch.save(state, tmp_path / "a.pth")
    other = create_model("efficientnet_lite0", width=0.25, num_classes=5)
    load_weights(other, tmp_path / "a.pth")
    assert_loaded(other, network.state_dict())


def test_timms_order_of_layers_is_kept() -> None:
    """timm writes a block's layers in the order of its forward pass, and so do we: they pair in order."""
    network = create_model("efficientnet_lite1")
    ours = [
        name
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d | nn.BatchNorm2d | nn.Linear)
    ]
    timm = network.foreign_names()[0]
    ends = ("conv_stem", "bn1"), ("conv_head", "bn2", "classifier")
    blocks = [name for name in timm if name.startswith("blocks.")]
    assert [timm[name] for name in (*ends[0], *blocks, *ends[1])] == ours


def test_published_weights_need_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r"Pretrained efficientnet_lite0 needs .*foveate\[pretrained\]"
    ):
        create_model("efficientnet_lite0", pretrained=True)


def test_published_weights_are_checked_by_their_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    published = PRETRAINED["efficientnet_lite0"]
    folder = tmp_path / published.package
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('a weights package is never imported')\n")
    (folder / published.file).write_bytes(b"something else")
    monkeypatch.syspath_prepend(tmp_path)
    assert published.package not in sys.modules, "a test imported the package, which hides this one"
    with pytest.raises(WeightsError, match="is not the published file: its SHA-256 is"):
        create_model("efficientnet_lite0", pretrained=True)


def test_published_weights_load_with_a_head_for_other_classes() -> None:
    if importlib.util.find_spec(PRETRAINED["efficientnet_lite0"].package) is None:
        pytest.skip("needs foveate[pretrained]")
    network = create_model("efficientnet_lite0", pretrained=True, num_classes=3)
    assert network.get_submodule("classifier.1").out_features == 3
    preprocessing = PRETRAINED["efficientnet_lite0"].preprocessing
    black, white = (
        -preprocessing.mean[0] / preprocessing.std[0],
        (1 - preprocessing.mean[0]) / preprocessing.std[0],
    )
    assert (black, white) == pytest.approx((-127 / 128, 128 / 128))
