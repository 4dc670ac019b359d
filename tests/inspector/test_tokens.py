"""What the inspector tells of a transformer's tokens, against the layers' own weights."""

import numpy as np
import pytest
import torch

from foveate.explanation import attention_layers
from foveate.inspector import sums, tokens
from foveate.inspector.networks import steps_of
from foveate.inspector.runs import Question, make_run
from foveate.resolve import registered
from small_transformer import GRID, HEADS, PATCH, SIDE, small_transformer

TOKENS = 1 + GRID * GRID


@pytest.fixture(scope="module")
def net():
    return small_transformer()


@pytest.fixture(scope="module")
def run(net):
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    return make_run("main", net, Question("p", pixels))


def numbers(nodes):
    return [int(node[1:]) for node in nodes]


def test_how_the_tokens_lie_and_which_steps_are_attentions(net):
    steps = steps_of(net)
    told = tokens.describe(net, steps)
    assert (told["own"], told["grid"], told["patch"]) == (1, [GRID, GRID], PATCH)
    for block in told["blocks"]:
        chain = numbers(block["sum"])
        assert [steps[n].op for n in chain] == ["matmul", "div", "softmax"]
        assert block["node"] == block["sum"][-1] and steps[chain[-1]].shape == (HEADS, TOKENS, TOKENS)


def test_a_network_without_tokens_has_nothing_to_tell():
    net = registered("lenet5", untrained=True)
    assert tokens.describe(net, steps_of(net)) is None


def test_the_maps_are_the_weights_of_the_layers(net, run):
    seen = {}
    layers = attention_layers(net.module)
    hooks = [
        net.module.get_submodule(name).register_forward_pre_hook(
            lambda layer, given, name=name: seen.update({name: layer.attention_weights(given[0])})
        )
        for name in layers
    ]
    with torch.no_grad():
        net.module(run.x)
    for hook in hooks:
        hook.remove()
    blocks = tokens.describe(net, steps_of(net))["blocks"]
    for name, block in zip(layers, blocks, strict=True):
        (number,) = numbers([block["node"]])
        torch.testing.assert_close(run.recording.values[number], seen[name][0], rtol=1e-5, atol=1e-7)


def test_the_sum_behind_a_weight_is_the_networks_number(net, run):
    rng = np.random.default_rng(1)
    for block in tokens.describe(net, steps_of(net))["blocks"]:
        for head, row, column in rng.integers(0, (HEADS, TOKENS, TOKENS), (15, 3)).tolist():
            product, scaled, weight = (
                sums.describe(run, number, head, row, column) for number in numbers(block["sum"])
            )
            (term,) = product["terms"]
            assert np.dot(term["weight"], term["input"]) == pytest.approx(
                product["value"], rel=1e-4, abs=1e-6
            )
            assert scaled["value"] == pytest.approx(product["value"] / np.sqrt(24 / HEADS), rel=1e-5)
            assert (
                weight["logits"][column] == pytest.approx(scaled["value"], rel=1e-6) and weight["axis"] == 2
            )
            shares = np.exp(np.array(weight["logits"]) - max(weight["logits"]))
            assert shares[column] / shares.sum() == pytest.approx(weight["value"], rel=1e-5, abs=1e-9)
