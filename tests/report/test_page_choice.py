"""The report says what decided: a warning belongs only where validation pictures chose something."""

import numpy as np
import pytest

from foveate.report.page import render_report

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
