"""What a number sees through padding that copies pixels, against the gradient, at every place of the map."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from foveate.explanation import explain_value, receptive_crop, receptive_field, record
from foveate.graph.walk import walk
from foveate.layers.convolution import Conv2d

SHAPE = (1, 9, 7)
MODES = ("zeros", "reflect", "replicate", "circular")


class Pad(nn.Module):
    """Padding as a function, each side its own, so that whole windows may lie outside the picture."""

    def __init__(self, pads, mode):
        super().__init__()
        self.pads, self.mode = pads, "constant" if mode == "zeros" else mode

    def forward(self, x):
        return F.pad(x, self.pads, self.mode)


def random_network(mode, seed):
    """Convolutions and poolings with this padding; weights of ones, so that no path cancels another."""
    draw = np.random.default_rng([MODES.index(mode), seed])
    layers = []
    for _ in range(int(draw.integers(1, 4))):
        kernel, dilation = [int(k) for k in draw.integers(1, 4, 2)], int(draw.integers(1, 3))
        match draw.integers(5):
            case 0:
                layers.append(Pad([int(p) for p in draw.integers(0, 3, 4)], mode))
            case 1:
                around = [int(p) for p in draw.integers(0, 3, 2)]
                layers.append(nn.Conv2d(1, 1, kernel, 1, around, dilation, padding_mode=mode))
            case 2:
                layers.append(nn.Conv2d(1, 1, (3, 1), padding="same", padding_mode=mode))
            case 3:
                layers.append(Conv2d(1, 1, kernel, int(draw.integers(1, 3)), "same", padding_mode=mode))
            case 4:
                layers.append(nn.AvgPool2d(2, 1, 1))
    network = nn.Sequential(*layers)
    for parameter in network.parameters():
        nn.init.ones_(parameter)
    return network


def hulls(network):
    """(top, bottom, left, right) of the input's gradient for each place; None where it is zero throughout."""
    x = torch.ones(1, *SHAPE, requires_grad=True)
    out = network(x)[0, 0]
    found = {}
    for row, column in np.ndindex(*out.shape):
        (gradient,) = torch.autograd.grad(out[row, column], x, retain_graph=True)
        rows, columns = np.nonzero(gradient[0, 0].numpy())
        found[row, column] = (rows.min(), rows.max(), columns.min(), columns.max()) if len(rows) else None
    return found


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("mode", MODES)
def test_fields_are_where_gradients_are_for_every_padding(mode, seed):
    network = random_network(mode, seed)
    try:
        truth = hulls(network)
    except RuntimeError:
        pytest.fail("a network that takes no picture: change the seeds")
    seen = walk(network, SHAPE).nodes[-1].seen
    recording = record(network, torch.ones(1, *SHAPE))
    last = len(recording.steps) - 1
    assert seen.shape == recording.steps[last].shape[1:]
    for (row, column), expected in truth.items():
        found = explain_value(recording, last, 0, row, column).field
        if expected is None:
            top, bottom, left, right = found
            assert top > bottom or left > right
        else:
            assert found == seen.sees(row, column) == expected


def test_a_window_wholly_in_the_padding_sees_what_was_copied_there():
    for mode, rows in (("reflect", (1, 3)), ("replicate", (0, 0)), ("circular", (6, 8))):
        network = nn.Sequential(Pad((0, 0, 3, 0), mode), nn.Conv2d(1, 1, (3, 1)))
        assert walk(network, SHAPE).nodes[-1].seen.sees(0, 2) == (*rows, 2, 2)
        field = receptive_field(network, SHAPE, "1")
        assert field.rows.size == 3  # as the theory has it: padding is counted
        picture = np.arange(9 * 7, dtype=np.uint8).reshape(9, 7, 1)
        expected = picture[rows[0] : rows[1] + 1, 2:3]
        np.testing.assert_array_equal(receptive_crop(picture, field, 0, 2), expected)
