"""Small trainings for every kind of answer, on any device."""

import numpy as np
import torch

from foveate.batches.augment import Augmentation
from foveate.batches.loader import Normaliser, Pixels, TrainingBatches
from foveate.images.preprocess import Preprocessing
from foveate.models import create_model
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification
from foveate.tasks.learning import learner_of
from foveate.tasks.multilabel.targets import LabelTargets
from foveate.tasks.multilabel.task import Multilabel
from foveate.tasks.regression.targets import NumberTargets
from foveate.tasks.regression.task import Regression
from foveate.tasks.segmentation.targets import MaskTargets
from foveate.tasks.segmentation.task import Segmentation
from foveate.training.loop import Trainer
from foveate.training.schedule import StepHorizon
from foveate.training.settings import ScheduleSettings, TrainingSettings

MOVES = Augmentation(flip="random", shift_px=1, zoom_fraction=0.1)
COUNT, SIDE = 44, 16
KINDS = {  # what can be asked of a picture -> task, targets
    "classes": lambda rng: (Classification(("a", "b", "c")), ClassTargets(rng.integers(0, 3, COUNT))),
    "labels": lambda rng: (Multilabel(("a", "b")), LabelTargets(rng.integers(0, 2, (COUNT, 2)))),
    "numbers": lambda rng: (
        Regression(("size",), (0.0,), (1.0,)),
        NumberTargets(rng.standard_normal((COUNT, 1))),
    ),
    "masks": lambda rng: (
        Segmentation(("a", "b", "c")),
        MaskTargets(
            (None,) * COUNT,
            3,
            on_input=rng.choice(np.array([0, 1, 2, 255], np.uint8), (COUNT, SIDE, SIDE)),
        ),
    ),
}


def task_trainer(
    kind, name, recorder=None, *, settings=None, weights=None, device="cpu", augmentation=MOVES, epochs=2
):
    """A training of a network of the catalogue on noise with answers of this kind."""
    rng = np.random.default_rng(0)
    task, targets = KINDS[kind](rng)
    images = rng.integers(0, 256, (COUNT, SIDE, SIDE, 3), dtype=np.uint8)
    torch.manual_seed(1)
    options = {"image_size": (SIDE, SIDE), "in_channels": 3} if name.startswith("compact") else {}
    module = create_model(name, num_classes=len(task.labels), **options)
    module = module.to(device, memory_format=torch.channels_last)
    batches = TrainingBatches(
        Pixels(images, targets, device),
        Normaliser(Preprocessing(SIDE, SIDE), device),
        batch_size=8,
        augmentation=augmentation,
    )
    usual = TrainingSettings(
        schedule=ScheduleSettings(0.2, decay="linear"), precision="float32", clip_norm=1.0
    )
    learner = learner_of(task)(task, weights=weights, device=device)
    horizon = StepHorizon(epochs * len(batches))
    return Trainer(
        module, learner, batches, None, settings=settings or usual, horizon=horizon, recorder=recorder
    )


def trained(run):
    list(run.run())
    history = [{k: v for k, v in row.items() if k != "seconds"} for row in run.history]
    return {k: v.clone() for k, v in run.module.state_dict().items()}, history
