import io
import zipfile

import numpy as np
import pytest

from foveate.dataset import from_arrays
from foveate.dataset.sources.arrays import open_npz
from foveate.errors import DatasetError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 4, 5), np.uint8)
COLOUR = RNG.integers(0, 256, (6, 4, 5, 3), np.uint8)
LABELS = np.array([0, 2, 1, 1, 2, 0])


def pixels(data, key="train"):
    return data.splits[key].images.array


def test_grey_colour_and_labels_in_a_column():
    data = from_arrays(GREY, LABELS[:, None])
    assert pixels(data).shape == (6, 4, 5, 1) and data.task.labels == ("0", "1", "2")
    assert data.splits["train"].targets.labels.tolist() == LABELS.tolist()
    np.testing.assert_array_equal(pixels(from_arrays(COLOUR, LABELS)), COLOUR)
    assert np.shares_memory(pixels(from_arrays(COLOUR, LABELS)), COLOUR)  # 150 MB need no second copy


def test_labels_of_every_kind():
    assert from_arrays(GREY, list("bbcaab")).task.labels == ("a", "b", "c")
    assert from_arrays(GREY, np.array([b"x", b"y"] * 3)).task.labels == ("x", "y")
    assert from_arrays(GREY, LABELS.astype(float)).task.labels == ("0", "1", "2")
    assert from_arrays(GREY, LABELS > 0).task.labels == ("0", "1")
    assert from_arrays(GREY, [10, 9, -1, 9, 10, -1]).task.labels == ("-1", "9", "10")


def test_given_classes_are_counted_by_numbers_and_matched_by_texts():
    data = from_arrays(GREY, LABELS, ["ant", "bee", "cat", "dog"])
    assert (
        data.task.labels == ("ant", "bee", "cat", "dog")
        and data.splits["train"].targets.labels.tolist() == LABELS.tolist()
    )
    data = from_arrays(GREY, ["bee", "ant"] * 3, ["cat", "bee", "ant"])
    assert data.splits["train"].targets.labels.tolist() == [1, 2] * 3
    with pytest.raises(DatasetError, match="0 to 2; 2 classes allow 0 to 1"):
        from_arrays(GREY, LABELS, ["ant", "bee"])
    with pytest.raises(DatasetError, match="pictures of 'bee', unknown"):
        from_arrays(GREY, ["bee", "ant"] * 3, ["ant", "cat"])
    with pytest.raises(DatasetError, match="has 1 classes; a classifier needs at least 2"):
        from_arrays(GREY, np.zeros(6, int), ["ant"])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0.0, 0.5, 1.0]), [0, 128, 255]),
        (np.array([0.0, 0.25, 1.0], np.float16), [0, 64, 255]),
        (np.array([0.4, 0.5, 254.6]), [0, 1, 255]),
        (np.array([0, 128, 129, 65535], np.uint16), [0, 0, 1, 255]),
        (np.array([0, 7, 255], np.int64), [0, 7, 255]),
        (np.array([False, True]), [0, 255]),
        (np.array([0.0, 1.0]), [0, 255]),
        (np.array([0, 1, 3344, 4095], np.uint16), [0, 0, 208, 255]),  # 12 bits in 16
        (np.array([0, 4096], np.uint16), [0, 16]),
        (np.array([0, 0], np.int8), [0, 0]),
        (np.array([0.0, 5.0, 16.0]), [0, 5, 16]),
    ],
)
def test_other_numbers_become_bytes(values, expected):
    images = values.reshape(-1, 1, 1)
    data = from_arrays(images, np.arange(len(values)))
    np.testing.assert_array_equal(pixels(data).ravel(), expected)


def test_the_range_is_one_for_all_splits():
    bright, dark = np.full((2, 1, 1), 40_000, np.uint16), np.full((2, 1, 1), 400, np.uint16)
    data = from_arrays(bright, [0, 1], val=(dark, [0, 1]), test=(0 * dark, [1, 0]))
    assert [pixels(data, key).max() for key in ("train", "val", "test")] == [156, 2, 0]  # 255/65535 of each
    assert (
        data.splits["test"].targets.labels.tolist() == [1, 0]
        and data.splits["val"].images.name(1) == "val[1]"
    )


SCALED = {
    "uint8": GREY,
    "0 to 1": GREY / 255,
    "float32": (GREY / 255).astype(np.float32),
    "bool": GREY > 99,
    "mask": (GREY > 99).astype(np.uint8),
    "0 to 255": GREY.astype(float),
    "16 bits": GREY * np.uint16(256),
}
WIDTHS = {"0 to 1": 1, "float32": 1, "bool": 1, "mask": 1, "uint8": 255, "0 to 255": 255, "16 bits": 65535}


@pytest.mark.parametrize("train", SCALED)
@pytest.mark.parametrize("test", SCALED)
def test_splits_that_are_not_scaled_alike_are_refused_with_their_ranges(train, test):
    """One of the two would be black. Where both mean the same, the same pictures come out."""
    if WIDTHS[train] != WIDTHS[test]:
        with pytest.raises(
            DatasetError, match=r"not scaled alike: .* in train, 0 to .* in test; bring all to"
        ):
            from_arrays(SCALED[train], LABELS, test=(SCALED[test], LABELS))
    elif "mask" in (train, test):
        with pytest.raises(DatasetError, match="whole numbers 0 and 1 only, which may be black and white"):
            from_arrays(SCALED[train], LABELS, test=(SCALED[test], LABELS))
    elif "bool" in (train, test):
        assert pixels(from_arrays(SCALED[train], LABELS, test=(SCALED[test], LABELS)), "test").max() > 240
    else:
        data = from_arrays(SCALED[train], LABELS, test=(SCALED[test], LABELS))
        np.testing.assert_array_equal(pixels(data), pixels(data, "test"))
        assert abs(pixels(data)[..., 0].astype(int) - GREY).max() <= 1


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int64, np.uint16])
def test_whole_numbers_0_and_1_are_never_guessed_at(kind):
    with pytest.raises(DatasetError, match=r"whole numbers 0 and 1 only.*or make them booleans"):
        from_arrays((GREY > 99).astype(kind), LABELS)


def test_a_range_that_is_a_guess_is_told():
    assert from_arrays(GREY, LABELS).notes == from_arrays(GREY / 255, LABELS).notes == ()
    (note,) = from_arrays(GREY * np.uint16(16), LABELS).notes
    assert note.endswith("(uint16), read as 0 for black to 4,095 for white.")
    assert from_arrays(GREY // 16, LABELS).notes[0].startswith("The pictures hold up to 15 (uint8), read as")


def test_many_floats_are_converted_in_pieces():
    images = RNG.random((2500, 2, 2)).astype(np.float32)
    data = from_arrays(images, np.arange(2500) % 2)
    np.testing.assert_array_equal(pixels(data)[..., 0], np.floor(images.astype(float) * 255 + 0.5))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((6, 3, 4, 5), np.uint8), LABELS, "channels come last here"),
        (np.zeros((6, 4, 5, 4), np.uint8), LABELS, "with C 1 or 3, not uint8 .6, 4, 5, 4."),
        (np.zeros((6, 4), np.uint8), LABELS, "of shape"),
        (np.zeros((0, 4, 4), np.uint8), [], "of shape"),
        (np.zeros((6, 4, 4), complex), LABELS, "must be numbers"),
        (np.array([["a"]]), ["a"], "must be numbers"),
        ([[[1, 2]], [[1]]], [0, 1], "must be even"),
        (GREY, LABELS[:5], "has 6 pictures and 5 labels in train"),
        (GREY, np.eye(6), "of another kind, say task: captioning, classification, detection, multilabel"),
        (GREY, np.array([None] * 6), "must be one whole number or text"),
        (GREY.astype(float) - 128, LABELS, "values go from -128 to .*: undo any normalisation first"),
        (GREY * 1e6, LABELS, "values go from"),
        (GREY / 200, LABELS, r"values go from 0 to 1.2\d* in train; 0 to 1 .floats., .* and clip what lies"),
        (np.array([0, np.inf]).repeat(3).reshape(6, 1, 1), LABELS, "values go from 0 to inf"),
        (np.full((6, 2, 2), np.nan), LABELS, "values go from nan to nan"),
        (GREY.astype(np.int16) - 1, LABELS, "values go from"),
        (GREY, np.zeros(6, int), "the one class '0'"),
        (GREY, [""] * 3 + ["a"] * 3, "texts of 1 to 1000 characters"),
    ],
)
def test_what_cannot_be_used_is_refused(images, labels, message):
    with pytest.raises(DatasetError, match=message):
        from_arrays(images, labels)


def test_a_class_in_test_alone_is_refused():
    with pytest.raises(DatasetError, match="pictures of '5' in test and none in train"):
        from_arrays(GREY, LABELS, test=(GREY[:1], [5]))


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("x_train", "y_train", "x_test", "y_test"), ["train", "test"]),
        (("images", "labels"), ["train"]),
        (("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"),
         ["train", "val", "test"]),
    ],
)  # fmt: skip
def test_npz(tmp_path, names, splits):
    arrays = {name: (GREY if i % 2 == 0 else LABELS[:, None]) for i, name in enumerate(names)}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", **arrays, other=np.arange(3))
        data = open_npz(tmp_path / "a.npz")
        assert list(data.splits) == splits and data.task.labels == ("0", "1", "2")
        np.testing.assert_array_equal(pixels(data)[..., 0], GREY)
        assert data.name == str(tmp_path / "a.npz")


def test_npz_names_in_any_case_and_what_is_left_out_is_said(tmp_path):
    arrays = {"X_train": GREY, "Y_train": LABELS, "x_valid": GREY, "y_valid": LABELS, "X_test": GREY}
    np.savez(tmp_path / "a.npz", **arrays, Classes=np.array(["a", "b", "c"]), y_tset=LABELS)
    data = open_npz(tmp_path / "a.npz")
    assert list(data.splits) == ["train", "val"] and data.task.labels == ("a", "b", "c")
    assert data.notes == ("These arrays were left out: 'X_test', 'y_tset'.",)
    np.savez(tmp_path / "a.npz", X_train=GREY, Y_train=LABELS, dev_images=GREY, dev_labels=LABELS)
    assert list(open_npz(tmp_path / "a.npz").splits) == ["train", "val"]


def test_labels_that_seem_to_count_from_1_are_told():
    names = ["ant", "bee", "cat", "dog"]
    assert from_arrays(GREY, LABELS, names).notes == ()
    assert from_arrays(GREY, LABELS + 1, names).notes == (
        "No label is 0, which is 'ant': subtract 1 if yours count from 1.",
    )


def test_npz_with_classes(tmp_path):
    for classes in (np.array(["ant", "bee", "cat"]), np.array([b"ant", b"bee", b"cat"])):
        np.savez(tmp_path / "a.npz", images=GREY, labels=LABELS, classes=classes)
        assert open_npz(tmp_path / "a.npz").task.labels == ("ant", "bee", "cat")
    np.savez(tmp_path / "a.npz", images=GREY, labels=LABELS, classes=np.arange(3))
    with pytest.raises(DatasetError, match=r"'classes' of .* must be a list of texts, not int64"):
        open_npz(tmp_path / "a.npz")


def test_nothing_pickled_is_loaded(tmp_path):
    canary = tmp_path / "canary"

    class Hostile:
        def __reduce__(self):
            return (canary.write_text, ("run",))

    np.savez(tmp_path / "a.npz", images=GREY, labels=np.array([Hostile()] * 6, dtype=object))
    with pytest.raises(DatasetError, match="holds Python objects, which are never loaded"):
        open_npz(tmp_path / "a.npz")
    assert not canary.exists()


def test_npz_that_cannot_be_used(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    np.savez(path, data=GREY, target=LABELS)
    with pytest.raises(DatasetError, match="holds data, target; expected x_train, y_train; train_images"):
        open_npz(path)
    np.savez(path, images=GREY, labels=LABELS, x_train=GREY, y_train=LABELS)
    with pytest.raises(DatasetError, match="more than one train set: 'x_train' and 'images'"):
        open_npz(path)
    np.savez(path, images=GREY, labels=LABELS)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(DatasetError, match="Cannot read the arrays"):
            open_npz(path)
    path.write_bytes(whole.replace(GREY.tobytes()[:8], b"damaged!"))
    with pytest.raises(DatasetError, match=r"Cannot read the arrays of .*CRC"):
        open_npz(path)
    monkeypatch.setattr("foveate.dataset.sources.arrays._MEMORY_SHARE", 1e-12)
    path.write_bytes(whole)
    with pytest.raises(DatasetError, match=r"takes \d+ B in memory, more than half of this machine's"):
        open_npz(path)


def test_an_npz_whose_header_lies(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (10**13, 9, 9)}
    )
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("images.npy", header.getvalue() + b"few")
        archive.writestr("labels.npy", header.getvalue() + b"few")
    with pytest.raises(DatasetError, match=r"Cannot read the arrays|not enough memory"):
        open_npz(tmp_path / "a.npz")
