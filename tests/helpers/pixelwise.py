"""A network that scores each pixel by what can be told by hand: colours, halved and enlarged again."""

import numpy as np
import torch

from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.write import Draft
from foveate.models.blueprint import build, load_blueprint
from foveate.models.model import Model
from foveate.runtime.config import InputShape, ModelConfig
from foveate.tasks.segmentation.task import Segmentation
from strongest import COLOURS

SIDE = 32
CLASSES = ("red", "green", "blue")
DOCUMENT = {
    "input": [3, SIDE, SIDE],
    "classes": 3,
    "layers": [
        {"conv": {"filters": 4, "kernel": 3, "padding": 1}},
        "relu",
        {"avg_pool": 2},
        {"conv": {"filters": "classes", "kernel": 1}},
        {"upsample": 2},
    ],
}


def pixelwise(fit="stretch", classes=CLASSES):
    """The score of a class is its colour, seen through 3x3 means of 2x2 means, minus what the others have."""
    network = build(load_blueprint(DOCUMENT)).eval()
    first, scores = (m for m in network.modules() if isinstance(m, torch.nn.Conv2d))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for k in range(3):
            first.weight[k, k] = 1 / 9
        first.weight[3] = 1 / 27
        first.bias.fill_(0.5)
        scores.weight[:, :3, 0, 0] = 6 * torch.eye(3) - 2
        scores.bias.copy_(torch.tensor([0.1, 0.0, -0.1]))
    preprocessing = Preprocessing(SIDE, SIDE, fit=fit, mean=(0.5,) * 3, std=(0.5,) * 3)
    task = Segmentation(classes, colours=COLOURS, temperature=1.5)
    return Model("pixelwise", network, preprocessing, task, {"blueprint": load_blueprint(DOCUMENT).to_dict()})


def pixelwise_folder(folder, name="pixelwise", classes=CLASSES):
    """The path of a model folder of it, made in ``folder``."""
    model = pixelwise(classes=classes)
    facts = {"task": model.task, "architecture": model.architecture}
    with Draft(folder / name) as draft:
        draft.add_network(
            model.module,
            preprocessing=model.preprocessing,
            sample_images=np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8),
            **facts,
        )
        config = ModelConfig(
            input=InputShape(SIDE, SIDE, 3), preprocessing=model.preprocessing.to_dict(), **facts
        )
        return str(draft.publish(config))
