"""The answers of a model folder against a computation by hand; every way to hand pictures in agrees."""

import io
import json
import shutil
from copy import copy as copy_of

import numpy as np
import pytest
from PIL import Image

from foveate.errors import ImageError, InputError, ModelFolderError
from foveate.modelfolder.read import load
from foveate.runtime.predictor import Predictor
from foveate.seal import sealed
from foveate.tasks.classification.task import Classification


@pytest.fixture(scope="module")
def predictor(model_folder):
    return load(model_folder)


@pytest.fixture
def files(tmp_path, pictures):
    paths = []
    for number, picture in enumerate(pictures):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(picture).save(paths[-1])
    return paths


def test_probabilities_are_those_computed_by_hand(predictor, pictures, colours):
    expected = np.stack([colours.expected(picture) for picture in pictures])
    np.testing.assert_allclose(predictor.predict_proba(pictures), expected, atol=1e-6)
    np.testing.assert_allclose(predictor.run(pictures)["probabilities"], expected, atol=1e-6)
    assert predictor.predict(pictures).tolist() == [colours.classes[i] for i in expected.argmax(axis=1)]


def test_every_form_of_a_picture_gives_the_same_answer(predictor, pictures, files):
    expected = predictor.predict_proba(pictures)
    for form in (list(pictures), files, [str(f) for f in files], [f.read_bytes() for f in files]):
        np.testing.assert_array_equal(predictor.predict_proba(form, batch_size=4), expected)
    np.testing.assert_array_equal(predictor.predict_proba(files[0]), expected[:1])
    np.testing.assert_array_equal(predictor.predict_proba(pictures[0]), expected[:1])
    for size in (1, 2, 100):
        streamed = dict(predictor.stream(files, predictor.preprocessing.take, batch_size=size))
        assert list(streamed) == files
        rows = [values["probabilities"] for values in streamed.values()]
        np.testing.assert_array_equal(np.concatenate(rows), expected)


def test_pictures_of_another_size_pass_through_the_preprocessing(predictor):
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[..., 1] = 255
    (found,) = predictor.predictions([picture], top_k=2)
    weight = np.exp(5.0)  # 10 * 1 / temperature 2
    assert found.label == "green"
    assert found.probability == pytest.approx(weight / (weight + 2), abs=1e-6)
    assert [label for label, _ in found.top] == ["green", "red"]  # of equals the earlier class


def test_unreadable_files_are_reported_and_the_rest_done(predictor, files, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(files[0].read_bytes()[:40])
    paths = [files[0], broken, tmp_path / "missing.png", *files[1:]]
    names, found = zip(*predictor.stream(paths, predictor.preprocessing.take, batch_size=2), strict=True)
    assert list(names) == paths
    assert [isinstance(one, ImageError) for one in found] == [False, True, True, *[False] * 5]
    assert "broken.png" in str(found[1])
    assert "missing.png" in str(found[2])
    with pytest.raises(ImageError, match=r"missing.png"):
        predictor.predict_proba([tmp_path / "missing.png"])


def test_no_pictures_give_no_answers(predictor):
    assert predictor.predict([]).shape == (0,)
    assert predictor.predictions([]) == []
    assert predictor.predict_proba([]).shape == (0, 3)
    assert predictor.run(np.zeros((0, 8, 8, 3), np.uint8))["probabilities"].shape == (0, 3)
    assert list(predictor.stream([], predictor.preprocessing.take)) == []


def test_a_stream_that_is_left_early_ends_its_threads(predictor, files):
    stream = predictor.stream(files * 20, predictor.preprocessing.take, batch_size=2)
    assert next(stream)[0] == files[0]
    stream.close()


def test_score_takes_names_and_numbers(predictor, pictures, colours):
    truth = [int(colours.expected(picture).argmax()) for picture in pictures]
    assert predictor.score(pictures, truth) == 1.0
    assert predictor.score(pictures, [colours.classes[i] for i in truth]) == 1.0
    assert predictor.score(pictures, [(i + 1) % 3 for i in truth]) == 0.0
    with pytest.raises(InputError, match="label 'purple': expected one of the model's 3 classes"):
        predictor.score(pictures, ["purple"] * 6)
    with pytest.raises(InputError, match="expected a label for each of 6 pictures, found 1"):
        predictor.score(pictures, [0])


def named(predictor, *classes):
    """The same network, its classes called otherwise."""
    other = copy_of(predictor)
    other.task = Classification(classes)
    return other


@pytest.mark.parametrize("names", [("1", "2", "3"), ("0", "10", "2"), ("-1", "0", "1"), ("2", "0", "1")])
def test_score_is_the_share_right_by_name_where_numbers_name_the_classes(predictor, pictures, colours, names):
    model = named(predictor, *names)
    right = [names[int(colours.expected(picture).argmax())] for picture in pictures]
    right[1] = names[(names.index(right[1]) + 1) % 3]  # one of six is mislabelled
    share = np.mean(model.predict(pictures) == right)
    assert share == pytest.approx(5 / 6)
    numbers = np.array(right, int)
    forms = [right, numbers, numbers[:, None], numbers.tolist(), list(numbers), list(numbers.astype(np.int8))]
    for labels in (*forms, numbers.astype(float), np.array(right)):
        assert model.score(pictures, labels) == share
    with pytest.raises(InputError, match="label 7: expected one of the model's 3 classes, such as"):
        model.score(pictures, [7] * 6)


def test_a_number_that_names_no_class_counts_them_only_where_none_is_a_number(predictor):
    def numbers(labels, *names):
        return Classification(names or predictor.classes_).targets(labels).labels.tolist()

    assert numbers([3, 1], "1", "2", "3") == [2, 0]
    with pytest.raises(InputError, match="label 0"):
        numbers([0], "1", "2", "3")
    assert numbers([0, 2, np.int8(1)], "ant", "0", "bee") == [1, 2, 1]
    assert numbers([np.int64(2), np.str_("red"), b"green", True]) == [2, 0, 1, 1]
    for label in (-1, 3, 0.5, None, "0", np.nan):
        with pytest.raises(InputError, match="expected one of the model's 3 classes"):
            numbers([label])


WRONG = {
    "floats": (lambda p: p.run(np.zeros((1, 8, 8, 3))), "expected uint8 pictures"),
    "another size": (lambda p: p.run(np.zeros((1, 9, 8, 3), np.uint8)), "`predict` takes pictures of"),
    "four channels": (lambda p: p.predict(np.zeros((8, 8, 4), np.uint8)), r"expected a picture \(H, W, 3\)"),
    "four channels, many": (lambda p: p.predict(np.zeros((2, 8, 8, 4), np.uint8)), "expected pictures"),
    "top 0": (lambda p: p.predictions(np.zeros((8, 8, 3), np.uint8), top_k=0), "top_k: expected at least 1"),
    "batch 0": (lambda p: p.predict([b""], batch_size=0), "batch_size: expected at least 1"),
}


@pytest.mark.parametrize(("call", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_sentence(predictor, call, message):
    with pytest.raises(InputError, match=message):
        call(predictor)


def test_grey_pictures_are_taken_as_they_are(predictor):
    grey = np.full((2, 8, 8, 1), 7, np.uint8)
    np.testing.assert_equal(predictor.run(grey), predictor.run(np.repeat(grey, 3, axis=3)))


@pytest.fixture
def copy(model_folder, tmp_path):
    return shutil.copytree(model_folder, tmp_path / "copy")


def change_config(folder, change):
    document = json.loads((folder / "config.json").read_text())
    change(document)
    (folder / "config.json").write_text(json.dumps(sealed(document)))


LIES = {
    "another class more": (
        lambda d: d["task"]["classes"].append("x"),
        r"expected images tensor\(uint8\) .* 4\)",
    ),
    "another size": (lambda d: d["input"].update(height=9), "expected input and preprocessing to agree"),
    "unknown setting": (lambda d: d["preprocessing"].update(x=1), "preprocessing: .*'x'"),
    "sizes of another model": (
        lambda d: (d["input"].update(height=9), d["preprocessing"].update(height=9)),
        "the model does not belong to this config.json",
    ),
    "hash": (lambda d: d["files"]["model.onnx"].update(sha256="0" * 64), "SHA-256 is not the recorded"),
}


@pytest.mark.parametrize(("change", "message"), LIES.values(), ids=LIES)
def test_a_folder_that_contradicts_itself_is_refused(copy, change, message):
    change_config(copy, change)
    with pytest.raises(ModelFolderError, match=message):
        load(copy)


def test_load_without_verifying_reads_a_changed_file(copy):
    change_config(copy, lambda d: d["files"]["model.onnx"].update(sha256="0" * 64))
    assert load(copy, verify=False).classes_ == ("red", "green", "blue")


def test_only_the_two_needed_files_are_read(copy):
    (copy / "model.safetensors").unlink()
    assert load(copy).predict(np.zeros((8, 8, 3), np.uint8))[0] == "red"


def test_a_network_that_gives_no_probabilities_is_refused(colours, pictures):
    """The graph promises probabilities by name and shape; its numbers are looked at as well."""
    import onnx
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x", "axes"], ["probabilities"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 8, 8, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [onnx.numpy_helper.from_array(np.array([1, 2]), "axes")],
    )
    opset = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()
    with pytest.raises(ModelFolderError, match=r"expected probabilities \(6, 3\) between 0 and 1,"):
        Predictor(model, colours.task, colours.preprocessing).run(pictures)


def test_a_picture_in_memory_need_not_be_a_file(predictor, pictures):
    file = io.BytesIO()
    Image.fromarray(pictures[0]).save(file, "PNG")
    assert predictor.predict(file.getvalue()) == predictor.predict(pictures[:1])
