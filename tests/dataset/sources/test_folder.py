import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.dataset.sources.folder import open_folder
from foveate.errors import DatasetError


def make(root: Path, *names: str) -> Path:
    """Empty files (names decide here); a name that ends in / is a folder."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root


def names(data, key="train"):
    split = data.splits[key]
    return [split.images.name(i) for i in range(len(split))]


def test_class_folders(tmp_path):
    data = open_folder(make(tmp_path, "dog/2.jpg", "dog/10.PNG", "cat/x.webp", "Zebra/1.jpg"))
    assert data.task.labels == ("Zebra", "cat", "dog")  # as strings, as torchvision sorts them
    assert names(data) == ["Zebra/1.jpg", "cat/x.webp", "dog/10.PNG", "dog/2.jpg"]
    assert data.splits["train"].targets.labels.tolist() == [0, 1, 2, 2]
    assert list(data.splits) == ["train"] and data.notes == ()
    assert data.name == str(tmp_path)


def test_pictures_are_read_from_where_they_lie(tmp_path):
    make(tmp_path, "a/", "b/deep/er/")
    Image.new("RGB", (3, 2), (9, 8, 7)).save(tmp_path / "a/x.png")
    Image.new("RGB", (3, 2), (1, 2, 3)).save(tmp_path / "b/deep/er/y.png")
    data = open_folder(tmp_path)
    assert names(data) == ["a/x.png", "b/deep/er/y.png"]
    np.testing.assert_array_equal(data.splits["train"].images.read(1)[0, 0], [1, 2, 3])


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [("train", "val", "test"), ("Train", "VALID", "Test"), ("training", "validation", "testing")],
)
def test_split_folders(tmp_path, train, val, test):
    layout = [f"{train}/b/1.jpg", f"{train}/a/1.jpg", f"{train}/a/2.jpg", f"{val}/b/3.jpg", f"{test}/a/4.jpg"]
    data = open_folder(make(tmp_path, *layout))
    assert data.task.labels == ("a", "b")
    assert list(data.splits) == ["train", "val", "test"]
    assert names(data, "val") == [f"{val}/b/3.jpg"] and data.splits["val"].targets.labels.tolist() == [1]
    assert data.splits["train"].targets.labels.tolist() == [0, 0, 1]


def test_train_alone(tmp_path):
    data = open_folder(make(tmp_path, "train/a/1.jpg", "train/b/1.jpg"))
    assert data.task.labels == ("a", "b") and list(data.splits) == ["train"]


def test_a_class_may_be_called_train(tmp_path):
    data = open_folder(make(tmp_path, "train/1.jpg", "bus/1.jpg", "tram/1.jpg"))
    assert data.task.labels == ("bus", "train", "tram")
    nested = open_folder(make(tmp_path, "train/steam/2.jpg"))
    assert nested.task.labels == ("bus", "train", "tram") and "train/steam/2.jpg" in names(nested)


def test_other_folders_beside_the_splits_and_loose_test_pictures(tmp_path):
    make(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "test/1.jpg", "test/2.jpg", "docs/x.pdf", "labels.csv")
    data = open_folder(tmp_path)
    assert list(data.splits) == ["train"]
    notes = " ".join(data.notes)
    assert "left out: 'docs'" in notes
    assert "2 pictures lie in no class folder, left out: 'test/1.jpg', 'test/2.jpg'" in notes
    assert "test/ has no class folders with pictures" in notes
    assert "1 files are no pictures by their names, left out: 'labels.csv'" in notes


def test_classes_are_matched_by_name_across_splits(tmp_path):
    make(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "train/c/1.jpg", "val/c/1.jpg", "val/a/1.jpg")
    data = open_folder(tmp_path)
    assert [data.task.labels[i] for i in data.splits["val"].targets.labels] == ["a", "c"]
    make(tmp_path, "val/unseen/1.jpg", "train/unseen/")
    with pytest.raises(DatasetError, match="has pictures of 'unseen' in val and none in train"):
        open_folder(tmp_path)


def test_what_systems_leave_behind_is_passed_over_in_silence(tmp_path):
    make(tmp_path, "a/1.jpg", "b/1.jpg", ".git/x.jpg", "__MACOSX/a/1.jpg", "a/.hidden.jpg", "a/Thumbs.db")
    make(tmp_path, "b/.DS_Store", "b/desktop.ini", ".ipynb_checkpoints/1.jpg", "a/@eaDir/1.jpg")
    data = open_folder(tmp_path)
    assert names(data) == ["a/1.jpg", "b/1.jpg"] and data.notes == ()


def test_what_else_is_left_out_is_said(tmp_path):
    make(
        tmp_path, "a/1.jpg", "b/1.jpg", "a/readme.txt", "b/photo.heic", "loose.png", "empty/", "papers/x.pdf"
    )
    data = open_folder(tmp_path)
    assert data.task.labels == ("a", "b")
    assert data.notes == (
        "1 pictures lie in no class folder, left out: 'loose.png'.",
        "Folders without a picture, left out: 'empty', 'papers'.",
        "3 files are no pictures by their names, left out: 'a/readme.txt', 'b/photo.heic', 'papers/x.pdf'.",
    )


def test_twins_by_case_or_spelling_are_reported_and_kept_apart(tmp_path):
    data = open_folder(make(tmp_path, "Cat/1.jpg", "cat/1.jpg", "caf\u00e9/1.jpg", "cafe\u0301/1.jpg"))
    assert len(data.task.labels) == 4
    assert any("'Cat', 'cat' differ only in case, spaces or signs" in note for note in data.notes)
    assert len(data.notes) == 2


def test_a_symlink_loop_is_visited_once(tmp_path):
    make(tmp_path, "a/1.jpg", "b/1.jpg", "b/sub/2.jpg")
    (tmp_path / "a/loop").symlink_to(tmp_path / "a")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "b/sub/other").symlink_to(tmp_path / "a")
    data = open_folder(tmp_path)
    assert names(data) == ["a/1.jpg", "b/1.jpg", "b/sub/2.jpg"]
    notes = " ".join(data.notes)
    assert "'a/loop' was left out: it is the same folder as 'a'" in notes
    assert "'a/up' was left out: it is the same folder as '.'" in notes
    assert "'b/sub/other' was left out: it is the same folder as 'a'" in notes


def test_links_to_elsewhere_are_followed(tmp_path):
    make(tmp_path, "store/1.jpg", "data/b/1.jpg", "data/a/0.jpg")
    (tmp_path / "data/c").symlink_to(tmp_path / "store")
    (tmp_path / "data/a/9.jpg").symlink_to(tmp_path / "store/1.jpg")
    data = open_folder(tmp_path / "data")
    assert names(data) == ["a/0.jpg", "a/9.jpg", "b/1.jpg", "c/1.jpg"]


def test_a_class_folder_linked_twice_is_read_once(tmp_path):
    make(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    data = open_folder(tmp_path)
    assert data.task.labels == ("a", "b")
    assert data.notes == ("'c' was left out: it is the same folder as 'a'.",)


def test_pipes_and_dangling_links_are_skipped_with_the_reason(tmp_path):
    make(tmp_path, "a/1.jpg", "b/1.jpg")
    os.mkfifo(tmp_path / "a/pipe.jpg")
    (tmp_path / "b/gone.jpg").symlink_to(tmp_path / "nowhere")
    (tmp_path / "b/self.jpg").symlink_to(tmp_path / "b/self.jpg")
    (tmp_path / "b/null.jpg").symlink_to("/dev/null")
    data = open_folder(tmp_path)
    assert names(data) == ["a/1.jpg", "b/1.jpg"]
    assert data.notes == (
        "'a/pipe.jpg' was left out: it is a pipe.",
        "'b/gone.jpg' was left out: the link leads nowhere.",
        "'b/null.jpg' was left out: it is a device.",
        "'b/self.jpg' was left out: the link leads nowhere.",
    )


def test_odd_names_are_kept_whole(tmp_path):
    odd = [b"caf\xe9", b"new\nline", "\u202eabc".encode(), b"-rf", b"x" * 255, b"<script>"]
    for name in odd:
        folder = tmp_path / os.fsdecode(name)
        folder.mkdir()
        Image.new("RGB", (1, 1)).save(folder / "p.png")
    data = open_folder(tmp_path)
    assert sorted(os.fsencode(c) for c in data.task.labels) == sorted(odd)
    images = data.splits["train"].images
    for i in range(len(images)):
        assert images.read(i).shape == (1, 1, 3)
        assert (tmp_path / images.name(i)).is_file()


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ([], "has no pictures; nothing found. Expected DATA/<class>/<picture>"),
        (["a/", "b/"], "has no pictures; only empty folders found"),
        (["a/x.txt", "b/y.txt", "b/z.heic"], "only other files (2 of '.txt', 1 of '.heic') found"),
        (["1.jpg", "2.jpg"], "has 2 pictures and no class folders. Expected DATA/<class>/<picture>"),
        (["cats/1.jpg"], "has the one class folder 'cats'; a classifier needs at least 2 classes: add"),
        (["photos/cat/1.jpg", "photos/dog/1.jpg"], "photos'?"),
        (["train/a/1.jpg", "val/a/1.jpg"], "has the one class folder 'train/a'"),
        (["train/1.jpg", "val/2.jpg", "test/a/3.jpg"], "has 2 pictures and no class folders"),
        (["val/a/1.jpg", "test/a/1.jpg"], "and no train/"),
        (["test/a/1.jpg", "test/b/1.jpg"], "has 'test' and no train/"),
        (["train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "valid/a/1.jpg"], "each of which means val; keep"),
    ],
)
def test_what_is_no_data_set_is_refused_with_what_was_found(tmp_path, layout, message):
    with pytest.raises(DatasetError, match=re.escape(message)) as caught:
        open_folder(make(tmp_path, *layout))
    assert repr(str(tmp_path))[1:-1] in str(caught.value)
    assert str(caught.value).isprintable()


def test_one_class_may_be_measured(tmp_path):
    data = open_folder(make(tmp_path, "cats/1.jpg"), min_classes=1)
    assert data.task.labels == ("cats",)


def test_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    make(tmp_path, "a/1.jpg", "b/1.jpg")
    real = os.scandir

    def refuse(path):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr("foveate.dataset.sources.folder.os.scandir", refuse)
    with pytest.raises(DatasetError, match=r"Cannot list the folder '.*b': Permission denied"):
        open_folder(tmp_path)
    with pytest.raises(DatasetError, match="Cannot open the folder"):
        open_folder(tmp_path / "gone")


def test_nothing_of_the_users_is_changed(tmp_path):
    make(tmp_path, "a/1.jpg", "b/1.jpg", "c.txt")
    before = sorted((p, p.stat().st_mtime_ns) for p in tmp_path.rglob("*"))
    open_folder(tmp_path)
    assert sorted((p, p.stat().st_mtime_ns) for p in tmp_path.rglob("*")) == before
