"""Networks of layers: names, loading, and the same training as torch's."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from foveate.errors import WeightsError
from foveate.models.convnet1 import ConvNet1
from foveate.reference.activations import relu, relu_backward
from foveate.reference.convnet1 import convnet1
from foveate.reference.loss import cross_entropy, cross_entropy_backward
from foveate.reference.network import BatchNorm, Conv2d, Dropout, Operation, Sequential, StochasticDepth
from foveate.reference.optim import SGD, Adam


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("name", ["Adam", "SGD"])
def test_training_convnet1_gives_torchs_numbers(rng, kernel, name):
    """Same start, same batches, float64: losses, all weights and running statistics after 4 steps."""
    torch.manual_seed(0)
    theirs = ConvNet1(kernel=kernel).double()
    ours = convnet1(kernel, rng=rng)
    ours.load({key: tensor.numpy() for key, tensor in theirs.state_dict().items()})
    optimisers = {
        "Adam": (Adam(0.001), torch.optim.Adam(theirs.parameters(), 0.001)),
        "SGD": (
            SGD(0.05, 0.9),
            torch.optim.SGD(theirs.parameters(), 0.05, 0.9),
        ),
    }
    our_optimiser, their_optimiser = optimisers[name]
    for _ in range(4):
        x, labels = rng.random((6, 1, 28, 28)), rng.integers(0, 10, 6)
        logits = ours.forward(x, training=True)
        ours.backward(cross_entropy_backward(logits, labels))
        our_optimiser.step(ours.named_parameters(), ours.named_gradients())
        their_optimiser.zero_grad()
        their_loss = torch.nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(labels))
        their_loss.backward()
        their_optimiser.step()
        assert cross_entropy(logits, labels) == pytest.approx(their_loss.item(), abs=1e-8)
    expected = theirs.state_dict()
    for key, array in ours.state().items():
        assert np.allclose(array, expected[key].numpy(), atol=1e-8, rtol=0), key
    x = rng.random((3, 1, 28, 28))
    with torch.no_grad():
        assert np.allclose(ours.forward(x), theirs.eval()(torch.tensor(x)).numpy(), atol=1e-8, rtol=0)


def test_convnet1_has_the_articles_parameters(rng):
    sizes = {
        kernel: sum(w.size for w in convnet1(kernel, rng=rng).named_parameters().values())
        for kernel in (3, 5)
    }
    dense_and_norms = 10 * (32 * 49 + 1) + 2 * 16 + 2 * 32
    assert sizes[5] == 16 * (25 + 1) + 32 * (16 * 25 + 1) + dense_and_norms
    assert sizes[3] == 16 * (9 + 1) + 32 * (16 * 9 + 1) + dense_and_norms


def test_initial_weights_are_uniform_within_torchs_bound(rng):
    conv = Conv2d(16, 64, 5, rng=rng)
    bound = 1 / np.sqrt(16 * 25)
    weight = conv.parameters["weight"]
    assert np.abs(weight).max() <= bound
    assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.02)


def test_loading_names_what_does_not_fit(rng):
    network = Sequential([Conv2d(1, 2, 3, rng=rng), BatchNorm(2)])
    state = network.state()
    assert set(state) == {"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"}
    with pytest.raises(WeightsError, match=r"another shape: 0\.bias\."):
        network.load(state | {"0.bias": np.zeros(3)})
    with pytest.raises(WeightsError, match=r"unknown or of another shape: 2\.weight\."):
        network.load(state | {"2.weight": np.zeros(3)})


def test_float32_stays_float32(rng):
    network = convnet1(3, rng=rng)
    network.convert(np.float32)
    x, labels = rng.random((4, 1, 28, 28), dtype=np.float32), np.arange(4)
    optimiser = Adam()
    for _ in range(2):
        logits = network.forward(x, training=True)
        network.backward(cross_entropy_backward(logits, labels))
        optimiser.step(network.named_parameters(), network.named_gradients())
    arrays = {**network.state(), **network.named_gradients(), "logits": logits}
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("kind", [Dropout, StochasticDepth])
def test_dropping_is_for_training_alone(rng, kind):
    layer, x = kind(0.5, rng=rng), np.ones((64, 3, 2, 2))
    assert layer.forward(x) is x
    assert layer.backward(x) is x
    out = layer.forward(x, training=True)
    assert set(np.unique(out)) == {0, 2}
    assert np.array_equal(layer.backward(x), out)


def test_layers_need_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None; import foveate.reference.convnet1, foveate.reference.blocks"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_operation_remembers_its_last_input():
    layer = Operation(relu, relu_backward)
    layer.forward(np.array([1.0, -1.0]))
    layer.forward(np.array([-1.0, 1.0]))
    assert layer.backward(np.ones(2)).tolist() == [0, 1]
