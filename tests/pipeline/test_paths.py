"""A model folder is given away: no file of it holds a path of the machine that made it."""

import json

import numpy as np
import pytest
import yaml
from PIL import Image

from foveate import TrainRequest, train
from foveate.exporter.quantise import quantise
from foveate.modelfolder.read import verify
from foveate.runtime.config import ONNX_NAME

MAKER = "zzmaker"  # letters alone: whatever a file does to escape a text, it stays what it is
NET = {
    "input": [3, 16, 16],
    "layers": [{"conv": {"filters": 4, "kernel": 3}}, "relu", "global_avg_pool", {"dense": 2}],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A home with pictures, validation pictures of their own, and a blueprint."""
    home = tmp_path_factory.mktemp("homes") / MAKER
    rng = np.random.default_rng(0)
    for side, count in (("pictures", 12), ("elsewhere", 4)):
        for label, light in (("dark", 0), ("light", 120)):
            (home / side / label).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 120, (16, 16, 3)) + light
                Image.fromarray(pixels.astype(np.uint8)).save(home / side / label / f"{number}.png")
    (home / "nets").mkdir()
    (home / "nets" / "small.yaml").write_text(yaml.safe_dump(NET))
    return home


@pytest.fixture
def at_home(place, monkeypatch):
    (place / "tmp").mkdir(exist_ok=True)
    for name, folder in (("HOME", place), ("TMPDIR", place / "tmp"), ("XDG_CACHE_HOME", place / "cache")):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.chdir(place)
    return place


def test_a_run_told_everything_by_its_path(at_home, files_that_name):
    """Pictures, validation pictures, blueprint, weights and the checkpoint that is kept."""
    request = TrainRequest(
        model=str(at_home / "nets" / "small.yaml"), epochs=1, batch_size=8, keep_checkpoint=True
    )
    data, val = at_home / "pictures", at_home / "elsewhere"
    first = train(data, request, val=val, out=at_home / "runs" / "first").folder
    assert files_that_name(first, MAKER) == []
    assert list(first.glob("checkpoint/step-*.safetensors"))
    asked = json.loads((first / "config.json").read_text())["recipe"]["request"]
    assert (asked["model"], asked["weights"]) == ("small.yaml", None)

    started = TrainRequest(
        model=str(at_home / "nets" / "small.yaml"),
        epochs=1,
        batch_size=8,
        weights=str(first / "model.safetensors"),
    )
    second = train(data, started, out="runs/second").folder
    assert files_that_name(second, MAKER) == []
    assert verify(second).recipe["request"]["weights"] == "model.safetensors"

    pictures = np.stack([np.asarray(Image.open(path)) for path in sorted(data.glob("*/*.png"))])
    integer = quantise((second / ONNX_NAME).read_bytes(), pictures)
    assert MAKER.encode() not in integer
