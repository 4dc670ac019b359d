import json
import os
import unicodedata

import pytest
from PIL import Image

from foveate.dataset.sources.table import open_table
from foveate.errors import DatasetError

PICTURES = ("1.png", "2.png", "sub/3.png", "a,b.png")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in PICTURES:
        Image.new("RGB", (2, 2)).save(tmp_path / name)
    return tmp_path


def table(folder, text: str | bytes, name: str = "table.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_csv(folder):
    data = open_table(table(folder, "file_name,label\n1.png,dog\n2.png,cat\nsub/3.png,dog\n"))
    split = data.splits["train"]
    assert data.task.labels == ("cat", "dog") and split.targets.labels.tolist() == [1, 0, 1]
    assert [split.images.name(i) for i in range(3)] == ["1.png", "2.png", "sub/3.png"]
    assert split.images.read(2).shape == (2, 2, 3)
    assert data.notes == ()


@pytest.mark.parametrize(
    "text",
    [
        "\ufefffile_name,label\r\n1.png,x\r\n2.png,y\r\n",  # Excel
        'label;note;"file_name"\nx;"a;b\nc";1.png\ny;;2.png\n\n',
        "File_Name\tLABEL \n1.png\t x\n2.png\ty \n",
        "file_name,label\n./1.png,x\nsub/../2.png,y\n",
    ],
)
def test_csv_as_programs_write_it(folder, text):
    data = open_table(table(folder, text))
    split = data.splits["train"]
    assert [(split.images.name(i), data.task.labels[split.targets.labels[i]]) for i in range(2)] == [
        ("1.png", "x"),
        ("2.png", "y"),
    ]


def test_quoted_names(folder):
    data = open_table(table(folder, 'file_name,label\n"a,b.png","say ""hi"""\n1.png,x\n'))
    assert data.task.labels == ('say "hi"', "x")


def test_splits(folder):
    for val, test in (("valid", "TEST"), ("dev", "testing"), ("Validation set", "test_set")):
        text = f'file_name,label,split\n1.png,a,train\n2.png,b,Train\nsub/3.png,a,{val}\n"a,b.png",b,{test}\n'
        data = open_table(table(folder, text))
        assert {key: len(split) for key, split in data.splits.items()} == {"train": 2, "val": 1, "test": 1}


def test_json_lines(folder):
    rows = [
        {"file_name": "1.png", "label": "x", "size": [1, 2]},
        {"file_name": "2.png", "label": 7},
        {"file_name": "sub/3.png", "label": "x", "split": "test"},
    ]
    for name in ("t.jsonl", "t.ndjson"):
        data = open_table(table(folder, "\n".join(json.dumps(row) for row in rows) + "\n\n", name))
        assert data.task.labels == ("7", "x") and len(data.splits["test"]) == 1


def test_names_that_are_no_utf_8(folder):
    Image.new("RGB", (1, 1)).save(folder / os.fsdecode(b"\xe9.png"))
    data = open_table(table(folder, b"file_name,label\n\xe9.png,x\n1.png,y\n"))
    assert data.splits["train"].images.read(0).shape == (1, 1, 3)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_other_encodings(folder, encoding):
    Image.new("RGB", (1, 1)).save(folder / "été.png")
    data = open_table(table(folder, "file_name,label\nété.png,thé\n1.png,café\n".encode(encoding)))
    assert data.task.labels == ("café", "thé") and data.splits["train"].images.read(0).shape == (1, 1, 3)
    assert data.notes == (
        ("The table is no UTF-8 text and was read as Windows-1252.",) if encoding == "cp1252" else ()
    )


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_are_found_in_the_other_normal_form_and_with_the_other_slashes(folder, form):
    """A table from a Mac or from Windows; the files lie here as the other has them."""
    other = {"NFC": "NFD", "NFD": "NFC"}[form]
    (folder / unicodedata.normalize(other, "ré")).mkdir()
    there = unicodedata.normalize(other, "ré") + "/" + unicodedata.normalize(other, "é.png")
    Image.new("RGB", (3, 2)).save(folder / there)
    for name in ("ré/é.png", "ré\\é.png", " ré/é.png "):
        text = f"file_name,label\n{unicodedata.normalize(form, name)},x\nsub\\3.png,y\n"
        data = open_table(table(folder, text))
        images = data.splits["train"].images
        assert [images.name(0), images.name(1)] == [there, "sub/3.png"] and images.read(0).shape == (2, 3, 3)
        assert data.notes == ("2 file names are spelled otherwise on the disk, and were found there.",)


def test_a_name_that_fits_two_files_fits_none_but_its_own(folder):
    composed, parted = "\u1e69.png", "s\u0323\u0307.png"  # one letter; a third way to write it: s\u0307\u0323
    for name in (composed, parted):
        Image.new("RGB", (1, 1)).save(folder / name)
    data = open_table(table(folder, f"file_name,label\n{composed},x\n{parted},y\n"))
    assert [data.splits["train"].images.name(i) for i in range(2)] == [composed, parted] and data.notes == ()
    with pytest.raises(DatasetError, match="1 of 2 pictures that are not there"):
        open_table(table(folder, f"file_name,label\ns\u0307\u0323.png,x\n{parted},y\n"))


def test_backslashes_lead_nowhere_else(folder):
    (folder / "in").mkdir()
    with pytest.raises(DatasetError, match=r"names '../1.png', which lies outside"):
        open_table(table(folder, "file_name,label\n..\\1.png,x\n", "in/t.csv"))


def test_repeated_rows_are_left_out_and_said(folder):
    data = open_table(table(folder, "file_name,label\n1.png,a\n2.png,A\n1.png,a\n"))
    assert len(data.splits["train"]) == 2
    assert data.notes == (
        "The classes 'A', 'a' differ only in case, spaces or signs; they are kept apart.",
        "1 rows repeat an earlier row and were left out.",
    )


HEAD = "file_name,label\n"
SPLIT_HEAD = "file_name,label,split\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs the columns 'file_name', 'label' .*; missing: 'file_name', 'label'; found: nothing"),
        ("name,label\n1.png,a\n", "missing: 'file_name'; found: 'name', 'label'"),
        ("file_name,label,label\n", "names a column twice"),
        (HEAD, "has no rows"),
        (HEAD + "1.png,a\n2.png,\n", "Line 3 .* has an empty 'label'"),
        (HEAD + "1.png,a\n ,b\n", "Line 3 .* has an empty 'file_name'"),
        (HEAD + "1.png,a\n2.png,b,c\n", "Line 3 .* has 3 columns; the header has 2"),
        (HEAD + '1.png,a\n"2.png,b\n', "is no CSV: unexpected end of data"),
        (
            HEAD + "1.png,a\ngone.png,b\n\nlost.png,b\n",
            "2 of 3 pictures .* not there: 'gone.png' .line 3., 'lo",
        ),
        (HEAD + "1.png,a\n../secret.png,b\n", "Line 3 .* names '../secret.png', which lies outside"),
        (HEAD + "1.png,a\n/etc/passwd,b\n", "Line 3 .* names '/etc/passwd', which lies outside"),
        (HEAD + "1.png,a\n.,b\n", "lies outside"),
        (HEAD + "1.png,a\n2.png,b\n1.png,b\n", "Lines 2 and 4 .* give '1.png' the labels 'a' and 'b'"),
        (SPLIT_HEAD + "1.png,a,train\n2.png,b,holdout\n", "Line 3 .* the split 'holdout'; train, val"),
        (SPLIT_HEAD + "1.png,a,train\n2.png,b,\n", "Line 3 .* has the split ''"),
        (SPLIT_HEAD + "1.png,a,train\n1.png,a,test\n", "splits 'train' and 'test'; a picture has one"),
        (SPLIT_HEAD + "1.png,a,test\n2.png,b,test\n", "has no training pictures"),
        (SPLIT_HEAD + "1.png,a,train\n2.png,b,train\nsub/3.png,c,val\n", "'c' in val and none in train"),
        (HEAD + "1.png,a\n2.png,a\n", "the one class 'a'"),
        ((HEAD + "1.png,a\n").encode("utf-16-le"), "no UTF-8 text"),
        (HEAD.encode() + b"1.png,a\n2.png,\x81\n", "no UTF-8 text"),
        (HEAD + "train[0],a\ntrain[17],b\n", "2 of 2 pictures .* they are pictures of arrays: name the file"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_line(folder, text, message):
    with pytest.raises(DatasetError, match=message) as caught:
        open_table(table(folder, text))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "Line 2 .* is no JSON object"),
        ("[1, 2]", "Line 2 .* is no JSON object but list"),
        ("[" * 100_000, "Line 2 .* is no JSON object"),
        ('{"label": "a"}', "Line 2 .* has no 'file_name'; it has 'label'"),
        ('{"file_name": "2.png"}', "Line 2 .* has no 'label'"),
        ('{"file_name": "2.png", "label": null}', "Line 2 .*: 'label' must be a text, not None"),
        ('{"file_name": "2.png", "label": true}', "'label' must be a text, not True"),
        ('{"file_name": 2, "label": "a"}', "'file_name' must be a text, not 2"),
        ('{"file_name": "2.png", "label": ["a", "b"]}', "'label' must be a text"),
        ('{"file_name": "2\\u0000.png", "label": "b"}', "not there"),
    ],
)
def test_json_lines_that_cannot_be_used(folder, line, message):
    first = '{"file_name": "1.png", "label": "a"}\n'
    with pytest.raises(DatasetError, match=message) as caught:
        open_table(table(folder, first + line + "\n", "t.jsonl"))
    assert str(caught.value).isprintable()


def test_a_table_that_is_no_file(tmp_path):
    with pytest.raises(DatasetError, match="no regular file"):
        open_table(tmp_path / "gone.csv")
