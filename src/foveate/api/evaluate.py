"""`evaluate`: how good a model is on labelled pictures. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foveate.api.common import Progress, Say, unsaid, unseen
from foveate.api.load import LoadedModel, load
from foveate.dataset import DataSet
from foveate.dataset.sources.open import Unlabelled
from foveate.errors import ImageError
from foveate.runtime.measure import evaluate_predictor
from foveate.runtime.names import AUTO
from foveate.tasks.measures import Evaluation


@dataclass(frozen=True)
class Evaluated:
    """How good a model is.

    Attributes:
        model, data: what was measured on what, by name.
        split: ``train``, ``val`` or ``test``, or ``all`` where the data have no splits.
        evaluation: the task's measures; ``evaluation.headline`` is the one to quote.
        unreadable: the error of each picture that was left out.
        notes: what is odd about the data, in sentences.
    """

    model: str
    data: str
    split: str
    evaluation: Evaluation
    unreadable: tuple[ImageError, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: what `foveate evaluate --json` prints."""
        return {
            "model": self.model,
            "data": self.data,
            "split": self.split,
            "unreadable": [str(error) for error in self.unreadable],
            **self.evaluation.to_dict(),
        }


def evaluate(
    model: str | Path | LoadedModel,
    data: str | Path | DataSet,
    *,
    split: str | None = None,
    ignore: str | int | Sequence[str | int] = (),
    unlabelled: Unlabelled = "error",
    batch_size: int = 64,
    beam: int | None = None,
    runtime: str = AUTO,
    progress: Progress = unseen,
    say: Say = unsaid,
) -> Evaluated:
    """Measure a model on a data set, its labels matched by name.

    >>> found = foveate.evaluate("runs/shapes", "shapes")
    >>> found.evaluation.samples
    80
    >>> found.to_dict()["accuracy"] == found.evaluation.headline.value
    True

    Args:
        model: a model folder, the name of a network that comes with weights, or what `load` returned.
        data: any form of data that `open_dataset` takes.
        split: ``train``, ``val`` or ``test``; by default the data's test pictures, else its validation
            pictures, else all it has.
        ignore, unlabelled: as for `open_dataset`.
        beam, runtime: as for `load`, where the model is not loaded yet.
        progress: called with pictures done and pictures in all.

    Raises ModelFolderError; DatasetError for labels the model does not know, a split that is not there, or
    more than 5 % unreadable pictures.
    """
    predictor = model if isinstance(model, LoadedModel) else load(model, beam=beam, runtime=runtime, say=say)
    found = evaluate_predictor(
        predictor,
        data,
        split=split,
        ignore=ignore,
        unlabelled=unlabelled,
        batch_size=batch_size,
        progress=progress,
    )
    return Evaluated(
        model=str(model.folder) if isinstance(model, LoadedModel) else str(model),
        data=data.name if isinstance(data, DataSet) else str(data),
        split=found.split,
        evaluation=found.evaluation,
        unreadable=found.unreadable,
        notes=(*found.notes, *filter(None, [predictor.runtime_told])),
    )
