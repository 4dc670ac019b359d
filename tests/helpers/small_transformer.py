"""A vision transformer small enough for a page: 2 blocks of 3 heads, 4x4 patches of 8 pixels."""

import numpy as np
import torch

from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.write import Draft
from foveate.models import create_model
from foveate.models.model import Model
from foveate.runtime.config import InputShape, ModelConfig
from foveate.tasks.classification.task import Classification

SIDE, PATCH, GRID, HEADS, BLOCKS = 32, 8, 4, 3, 2
CLASSES = ("ant", "bee", "cat")  # as many as there are heads: maps of heads are no classes
OPTIONS = {"features": 24, "depth": BLOCKS, "heads": HEADS, "patch_size": PATCH, "image_size": (SIDE, SIDE)}


def small_transformer():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        module = create_model("deit_tiny", num_classes=3, **OPTIONS).eval()
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, std=0.4)
    preprocessing = Preprocessing(SIDE, SIDE, mean=(0.5,) * 3, std=(0.25,) * 3)
    architecture = {"name": "deit_tiny", "options": OPTIONS}
    return Model("small transformer", module, preprocessing, Classification(CLASSES), architecture)


def small_transformer_folder(folder):
    """The path of a model folder of it, made in ``folder``."""
    model = small_transformer()
    facts = {"task": model.task, "architecture": model.architecture}
    with Draft(folder / "small") as draft:
        draft.add_network(
            model.module,
            preprocessing=model.preprocessing,
            sample_images=np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8),
            **facts,
        )
        shape, seen = InputShape(SIDE, SIDE, 3), model.preprocessing.to_dict()
        return str(draft.publish(ModelConfig(input=shape, preprocessing=seen, **facts)))
