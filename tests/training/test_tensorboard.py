"""TensorBoard: the tags others use, read back with TensorBoard's own reader."""

import socket

import pytest

from foveate.errors import MissingExtraError
from foveate.tasks.classification.metrics import ACCURACY
from foveate.training.events import EpochDone
from foveate.training.tensorboard import TensorBoard


def test_scalars_stand_under_the_usual_tags(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    columns = ("epoch", "train_loss", "train_accuracy", "lr", "val_accuracy", "val_macro_f1", "seconds")
    row = dict.fromkeys(columns, 0.5)
    with TensorBoard(tmp_path) as board:
        board(EpochDone({**row, "step": 10, "val_loss": 0.25}, ACCURACY, is_best=True))
        board(EpochDone({**row, "step": 20, "val_loss": None}, ACCURACY, is_best=False))
    events = EventAccumulator(str(tmp_path)).Reload()
    assert set(events.Tags()["scalars"]) == {
        "train/loss",
        "train/accuracy",
        "train/lr",
        "val/loss",
        "val/accuracy",
        "val/macro_f1",
    }
    assert [(e.step, e.value) for e in events.Scalars("val/loss")] == [(10, 0.25)]
    with TensorBoard(tmp_path) as board:  # resumed
        board(EpochDone({**row, "step": 30, "val_loss": 0.125}, ACCURACY, is_best=True))
    events = EventAccumulator(str(tmp_path)).Reload()
    assert [e.step for e in events.Scalars("train/loss")] == [10, 20, 30]
    files = [path.name for path in tmp_path.iterdir()]
    assert len(files) == 2 and not any(socket.gethostname() in name for name in files)


def test_without_tensorboard_the_extra_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"tensorboard=True needs .*foveate\[tensorboard\]"):
        TensorBoard(tmp_path)
