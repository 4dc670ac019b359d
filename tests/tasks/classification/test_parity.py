"""What counts as the same probabilities from two programs, and what does not."""

import numpy as np
import pytest

from foveate.tasks.classification.parity import probabilities_differ

SURE = np.array([[1 - 3e-8, 2e-8, 1e-8]], np.float32)
COMPARED = {
    "equal": (SURE, SURE, None),
    "rounding": (SURE, SURE * np.float32([[1, 1 + 5e-4, 1 - 5e-4]]), None),
    "near tie": (np.float32([[0.50003, 0.49997]]), np.float32([[0.49999, 0.50001]]), None),
    "probabilities": (np.float32([[0.6, 0.4]]), np.float32([[0.5998, 0.4002]]), "probabilities differ"),
    "hidden by softmax": (SURE, np.float32([[1 - 3e-8, 1e-8, 2e-8]]), "log-odds differ"),
    "gone to zero": (SURE, np.float32([[1, 0, 1e-8]]), "log-odds differ"),
    "both nothing": (np.float32([[1, 1e-37]]), np.float32([[1, 0]]), None),
}


@pytest.mark.parametrize(("expected", "found", "message"), COMPARED.values(), ids=COMPARED)
def test_what_counts_as_the_same(expected, found, message):
    reason = probabilities_differ(expected, found, np.float32([20.0]))
    assert message in reason if message else reason == ""
