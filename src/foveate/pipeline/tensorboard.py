"""A run's curves for TensorBoard, under the tags that others use: train/loss, val/accuracy, ..."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from foveate.errors import MissingExtraError
from foveate.pipeline.listen import RunEvent
from foveate.training.events import EpochDone

TAGS = {
    "train/loss": "train_loss",
    "train/accuracy": "train_accuracy",
    "train/lr": "lr",
    "val/loss": "val_loss",
    "val/accuracy": "val_accuracy",
    "val/macro_f1": "val_macro_f1",
}


def check_tensorboard() -> None:
    """Raises MissingExtraError where TensorBoard is not installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401  # it is asked for, and only then worth its time
    except ImportError as error:
        raise MissingExtraError("--tensorboard", "tensorboard") from error


class TensorBoard:
    """A listener that writes event files to ``directory``; a context manager around the run.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    def __init__(self, directory: Path) -> None:
        check_tensorboard()
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(directory))

    def __enter__(self) -> TensorBoard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def __call__(self, event: RunEvent) -> None:
        if isinstance(event, EpochDone):
            for tag, column in TAGS.items():
                if event.row[column] is not None:
                    self._writer.add_scalar(tag, event.row[column], event.row["step"])
            self._writer.flush()
