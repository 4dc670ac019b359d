"""Boxes follow their picture through everything that training does to it: the pixels say where they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from foveate.batches.augment import Augmentation
from foveate.tasks.detection.learn import LEAST_SHARE, DetectionLearner
from foveate.tasks.detection.names import BOXES, CROWD, LABELS
from foveate.tasks.detection.task import Detection
from foveate.training.recipes import BOXES as FROM_CHANCE
from foveate.training.recipes import BOXES_LEARNT

HEIGHT, WIDTH, COUNT = 96, 128, 64
LEARNER = DetectionLearner(Detection(("red", "green", "blue")))


def painted(margin: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures (N, 3, H, W) uint8 with one bright rectangle in each channel, and their boxes (N, 3, 4)."""
    random = np.random.default_rng(0)
    pictures, boxes = torch.zeros(COUNT, 3, HEIGHT, WIDTH, dtype=torch.uint8), torch.zeros(COUNT, 3, 4)
    for n in range(COUNT):
        for channel in range(3):
            width, height = random.integers(8, 41, 2).tolist()
            x = int(random.integers(margin, WIDTH - margin - width + 1))
            y = int(random.integers(margin, HEIGHT - margin - height + 1))
            pictures[n, channel, y : y + height, x : x + width] = 255
            boxes[n, channel] = torch.tensor([x, y, x + width, y + height])
    return pictures, boxes


def bright(channel: torch.Tensor) -> list[float] | None:
    """Around what is brighter than half of its brightest, as x1 y1 x2 y2; None where nothing is left."""
    if channel.max() < 60:
        return None
    rows, columns = ((channel > channel.max() / 2).any(axis).nonzero()[:, 0] for axis in (1, 0))
    return [float(columns[0]), float(rows[0]), float(columns[-1]) + 1, float(rows[-1]) + 1]


@pytest.mark.parametrize(
    ("augmentation", "margin"),
    [
        (Augmentation(flip="random"), 0),
        (Augmentation(crop_fraction=0.5), 0),
        (Augmentation(zoom_fraction=0.2), 20),  # nothing so near the border that its mirror image shows
        (BOXES_LEARNT.augmentation, 0),
        (FROM_CHANCE.augmentation, 0),
    ],
    ids=["flip", "crop", "zoom", "learnt", "chance"],
)
def test_boxes_lie_around_what_they_lay_around(augmentation: Augmentation, margin: int) -> None:
    pictures, boxes = painted(margin)
    images, geometry = augmentation(pictures, torch.arange(COUNT), 0, torch.Generator().manual_seed(1))
    labels = torch.arange(3).repeat(COUNT, 1)
    given = {BOXES: boxes, LABELS: labels, CROWD: torch.zeros(COUNT, 3, dtype=torch.bool)}
    moved = LEARNER.moved(given, geometry, (HEIGHT, WIDTH))
    seen = apart = 0.0
    for n in range(COUNT):
        for channel in range(3):
            x1, y1, x2, y2 = moved[BOXES][n, channel].tolist()
            around = bright(images[n, channel])
            if min(x2 - x1, y2 - y1) <= 1 or around is None:
                assert min(x2 - x1, y2 - y1) <= 2  # hardly a line of it is left
                continue
            off = np.subtract([x1, y1, x2, y2], around)
            assert np.abs(off).max() <= 1.01, (n, channel)
            seen, apart = seen + 1, apart + off
    assert seen > 2 * COUNT
    # Off by rounding alone, to both sides alike: half a pixel too far would show in the mean.
    assert np.abs(apart / seen).max() < 0.15


def test_what_is_mostly_cut_away_is_neither_wanted_nor_wrong() -> None:
    pictures, boxes = painted(0)
    augmentation = Augmentation(crop_fraction=0.3)
    images, geometry = augmentation(pictures, torch.arange(COUNT), 0, torch.Generator().manual_seed(2))
    crowd = torch.zeros(COUNT, 3, dtype=torch.bool)
    moved = LEARNER.moved({BOXES: boxes, CROWD: crowd}, geometry, (HEIGHT, WIDTH))
    scale = geometry[:, 0, 0] * geometry[:, 1, 1]
    whole = (boxes[..., 2:] - boxes[..., :2]).prod(2) * scale[:, None]
    left = (images > 127).sum((2, 3)) / whole  # the share of its pixels that is still there
    clear = (left - LEAST_SHARE).abs() > 0.1
    assert clear.sum() > 2 * COUNT and 0 < moved[CROWD][clear].sum() < clear.sum()
    assert (moved[CROWD] == (left < LEAST_SHARE))[clear].all()
