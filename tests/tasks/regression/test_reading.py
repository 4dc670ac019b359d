"""Which tables and arrays hold numbers to learn, and what is wrong with a line of one."""

import numpy as np
import pytest
from PIL import Image

from foveate.dataset import open_dataset
from foveate.errors import DatasetError, InputError


@pytest.fixture
def table(tmp_path):
    """A function that writes a table and opens it: a header, and a row for each of the pictures 0.png, ..."""
    for number in range(4):
        Image.fromarray(np.full((8, 8, 3), 40 * number, np.uint8)).save(tmp_path / f"{number}.png")

    def write(header, *rows, suffix="csv", **options):
        path = tmp_path / f"table.{suffix}"
        path.write_text("\n".join([header, *rows] if header else rows) + "\n", encoding="utf-8")
        return open_dataset(path, **options)

    return write


AGES = ("0.png,31.5,1.7", "1.png,18,1.6", "2.png,70,1.8")


def test_columns_of_numbers_are_learnt_in_their_order(table):
    data = table("file_name,age,height", *AGES)
    assert data.task.name == "regression"
    assert data.task.names == ("age", "height")
    train = data.splits["train"].targets
    assert train.values.tolist() == [[31.5, 1.7], [18, 1.6], [70, 1.8]]
    assert data.task.means == pytest.approx((39.8333, 1.7), abs=1e-4)
    assert data.task.deviations == pytest.approx(tuple(train.values.std(axis=0)))


def test_a_label_is_a_number_where_not_all_are_whole(table):
    assert table("file_name,label", "0.png,1.5", "1.png,2").task.name == "regression"
    assert table("file_name,label", "0.png,1", "1.png,2").task.name == "classification"
    assert table("file_name,label", "0.png,1", "1.png,2", task="regression").task.names == ("label",)
    # a text among them: names of classes
    assert table("file_name,label", "0.png,1.5", "1.png,old", "2.png,2.5").task.name == "classification"
    # what else stands beside a label is left out, as for classes
    assert table("file_name,label,width", "0.png,1.5,8", "1.png,2,9").task.names == ("label",)


def test_json_numbers_are_read_too(table):
    rows = ('{"file_name": "0.png", "age": 3}', '{"file_name": "1.png", "age": 4.5}')
    assert table("", *rows, suffix="jsonl").splits["train"].targets.values.tolist() == [[3], [4.5]]


def test_other_columns_are_left_out_where_the_task_is_named(table):
    rows = ("0.png,31.5,cat", "1.png,18,dog", "2.png,70,cat")
    with pytest.raises(DatasetError, match="columns of numbers"):
        table("file_name,age,kind", *rows)
    assert table("file_name,age,kind", *rows, task="regression").task.names == ("age",)


WRONG = {
    "empty": ("2.png,", r"Line 4 of '.*' has an empty cell in 'age', where a number is expected"),
    "text": ("2.png,old", r"Line 4 of '.*' has 'old' in 'age'"),
    "nan": ("2.png,nan", r"Line 4 of '.*' has 'nan' in 'age'; numbers to learn must be finite"),
    "infinite": ("2.png,-inf", r"Line 4 of '.*' has '-inf' in 'age'; numbers to learn must be finite"),
    "too large": ("2.png,1e39", r"Line 4 of '.*' has '1e39' in 'age'; numbers to learn must be finite"),
    "two numbers": (
        "1.png,5",
        r"Lines 3 and 4 of '.*' give '1.png' the ages '18' and '5'; a picture has one",
    ),
}


@pytest.mark.parametrize(("row", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_line_is_named(table, row, message):
    with pytest.raises(DatasetError, match=message):
        table("file_name,age", "0.png,31.5", "1.png,18", row)


def test_a_constant_column_is_refused_to_learn_and_can_be_measured(table):
    rows = ("0.png,5,1", "1.png,5,2")
    with pytest.raises(DatasetError, match="has the number 5 as 'age' of every training picture"):
        table("file_name,age,size", *rows)
    assert table("file_name,age,size", *rows, min_classes=1).task.names == ("age", "size")


PICTURES = np.zeros((3, 8, 8), np.uint8)


def test_arrays_of_floats_are_numbers():
    one = open_dataset((PICTURES, np.array([1.5, 2, 3])))
    assert (one.task.name, one.task.names) == ("regression", ("value",))
    two = open_dataset((PICTURES, np.array([[1.5, 2], [3, 4], [5, 6]])))
    assert two.task.names == ("value 1", "value 2")
    assert two.splits["train"].targets.values.tolist() == [[1.5, 2], [3, 4], [5, 6]]
    assert open_dataset((PICTURES, np.array([1.0, 2, 2]))).task.name == "classification"
    assert open_dataset((PICTURES, np.array([1, 2, 2])), task="regression").task.names == ("value",)


def test_arrays_in_a_file_have_names(tmp_path):
    np.savez(
        tmp_path / "a.npz", images=PICTURES, labels=np.array([[0.5, 1], [1, 2], [3, 4]]), classes=["x", "y"]
    )
    assert open_dataset(tmp_path / "a.npz").task.names == ("x", "y")


def test_wrong_arrays_are_refused():
    with pytest.raises(DatasetError, match="must be one whole number or text"):
        open_dataset((PICTURES, np.array([1.5, 2, 3])), task="classification")
    with pytest.raises(DatasetError, match=r"numbers of picture 1 are \[nan\], not finite"):
        open_dataset((PICTURES, np.array([1.5, np.nan, 3])))
    with pytest.raises(DatasetError, match="3 pictures need as many answers, not 2"):
        open_dataset((PICTURES, np.array([1.5, 3])))
    with pytest.raises(DatasetError, match=r"not .*\(3, 1, 1\)"):
        open_dataset((PICTURES, np.zeros((3, 1, 1))), task="regression")


def test_a_validation_table_is_matched_by_the_names(table, tmp_path):
    other = tmp_path / "val.csv"
    other.write_text("file_name,height,age\n3.png,1.5,20\n")
    data = table("file_name,age,height", *AGES, val=other)
    assert data.splits["val"].targets.values.tolist() == [[20, 1.5]]
    other.write_text("file_name,size,age\n3.png,1.5,20\n")
    with pytest.raises(DatasetError, match="has the numbers 'size', 'age', and not 'height'"):
        table("file_name,age,height", *AGES, val=other)


def test_answers_are_taken_as_people_write_them():
    task = open_dataset((PICTURES, np.array([[1.5, 2], [3, 4], [5, 6]]))).task
    expected = [[1, 2], [3, 4.5]]
    for answers in (expected, np.array(expected), [{"value 2": 2, "value 1": 1}, (3, 4.5)]):
        assert task.targets(answers).values.tolist() == expected
    for wrong in ([1, 2], [[1, 2, 3]], [["a", 1]], [[np.inf, 1]], [[True, 1]]):
        with pytest.raises(InputError, match="expected 2 finite numbers"):
            task.targets(wrong)
