"""The examples in the docstrings of the reference and of the layers say what is so."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name", ["reference.convolution", "reference.pooling", "layers.padding", "layers.mbconv"]
)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(f"foveate.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
