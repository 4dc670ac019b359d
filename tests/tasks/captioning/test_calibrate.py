"""How sure of its words a network may be: as sure as it is right on held-out sentences."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from foveate.layers.teacher_forcing import TEMPERATURES
from foveate.tasks.captioning.learn import best_temperature


@pytest.mark.parametrize("too_sure", [0.8, 1.0, 1.7, 2.4])
def test_words_that_were_drawn_tell_by_how_much_scores_are_too_sure(too_sure):
    generator = torch.Generator().manual_seed(0)
    scores = 1.5 * torch.randn(40_000, 12, generator=generator)
    words = torch.multinomial(torch.softmax(scores, dim=1), 1, generator=generator)[:, 0]
    losses = [F.cross_entropy(too_sure * scores / t, words).item() for t in TEMPERATURES]
    assert best_temperature(np.array(losses)) == pytest.approx(too_sure, rel=0.05)


def test_beyond_the_temperatures_that_were_tried_the_last_one_is_taken():
    order = np.argsort(TEMPERATURES)
    falling = np.empty(len(TEMPERATURES))
    falling[order] = np.arange(len(TEMPERATURES), 0, -1)
    assert best_temperature(falling) == pytest.approx(max(TEMPERATURES))
    assert best_temperature(-falling) == pytest.approx(min(TEMPERATURES))
    assert min(TEMPERATURES) <= best_temperature(np.ones(len(TEMPERATURES))) <= max(TEMPERATURES)
