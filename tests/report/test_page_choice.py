"""The report says what decided: a warning belongs only where validation pictures chose something."""

import dataclasses

import numpy as np
import pytest

from foveate.report.data import ReportData
from foveate.report.meaning import warnings
from foveate.report.page import render_report
from foveate.tasks.classification.metrics import evaluate

CLASSES = ("cat", "dog")


@pytest.fixture
def data():
    labels = np.arange(40) % 2
    probabilities = np.full((40, 2), 0.2)
    probabilities[np.arange(40), labels] = 0.8
    return ReportData(
        title="pets",
        created="2026-01-01",
        classes=CLASSES,
        evaluated_on="val",
        evaluation=evaluate(probabilities, labels, CLASSES),
        temperature=1.5,
    )


def test_validation_pictures_that_chose_are_said_to_flatter(data):
    assert any("also served to choose" in sentence for sentence in warnings(data))
    assert "1.50, fitted on validation pictures, is built" in render_report(data)


def test_pictures_that_decided_nothing_are_not(data):
    crossed = dataclasses.replace(data, chosen_on="training pictures in 5-fold cross-validation")
    assert not any("also served to choose" in sentence for sentence in warnings(crossed))
    assert "fitted on training pictures in 5-fold cross-validation, is built" in render_report(crossed)
