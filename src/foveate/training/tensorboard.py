"""A run's curves for TensorBoard, under the tags that others use: train/loss, val/accuracy, ...

Written here and not by torch's SummaryWriter, which puts the machine's name into the file's.
"""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Any

from foveate.errors import MissingExtraError
from foveate.training.events import EpochDone
from foveate.words import setting


def check_tensorboard() -> None:
    """Raises MissingExtraError where TensorBoard is not installed."""
    try:
        import tensorboard  # noqa: F401  # it is asked for, and only then worth its time
    except ImportError as error:
        raise MissingExtraError(setting("tensorboard", True), "tensorboard") from error


class TensorBoard:
    """Writes the epochs it is called with to ``directory``; a context manager around the run.

    Raises:
        MissingExtraError: TensorBoard is not installed.
    """

    def __init__(self, directory: Path) -> None:
        check_tensorboard()
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        directory.mkdir(parents=True, exist_ok=True)
        number = len(list(directory.glob("events.*")))  # a resumed run adds a file
        path = directory / f"events.out.tfevents.{time.time():010.0f}.foveate.{number}"
        self._file, self._event = path.open("xb"), Event
        self._records = RecordWriter(self._file)
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def __enter__(self) -> TensorBoard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __call__(self, event: EpochDone) -> None:
        scalars = []
        for column, value in event.row.items():
            side, _, name = ("train_" + column if column == "lr" else column).partition("_")
            if name and value is not None:
                scalars.append({"tag": f"{side}/{name}", "simple_value": value})
        step, now = event.row["step"], time.time()
        self._write(self._event(wall_time=now, step=step, summary={"value": scalars}))

    def _write(self, event: Any) -> None:
        self._records.write(event.SerializeToString())
        self._records.flush()
