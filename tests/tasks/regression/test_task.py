"""The torch-free half: written and read, targets, strata, what is told of a picture."""

import csv
import io
import json

import numpy as np
import pytest

from foveate.dataset.split import stratified_split
from foveate.errors import DatasetError, InputError
from foveate.tasks import list_tasks, read_task, written_task
from foveate.tasks.regression.intervals import Margins
from foveate.tasks.regression.targets import NumberTargets
from foveate.tasks.regression.task import Regression

TASK = Regression(("age", "height"), (40.0, 1.7), (12.0, 0.1), Margins((6.0, 0.05), 0.9, 30))
VALUES = {"values": np.array([[31.25, 1.75], [1040.5, 1.6]], np.float32), "unlikeness": np.array([0.5, 2.0])}


def test_it_is_known_and_equals_itself_read_back():
    assert "regression" in list_tasks()
    for task in (TASK, Regression(("age",), [40], [12.5])):
        assert read_task(json.loads(json.dumps(written_task(task)))) == task


WRONG = {
    "names": ({"names": []}, "names: expected 1 to"),
    "twice": ({"names": ["a", "a"]}, "names: expected different names"),
    "means": ({"means": [1.0]}, "means: expected 2 numbers"),
    "no spread": ({"deviations": [1.0, 0.0]}, "deviations: expected numbers above 0"),
    "infinite": ({"means": [1e39, 1.0]}, "means: expected numbers"),
    "margins": (
        {"margins": {"half_widths": [1.0, -1.0], "coverage": 0.9, "samples": 9}},
        "margins.half_widths",
    ),
    "coverage": (
        {"margins": {"half_widths": [1.0, 1.0], "coverage": 2, "samples": 9}},
        "task.margins.coverage",
    ),
    "unknown": ({"classes": []}, "task: expected only the fields"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_document_is_named(change, message):
    with pytest.raises(InputError, match=message):
        read_task({**written_task(TASK), **change})


def test_what_is_told_of_a_picture():
    first, second = TASK.predictions(VALUES)
    assert first.lines() == ["age 31.2 (25.2 to 37.2)", "height 1.750 (1.700 to 1.800)"]
    assert first.to_text() == "age 31.2 (25.2 to 37.2), height 1.750 (1.700 to 1.800)"
    assert second.lines()[0] == "age 1,040.5 (1,034.5 to 1,046.5)"
    assert (first.unlike, second.unlike) == (False, True)
    assert TASK.columns() == ["age", "age_low", "age_high", "height", "height_low", "height_high"]
    assert first.cells() == ["31.25", "25.25", "37.25", "1.75", "1.7", "1.8"]
    assert json.loads(json.dumps(first.to_dict())) == {
        "numbers": [
            {"name": "age", "value": 31.25, "low": 25.25, "high": 37.25},
            {"name": "height", "value": 1.75, "low": pytest.approx(1.7), "high": pytest.approx(1.8)},
        ],
        "unlikeness": 0.5,
        "unlike": False,
    }


def test_without_margins_there_is_no_interval():
    task = Regression(("age",), (40,), (12,))
    (found,) = task.predictions({"values": np.array([[31.25]], np.float32)})
    assert (found.lines(), task.columns()) == (["age 31.2"], ["age"])
    assert found.to_dict() == {"numbers": [{"name": "age", "value": 31.25}]}


def test_answers_are_those_of_a_regressor():
    assert TASK.answers(VALUES).shape == (2, 2)
    one = Regression(("age",), (40,), (12,))
    assert one.answers({"values": np.array([[1.5], [2.5]], np.float32)}).tolist() == [1.5, 2.5]


def test_a_table_of_targets_is_read_again_to_the_last_digit():
    targets = NumberTargets(np.random.default_rng(0).normal(size=(50, 2)) * [1e-9, 1e9])
    text = io.StringIO()
    columns = TASK.table(targets)
    csv.writer(text).writerows([columns, *zip(*columns.values(), strict=True)])
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    again = TASK.targets(map(TASK.parsed, rows))
    assert (again.values == targets.values).all()
    assert (again.keys == targets.keys).all()


def test_keys_tell_answers_apart():
    targets = NumberTargets([[1, 2], [2, 1], [1, 2], [0.0, 0], [-0.0, 0]])
    assert len(set(targets.keys.tolist())) == 3
    assert targets.keys[0] == targets.keys[2] == NumberTargets([[1, 2]]).keys[0]
    assert targets.keys.min() >= 0
    assert targets.keys.max() < 2**31


def test_strata_are_quantiles():
    values = np.random.default_rng(0).permutation(200).astype(float)[:, None]
    assert NumberTargets(values).strata.tolist() == (values[:, 0] // 20).tolist()
    assert NumberTargets(values[:7]).strata.tolist() == [0] * 7  # too few to part
    same = NumberTargets(np.repeat([[0.0], [5.0]], 50, axis=0)).strata
    assert len(set(same[:50])) == len(set(same[50:])) == 1  # equal numbers stay together
    assert len(NumberTargets(np.zeros((0, 1))).strata) == 0


def test_held_out_pictures_are_spread_over_the_range():
    values = np.exp(np.random.default_rng(1).normal(size=300))
    strata = NumberTargets(values[:, None]).strata
    parts = stratified_split(strata, None, {"val": 0.1, "train": 0.9}, 0)
    assert (np.bincount(strata[parts["val"]], minlength=10) == 3).all()


def test_numbers_are_matched_by_name_or_by_order_where_they_have_none():
    targets = NumberTargets([[1.7, 40]])
    turned = Regression(("height", "age"), (1, 1), (1, 1))
    assert turned.same_labels(TASK, targets).values.tolist() == [[40, 1.7]]
    unnamed = Regression(("value 1", "value 2"), (1, 1), (1, 1))
    assert unnamed.same_labels(TASK, targets).values.tolist() == [[1.7, 40]]
    with pytest.raises(DatasetError, match="not 'height'"):
        Regression(("age",), (1,), (1,)).same_labels(TASK, NumberTargets([[1]]))


def test_what_means_nothing_for_numbers_is_refused_with_the_reason():
    with pytest.raises(InputError, match="no classes that could be rare"):
        TASK.balanced(NumberTargets([[1, 2]]))
    with pytest.raises(InputError, match="no single class"):
        TASK.class_numbers(NumberTargets([[1, 2]]))
    assert TASK.why_not(NumberTargets([[1]])) == "1 numbers a picture, not 2 ('age', 'height')"
