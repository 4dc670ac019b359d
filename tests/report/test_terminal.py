"""A confusion table that fits the terminal and cannot talk to it."""

import numpy as np
import pytest

from foveate.report.terminal import terminal_matrix
from foveate.tasks.classification.metrics import Confusion
from foveate.tasks.classification.sections import confusion_matrix
from foveate.words import columns


def test_a_small_matrix_by_hand():
    confusion = Confusion.of([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 1, 0], 3)
    assert terminal_matrix(confusion_matrix(confusion, ["cat", "dog", "名前"])).splitlines() == [
        "true \\ predicted  0  1  2",
        "0 cat             2  1  .",
        "1 dog             .  2  .",
        "2 名前            1  .  .",
    ]


@pytest.mark.parametrize("width", [10, 40, 60, 80, 200])
@pytest.mark.parametrize("num_classes", [1, 2, 10, 39, 500])
def test_lines_fit_and_names_are_safe(width, num_classes):
    rng = np.random.default_rng(1)
    labels, guess = rng.integers(num_classes, size=(2, 3000))
    classes = ["\x1b[2Jcls\n", "\u202eevil", "名前" * 50] + ["x" * 300] * num_classes
    text = terminal_matrix(
        confusion_matrix(Confusion.of(labels, guess, num_classes), classes[:num_classes]), width
    )
    assert all(columns(line) <= max(width, 40) for line in text.splitlines())
    assert all(c.isprintable() or c in "\n\u00a0" for c in text)


def test_too_many_classes_list_the_pairs_most_confused():
    labels = np.repeat(np.arange(100), 10)
    guess = labels.copy()
    guess[10:17] = 5
    names = [f"c{i}" for i in range(100)]
    lines = terminal_matrix(confusion_matrix(Confusion.of(labels, guess, 100), names)).splitlines()
    assert lines == ["c1 called c5  7 of 10   70.0\N{NO-BREAK SPACE}%"]
    assert terminal_matrix(confusion_matrix(Confusion.of(labels, labels, 100), names)) == "No mistakes."
