"""What is refused before training begins."""

import numpy as np
import pytest
import torch
from tests.training.test_loop import PREPROCESSING, stripes
from torch import nn

from foveate.batches.loader import Normaliser, TrainingBatches
from foveate.errors import InputError
from foveate.models import create_model
from foveate.tasks.classification.task import Classification
from foveate.training.checks import check_batches, check_takes

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


@pytest.mark.parametrize("accumulate", [1, 2, 4, 5, 8, 20])
def test_parts_of_one_picture_are_refused_where_a_layer_takes_the_spread_of_one_value(accumulate):
    """Batches of eight; torch refuses such a layer a single picture, and so is the run before it begins."""
    module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(1, 2))
    batches = TrainingBatches(stripes(16), Normaliser(PREPROCESSING), batch_size=8)
    smallest = min(map(len, np.array_split(np.arange(8), min(accumulate, 8))))
    if smallest > 1:
        check_batches(module, batches, accumulate)
        return
    with pytest.raises(InputError, match=rf"accumulate={accumulate} of a batch of 8: layer 1 \(batch norm\)"):
        check_batches(module, batches, accumulate)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        module.train()(torch.zeros(smallest, 1, 8, 8))


def test_another_number_of_classes_is_refused_and_the_right_one_taken():
    with pytest.raises(InputError, match=r"shape \(2, 4\) for 2 pictures; 3 classes need \(2, 3\)\.$"):
        check_takes(create_model("resnet18", num_classes=4, width=8), SIZE, TASK)
    network = create_model("resnet18", num_classes=3, width=8).train()
    check_takes(network, SIZE, TASK)
    assert network.training
