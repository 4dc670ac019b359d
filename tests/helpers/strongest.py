"""A network that needs no training: each pixel's class is its strongest channel."""

import numpy as np
import torch
from torch import nn

from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.write import Draft
from foveate.runtime.config import InputShape, ModelConfig
from foveate.tasks.segmentation.task import Segmentation

SIDE = 16
COLOURS = ((200, 0, 0), (0, 200, 0), (0, 0, 200))


def strongest(folder):
    """The name of a model folder of such a network, made in ``folder``."""
    scores = nn.Conv2d(3, 3, 1)
    with torch.no_grad():
        scores.weight.copy_(20 * torch.eye(3)[:, :, None, None])
        scores.bias.zero_()
    shape = Preprocessing(SIDE, SIDE, 3, fit="stretch")
    facts = {
        "task": Segmentation(("red", "green", "blue"), colours=COLOURS),
        "architecture": {"custom": "strongest"},
    }
    with Draft(folder / "strongest") as draft:
        draft.add_network(
            scores,
            preprocessing=shape,
            sample_images=np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8),
            **facts,
        )
        config = ModelConfig(input=InputShape(SIDE, SIDE, 3), preprocessing=shape.to_dict(), **facts)
        return str(draft.publish(config))


def blocks(seed, across=4, down=3, side=40):
    """A picture of flat blocks (H, W, 3) and the class of each of its pixels (H, W)."""
    mask = np.random.default_rng(seed).integers(0, 3, (down, across), np.uint8)
    mask = np.kron(mask, np.ones((side, side), np.uint8))
    return np.array(COLOURS, np.uint8)[mask], mask
