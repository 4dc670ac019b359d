"""What a report is made of: plain data, so that any program can have its results drawn.

Texts may hold anything (class and file names come from users); they are made safe when they are drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from foveate.tasks.base import Task
from foveate.tasks.sections import Pixels
from foveate.tasks.telling import TaskReport


@dataclass(frozen=True)
class Augmented:
    """A training picture as the network sees it: resized, cropped and randomly changed."""

    picture: Pixels
    label: str = ""


@dataclass(frozen=True)
class DatasetSummary:
    """Where the pictures came from, how many there are, and what the scan had to say about them."""

    name: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)  # pictures of each split
    notes: Sequence[str] = ()  # one sentence each


@dataclass(frozen=True)
class ReportData:
    """Everything the report and the model card show. Only the first four fields must be given.

    ``result`` is what the task says of the finished model.
    ``history`` rows have the keys epoch, step, lr, train_loss, val_loss, seconds, and ``train_`` and ``val_``
    with the names of the task's metrics; a value may be None or not finite (drawn as a gap).
    ``proposals`` is how many boxes of a picture ``model.onnx`` is told beside it; see `Predictor.proposals`.
    ``layers`` rows have name, kind, output_shape, parameters, macs, receptive_field.
    """

    title: str
    created: str  # ISO 8601
    task: Task
    result: TaskReport
    architecture: str = ""  # the network's name
    model_path: str = "MODEL"  # as one types it after `foveate predict`, in the folder that holds it
    history: Sequence[Mapping[str, float | None]] = ()
    best_epoch: float | None = None  # the row of `history` that was kept
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
    proposals: int = 0
    licence: str = ""  # of the model, where the user stated one
