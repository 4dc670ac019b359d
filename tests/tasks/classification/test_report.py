"""What a classifier says of hand-made predictions."""

import dataclasses

import numpy as np
import pytest

from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification
from foveate.tasks.classification.threshold import UnsureRule
from foveate.tasks.sections import Gallery, Mark, Table
from foveate.tasks.telling import Measured

CLASSES = ("cat", "dog", "bird")
SURE = [[0.8, 0.2, 0.0], [0.1, 0.9, 0.0], [0.3, 0.7, 0.0], [0.0, 0.4, 0.6]]  # cat, dog, dog, bird


def measured(labels, probabilities=SURE, task=None):
    task = task or Classification(CLASSES)
    values, targets = {"probabilities": np.array(probabilities)}, ClassTargets(np.array(labels))
    pixels = np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones((1, 2, 2, 3), np.uint8)
    names = [f"{i}.png" for i in range(len(labels))]
    return task, Measured("test", values, targets, task.evaluate(values, targets), pixels, names)


def section(report, anchor):
    return next(it for it in (*report.sections, *report.trust) if it.anchor == anchor)


def blocks(report, anchor, kind):
    return [it for it in section(report, anchor).blocks if isinstance(it, kind)]


def test_the_surest_mistakes_are_explained_for_the_named_and_for_the_right_class():
    task, found = measured([1, 0, 1, 0])
    assert [(one.name, one.outputs) for one in task.to_explain(found)] == [
        ("1.png", (1, 0)),
        ("0.png", (0, 1)),
        ("3.png", (2, 0)),
    ]


def test_without_a_mistake_right_answers_are_explained():
    task, found = measured([0, 1, 1, 2])
    assert [one.outputs for one in task.to_explain(found)] == [(0,), (1,), (1,), (2,)]
    report = task.report(found)
    assert [it.anchor for it in report.sections] == ["classes", "confusion"]


def test_mistakes_are_shown_the_surest_first():
    task, found = measured([1, 0, 1, 2])
    (gallery,) = blocks(task.report(found), "mistakes", Gallery)
    assert [one.name for one in gallery.pictures] == ["1.png", "0.png"]
    assert gallery.pictures[0].panels[0].pixels[0, 0, 0] == 1
    said, is_ = gallery.pictures[0].caption
    assert said[0] == Mark("dog", "wrong")
    assert said[2].text.startswith("90.0")
    assert is_[1] == Mark("cat", "right")


def test_each_class_has_its_row_and_one_without_pictures_says_nothing():
    task, found = measured([0, 1, 0, 1])
    (table,) = blocks(task.report(found), "classes", Table)
    assert [row[0] for row in table.rows] == list(CLASSES)
    assert table.rows[0][1:4] == tuple(f"{x}\N{NO-BREAK SPACE}%" for x in ("100.0", "50.0", "66.7"))
    assert table.rows[0][4] == pytest.approx(2 / 3)
    assert table.rows[2][1:] == (None, None, None, None, "0")


def test_pictures_are_counted_by_class_and_split():
    task, found = measured([0, 1, 1, 2])
    everything = {"train": ClassTargets(np.array([0] * 5 + [2])), "test": found.targets}
    table = task.report(dataclasses.replace(found, all_targets=everything)).pictures
    assert [column.heading for column in table.columns] == ["class", "training", "test"]
    assert table.rows == [("cat", "5", "1"), ("dog", "0", "2"), ("bird", "1", "1")]
    assert table.footer == ("together", "6", "4")


def test_the_unsure_rule_is_told_with_what_it_does_on_these_pictures():
    task, found = measured([0, 1, 0, 2], task=Classification(CLASSES, 1.0, UnsureRule(0.7, 0.95, 0.6, 40)))
    first, second = task.report(found).limits
    assert "below 70.0" in first
    assert "40 held-out pictures: 60.0" in first
    assert "Of the 4 test pictures it was sure of 3 (75.0" in second
    assert "right about 2 of these (66.7" in second


def test_before_scaling_the_temperature_is_taken_out_again():
    logits = np.array([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0]])
    warm = np.exp(logits / 4) / np.exp(logits / 4).sum(axis=1, keepdims=True)
    cold = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    task, found = measured([0, 1], warm, Classification(CLASSES, 4.0))
    before, after = section(task.report(found), "calibration").blocks[1].items
    sure = [chart.confidence[chart.counts > 0] for chart in (before.chart, after.chart)]
    np.testing.assert_allclose(sure[0], np.sort(cold.max(axis=1)), rtol=1e-9)
    np.testing.assert_allclose(sure[1], np.sort(warm.max(axis=1)), rtol=1e-9)
