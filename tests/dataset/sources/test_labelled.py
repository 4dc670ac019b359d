"""Classes as Label Studio, CVAT and FiftyOne have them, in their published forms, there and back."""

import json
import os
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from foveate.cli.labelled import SUFFIXES
from foveate.dataset import open_dataset
from foveate.dataset.sources.labelled import WRITERS, Labelled
from foveate.errors import DatasetError

NAMES = ["cat/1.png", "cat/2.png", "dog/a b.png", 'dog/"<&>.png']
GIVEN = ["cat", "cat", "dog & co", "dog & co"]


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / name)
    return tmp_path


def found(data):
    split = data.splits["train"]
    labels = data.task.cells(split.targets)
    return {split.images.name(i): label for i, label in enumerate(labels)}


@pytest.mark.parametrize("program", sorted(WRITERS))
def test_what_is_written_with_a_label_each_is_read_again(program, folder):
    pictures = [Labelled(name, label) for name, label in zip(NAMES, GIVEN, strict=True)]
    file = folder / f"out{SUFFIXES[program]}"
    file.write_text(WRITERS[program](pictures, sorted(set(GIVEN))))
    assert found(open_dataset(file)) == dict(zip(NAMES, GIVEN, strict=True))


def test_label_studio_shows_the_doubt_and_what_is_corrected_there_counts(folder):
    doubt = Labelled("cat/1.png", "cat", "dog & co", 0.9)
    (task,) = tasks = json.loads(WRITERS["label-studio"]([doubt], GIVEN))
    (prediction,) = task["predictions"]
    assert prediction["score"] == 0.9 and prediction["result"][0]["value"]["choices"] == ["dog & co"]
    assert task["annotations"][0]["result"][0]["value"]["choices"] == ["cat"]
    # As Label Studio exports it: ids, times, the new annotation last, a cancelled one behind it.
    task["annotations"] += [
        {"id": 2, "was_cancelled": False, "result": prediction["result"], "completed_by": 1},
        {"id": 3, "was_cancelled": True, "result": []},
    ]
    uploaded = {  # a picture that was uploaded there, under a name of its own
        "id": 9,
        "data": {"image": "/data/upload/1/0a1b2c3d-2.png"},
        "annotations": [{"result": [{"type": "choices", "value": {"choices": ["cat"]}}]}],
    }
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(folder / "2.png")
    unseen = {"id": 10, "data": {"image": "x.png"}, "annotations": []}
    (folder / "export.json").write_text(json.dumps([*tasks, uploaded, unseen]))
    assert found(open_dataset(folder / "export.json")) == {"cat/1.png": "dog & co", "2.png": "cat"}


def test_annotations_were_called_completions_once_and_what_has_none_is_told(folder):
    choice = {"type": "choices", "value": {"choices": ["cat"]}}
    tasks = [
        {"data": {"file_name": "cat/1.png"}, "completions": [{"result": [choice]}]},
        {"data": {"file_name": "cat/2.png"}, "completions": []},
        {"data": {"file_name": "gone.png"}, "completions": [{"was_cancelled": True, "result": [choice]}]},
    ]
    (folder / "export.json").write_text(json.dumps(tasks))
    data = open_dataset(folder / "export.json", min_classes=1)
    assert found(data) == {"cat/1.png": "cat"}
    assert data.notes == ("2 pictures without a label, left out, as still to be annotated.",)
    for damaged in ({"type": "choices", "value": {}}, ["choices"]):
        tasks[0]["completions"] = [{"result": [damaged]}]
        (folder / "export.json").write_text(json.dumps(tasks))
        with pytest.raises(DatasetError, match=r"export.json' has a task that is not as Label Studio writes"):
            open_dataset(folder / "export.json")


def test_several_choices_are_several_labels(folder):
    tasks = [
        {
            "data": {"image": f"s3://elsewhere/{name}", "file_name": name},
            "annotations": [{"result": [{"type": "choices", "value": {"choices": choices}}]}],
        }
        for name, choices in zip(NAMES, (["a", "b"], ["a"], ["b"], ["a"]), strict=True)
    ]
    (folder / "export.json").write_text(json.dumps(tasks))
    assert open_dataset(folder / "export.json").task.name == "multilabel"


def test_cvat_gets_tags_with_their_labels(folder):
    root = ElementTree.fromstring(WRITERS["cvat"]([Labelled(NAMES[3], "cat", "dog & co", 0.7)], GIVEN[1:3]))
    assert [name.text for name in root.iterfind("meta/job/labels/label/name")] == ["cat", "dog & co"]
    tag = root.find("image/tag")
    assert root.find("image").get("name") == NAMES[3]
    assert (tag.get("label"), tag.get("source")) == ("dog & co", "auto")


def test_fiftyone_has_numbers_confidences_and_names_without_endings(folder):
    (folder / "data").mkdir()
    for name in ("one", "two"):
        Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(folder / "data" / f"{name}.png")
    labels = {"one": 1, "two": {"label": "cat", "confidence": 0.5}, "three": None}
    (folder / "labels.json").write_text(json.dumps({"classes": ["cat", "dog"], "labels": labels}))
    assert found(open_dataset(folder)) == {"one.png": "dog", "two.png": "cat"}
    (told,) = json.loads(WRITERS["fiftyone"]([Labelled("one", "cat", "dog", 0.9)], []))["labels"].values()
    assert told == {"label": "dog", "confidence": 0.9, "attributes": {"given": "cat"}}


def test_names_without_endings_are_found_by_one_look_at_their_folder(folder, monkeypatch):
    names = [f"no. [{number}]" for number in range(30)]
    for name in names:
        Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(folder / f"{name}.png")
    labels = {name: ("cat", "dog")[place % 2] for place, name in enumerate(names)}
    (folder / "labels.json").write_text(json.dumps({"classes": [], "labels": labels | {"cat/1": "cat"}}))
    looked_at, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda place: looked_at.append(place) or scandir(place))
    data = open_dataset(folder / "labels.json")
    assert found(data) == {f"{name}.png": label for name, label in labels.items()} | {"cat/1.png": "cat"}
    assert len(looked_at) <= 4


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"../out": "cat"}, "expected pictures below its folder"),
        ({"gone": "cat"}, "expected the picture 'gone'"),
        ({"cat/1.png": 7}, "by its number among 0 classes, found 7"),
        ({}, "holds no picture with a label"),
    ],
)
def test_what_cannot_be_is_one_sentence(labels, told, folder):
    (folder / "labels.json").write_text(json.dumps({"classes": [], "labels": labels}))
    with pytest.raises(DatasetError, match=told):
        open_dataset(folder / "labels.json")


def test_the_command_line_knows_the_programs():
    assert set(SUFFIXES) == set(WRITERS)
