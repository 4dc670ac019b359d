"""Blocks: identities that hold by construction, and finite differences through all of a block."""

import numpy as np
import pytest

from foveate.reference import blocks

MAKE = {
    "basic_block": lambda rng: blocks.basic_block(3, 4, 2, rng=rng),
    "bottleneck": lambda rng: blocks.bottleneck(3, 2, dilation=2, rng=rng),
    "inception": lambda rng: blocks.inception(3, 1, (2, 2), (1, 2), 1, rng=rng),
    "separable": lambda rng: blocks.separable(3, 4, 3, padding="same", rng=rng),
    "squeeze_excitation": lambda rng: blocks.SqueezeExcitation(3, 2, "silu", rng=rng),
    "hard squeeze_excitation": lambda rng: blocks.SqueezeExcitation(
        3, 2, "hardswish", gate="hardsigmoid", rng=rng
    ),
    "mbconv": lambda rng: blocks.mbconv(3, 3, kernel=3, expanded=6, rng=rng),
}


@pytest.mark.parametrize("name", MAKE)
def test_gradients_against_finite_differences(rng, numeric_gradient, name):
    block, x = MAKE[name](rng), rng.standard_normal((2, 3, 4, 4))
    grad = rng.standard_normal(block.forward(x, training=True).shape)
    dx = block.backward(grad)
    analytic = block.named_gradients()

    def value():
        return (grad * block.forward(x, training=True)).sum()

    assert np.allclose(dx, numeric_gradient(value, x), atol=1e-6)
    for key, w in block.named_parameters().items():
        assert np.allclose(analytic[key], numeric_gradient(value, w), atol=1e-6), key


def test_a_residual_block_of_zeros_is_the_identity(rng):
    """y = F(x) + x with F = 0: what makes depth harmless."""
    block = blocks.basic_block(3, 3, rng=rng)
    block.load({name: 0 * array for name, array in block.state().items()})
    x = np.abs(rng.standard_normal((2, 3, 5, 5)))
    assert np.array_equal(block.forward(x), x)


def test_inception_joins_its_branches_channels(rng):
    out = blocks.inception(4, 3, (2, 5), (1, 2), 6, rng=rng).forward(rng.standard_normal((1, 4, 7, 6)))
    assert out.shape == (1, 3 + 5 + 2 + 6, 7, 6)


def test_a_dropped_branch_leaves_the_shortcut(rng):
    block = blocks.mbconv(8, 8, kernel=3, expanded=16, style=blocks.Style(stochastic_depth=1.0), rng=rng)
    x = rng.standard_normal((2, 8, 5, 5))
    assert np.array_equal(block.forward(x, training=True), x)
