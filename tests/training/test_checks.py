"""What is refused before training begins."""

import pytest

from foveate.errors import InputError
from foveate.models import create_model
from foveate.tasks.classification.task import Classification
from foveate.training.checks import check_takes

TASK = Classification(("a", "b", "c"))
SIZE = (3, 32, 48)


def test_a_network_that_scores_each_pixel_is_told_from_one_that_scores_pictures():
    network = create_model("fcn8s_resnet18", num_classes=3, trunk_options={"width": 8})
    expected = (
        r"gives outputs of shape \(2, 3, 32, 48\) for 2 pictures; 3 classes need \(2, 3\); it scores each "
        r"pixel, and `foveate models` tells those that score whole pictures\.$"
    )
    with pytest.raises(InputError, match=expected):
        check_takes(network, SIZE, TASK)


def test_another_number_of_classes_is_refused_and_the_right_one_taken():
    with pytest.raises(InputError, match=r"shape \(2, 4\) for 2 pictures; 3 classes need \(2, 3\)\.$"):
        check_takes(create_model("resnet18", num_classes=4, width=8), SIZE, TASK)
    network = create_model("resnet18", num_classes=3, width=8).train()
    check_takes(network, SIZE, TASK)
    assert network.training
