"""A run's curves for TensorBoard, under the tags that others use: train/loss, val/accuracy, ..."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from foveate.errors import MissingExtraError
from foveate.pipeline.listen import RunEvent
from foveate.training.events import EpochDone


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
            for column, value in event.row.items():
                side, _, name = ("train_" + column if column == "lr" else column).partition("_")
                if name and value is not None:
                    self._writer.add_scalar(f"{side}/{name}", value, event.row["step"])
            self._writer.flush()
