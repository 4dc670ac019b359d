"""Several labels a picture as a value: how they are read, matched, divided, said and written."""

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from foveate.dataset.split import stratified_folds, stratified_split
from foveate.errors import DatasetError, InputError
from foveate.tasks import task_of_array, task_of_columns
from foveate.tasks.multilabel.reading import as_cell, in_cell
from foveate.tasks.multilabel.targets import LabelTargets
from foveate.tasks.multilabel.task import Multilabel
from foveate.tasks.surveyed import Surveyed

TASK = Multilabel(("cat", "dog", "hat"), 1.5, (0.5, 0.3, 0.8))
VALUES = {"probabilities": np.array([[0.6, 0.4, 0.7], [0.1, 0.2, 0.3]], np.float32)}


def test_it_is_read_back_from_json_as_it_was():
    assert Multilabel.from_dict(json.loads(json.dumps(TASK.to_dict()))) == TASK


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": []}, "expected 1 to"),
        ({"labels": ["a", "a", "b"]}, "found 'a' twice"),
        ({"thresholds": [0.5]}, "thresholds: expected 3 numbers"),
        ({"thresholds": [0.5, 0.5, 2]}, "numbers from 0 to 1"),
        ({"thresholds": 1}, "task.thresholds: expected a list"),
        ({"temperature": 0}, "temperature: expected a number above 0"),
        ({"more": 1}, "only the fields"),
    ],
)
def test_what_a_stranger_may_write_is_looked_at(change, message):
    with pytest.raises(InputError, match=message):
        Multilabel.from_dict({**TASK.to_dict(), **change})


# --- Reading -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "name", "kind"),
    [
        ({"labels": ["a;b"]}, "auto", "multilabel"),
        ({"label": ["a;b"]}, "auto", "classification"),
        ({"label": ["a;b"]}, "multilabel", "multilabel"),
        ({"cat": ["0", "1"], "dog": ["1", "true"]}, "auto", "multilabel"),
        ({"cat": [0, 1], "dog": [True, False]}, "auto", "multilabel"),
    ],
)
def test_tables_say_what_they_hold(columns, name, kind):
    assert task_of_columns(columns, name).name == kind


def test_columns_that_hold_something_else_are_no_labels_unless_it_is_said():
    columns = {"cat": ["0", "1"], "dog": ["1", "0"], "taken": ["1", "2026"], "by": ["me", "you"]}
    assert Multilabel.answer_columns(columns) == ()
    assert Multilabel.answer_columns({"cat": ["0", "1"]}) == ()
    assert Multilabel.answer_columns({"cat": ["0"], "by": ["me"]}, asked=True) == ("cat",)
    names = Multilabel.answer_columns(columns, asked=True)
    with pytest.raises(InputError, match=r"'taken' must be 0 or 1 .* not '2026'"):
        Multilabel.parsed({name: columns[name][1] for name in names})


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("dog; cat", ("cat", "dog")),
        ("dog|cat,cat", ("cat", "dog")),
        ("", ()),
        (" ; ", ()),
        ('["a;b", "c"]', ("a;b", "c")),
        (["x", "y", 3], ("3", "x", "y")),
        ("1", ("1",)),
    ],
)
def test_a_cell_has_several_labels_or_none(cell, names):
    assert Multilabel.parsed({"labels": cell}) == names


@pytest.mark.parametrize("cell", [None, 3, [1.5], '["a"', {"a": 1}])
def test_a_cell_that_is_no_list_is_refused(cell):
    with pytest.raises(InputError, match="'labels'"):
        Multilabel.parsed({"labels": cell})


@pytest.mark.parametrize("names", [[], ["a"], ["a", "b c"], ["a;b", "c"], ["[a"], [" a"], ['"', "é"]])
def test_a_cell_that_is_written_is_read_again(names):
    assert sorted(in_cell("labels", as_cell(names))) == sorted(name.strip() for name in names)


def test_arrays_of_0_and_1_are_labels_unless_each_row_has_one():
    several = np.array([[1, 1, 0], [0, 0, 0]])
    assert task_of_array(several) is Multilabel
    assert task_of_array(np.eye(3)) is None
    assert task_of_array(np.eye(3), "multilabel") is Multilabel
    assert not Multilabel.holds_array(np.array([[0.5, 1.0]]), asked=True)
    assert Multilabel.in_array(several, ["a", "b", "c"])[0] == {"a": True, "b": True, "c": False}
    assert list(Multilabel.in_array(several, None)[0]) == ["label 0", "label 1", "label 2"]
    with pytest.raises(InputError, match="as many names, not 2"):
        Multilabel.in_array(several, ["a", "b"])


def test_labels_are_those_of_the_training_pictures_sorted_or_in_the_order_of_their_columns():
    assert Multilabel.of({"train": [("b",), (), ("a", "c")], "val": [("c",)]}).labels == ("a", "b", "c")
    assert Multilabel.of({"train": [{"b": False, "a": True}]}).labels == ("b", "a")
    with pytest.raises(DatasetError, match="has pictures of 'x' in val and none in train"):
        Multilabel.of({"train": [("a",)], "val": [("x",)]})
    with pytest.raises(DatasetError, match="no picture with a label"):
        Multilabel.of({"train": [()]})


@pytest.mark.parametrize(
    "answers",
    [
        [("cat", "hat"), ()],
        ["cat;hat", ""],
        np.array([[1, 0, 1], [0, 0, 0]]),
        [[1, 0, 1], [0, 0, 0]],
        [{"cat": True, "hat": True}, {"dog": False}],
    ],
)
def test_answers_of_people_become_targets(answers):
    assert TASK.targets(answers).present.tolist() == [[1, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize("answers", [["cow"], np.ones((2, 2)), [3], np.full((1, 3), 2)])
def test_answers_that_it_does_not_know_are_refused(answers):
    with pytest.raises(InputError, match="label"):
        TASK.targets(answers)


def test_labels_are_matched_by_name():
    targets = LabelTargets([[1, 0, 1], [1, 0, 0]])
    assert TASK.same_labels(Multilabel(("hat", "new", "cat")), targets).present.tolist() == [
        [1, 0, 1],
        [0, 0, 1],
    ]
    with pytest.raises(DatasetError, match="has pictures of 'hat', unknown where the labels are"):
        TASK.same_labels(Multilabel(("cat",)), targets)


# --- Dividing ----------------------------------------------------------------------------------------------


def test_each_picture_lies_in_the_stratum_of_its_rarest_label():
    present = [[1, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 0], [1, 0, 1]]  # 4, 1 and 2 pictures
    assert LabelTargets(present).strata.tolist() == [1, 2, 0, 3, 2]


def test_a_rare_label_gets_its_share_of_every_part_and_fold():
    rng = np.random.default_rng(0)
    present = (rng.random((2_000, 6)) < [0.6, 0.5, 0.4, 0.3, 0.2, 0.01]).astype(np.uint8)
    strata, rare = LabelTargets(present).strata, present[:, 5] > 0
    parts = stratified_split(strata, None, {"train": 0.8, "val": 0.2}, 0)
    assert rare[parts["val"]].sum() == pytest.approx(0.2 * rare.sum(), abs=1)
    shares = present[parts["val"]].mean(axis=0) / present.mean(axis=0)
    assert shares == pytest.approx(np.ones(6), abs=0.15)
    folds = stratified_folds(strata, None, 5, 0)
    held = [rare[folds == fold].sum() for fold in range(5)]
    assert max(held) - min(held) <= 1


def test_equal_labels_have_equal_keys_of_32_bits_and_others_have_others():
    every = np.array([[i >> k & 1 for k in range(10)] for i in range(1024)], np.uint8)
    keys = LabelTargets(every).keys
    assert len(set(keys.tolist())) == 1024
    assert 0 <= keys.min() <= keys.max() < 2**32
    assert LabelTargets(every[::-1]).keys.tolist() == keys[::-1].tolist()


def test_what_is_remarkable_in_the_labels_is_said():
    present = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]])
    kinds = {kind: sentence for kind, _, sentence, _ in TASK.remarks(surveyed(present))}
    assert kinds["labels-together"].startswith("'cat', 'dog' always occur together")
    assert kinds["no-label"] == "1 picture of 4 without a label."
    always = [[1, 0, 1], [1, 1, 0]]
    assert [remark.kind for remark in TASK.remarks(surveyed(always))] == ["label-everywhere"]


def surveyed(present):
    count = len(present)
    return {"train": Surveyed(LabelTargets(present), np.ones(count, bool), np.arange(count))}


# --- Saying ------------------------------------------------------------------------------------------------


def test_it_says_which_labels_reach_their_thresholds():
    first, second = TASK.predictions({**VALUES, "unlikeness": np.array([0.4, 2.0])}, 2)
    assert first.labels == ("cat", "dog")  # 0.7 is not enough for a hat
    assert first.lines() == ["  70.0%  hat  (no: below 80.0%)", "  60.0%  cat", "also dog"]
    assert first.to_text() == "cat 60.0%, dog"
    assert first.cells() == ["cat;dog", "hat", "0.700000", "cat", "0.600000"]
    assert second.lines()[0] == "no label"
    assert second.to_text() == "no label; likeliest is hat 30.0%"
    assert (first.unlike, second.unlike) == (False, True)
    assert first.to_dict()["labels"] == ["cat", "dog"]
    assert first.to_dict()["top"][0]["threshold"] == 0.8
    assert len(first.cells()) == len(TASK.columns(2))
    with pytest.raises(InputError, match="top_k"):
        TASK.predictions(VALUES, 0)


def test_answers_and_score_are_as_scikit_learn_has_them():
    assert TASK.answers(VALUES).tolist() == [[1, 1, 0], [0, 0, 0]]
    targets = LabelTargets([[1, 1, 0], [0, 0, 1]])
    assert TASK.score(VALUES, targets) == accuracy_score(targets.present, TASK.answers(VALUES))


def test_cells_are_for_people_and_a_table_is_read_again():
    targets = TASK.targets([("cat", "hat"), ()])
    assert TASK.cells(targets) == ["cat, hat", "no label"]
    table = TASK.table(targets)
    (column,) = Multilabel.answer_columns(table)
    read = [Multilabel.parsed({column: cell}) for cell in table[column]]
    assert TASK.targets(read).present.tolist() == targets.present.tolist()


def test_one_class_a_picture_is_refused_in_a_sentence():
    with pytest.raises(InputError, match="no single class a picture"):
        TASK.class_numbers(LabelTargets([[1, 1, 0]]))


def test_targets_of_another_kind_are_refused():
    assert TASK.why_not(LabelTargets([[1, 0]])) == "2 labels a picture, where there are 3"
    assert TASK.why_not(LabelTargets([[2, 0, 1]])) == "labels that are neither 0 nor 1"
    assert TASK.why_not(LabelTargets([[1, 0, 1]])) is None
