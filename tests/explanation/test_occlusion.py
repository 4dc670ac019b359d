from importlib import import_module

import pytest
import torch
from captum.attr import Occlusion

from foveate.errors import InputError
from foveate.explanation import occlusion
from foveate.tasks.classification.task import Classification
from foveate.tasks.learning import learner_of

TARGETS = torch.tensor([2, 0, 1])


def brute_force(module, x, target, *, window, starts, fill):
    """One picture, one window, one run at a time."""
    module.eval()
    total, times = torch.zeros(12, 12), torch.zeros(12, 12)
    with torch.no_grad():
        before = module(x)[0, target]
        for top in starts[0]:
            for left in starts[1]:
                covered = x.clone()
                covered[..., top : top + window[0], left : left + window[1]] = fill
                mask = torch.zeros(12, 12)
                mask[top : top + window[0], left : left + window[1]] = 1
                total += mask * (before - module(covered)[0, target])
                times += mask
    return total / times.clamp(min=1)


@pytest.mark.parametrize(
    ("window", "stride", "starts"),
    [
        ((4, 4), (4, 4), ([0, 4, 8], [0, 4, 8])),
        ((5, 3), None, ([0, 2, 4, 6, 7], range(10))),  # the last row of windows is moved back to the border
        ((12, 12), (1, 1), ([0], [0])),
    ],
)
def test_brute_force(network, pictures, window, stride, starts):
    found = occlusion(network, pictures, TARGETS, window=window, stride=stride, fill=0.5)
    for i in range(3):
        expected = brute_force(
            network, pictures[i : i + 1], int(TARGETS[i]), window=window, starts=starts, fill=0.5
        )
        torch.testing.assert_close(found[i], expected, rtol=1e-4, atol=1e-6)


def test_it_is_captums(network, pictures):
    theirs = Occlusion(network.eval()).attribute(
        pictures, sliding_window_shapes=(3, 4, 4), strides=(3, 2, 2), target=TARGETS, baselines=0.0
    )
    ours = occlusion(network, pictures, TARGETS, window=4, stride=2)
    torch.testing.assert_close(ours, theirs[:, 0].to(ours.dtype), rtol=0, atol=1e-5)


def test_batches_change_nothing(network, pictures, monkeypatch):
    expected = occlusion(network, pictures, TARGETS, window=4)
    module = import_module("foveate.explanation.occlusion")  # the package's attribute is the function
    monkeypatch.setattr(module, "at_once", lambda x: 4)
    torch.testing.assert_close(occlusion(network, pictures, TARGETS, window=4), expected)


def test_a_cover_may_be_a_picture(network, pictures):
    found = occlusion(network, pictures, 0, window=4, fill=pictures)
    assert found.abs().max() < 1e-6  # covered with itself, nothing changes


def test_falls_of_what_the_answer_says(network, pictures):
    """The whole picture covered with black: the probability falls by what softmax says of both."""
    network.eval()
    task = Classification(("a", "b", "c", "d"), temperature=2.0)
    falls = occlusion(network, pictures, TARGETS, window=12, score=learner_of(task)(task).value)
    with torch.no_grad():
        seen, black = (torch.softmax(network(x) / 2, dim=1) for x in (pictures, 0 * pictures))
    expected = (seen - black)[torch.arange(3), TARGETS]
    torch.testing.assert_close(falls, expected[:, None, None].expand(3, 12, 12))


def test_a_window_that_does_not_fit(network, pictures):
    with pytest.raises(InputError, match="A window of 13x4 does not fit a picture of 12x12"):
        occlusion(network, pictures, 0, window=(13, 4))
