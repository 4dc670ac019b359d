"""The report says what decided: a warning belongs only where validation pictures chose something."""

from dataclasses import replace

import numpy as np
import pytest

from foveate.report.data import ReportData
from foveate.report.page import render_report
from foveate.tasks.multilabel.targets import LabelTargets
from foveate.tasks.multilabel.task import Multilabel
from foveate.tasks.regression.targets import NumberTargets
from foveate.tasks.regression.task import Regression
from foveate.tasks.telling import Measured, plain_report

CLASSES = ("cat", "dog")


@pytest.fixture
def told(make_result):
    """told(**changes of Measured) -> ReportData of a classifier on validation pictures."""
    labels = np.arange(40) % 2
    probabilities = np.full((40, 2), 0.2)
    probabilities[np.arange(40), labels] = 0.8
    return lambda **changes: make_result(
        probabilities, labels, CLASSES, "val", task={"temperature": 1.5}, **changes
    )


def test_validation_pictures_that_chose_are_said_to_flatter(told):
    assert any("also served to choose" in sentence for sentence in told().result.warnings)
    assert "1.50, fitted on validation pictures, is built" in render_report(told())


def test_pictures_that_decided_nothing_are_not(told):
    crossed = told(chosen_on="training pictures in 5-fold cross-validation")
    assert not any("also served to choose" in sentence for sentence in crossed.result.warnings)
    assert "fitted on training pictures in 5-fold cross-validation, is built" in render_report(crossed)


def test_a_model_that_was_measured_on_its_own_pictures_promises_nothing(make_result):
    """Sixty training pictures, all right: nothing is known of others, and nothing was held out to fit on."""
    labels = np.arange(60) % 2
    page = render_report(make_result(np.eye(2)[labels], labels, CLASSES, "train", chosen_on=""))
    assert "this says nothing about new ones" in page
    for claim in ("On other pictures", "fitted on", "copies of training pictures"):
        assert claim not in page


def numbers():
    task = Regression(("age",), (0.0,), (1.0,))
    values = np.arange(60.0)[:, None]
    return task, {"values": values.astype(np.float32)}, NumberTargets(values)


def several_labels():
    present = np.eye(2, dtype=np.uint8)[np.arange(60) % 2]
    return Multilabel(("a", "b")), {"probabilities": present.astype(np.float32)}, LabelTargets(present)


@pytest.mark.parametrize("answers", [numbers, several_labels])
def test_so_it_is_for_other_answers(answers):
    task, values, targets = answers()
    pixels = np.zeros((60, 2, 2, 3), np.uint8)
    own = Measured(
        "train", values, targets, task.evaluate(values, targets), pixels, ["a.png"] * 60, chosen_on=""
    )
    page = render_report(ReportData("x", "", task, task.report(own)))
    for claim in ("On other pictures", "fitted on", "chosen for", "copies of training pictures"):
        assert claim not in page
    other = task.report(replace(own, split="test")).meaning
    assert "On other pictures of the same kind, expect" in other
    assert "says nothing about new ones" in plain_report(task, own, verdict="All right.").warnings[0]
