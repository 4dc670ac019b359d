"""What a plan reckons with beforehand: how the times grow."""

import pytest

from foveate.models.registry import model_info
from foveate.transfer.cost import finishing_seconds, learning_seconds, looking_seconds

LITE0 = model_info("efficientnet_lite0").macs


def test_times_grow_with_the_pictures_and_with_the_arithmetic_of_each():
    for seconds in (looking_seconds, learning_seconds):
        assert seconds(0, LITE0) == 0 < seconds(1, LITE0)
        assert seconds(200, LITE0) == pytest.approx(2 * seconds(100, LITE0))
        assert seconds(100, 3 * LITE0) == pytest.approx(3 * seconds(100, LITE0))
    assert learning_seconds(100, LITE0) > 2 * looking_seconds(100, LITE0)  # forward, backward, and torch
    assert finishing_seconds(0, LITE0) > 0  # export and report take their time without pictures, too
    assert finishing_seconds(100, LITE0) - finishing_seconds(0, LITE0) == pytest.approx(
        looking_seconds(100, LITE0)
    )
