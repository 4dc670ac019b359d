import json

import numpy as np
import pytest
import torch
from torch import nn

from foveate.errors import InputError
from foveate.explanation import blurred, curves, hiding, marked
from foveate.tasks.classification.task import Classification
from foveate.tasks.learning import learner_of

TWO = Classification(("dark", "bright"))
PROBABILITY = learner_of(TWO)(TWO).value


@pytest.fixture
def corner_network():
    """Class 1 is the likelier, the brighter the upper left 4x4 of 10x10 pixels; nothing else counts."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(100, 2, bias=False))
    with torch.no_grad():
        module[1].weight.zero_()
        module[1].weight[1].view(10, 10)[:4, :4] = 0.5
    return module


@pytest.fixture
def corner():
    heat = torch.zeros(10, 10)
    heat[:4, :4] = 1
    return heat


def test_hiding_the_true_reason_takes_the_class_away(corner_network, corner):
    x, black = torch.ones(1, 1, 10, 10), torch.zeros(1, 1, 10, 10)
    found = hiding(corner_network, x, 1, corner, fraction=0.16, cover=black, draws=200, score=PROBABILITY)
    assert found.before == pytest.approx(1 / (1 + np.exp(-8)), abs=1e-6)
    assert found.marked == pytest.approx(0.5, abs=1e-6)
    assert found.drop == pytest.approx(found.before - 0.5)
    assert found.drop > 5 * found.drop_elsewhere > 0
    assert found.drop > 5 * found.drop_scattered > 0
    assert len(found.elsewhere) == len(found.scattered) == 200
    cold = hiding(corner_network, x, 1, 1 - corner, fraction=0.16, cover=black, draws=1, score=PROBABILITY)
    assert cold.drop == pytest.approx(0, abs=1e-6)


def test_temperature_is_that_of_the_task(corner_network, corner):
    x, warm = torch.ones(1, 1, 10, 10), Classification(TWO.classes, temperature=4.0)
    found = hiding(corner_network, x, 1, corner, draws=1, score=learner_of(warm)(warm).value)
    assert found.before == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-6)


def test_without_a_score_the_output_itself_is_watched(corner_network, corner):
    x, black = torch.ones(1, 1, 10, 10), torch.zeros(1, 1, 10, 10)
    found = hiding(corner_network, x, 1, corner, fraction=0.16, cover=black, draws=1)
    assert (found.before, found.marked) == (8.0, 0.0)  # 16 pixels of weight 0.5


def test_curves_of_a_true_map_and_of_its_opposite(corner_network, corner):
    x, black = torch.ones(1, 1, 10, 10), torch.zeros(1, 1, 10, 10)
    true = curves(corner_network, x, 1, corner, steps=25, cover=black, score=PROBABILITY)
    false = curves(corner_network, x, 1, -corner, steps=25, cover=black, score=PROBABILITY)
    assert true.deletion_area < false.deletion_area and true.insertion_area > false.insertion_area
    assert true.deletion[0] == true.insertion[-1] == pytest.approx(1 / (1 + np.exp(-8)), abs=1e-6)
    assert true.deletion[-1] == true.insertion[0] == pytest.approx(0.5, abs=1e-6)
    # 16 pixels of 100 count: after 4 steps of 4 pixels each the class is gone.
    assert true.deletion[4] == pytest.approx(0.5, abs=1e-6) and true.deletion[3] > 0.8
    expected = np.trapezoid(true.deletion, true.fractions)
    assert true.deletion_area == pytest.approx(float(expected))


class Counting(nn.Module):
    """Its second logit is 0.01 for each pixel of (N, 1, H, W) that is not black."""

    def forward(self, x):
        seen = 0.01 * (x > 0).sum((1, 2, 3)).float()
        return torch.stack([torch.zeros_like(seen), seen], dim=1)


@pytest.mark.parametrize(
    ("size", "fraction"), [((30, 20), 0.05), ((30, 20), 0.2), ((30, 20), 0.5), ((3, 2), 0.5)]
)
def test_the_area_asked_for_is_hidden_in_every_way_of_hiding(size, fraction):
    heat = torch.rand(size, generator=torch.Generator().manual_seed(0))
    pixels = heat.numel()
    x, black = torch.ones(1, 1, *size), torch.zeros(1, 1, *size)
    found = hiding(Counting(), x, 1, heat, fraction=fraction, cover=black, draws=5, score=PROBABILITY)
    logit = np.log(found.before / (1 - found.before))
    assert logit == pytest.approx(0.01 * pixels, abs=1e-4)
    hidden = [100 * (logit - np.log(p / (1 - p))) for p in (found.marked, *found.elsewhere, *found.scattered)]
    assert hidden == pytest.approx([round(pixels * fraction)] * 11, abs=0.05)
    assert int(marked(heat, fraction).sum()) == round(pixels * fraction)


def test_marks_are_the_hottest_and_the_first_of_equals():
    heat = torch.tensor([[0.0, 5.0], [5.0, 9.0]])
    assert marked(heat, 0.5).tolist() == [[False, True], [False, True]]


def test_the_same_seed_draws_the_same(corner_network, corner):
    x = torch.rand(1, 1, 10, 10, generator=torch.Generator().manual_seed(0))
    one, other, third = (hiding(corner_network, x, 1, corner, draws=3, seed=s).to_dict() for s in (1, 1, 2))
    assert one == other != third
    json.dumps(one, allow_nan=False)
    json.dumps(curves(corner_network, x, 1, corner).to_dict(), allow_nan=False)


def test_out_of_focus_keeps_the_light_and_loses_the_shapes():
    flat = torch.full((1, 3, 9, 14), 0.3)
    torch.testing.assert_close(blurred(flat), flat)
    board = (torch.arange(28)[:, None] + torch.arange(28)) % 2
    grey = blurred(board.float().view(1, 1, 28, 28))
    assert grey.std() < 0.02 and abs(float(grey.mean()) - 0.5) < 0.02
    assert blurred(torch.ones(1, 1, 1, 5)).shape == (1, 1, 1, 5)


def test_what_cannot_be(corner_network, corner):
    with pytest.raises(InputError, match="one picture"):
        hiding(corner_network, torch.ones(2, 1, 10, 10), 1, corner)
    with pytest.raises(InputError, match="fraction to mark"):
        marked(corner, 1.0)
