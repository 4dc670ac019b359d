"""What a report is made of: plain data, so that any program can have its results drawn.

Texts may hold anything (class and file names come from users); they are made safe when they are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.classification.calibration import Reliability
from foveate.tasks.classification.metrics import Evaluation
from foveate.tasks.classification.threshold import Answered, UnsureRule

VALIDATION = "validation pictures"


@dataclass(frozen=True)
class Mistake:
    """A picture that the network called something else."""

    picture: NDArray[np.uint8]  # (H, W, 3) or (H, W, 1)
    name: str  # the file's name, for people
    true: str
    predicted: str
    probability: float  # given to `predicted`


@dataclass(frozen=True)
class Explanation:
    """Heat maps over a picture, (H, W, 3): what spoke for the class it was called, and for the true one."""

    mistake: Mistake  # or a picture that was called right: then both classes are the same
    for_predicted: NDArray[np.uint8]
    for_true: NDArray[np.uint8]


@dataclass(frozen=True)
class Explanations:
    """Where the network looked, and whether that can be believed.

    ``drop``: how far the probability of the class it named falls, on average over the pictures, when the
    marked ``fraction`` of each picture is hidden; ``drop_elsewhere``: when as much is hidden elsewhere.
    """

    items: Sequence[Explanation]
    method: str  # "Grad-CAM"
    layer: str
    fraction: float
    drop: float
    drop_elsewhere: float


@dataclass(frozen=True)
class Augmented:
    """A training picture as the network sees it: resized, cropped and randomly changed."""

    picture: NDArray[np.uint8]  # (H, W, 3) or (H, W, 1)
    label: str = ""


@dataclass(frozen=True)
class DatasetSummary:
    """Where the pictures came from and what the scan had to say about them."""

    name: str = ""
    counts: Mapping[str, Sequence[int]] = field(default_factory=dict)  # split -> pictures of each class
    notes: Sequence[str] = ()  # one sentence each


@dataclass(frozen=True)
class ReportData:
    """Everything the report and the model card show. Only the first five fields must be given.

    ``evaluation`` is of the finished model on ``evaluated_on``: "test", or "val" without a test split.
    ``history`` rows have the keys epoch, step, lr, train_loss, train_accuracy, val_loss, val_accuracy,
    val_macro_f1, seconds; a value may be None or not finite (drawn as a gap).
    ``layers`` rows have name, kind, output_shape, parameters, macs, receptive_field.
    """

    title: str
    created: str  # ISO 8601
    classes: Sequence[str]
    evaluated_on: str
    evaluation: Evaluation
    validation: Evaluation | None = None
    task: str = "classification"
    architecture: str = ""  # the network's name
    model_path: str = "MODEL"  # as one types it after `foveate predict`, in the folder that holds it
    reliability_before: Reliability | None = None  # of the same predictions without temperature scaling
    temperature: float | None = None
    chosen_on: str = VALIDATION  # what decided on epochs, temperature and thresholds
    unsure: UnsureRule | None = None
    answered: Answered | None = None  # what the rule does on the pictures of `evaluated_on`
    measures_unlikeness: bool = False
    history: Sequence[Mapping[str, float | None]] = ()
    best_epoch: float | None = None  # the row of `history` that was kept
    mistakes: Sequence[Mistake] = ()  # the surest first
    explanations: Explanations | None = None
    augmented: Sequence[Augmented] = ()
    dataset: DatasetSummary = field(default_factory=DatasetSummary)
    preprocessing: str = ""  # one or two sentences
    layers: Sequence[Mapping[str, object]] = ()
    parameters: int | None = None
    macs: int | None = None  # multiply-accumulates for one picture
    settings: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    seconds_by_phase: Mapping[str, float] = field(default_factory=dict)
    licence: str = ""  # of the model, where the user stated one
