"""Named training recipes: data, each with what it reached, in what time, on what.

A recipe says how; `--epochs` or `--budget` say how long. Every recipe's schedule follows progress, so the
same recipe serves twenty seconds and two hours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from foveate.batches.augment import Augmentation
from foveate.errors import UnknownNameError
from foveate.training.settings import OptimiserSettings, ScheduleSettings, TrainingSettings

ENOUGH_STEPS = 1_000


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        epochs: how long, where neither `--epochs` nor `--budget` says it and the data set is not small.
        halved_share: for this share of the run pictures have half their sides, a quarter of the cost; for
            networks that take any size.
    """

    name: str
    summary: str
    training: TrainingSettings
    batch_size: int
    augmentation: Augmentation
    epochs: int
    halved_share: float = 0.0

    def batch_size_for(self, count: int) -> int:
        """The recipe's batch size, halved for small data sets until an epoch has at least ten steps."""
        size = self.batch_size
        while size > 8 and count < 10 * size:
            size //= 2
        return size

    def epochs_for(self, batches: int) -> int:
        """How long, where the user does not say it: small data sets go through until 1,000 steps are done."""
        return max(self.epochs, math.ceil(ENOUGH_STEPS / batches))

    def without_mirroring(self) -> Recipe:
        return replace(self, augmentation=replace(self.augmentation, flip="none"))


ARTICLE = Recipe(
    name="article",
    summary="The article's own: Adam at 0.001, batches of 100, ten epochs, nothing else.",
    training=TrainingSettings(optimiser=OptimiserSettings("adam", learning_rate=1e-3)),
    batch_size=100,
    augmentation=Augmentation(),
    epochs=10,
)
"""Fashion-MNIST: `--recipe article --model convnet1` 90.99 % (sd 0.13), convnet1_k3 90.86 % (sd 0.24) on test
after 10 epochs of 57,000 pictures in float32, means of 5 seeds; docs/benchmarks.md has what bfloat16 reaches,
which is taken where the processor multiplies it, and how much faster than the plain torch loop both are."""

STANDARD = Recipe(
    name="standard",
    summary="For any network from scratch: AdamW, warm-up and cosine decay, mirrored and shifted pictures.",
    training=TrainingSettings(
        optimiser=OptimiserSettings("adamw", learning_rate=2e-3, weight_decay=0.05),
        schedule=ScheduleSettings(warmup_fraction=0.1, decay="cosine"),
        label_smoothing=0.1,
        clip_norm=5.0,
    ),
    batch_size=64,
    augmentation=Augmentation(flip="random", shift_px=3, brightness_fraction=0.2, contrast_fraction=0.2),
    epochs=30,
)

# In 50 steps on 600 digits (patches of 8 px, one seed) deit_tiny's training loss stayed at 2.29, as by
# chance, at the standard rate, and came to 1.88 at this one.
TRANSFORMER = replace(
    STANDARD,
    name="transformer",
    summary="For vision transformers from scratch: as standard, at a quarter of the learning rate.",
    training=replace(
        STANDARD.training, optimiser=OptimiserSettings("adamw", learning_rate=5e-4, weight_decay=0.05)
    ),
)
_TRANSFORMERS = ("vit_", "deit_")

_COMPACT_TRAINING = TrainingSettings(
    optimiser=OptimiserSettings("adamw", learning_rate=0.015, weight_decay=0.01, betas=(0.9, 0.99)),
    schedule=ScheduleSettings(warmup_fraction=0.2, start_fraction=0.2, decay="linear"),
    label_smoothing=0.1,
)

# Below so many epochs a compact network has not seen enough of the pictures to gain by shifting them.
SHIFT_FROM_EPOCHS = 6.0

COMPACT_SHORT = Recipe(
    name="compact-short",
    summary="For the compact networks and few epochs: AdamW, one triangle of learning rate, mirroring.",
    training=_COMPACT_TRAINING,
    batch_size=128,
    augmentation=Augmentation(flip="alternating"),
    epochs=5,
)
"""Fashion-MNIST, 60,000 pictures, test, one view: compact_s 90.26 % (sd 0.17, n = 10) after 0.7 epochs,
92.22 % (sd 0.19, n = 10) after 2, 93.35 % (sd 0.11, n = 5) after 5. `benchmarks/time_to_accuracy.py` measures
them again."""

COMPACT_LONG = Recipe(
    name="compact-long",
    summary="The same from six epochs on: pictures are shifted by a pixel, too.",
    training=_COMPACT_TRAINING,
    batch_size=128,
    augmentation=Augmentation(flip="alternating", shift_px=1),
    epochs=14,
)
"""Fashion-MNIST, 60,000 pictures, test, one view: compact_l 94.56 % after 16 epochs (one seed)."""

_MAPS_AUGMENTATION = Augmentation(
    flip="random", crop_fraction=0.5, zoom_fraction=0.25, brightness_fraction=0.2, contrast_fraction=0.2
)

MAPS_LEARNT = Recipe(
    name="maps-learnt",
    summary="For a class for each pixel, on a trunk that was learnt: AdamW, the trunk slower than the head.",
    training=TrainingSettings(
        optimiser=OptimiserSettings("adamw", learning_rate=4e-3, weight_decay=0.02, stage_decay=0.9),
        schedule=ScheduleSettings(warmup_fraction=0.05, decay="cosine"),
        clip_norm=5.0,
    ),
    batch_size=8,
    augmentation=_MAPS_AUGMENTATION,
    epochs=30,
    halved_share=0.5,
)

MAPS = Recipe(
    name="maps",
    summary="For a class for each pixel, from chance: AdamW, cosine decay, pictures cut and mirrored.",
    training=TrainingSettings(
        optimiser=OptimiserSettings("adamw", learning_rate=4e-3, weight_decay=0.02),
        schedule=ScheduleSettings(warmup_fraction=0.1, decay="cosine"),
        clip_norm=5.0,
    ),
    batch_size=16,
    augmentation=_MAPS_AUGMENTATION,
    epochs=30,
)

# Pictures are cut and never made smaller: beyond a border they go on as their mirror image, without boxes.
_BOXES_AUGMENTATION = Augmentation(
    flip="random", crop_fraction=0.7, brightness_fraction=0.2, contrast_fraction=0.2
)

# BCCD at 192 x 144, 8 epochs, AP50 on validation pictures (one seed): 60.7 % in batches
# of 8, 69.0 % in batches of 4, in the same time.
BOXES_LEARNT = Recipe(
    name="boxes-learnt",
    summary="For boxes, on a trunk that was learnt: AdamW, the trunk frozen at first, then slower.",
    training=TrainingSettings(
        optimiser=OptimiserSettings("adamw", learning_rate=2e-3, weight_decay=0.02, trunk_factor=0.2),
        schedule=ScheduleSettings(warmup_fraction=0.03, decay="cosine"),
        clip_norm=5.0,
        frozen_share=0.25,
    ),
    batch_size=4,
    augmentation=_BOXES_AUGMENTATION,
    epochs=30,
)

BOXES = Recipe(
    name="boxes",
    summary="For boxes, from chance: AdamW, cosine decay, pictures cut and mirrored.",
    training=TrainingSettings(
        optimiser=OptimiserSettings("adamw", learning_rate=3e-3, weight_decay=0.02),
        schedule=ScheduleSettings(warmup_fraction=0.1, decay="cosine"),
        clip_norm=5.0,
        learn_norms=True,
    ),
    batch_size=16,
    augmentation=_BOXES_AUGMENTATION,
    epochs=30,
)

_SENTENCES_AUGMENTATION = Augmentation(
    flip="random", shift_px=4, brightness_fraction=0.1, contrast_fraction=0.1
)

SENTENCES_LEARNT = Recipe(
    name="sentences-learnt",
    summary="For sentences, on a trunk that was learnt: AdamW, the trunk frozen at first, then slower.",
    training=TrainingSettings(
        optimiser=OptimiserSettings("adamw", learning_rate=2e-3, weight_decay=0.01, trunk_factor=0.15),
        schedule=ScheduleSettings(warmup_fraction=0.03, decay="cosine"),
        label_smoothing=0.05,
        clip_norm=5.0,
        frozen_share=0.25,
    ),
    batch_size=16,
    augmentation=_SENTENCES_AUGMENTATION,
    epochs=12,
)
"""On two cores an epoch of 5,600 scenes of 128 px took 22 s while the trunk was frozen, then 140 s."""

SENTENCES = Recipe(
    name="sentences",
    summary="For sentences, from chance: AdamW, cosine decay, pictures mirrored, shifted, brightened.",
    training=TrainingSettings(
        optimiser=OptimiserSettings("adamw", learning_rate=2e-3, weight_decay=0.01),
        schedule=ScheduleSettings(warmup_fraction=0.05, decay="cosine"),
        label_smoothing=0.05,
        clip_norm=5.0,
        learn_norms=True,
    ),
    batch_size=32,
    augmentation=_SENTENCES_AUGMENTATION,
    epochs=30,
)

REGIONS = Recipe(
    name="regions",
    summary="For R-CNN on a learnt trunk: pictures as they are, so that what it saw of regions is kept.",
    training=TrainingSettings(
        optimiser=OptimiserSettings("adamw", learning_rate=2e-3, weight_decay=0.02),
        schedule=ScheduleSettings(warmup_fraction=0.03, decay="cosine"),
        clip_norm=5.0,
        frozen_share=1.0,
    ),
    batch_size=8,
    augmentation=Augmentation(),
    epochs=30,
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        *(ARTICLE, STANDARD, TRANSFORMER, COMPACT_SHORT, COMPACT_LONG, MAPS, MAPS_LEARNT, BOXES),
        *(BOXES_LEARNT, REGIONS, SENTENCES, SENTENCES_LEARNT),
    )
}


def get_recipe(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        UnknownNameError: there is none; the message lists the closest.
    """
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, [*RECIPES, "auto"])
    return RECIPES[name]


def recipe_for(model: str, epochs: float) -> Recipe:
    """The recipe that suits a network for whole pictures, and about so many epochs, where none is named."""
    if model.startswith(_TRANSFORMERS):
        return TRANSFORMER
    if not model.startswith("compact"):
        return STANDARD
    return COMPACT_LONG if epochs >= SHIFT_FROM_EPOCHS else COMPACT_SHORT


@dataclass(frozen=True)
class Rung:
    """A network that `--model auto` may choose for small pictures.

    Attributes:
        relative_cost: training time of a picture, in that of the smallest network.
        enough_epochs: with fewer epochs of its own, a smaller network does better in the same time.
    """

    network: str
    relative_cost: float
    enough_epochs: float


# Largest first. Processor time of a picture in that of the article's program (5x5 windows, 28x28 grey):
#                 28x28 grey           32x32 colour         64x64 colour
#                 bfloat16  float32    bfloat16  float32    bfloat16  float32
#   compact_s     0.39      0.54       0.56      0.82       0.57      0.87
#   compact_m     0.70      1.00       0.99      1.53       1.01      1.57
#   compact_l     0.99      1.52       1.34      2.33       1.40      2.38
# (one thread of an AMD EPYC with AVX-512, torch 2.13, the best of three interleaved measurements).
AUTO_LADDER = (
    Rung("compact_l", relative_cost=2.7, enough_epochs=14.0),
    Rung("compact_m", relative_cost=1.8, enough_epochs=8.0),
    Rung("compact_s", relative_cost=1.0, enough_epochs=0.0),
)
