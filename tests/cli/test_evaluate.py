"""`foveate evaluate`: classes by name, whatever their order; the numbers of a case counted by hand."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from foveate.cli.main import main
from foveate.errors import DatasetError, InputError
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.read import load
from foveate.modelfolder.write import Draft
from foveate.runtime.config import InputShape, ModelConfig
from foveate.runtime.measure import evaluate_predictor
from foveate.tasks.classification.task import Classification

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def write_model(out, classes):
    """Class i is likeliest where channel i is strongest; class names beyond three are never predicted."""
    linear = nn.Linear(3, len(classes))
    with torch.no_grad():
        linear.weight.copy_(10 * torch.eye(len(classes), 3))
        linear.bias.fill_(-1.0)[:3] = 0
    shape = Preprocessing(8, 8, 3)
    facts = {"task": Classification(classes), "architecture": {"custom": "colours"}}
    with Draft(out) as draft:
        draft.add_network(
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear),
            preprocessing=shape,
            sample_images=np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8),
            **facts,
        )
        config = ModelConfig(input=InputShape(8, 8, 3), preprocessing=shape.to_dict(), **facts)
        return draft.publish(config)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("models") / "colours", ("red", "green", "blue"))


def write_data(folder, pictures):
    """pictures: (folder of the class, colour, how many)."""
    for name, colour, count in pictures:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.new("RGB", (9, 9), COLOURS[colour]).save(folder / name / f"{colour}{number}.png")
    return folder


@pytest.fixture
def data(tmp_path):
    """By name the classes stand in another order than the model's; one green picture lies among red."""
    return write_data(
        tmp_path / "data",
        [("red", "red", 3), ("red", "green", 1), ("green", "green", 4), ("blue", "blue", 2)],
    )


@pytest.fixture
def run(capsys):
    def call(*arguments):
        with pytest.raises(SystemExit) as info:
            main(["evaluate", *map(str, arguments)])
        return info.value.code, *capsys.readouterr()

    return call


def test_classes_without_a_picture_are_told(model, tmp_path, run):
    some = write_data(tmp_path / "some", [("red", "red", 2), ("green", "green", 2)])
    code, shown, _ = run(model, some)
    assert code == 0
    assert "macro-F1 1.0000" in shown
    assert "no picture of blue: macro-F1 runs over the classes that occur" in shown


def test_classes_are_matched_by_name(run, model, data):
    code, out, err = run(model, data, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert (found["correct"], found["samples"], found["split"]) == (9, 10, "all")
    assert [row["class"] for row in found["per_class"]] == ["red", "green", "blue"]
    assert found["confusion"] == [[3, 1, 0], [0, 4, 0], [0, 0, 2]]
    assert found["per_class"][1]["precision"] == pytest.approx(4 / 5)


def test_people_get_the_interval_the_classes_and_the_confusion(run, model, data):
    _, out, _ = run(model, data)
    lines = out.splitlines()
    # Wilson's interval for 9 of 10
    assert lines[0] == "accuracy 90.00% (95 % interval 59.58% to 98.21%): 9 of 10 pictures right"
    assert "red           4      1.000   0.750  0.857" in out
    assert "0 red             3  1  0" in out


def test_a_split_is_chosen(run, model, tmp_path):
    for part, count in (("train", 3), ("val", 2), ("test", 1)):
        write_data(tmp_path / part, [("red", "red", count), ("green", "green", count)])
    assert json.loads(run(model, tmp_path, "--json")[1])["samples"] == 2
    assert json.loads(run(model, tmp_path, "--split", "val", "--json")[1])["samples"] == 4
    assert json.loads(run(model, tmp_path / "train", "--json")[1])["samples"] == 6
    code, _, err = run(model, tmp_path / "train", "--split", "test")
    assert code == 2
    assert "has train; choose one of these" in err


def test_a_class_that_the_model_does_not_know_is_refused_with_both_lists(run, model, data):
    write_data(data, [("purple", "red", 1)])
    code, out, err = run(model, data)
    assert (code, out) == (2, "")
    assert "'purple'" in err
    assert "'red', 'green', 'blue'" in err


def test_one_class_alone_can_be_measured(model, tmp_path):
    found = evaluate_predictor(load(model), write_data(tmp_path / "one", [("blue", "blue", 3)]))
    assert (found.evaluation.correct, found.evaluation.samples) == (3, 3)


def test_pictures_whose_answers_cannot_be_used_are_left_out_too(run, model, tmp_path, monkeypatch):
    folder = write_data(tmp_path / "data", [("red", "red", 20), ("green", "green", 20)])
    gone = "its mask is gone"
    monkeypatch.setattr(
        Classification, "fault", lambda task, targets, row, size=None: gone if row == 3 else None
    )
    _, out, err = run(model, folder, "--json")
    assert json.loads(out)["samples"] == 39
    assert json.loads(out)["unreadable"] == ["Cannot read picture 'green/green11.png': its mask is gone."]
    assert "its mask is gone. Left out." in err


def test_few_unreadable_pictures_are_left_out_and_many_refused(run, model, tmp_path):
    folder = write_data(tmp_path / "data", [("red", "red", 20), ("green", "green", 20)])
    (folder / "red" / "broken.png").write_bytes(b"\x89PNG")
    code, out, err = run(model, folder, "--json")
    assert code == 0
    assert json.loads(out)["samples"] == 40
    assert len(json.loads(out)["unreadable"]) == 1
    assert "broken.png" in err
    for number in range(5):
        (folder / "green" / f"broken{number}.png").write_bytes(b"\x89PNG")
    code, _, err = run(model, folder)
    assert code == 2
    assert "6 of 46 pictures cannot be read, at most 5% may be left out" in err


def test_arrays_are_measured_without_decoding(model):
    pixels = np.stack([np.full((8, 8, 3), COLOURS[name], np.uint8) for name in ("blue", "red", "red")])
    from foveate.dataset import from_arrays

    found = evaluate_predictor(load(model), from_arrays(pixels, ["blue", "red", "red"]), batch_size=2)
    assert found.evaluation.accuracy == 1.0
    assert found.targets.labels.tolist() == [2, 0, 0]
    assert found.values["probabilities"].shape == (3, 3)


def test_progress_is_told(model, data):
    seen = []
    evaluate_predictor(load(model), data, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 10) for n in range(1, 11)]


def test_many_classes_are_summed_up(run, tmp_path):
    classes = ("red", "green", "blue", *(f"\x1b[{i}m{'x' * 40}{i}" for i in range(40)))
    model = write_model(tmp_path / "model", classes)
    folder = write_data(tmp_path / "data", [("red", "red", 2), ("green", "blue", 3), ("blue", "blue", 1)])
    code, out, _ = run(model, folder)
    assert code == 0
    assert "the 3 classes with the lowest F1 (--json has all)" in out
    assert "most frequent mistakes" in out
    assert "       3  green  blue" in out
    assert "\x1b" not in out


def test_no_data_and_no_split(model, tmp_path):
    with pytest.raises(DatasetError):
        evaluate_predictor(load(model), tmp_path / "nowhere")
    with pytest.raises(InputError):
        evaluate_predictor(load(tmp_path), tmp_path)
