"""Recurrent cells as layers: torch's numbers, the reference's gradients, and one number taken apart."""

import numpy as np
import pytest
import torch
from torch import nn

from foveate.graph.arithmetic import explain_value
from foveate.graph.recording import record
from foveate.layers.additive_attention import AdditiveAttention
from foveate.layers.recurrent import GRUCell, LSTMCell, RNNCell
from foveate.reference.additive_attention import Weights, additive_attention, additive_attention_backward

CELLS = [(RNNCell, nn.RNNCell), (LSTMCell, nn.LSTMCell), (GRUCell, nn.GRUCell)]


@pytest.mark.parametrize(("cell", "theirs"), CELLS)
def test_a_cell_computes_what_torchs_does(cell, theirs):
    torch.manual_seed(0)
    ours, other = cell(5, 4).double(), theirs(5, 4).double()
    other.load_state_dict(ours.state_dict())  # the same names and shapes
    x, state = torch.randn(3, 5).double(), torch.randn(3, ours.state_size).double()
    parts = state.chunk(ours.states, dim=1)
    found = other(x, tuple(parts) if ours.states == 2 else parts[0])
    expected = torch.cat(found, dim=1) if isinstance(found, tuple) else found
    assert torch.allclose(ours(x, state), expected, rtol=0, atol=1e-12)
    assert torch.equal(ours.output(ours(x, state)), ours(x, state)[:, :4])


class Reader(nn.Module):
    """A picture of 3 x 2 pixels is read as a sentence of two words; the state begins as its last one."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell
        self.first = nn.Linear(3, cell.state_size)

    def forward(self, x):
        rows = x.flatten(2).transpose(1, 2)  # (N, 2, 3)
        state = self.cell(rows[:, 0, :], self.first(rows[:, 1, :]))
        return self.cell(rows[:, 1, :], state)


@pytest.mark.parametrize(("cell", "theirs"), CELLS)
def test_each_number_of_a_state_is_its_gates_sums(cell, theirs):
    torch.manual_seed(1)
    network = Reader(cell(3, 4)).eval()
    recording = record(network, torch.randn(1, 3, 1, 2))
    steps = [n for n, step in enumerate(recording.steps) if step.op.endswith("_cell")]
    assert len(steps) == 2
    for unit in range(network.cell.state_size):
        found = explain_value(recording, steps[1], unit)
        assert found.total == pytest.approx(found.value, abs=1e-6)
        # Of each gate the products of the input and those of the state.
        assert len(found.terms) == 2 * len(cell.gates)
        assert {term.step for term in found.terms} == set(recording.steps[steps[1]].inputs)
    # The first gate's sum, spelt out, is torch's.
    with torch.no_grad():
        given, kept = network.cell.sums(
            recording.values[recording.steps[steps[1]].inputs[0]][None], recording.values[steps[0]][None, :4]
        )
    first = explain_value(recording, steps[1], 0)
    biases = [network.cell.bias_ih[0].item(), network.cell.bias_hh[0].item()]
    spelt = first.terms[0].sum + first.terms[1].sum + sum(biases)
    assert spelt == pytest.approx((given + kept)[0, 0].item(), abs=1e-6)


def test_additive_attention_forward_and_backward_is_the_references():
    torch.manual_seed(2)
    layer = AdditiveAttention(5, 3, 6).double()
    nn.init.zeros_(layer.key.bias)
    places = torch.randn(2, 4, 5).double().requires_grad_()
    state = torch.randn(2, 3).double().requires_grad_()
    seen, weights = layer(places, layer.keys(places), state)
    grads = torch.randn(2, 5).double(), torch.randn(2, 4).double()
    torch.autograd.backward((seen, weights), grads)
    parameters = layer.key.weight, layer.query.weight, layer.score.weight
    arrays = [one.detach().numpy() for one in (places, state, *parameters)]
    w = Weights(arrays[2], arrays[3], arrays[4][0])
    expected = additive_attention(arrays[0], arrays[1], w)
    assert np.abs(seen.detach().numpy() - expected[0]).max() < 1e-10
    assert np.abs(weights.detach().numpy() - expected[1]).max() < 1e-10
    dplaces, dstate, dw = additive_attention_backward(*(g.numpy() for g in grads), arrays[0], arrays[1], w)
    for one, gradient in zip((places, state, *parameters), (dplaces, dstate, *dw), strict=True):
        assert np.abs(one.grad.numpy().reshape(gradient.shape) - gradient).max() < 1e-10
