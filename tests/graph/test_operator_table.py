"""Layers that say more of themselves than the operations they are made of, and what is refused."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import own_layer
from foveate import register_layer
from foveate.errors import InputError
from foveate.graph.arithmetic import explain_value
from foveate.graph.recording import record
from foveate.graph.summary import summarize
from foveate.operators import window_reader


class MedianPool2d(nn.Module):
    """By unfolding, through which no receptive field can be followed."""

    kernel_size, stride, padding = (3, 3), (2, 2), (0, 0)

    def forward(self, x):
        height, width = ((side - 3) // 2 + 1 for side in x.shape[-2:])
        patches = F.unfold(x, self.kernel_size, stride=self.stride)
        return patches.reshape(*x.shape[:2], 9, height, width).median(2).values


class Doubled(nn.Module):
    """Everything is seen, for all that the operations tell: the layer knows better, and what it costs."""

    def forward(self, x):
        return x.flatten(2).cumsum(2).diff(dim=2, prepend=x.new_zeros(1, x.shape[1], 1)).reshape(x.shape) * 2


@pytest.fixture
def table():
    with own_layer.kept_table():
        yield


NET = nn.Sequential(nn.Conv2d(2, 3, 3), MedianPool2d(), Doubled())


def test_a_window_tells_what_is_seen(table):
    everything = summarize(NET, (2, 13, 13)).rows[1]
    assert everything.receptive_field is None
    register_layer("median_pool", MedianPool2d, read=window_reader("median_pool", "median pool"))
    row = summarize(NET, (2, 13, 13)).rows[1]
    assert (row.receptive_field, row.jump) == ((5, 5), (2, 2))
    x = torch.rand(1, 2, 13, 13)
    step = record(NET[:2], x).steps[2]
    assert (step.op, step.label, step.shape) == ("median_pool", "median pool 3×3 /2", (3, 5, 5))
    moved = x.clone()
    top, bottom, left, right = step.seen.sees(1, 2)
    moved[..., top : bottom + 1, left : right + 1] += 1
    with torch.no_grad():
        changed = (NET[:2](moved) != NET[:2](x))[0].any(0)
    assert (top, bottom, left, right) == (2, 6, 4, 8) and changed[1, 2]


def test_a_layer_may_count_and_look_for_itself(table):
    register_layer(
        "doubled",
        Doubled,
        receptive_field=lambda layer, x, out: x.seen,
        multiply_adds=lambda layer, x, out: 75,
    )
    summary = summarize(nn.Sequential(NET[0], Doubled()), (2, 7, 7))
    assert summary.rows[1].receptive_field == (3, 3) and summary.rows[1].macs == 75
    assert summary.macs == summary.rows[0].macs + 75
    recording = record(nn.Sequential(NET[0], Doubled()), torch.rand(1, 2, 7, 7))
    assert [step.macs for step in recording.steps] == [0, summary.rows[0].macs, 75]
    found = explain_value(recording, 2, 1, 3, 3)
    assert found.total is None and found.steps[0].text == "doubled is not taken apart here"
    assert found.terms[0].input * 2 == pytest.approx(found.value, abs=1e-4)


def test_a_name_that_is_taken_is_refused_and_a_class_may_be_given_again(table):
    for name in ("max_pool", "conv", "relu"):
        with pytest.raises(InputError, match=f"a layer named '{name}' already"):
            register_layer(name, Doubled)
    for _ in range(2):  # as a notebook's cell
        register_layer("doubled", Doubled, sum=lambda place: None)
    with pytest.raises(InputError, match="a layer named 'doubled' already"):
        register_layer("doubled", MedianPool2d)
