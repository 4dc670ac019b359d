"""config.json: every wrong field is refused with a sentence, every damaged file is named."""

import dataclasses
import hashlib
import json
import os
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.errors import InputError, ModelFolderError
from foveate.folders import put_in_place
from foveate.modelfolder.read import of_one_model, read_config, read_verified, verify
from foveate.runtime.config import FileRecord, InputShape, ModelConfig
from foveate.seal import sealed
from foveate.tasks.classification.task import MAX_CLASSES, Classification
from foveate.tasks.classification.threshold import UnsureRule


def make_config(**changes):
    values = {
        "architecture": {"name": "lenet5", "options": {"activation": "tanh"}},
        "task": Classification(("cat", "dog"), 1.25),
        "input": InputShape(28, 28, 1),
        "preprocessing": {"height": 28, "mean": (0.5,)},
        "recipe": {"name": "article", "lr": 0.001},
        "seed": 7,
        "versions": {"torch": "2.13.0"},
        "metrics": {"test": {"accuracy": 0.9}},
        "created": "2026-11-21T10:00:00+00:00",
    }
    return ModelConfig(**{**values, **changes})


@pytest.fixture
def folder(tmp_path):
    """A model folder whose model.onnx is four bytes: enough for everything but running it."""
    (tmp_path / "model.onnx").write_bytes(b"onnx")
    files = {"model.onnx": FileRecord(hashlib.sha256(b"onnx").hexdigest(), 4)}
    (tmp_path / "config.json").write_text(make_config(files=files).to_json())
    return tmp_path


def test_a_configuration_equals_itself_read_back(folder):
    config = read_config(folder)
    assert config == make_config(files=config.files)
    refined = {**config.architecture, "refine": {"window": 5}}
    again = ModelConfig.from_json(make_config(architecture=refined).to_json().encode())
    assert again.architecture == refined
    assert config.preprocessing["mean"] == [0.5]
    assert verify(folder) == config
    assert read_verified(folder, config, "model.onnx") == b"onnx"


names = st.text(st.characters(exclude_categories=()), min_size=1, max_size=20)


@given(st.lists(names, min_size=2, max_size=5, unique=True))
@settings(max_examples=50, deadline=None)
def test_any_text_can_be_a_class_and_survives(classes):
    text = make_config(task=Classification(tuple(classes))).to_json()
    assert text.isascii()
    assert ModelConfig.from_json(text.encode()).task.labels == tuple(classes)


WRONG = {
    "task": ({"task": "classification"}, "task: expected a task, found 'classification'"),
    "seed": ({"seed": -1}, "seed: expected an integer"),
    "metric infinite": ({"metrics": {"a": [float("inf")]}}, "metrics: expected finite numbers, found inf"),
    "metric object": ({"metrics": {"a": object()}}, "metrics: expected plain JSON values"),
    "versions": ({"versions": {"torch": 2}}, "versions: expected names and texts"),
    "no architecture": ({"architecture": {}}, "architecture: expected"),
    "two architectures": ({"architecture": {"custom": "x", "blueprint": {}}}, "architecture: expected"),
    "a field behind somebody's own": (
        {"architecture": {"custom": "x", "refine": {}}},
        "architecture: expected",
    ),
    "no options of a field": (
        {"architecture": {"name": "x", "options": {}, "refine": 3}},
        "refine: expected an object, found 3",
    ),
    "file name": ({"files": {"../evil": FileRecord("0" * 64, 1)}}, "files: expected only model.onnx"),
}


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG)
def test_wrong_values_are_refused_when_made(changes, message):
    with pytest.raises(InputError, match=re.escape(message)):
        make_config(**changes)


@pytest.mark.parametrize("side", [0, -1, 16385, 2.0, True, "28"])
def test_wrong_sides_are_refused(side):
    with pytest.raises(InputError, match=r"input.height: expected 1 to 16384 pixels"):
        InputShape(side, 28, 3)


@pytest.mark.parametrize("sha256", ["0" * 63, "G" * 64, "A" * 64, "0" * 64 + "\n", 5])
def test_wrong_hashes_are_refused(sha256):
    with pytest.raises(InputError, match="64 lower-case hexadecimal digits"):
        FileRecord(sha256, 1)


def text_without(folder, name):
    document = json.loads((folder / "config.json").read_text())
    del document[name]
    return json.dumps(sealed(document))


def text_with(folder, **changes):
    """config.json with other values and, as someone would do who means it, with its hash made anew."""
    text = json.dumps({**json.loads((folder / "config.json").read_text()), **changes})
    try:
        return json.dumps(sealed(json.loads(text)))
    except ValueError:  # NaN has no hash
        return text


def with_task(folder, **changes):
    """config.json with another task."""
    task = json.loads((folder / "config.json").read_text())["task"]
    return text_with(folder, task={**task, **changes})


BROKEN = {
    "empty": (lambda _: "", "no valid JSON"),
    "truncated": (lambda folder: text_with(folder)[:-20], "no valid JSON"),
    "a list": (lambda _: "[]", "expected an object, found a list of 0"),
    "a number": (lambda _: "1", "expected an object, found 1"),
    "NaN": (lambda folder: text_with(folder, seed=float("nan")), "expected finite ones, found 'NaN'"),
    "overflow": (lambda f: text_with(f).replace("1.25", "1e999"), "expected finite ones, found '1e999'"),
    "long digits": (lambda f: text_with(f).replace("1.25", "1" * 5000), "no valid JSON"),
    "key twice": (lambda f: text_with(f).replace('"task"', '"seed": 1, "task"'), "the same key twice"),
    "unknown key": (lambda folder: text_with(folder, extra=1), "found 'extra'"),
    "missing key": (
        lambda folder: text_without(folder, "seed"),
        "fields: expected the field 'seed', found 'none'",
    ),
    "deep": (lambda _: "[" * 100_000 + "]" * 100_000, "nested deeper than"),
    "deep metrics": (lambda f: text_with(f, metrics={"a": json.loads("[" * 40 + "]" * 40)}), "32 levels"),
    "many values": (lambda _: "[" + "0," * 4_000_001 + "0]", "more than 4000000 values"),
    "not UTF-8": (lambda _: b"\xff\xfe{}", "no valid JSON"),
    "newer": (lambda folder: text_with(folder, format_version=3, unheard=1), "written by a newer foveate"),
    "older": (lambda folder: text_with(folder, format_version=0), "format_version: expected 2, found 0"),
    "version text": (lambda folder: text_with(folder, format_version="1"), "format_version: expected 2"),
    "version true": (lambda folder: text_with(folder, format_version=True), "format_version: expected 2"),
    "task text": (lambda folder: text_with(folder, task="classification"), "task: expected an object"),
    "task unknown": (lambda f: with_task(f, name="clasification"), "did you mean classification"),
    "task unnamed": (
        lambda f: with_task(f, name=["x"]),
        "task.name: expected one of captioning, classification",
    ),
    "classes text": (lambda f: with_task(f, classes="cats"), "task.classes: expected a list"),
    "one class": (lambda f: with_task(f, classes=["cat"]), "classes: expected 2 to 100000 names, found 1."),
    "too many classes": (
        lambda f: with_task(f, classes=list(map(str, range(MAX_CLASSES + 1)))),
        "classes: expected 1 to 100000 names",
    ),
    "class twice": (lambda f: with_task(f, classes=["cat", "cat"]), "found 'cat' twice"),
    "class empty": (lambda f: with_task(f, classes=["cat", ""]), "classes: expected texts"),
    "class long": (lambda f: with_task(f, classes=["cat", "x" * 1001]), "classes: expected texts"),
    "class number": (lambda f: with_task(f, classes=["cat", 1]), "classes: expected texts"),
    "temperature 0": (lambda f: with_task(f, temperature=0.0), "temperature: expected a number above 0"),
    "temperature true": (lambda f: with_task(f, temperature=True), "number above 0, found True"),
    "task of more": (lambda f: with_task(f, module="os"), "task: expected only the fields"),
    "file record": (
        lambda f: text_with(f, files={"model.onnx": 1}),
        "files['model.onnx']: expected an object",
    ),
    "input": (lambda folder: text_with(folder, input=None), "input: expected an object, found None"),
}


@pytest.mark.parametrize(("make", "message"), BROKEN.values(), ids=BROKEN)
def test_a_broken_configuration_is_one_sentence(folder, make, message):
    text = make(folder)
    (folder / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelFolderError, match=re.escape(message)) as info:
        read_config(folder)
    assert str(folder / "config.json") in str(info.value)
    assert len(str(info.value)) < 600


def test_no_flipped_bit_of_the_configuration_changes_what_is_read(folder):
    """Each is refused in a sentence; only white space may be other white space."""
    path = folder / "config.json"
    whole, expected = path.read_bytes(), read_config(folder)
    accepted = 0
    for bit in range(0, 8 * len(whole), 11):  # an eleventh of them, at every place of a byte
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        try:
            assert read_config(folder) == expected, f"bit {bit}"
            accepted += 1
        except ModelFolderError as error:
            assert str(path) in str(error)
    assert accepted < 5


def test_an_edited_configuration_says_how_to_stand_by_it(folder):
    path = folder / "config.json"
    edited = path.read_text().replace(json.dumps(make_config().task.labels[0]), '"tabby"')
    path.write_text(edited)
    with pytest.raises(
        ModelFolderError, match="changed after it was written; copy the model folder again or"
    ):
        read_config(folder)
    try:
        read_config(folder)
    except ModelFolderError as error:
        advised = re.search(r'let its last field be ("sha256": "[0-9a-f]{64}")\.', str(error))[1]
    path.write_text(re.sub(r'"sha256": "[0-9a-f]{64}"(?=\s*}\s*$)', advised, edited))
    assert read_config(folder).task.labels == ("tabby", "dog")


# As version 1 wrote it: what belongs to the task beside it, no hash. Some had `confidence`.
VERSION_1 = {
    "format_version": 1,
    "task": "classification",
    "architecture": {"name": "lenet5", "options": {"activation": "tanh"}},
    "classes": ["cat", "dog"],
    "input": {"height": 28, "width": 28, "channels": 1},
    "preprocessing": {"height": 28, "mean": [0.5]},
    "temperature": 1.25,
    "recipe": {"name": "article", "lr": 0.001},
    "seed": 7,
    "versions": {"torch": "2.13.0"},
    "metrics": {"test": {"accuracy": 0.9}},
    "created": "2026-11-21T10:00:00+00:00",
    "files": {"model.onnx": {"sha256": hashlib.sha256(b"onnx").hexdigest(), "bytes": 4}},
}
CONFIDENCE = {"unsure_below": 0.6, "precision": 0.95, "coverage": 0.8, "samples": 120}


@pytest.mark.parametrize("confidence", [None, CONFIDENCE])
def test_a_folder_of_version_1_is_read(folder, confidence):
    path = folder / "config.json"
    more = {} if confidence is None else {"confidence": confidence}
    path.write_text(json.dumps({**VERSION_1, **more}))
    rule = None if confidence is None else UnsureRule(0.6, 0.95, 0.8, 120)
    found = read_config(folder)
    assert found.task == Classification(("cat", "dog"), 1.25, rule)
    files = {"model.onnx": FileRecord(hashlib.sha256(b"onnx").hexdigest(), 4)}
    assert found == make_config(files=files, task=found.task)
    assert verify(folder) == found


BROKEN_VERSION_1 = {
    "a task of today's": (
        {"task": {"name": "classification"}},
        "task.name: expected one of captioning, classification",
    ),
    "another task": ({"task": "captions"}, "Unknown task 'captions'"),
    "a class twice": ({"classes": ["a", "a"]}, "found 'a' twice"),
    "a threshold": ({"confidence": {**CONFIDENCE, "unsure_below": 2}}, "unsure_below: expected"),
}


@pytest.mark.parametrize(("changes", "message"), BROKEN_VERSION_1.values(), ids=BROKEN_VERSION_1)
def test_what_version_1_could_not_be_is_refused(folder, changes, message):
    (folder / "config.json").write_text(json.dumps({**VERSION_1, **changes}))
    with pytest.raises(ModelFolderError, match=re.escape(message)):
        read_config(folder)


def test_todays_format_without_its_hash_is_refused(folder):
    document = json.loads((folder / "config.json").read_text())
    del document["sha256"]
    (folder / "config.json").write_text(json.dumps(document))
    with pytest.raises(ModelFolderError, match="changed after it was written"):
        read_config(folder)


def test_every_bit_flip_of_a_file_is_found(folder):
    for bit in range(32):
        data = bytearray(b"onnx")
        data[bit // 8] ^= 1 << bit % 8
        (folder / "model.onnx").write_bytes(data)
        with pytest.raises(ModelFolderError, match=r"model.onnx: damaged or changed after training"):
            verify(folder)


@pytest.mark.parametrize("data", [b"", b"onn", b"onnx!"])
def test_a_file_of_another_length_is_found(folder, data):
    (folder / "model.onnx").write_bytes(data)
    with pytest.raises(ModelFolderError, match=r"model.onnx: (damaged|has 5 bytes)"):
        verify(folder)


def test_a_model_that_takes_another_ones_place_while_it_is_read_is_read_instead(tmp_path):
    """In one step, as `foveate train --overwrite` publishes: the file at hand is then not the listed one."""
    old, new = tmp_path / "model", tmp_path / "new"
    for place, content in ((old, b"onnx"), (new, b"another")):
        place.mkdir()
        (place / "model.onnx").write_bytes(content)
        files = {"model.onnx": FileRecord(hashlib.sha256(content).hexdigest(), len(content))}
        (place / "config.json").write_text(make_config(files=files).to_json())
    seen = []

    def read(config):
        if not seen:
            put_in_place(new, old)
        seen.append(config.files["model.onnx"].bytes)
        return read_verified(old, config, "model.onnx")

    assert of_one_model(old, read) == b"another"
    assert seen == [4, 7]
    (old / "model.onnx").write_bytes(b"Another")
    with pytest.raises(ModelFolderError, match="damaged or changed"):
        of_one_model(old, read)


def test_missing_things_are_named(folder, tmp_path_factory):
    (folder / "model.onnx").unlink()
    with pytest.raises(ModelFolderError, match=r"model.onnx: missing"):
        verify(folder)
    with pytest.raises(ModelFolderError, match=r"does not list report.html"):
        verify(folder, ["report.html"])
    with pytest.raises(ModelFolderError, match="found nothing"):
        read_config(folder / "nowhere")
    with pytest.raises(ModelFolderError, match="found a file"):
        read_config(folder / "config.json")
    with pytest.raises(ModelFolderError, match=r"config.json: missing"):
        read_config(tmp_path_factory.mktemp("empty"))


def test_links_pipes_and_folders_are_not_followed(folder):
    canary = folder / "canary"
    canary.write_bytes(b"onnx")
    path = folder / "model.onnx"
    path.unlink()
    path.symlink_to(canary)
    with pytest.raises(ModelFolderError, match="is a link"):
        verify(folder)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ModelFolderError, match="found a pipe, device or folder"):  # and does not wait
        verify(folder)
    path.unlink()
    path.mkdir()
    with pytest.raises(ModelFolderError, match="found a pipe, device or folder"):
        verify(folder)


def test_odd_folder_names_are_escaped_in_the_sentence(tmp_path):
    with pytest.raises(ModelFolderError, match=r"evil\\x1b\[2J") as info:
        read_config(tmp_path / "evil\x1b[2J")
    assert str(info.value).isprintable()


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_config().seed = 1


def test_a_huge_file_is_refused_before_it_is_read(folder):
    with (folder / "config.json").open("wb") as file:
        file.truncate((64 << 20) + 1)  # sparse
    with pytest.raises(ModelFolderError, match="has 67108865 bytes, expected at most 67108864"):
        read_config(folder)
