"""What `foveate inspect` does to train a designed network."""

import time

import numpy as np
import pytest

from foveate.cli.designs import train_design
from foveate.errors import InterruptedRunError
from foveate.inspector.trainings import Job
from foveate.modelfolder.read import verify

YAML = """
input: [1, 12, 12]
layers:
  - conv: {filters: 4, kernel: 3}
  - relu
  - global_avg_pool
  - dense: classes
"""


class Watching:
    def __init__(self):
        self.phases, self.rows, self.notes, self.share = [], [], [], 0.0

    def phase(self, name):
        self.phases.append(name)

    def progress(self, share):
        self.share = share

    def row(self, row, *, epoch_end):
        self.rows.append(row | {"epoch_end": epoch_end})

    def note(self, sentence):
        self.notes.append(sentence)


@pytest.fixture
def stripes(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 2
    images = rng.integers(0, 110, (120, 12, 12))
    images[labels == 0, ::2] += 140
    np.savez(tmp_path / "stripes.npz", images=images.astype(np.uint8), labels=labels)
    return str(tmp_path / "stripes.npz")


def test_what_was_learnt_until_a_stop_is_kept(stripes, tmp_path):
    watching, began = Watching(), time.monotonic()
    job = Job(YAML, stripes, tmp_path / "trained", seconds=600.0, epochs=None)
    folder = train_design(job, watching, lambda: len(watching.rows) >= 12)
    assert time.monotonic() - began < 120
    assert verify(folder).architecture["blueprint"]["input"] == [1, 12, 12]
    steps = [row["step"] for row in watching.rows]
    assert steps == sorted(steps) and 10 <= steps[-1] < 40
    assert watching.rows[-1]["epoch_end"] and watching.rows[-1]["val_accuracy"] is not None


def test_a_stop_before_the_first_step_and_one_of_epochs_keep_nothing(stripes, tmp_path):
    job = Job(YAML, stripes, tmp_path / "none", seconds=600.0, epochs=None)
    with pytest.raises(InterruptedRunError):
        train_design(job, Watching(), lambda: True)
    assert not job.folder.exists()
    watching = Watching()
    job = Job(YAML, stripes, tmp_path / "epochs", seconds=None, epochs=1_000)
    with pytest.raises(InterruptedRunError):
        train_design(job, watching, lambda: len(watching.rows) >= 12)
    assert not (job.folder / "config.json").exists()
