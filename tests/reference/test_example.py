"""The documented example runs; what it reaches in full is in its own text."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from foveate.dataset import open_dataset
from foveate.reference.convnet1 import convnet1
from foveate.reference.optim import Adam


@pytest.fixture(scope="module")
def example():
    path = Path(__file__).parents[2] / "examples" / "numpy_convnet.py"
    spec = importlib.util.spec_from_file_location("numpy_convnet", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_eighth_of_an_epoch_learns_a_lot(example, rng):
    pictures, labels = example.as_numbers(open_dataset("fashion-mnist-mini").splits["train"])
    assert pictures.shape == (6000, 1, 28, 28)
    assert (pictures.min(), pictures.max()) == (0, 1)
    network = convnet1(3, rng=rng)
    network.convert(np.float32)
    example.train_epoch(network, Adam(0.003), pictures[:800], labels[:800], rng)
    assert example.accuracy(network, pictures[800:1100], labels[800:1100]) > 0.5


def test_the_program_runs(example, capsys):
    assert 0 <= example.main(["--kernel", "5", "--epochs", "0"]) < 0.35
    assert capsys.readouterr().out.startswith(
        "convnet1 with 5x5 kernels, 29,034 parameters\nuntrained: test accuracy"
    )
