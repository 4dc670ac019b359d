"""Layer norm of the places of a map."""

import torch
from torch import nn

from foveate.graph.summary import summarize
from foveate.layers.layer_norm import LayerNorm2d

X = torch.randn(2, 6, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_each_place_has_mean_0_and_deviation_1():
    out = LayerNorm2d(6, eps=1e-12).double()(X * 3 + 2)
    assert out.mean(1).abs().max() < 1e-12
    torch.testing.assert_close(out.var(1, correction=0), torch.ones(2, 3, 4, dtype=torch.float64))


def test_it_is_torchs_layer_norm_of_each_places_channels():
    module, torchs = LayerNorm2d(6).double(), nn.LayerNorm(6).double()
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    torchs.load_state_dict(module.state_dict())
    for row in range(3):
        for column in range(4):
            torch.testing.assert_close(module(X)[:, :, row, column], torchs(X[:, :, row, column]))


def test_a_place_sees_what_it_saw_before():
    network = nn.Sequential(nn.Conv2d(3, 4, 3, 2), LayerNorm2d(4), nn.Conv2d(4, 2, 3))
    rows = summarize(network, (3, 16, 16)).rows
    assert [row.receptive_field for row in rows] == [(3, 3), (3, 3), (7, 7)]
