"""A draft: nothing is seen before it is published, and what is published is complete and verified."""

import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import nn

from foveate.errors import InputError, ParityError, StorageError
from foveate.modelfolder.read import load, read_config, verify
from foveate.modelfolder.write import Draft
from foveate.tasks.classification import parity
from foveate.tasks.classification.task import Classification


def add(draft, colours, pictures, **changes):
    values = {
        "module": colours.network(),
        "preprocessing": colours.preprocessing,
        "task": colours.task,
        "sample_images": pictures,
        "architecture": {"custom": "colour_network"},
    }
    draft.add_network(
        values.pop("module") if "module" not in changes else changes.pop("module"),
        **{**{k: v for k, v in values.items() if k != "module"}, **changes},
    )


def test_a_published_folder_is_complete(tmp_path, colours, pictures):
    out = tmp_path / "new" / "model"
    with Draft(out) as draft:
        add(draft, colours, pictures)
        measured = draft.predictor().predict_proba(pictures)
        draft.add_text("report.html", "<p>caf\u00e9 \udcff</p>")
        draft.add_text("history.csv", "epoch\n1\n")
        draft.add_text("README.md", "# model\n")
        assert not out.exists()
        assert draft.publish(colours.config(seed=3)) == out
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md", "config.json", "history.csv", "model.onnx", "model.safetensors", "report.html",
    ]  # fmt: skip
    config = verify(out)
    assert config.seed == 3
    for name, record in config.files.items():
        data = (out / name).read_bytes()
        assert (record.sha256, record.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    np.testing.assert_array_equal(
        load(out).predict_proba(pictures), measured
    )  # what was measured is what ships
    weights = load_file(out / "model.safetensors")
    assert sorted(weights) == ["2.bias", "2.weight"]
    np.testing.assert_array_equal(weights["2.weight"], 10 * np.eye(3, dtype=np.float32))
    assert [path.name for path in out.parent.iterdir()] == ["model"]


def test_the_same_network_gives_the_same_bytes(tmp_path, colours, pictures):
    first, second = (colours.write(tmp_path / name, pictures) for name in "ab")
    for name in ("model.onnx", "model.safetensors", "config.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_weights_in_another_memory_format_give_the_same_bytes(tmp_path, colours, pictures):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    data = []
    for form in (torch.contiguous_format, torch.channels_last):
        with Draft(tmp_path / "out") as draft:
            add(draft, colours, pictures, module=module.to(memory_format=form))
            data.append([(draft.folder / name).read_bytes() for name in ("model.onnx", "model.safetensors")])
    assert data[0] == data[1]


def test_a_parity_failure_leaves_nothing(tmp_path, colours, pictures, monkeypatch):
    out = colours.write(tmp_path / "model", pictures)
    before = (out / "config.json").read_bytes()
    monkeypatch.setattr(parity, "PROBABILITY_TOLERANCE", -1.0)
    with pytest.raises(ParityError), Draft(out) as draft:
        add(draft, colours, pictures)
    assert (out / "config.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_training_again_replaces_the_model_and_keeps_what_is_asked(tmp_path, colours, pictures):
    out = colours.write(tmp_path / "model", pictures, **{"report.html": "old"})
    (out / "notes.txt").write_text("mine")
    (out / "checkpoint").mkdir()
    (out / "checkpoint" / "run.json").write_text("{}")
    (out / "checkpoint" / "step-1.json").write_text("{}")
    for keep in (True, False):
        with Draft(out) as draft:
            add(draft, colours, pictures)
            draft.publish(colours.config(seed=4), keep_checkpoint=keep)
        assert read_config(out).seed == 4
        assert (out / "notes.txt").read_text() == "mine"
        assert (out / "checkpoint" / "step-1.json").exists() == keep
        assert not (out / "checkpoint" / "run.json").exists()  # it names the user's files by their paths
        assert [path.name for path in tmp_path.iterdir()] == ["model"]
        assert not (out / "report.html").exists()  # it told of the old model


WRONG = {
    "one sample": ({"sample_images": np.zeros((1, 8, 8, 3), np.uint8)}, "expected at least 2 real pictures"),
    "samples of another size": ({"sample_images": np.zeros((2, 9, 8, 3), np.uint8)}, r"\(N, 8, 8, 3\) uint8"),
    "float samples": ({"sample_images": np.zeros((2, 8, 8, 3))}, "found float64"),
    "classes": ({"task": Classification(("a", "b"))}, r"gives \(2, 3\) for 2 pictures, expected \(2, 2\)"),
    "one class": ({"task": Classification(("a",))}, "classes: expected 2 to"),
    "architecture": ({"architecture": {}}, "architecture: expected"),
}


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_sentence(tmp_path, colours, pictures, changes, message):
    with pytest.raises(InputError, match=message), Draft(tmp_path / "out") as draft:
        add(draft, colours, pictures, **changes)
    assert list(tmp_path.iterdir()) == []


def test_grey_samples_are_taken_too(tmp_path, colours):
    with Draft(tmp_path / "out") as draft:
        add(draft, colours, np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), dtype=np.uint8))


def test_a_configuration_of_another_network_is_refused(tmp_path, colours, pictures):
    with Draft(tmp_path / "out") as draft:
        with pytest.raises(InputError, match="expected a network, found none"):
            draft.publish(colours.config())
        with pytest.raises(InputError, match="expected a network, found none"):
            draft.predictor()
        add(draft, colours, pictures)
        other_order = Classification(("red", "blue", "green"), colours.temperature)
        for changes in (
            {"task": other_order},
            {"task": Classification(colours.classes)},
            {"architecture": {"custom": "x"}},
        ):
            with pytest.raises(InputError, match=f"{next(iter(changes))} is not that of the network"):
                draft.publish(colours.config(**changes))
        with pytest.raises(InputError, match=r"add_text: expected report.html"):
            draft.add_text("../evil", "")


def test_a_full_disk_keeps_the_old_model(tmp_path, colours, pictures, monkeypatch):
    import os

    out = colours.write(tmp_path / "model", pictures)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with Draft(out) as draft:
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match=r"model.onnx: could not be written: No space left on device"):
            add(draft, colours, pictures)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_hostile_class_names_travel_unharmed(tmp_path, colours, pictures):
    names = ("<script>alert(1)</script>", "../../etc/passwd", "\x1b[2J\x00\udcff\n")
    with Draft(tmp_path / "out") as draft:
        add(draft, colours, pictures, task=Classification(names))
        folder = draft.publish(colours.config(task=Classification(names)))
    assert load(folder).classes_ == names
    assert (folder / "config.json").read_text().isascii()
    assert json.loads((folder / "config.json").read_text())["task"]["classes"] == list(names)
