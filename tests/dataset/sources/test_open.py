import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.dataset import DataSet, from_arrays, open_dataset
from foveate.errors import DatasetError, InputError

GREY = np.random.default_rng(0).integers(0, 256, (4, 6, 5), np.uint8)


def folder(root: Path, *classes: str) -> Path:
    for i, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        Image.fromarray(GREY[i % 4]).save(root / name / f"{i}.png")
    return root


def idx_folder(root: Path) -> Path:
    root.mkdir()
    (root / "train-images-idx3-ubyte").write_bytes(
        bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 8])
    )
    (root / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 0, 1]))
    return root


def every_form(tmp_path: Path) -> dict[str, object]:
    table = folder(tmp_path / "table", "a", "b") / "t.csv"
    table.write_text("file_name,label\na/0.png,0\nb/1.png,1\n")
    lines = tmp_path / "table" / "t.jsonl"
    lines.write_text('{"file_name": "a/0.png", "label": 0}\n{"file_name": "b/1.png", "label": 1}\n')
    np.savez(tmp_path / "x.npz", images=GREY[:2], labels=[0, 1])
    return {
        "class folders": folder(tmp_path / "folders", "0", "1"),
        "split folders": folder(tmp_path / "splits", "train/0", "train/1").joinpath(),
        "csv": table,
        "json lines": lines,
        "npz": tmp_path / "x.npz",
        "idx folder": idx_folder(tmp_path / "idx"),
        "idx file": tmp_path / "idx" / "train-images-idx3-ubyte",
        "pair": (GREY[:2], [0, 1]),
    }


def test_every_form_gives_the_same_kind_of_thing(tmp_path):
    for form, data in every_form(tmp_path).items():
        for given in (data, str(data)) if isinstance(data, Path) else (data,):
            opened = open_dataset(given)
            assert opened.task.labels == ("0", "1"), form
            assert list(opened.splits) == ["train"]
            assert opened.splits["train"].targets.labels.tolist() == [0, 1]
            assert opened.splits["train"].images.read(1).shape[2] == 3
            assert len(opened.splits["train"].images.data(0)) > 0


def test_a_data_set_passes_through():
    data = from_arrays(GREY, [0, 1, 0, 1])
    assert open_dataset(data) is data


def test_val_and_test_are_matched_by_name(tmp_path):
    train = folder(tmp_path / "train", "ant", "bee", "cat")
    val = folder(tmp_path / "val", "cat", "bee")
    test = folder(tmp_path / "test", "cat")
    data = open_dataset(train, val=val, test=str(test))
    assert list(data.splits) == ["train", "val", "test"]
    assert [data.task.labels[i] for i in data.splits["val"].targets.labels] == ["bee", "cat"]
    assert data.splits["test"].targets.labels.tolist() == [2]
    assert data.splits["val"].images.read(0).shape == (6, 5, 3)
    unknown = folder(tmp_path / "more", "bee", "wasp")
    with pytest.raises(DatasetError, match="pictures of 'wasp', unknown where the classes are 'ant', 'bee'"):
        open_dataset(train, val=unknown)


def test_pictures_of_folders_side_by_side_are_named_apart(tmp_path, monkeypatch):
    """Both hold a/0.png; a table of the names, in the folder above, gives the splits again."""
    for name in ("photos", "more", "w/x/far", "y/z"):
        folder(tmp_path / name, "a", "b")
    monkeypatch.chdir(tmp_path)
    data = open_dataset("photos", val="more")
    names = {key: [split.images.name(i) for i in range(2)] for key, split in data.splits.items()}
    assert names == {"train": ["photos/a/0.png", "photos/b/1.png"], "val": ["more/a/0.png", "more/b/1.png"]}
    rows = [f"{name},{Path(name).parent.name},{key}" for key in names for name in names[key]]
    Path("splits.csv").write_text("\n".join(["file_name,label,split", *rows]))
    again = open_dataset("splits.csv")
    for key, split in data.splits.items():
        np.testing.assert_array_equal(split.images.read(0), again.splits[key].images.read(0))
        assert [again.splits[key].images.name(i) for i in range(2)] == names[key]
    far = open_dataset("w/x/far", val="y/z")  # names would tell the way there
    assert far.splits["val"].images.name(0) == far.splits["train"].images.name(0) == "a/0.png"


def test_a_given_split_replaces_that_of_the_data_and_says_so(tmp_path):
    data = folder(tmp_path / "d", "train/a", "train/b", "val/a")
    val = folder(tmp_path / "v", "a", "b")
    opened = open_dataset(data, val=val)
    assert len(opened.splits["val"]) == 2
    assert any("The val split of" in note and "was replaced" in note for note in opened.notes)


def test_given_data_with_splits_of_its_own(tmp_path):
    train = folder(tmp_path / "t", "a", "b")
    given = folder(tmp_path / "g", "train/a", "train/b", "val/b")
    assert open_dataset(train, val=given).splits["val"].targets.labels.tolist() == [1]
    with pytest.raises(
        DatasetError, match="has the splits 'train', 'val'; name the one folder that is to be test"
    ):
        open_dataset(train, test=given)


def test_pictures_of_a_given_array_are_named_after_their_split():
    data = open_dataset((GREY, [0, 1, 0, 1]), val=(GREY[:2], [1, 0]))
    assert data.splits["val"].images.name(1) == "val[1]"


def test_arrays_given_apart_are_scaled_alike(tmp_path):
    wide, narrow = GREY * np.uint16(16), (GREY // 2) * np.uint16(2)  # 12 bits; a darker part of the same
    data = open_dataset((wide, [0, 1, 0, 1]), val=(narrow, [0, 1, 0, 1]))
    np.testing.assert_array_equal(data.splits["val"].images.array[..., 0], np.rint(narrow * (255 / 4095)))
    np.savez(tmp_path / "a.npz", images=wide, labels=[0, 1, 0, 1])
    for given in (narrow, GREY / 255):
        np.savez(tmp_path / "b.npz", images=given, labels=[0, 1, 0, 1])
        with pytest.raises(DatasetError, match=r"not scaled alike: white is 4,095 in '.*a.npz' and \d+ in"):
            open_dataset(tmp_path / "a.npz", test=tmp_path / "b.npz")


def test_one_class_may_be_opened_to_be_measured(tmp_path):
    cats = folder(tmp_path / "d", "cat")
    with pytest.raises(DatasetError, match="one class folder 'cat'"):
        open_dataset(cats)
    data = open_dataset(cats, min_classes=1)
    assert isinstance(data, DataSet) and data.task.labels == ("cat",)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("picture.jpg", "is a single picture. Expected DATA/<class>"),
        ("photos.zip", "is an archive; unpack it"),
        ("photos.tar.gz", "is an archive; unpack it"),
        ("model.onnx", "is none of what data can be: a folder of class folders"),
        ("notes", "is none of what data can be"),
    ],
)
def test_files_that_are_no_data(tmp_path, name, message):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DatasetError, match=message):
        open_dataset(tmp_path / name)


def test_paths_that_are_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DatasetError, match="There is no file or folder 'fashion-mnits'; did you mean 'fashion-mnist'"
    ):
        open_dataset("fashion-mnits")
    with pytest.raises(DatasetError, match="There is no file or folder '/nowhere/at/all'"):
        open_dataset("/nowhere/at/all")
    with pytest.raises(DatasetError, match="The name of the data is empty"):
        open_dataset("")
    with pytest.raises(DatasetError, match="is an address; nothing is downloaded from addresses"):
        open_dataset("https://example.org/photos.zip")
    with pytest.raises(DatasetError, match="no file or folder"):
        open_dataset("nul\0byte")
    with pytest.raises(DatasetError, match=r"or a pair .images, labels., not int"):
        open_dataset(7)
    os.mkfifo("pipe.csv")
    with pytest.raises(DatasetError, match="is a pipe or a device"):
        open_dataset("pipe.csv")
    Path("gone.csv").symlink_to("nowhere")
    with pytest.raises(DatasetError, match="is a link that leads nowhere"):
        open_dataset("gone.csv")


def test_a_folder_goes_before_a_known_name(tmp_path, monkeypatch):
    monkeypatch.chdir(folder(tmp_path, "fashion-mnist/a", "fashion-mnist/b"))
    data = open_dataset("fashion-mnist")
    assert data.task.labels == ("a", "b")
    assert any("taken as the folder or file of that name" in note for note in data.notes)


def test_a_known_name(monkeypatch):
    made = from_arrays(GREY, [0, 1, 0, 1], name="known")
    monkeypatch.setattr("foveate.dataset.sources.known.load", lambda name: made)
    assert open_dataset("fashion-mnist") is made


def test_the_known_set_inside_the_package():
    data = open_dataset("fashion-mnist-mini")
    assert len(data.task.labels) == 10 and list(data.splits) == ["train", "test"]


def test_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.listdir", refuse)
    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(DatasetError, match=r"Cannot list the folder .*: Permission denied"):
        open_dataset(tmp_path)


def test_every_refusal_is_wrong_input(tmp_path):
    with pytest.raises(InputError) as caught:
        open_dataset(tmp_path)
    assert caught.value.exit_code == 2
