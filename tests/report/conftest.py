"""One small, complete set of report data, and the means to change parts of it."""

import dataclasses

import numpy as np
import pytest

from foveate.report.data import Augmented, DatasetSummary, ReportData
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification
from foveate.tasks.telling import Measured


def predictions(samples, num_classes, accuracy=0.8, seed=0):
    """Probabilities (N, K) and labels (N,) of a classifier that is right about `accuracy` of the time."""
    rng = np.random.default_rng(seed)
    labels = np.arange(samples) % num_classes
    wrong = rng.random(samples) > accuracy
    guess = np.where(wrong, (labels + 1) % num_classes, labels)
    p = np.full((samples, num_classes), 0.1 / max(num_classes - 1, 1))
    p[np.arange(samples), guess] = 0.9 if num_classes > 1 else 1.0
    return p, labels


def measured(probabilities, labels, classes, split="test", **changes):
    """A classifier measured on pictures that are all alike, and its task."""
    task = Classification(tuple(classes), **changes.pop("task", {}))
    values, targets = {"probabilities": np.asarray(probabilities)}, ClassTargets(np.asarray(labels))
    picture = np.arange(48, dtype=np.uint8).reshape(1, 4, 4, 3)
    changes.setdefault("pixels", np.broadcast_to(picture, (len(targets), 4, 4, 3)))
    changes.setdefault("names", ["photo.jpg"] * len(targets))
    return task, Measured(split, values, targets, task.evaluate(values, targets), **changes)


@pytest.fixture
def make_result():
    """make_result(probabilities, labels, classes, split, **changes of Measured) -> ReportData"""

    def make(*measurement, **changes):
        task, found = measured(*measurement, **changes)
        return ReportData("x", "", task, task.report(found))

    return make


@pytest.fixture
def make_data():
    """make_data(classes=..., samples=..., **changes) -> ReportData with every part filled.

    ``changes`` of `Measured` stand in ``measured``.
    """

    def make(classes=("cat", "dog", "bird"), samples=300, name="photo.jpg", split="test", **changes):
        p, labels = predictions(samples, len(classes))
        changed = {"names": [name] * samples, "all_targets": {"train": ClassTargets(labels[:90])}}
        changed |= {"task": {"temperature": 1.25}} | changes.pop("measured", {})
        task, found = measured(p, labels, classes, split, **changed)
        found = dataclasses.replace(found, validation=found.evaluation)
        data = ReportData(
            title="Pets",
            created="2026-11-14T10:32:07+00:00",
            task=task,
            result=task.report(found),
            architecture="compact",
            model_path="runs/pets",
            history=[
                {"epoch": 1, "step": 9, "lr": 0.1, "train_loss": 2.0, "train_accuracy": None, "val_loss": 1.5}
                | {"val_accuracy": 0.4, "val_macro_f1": 0.39, "seconds": 1.0},
                {"epoch": 2, "step": 18, "lr": 0.01, "train_loss": float("nan"), "train_accuracy": None}
                | {"val_loss": 1.0, "val_accuracy": 0.8, "val_macro_f1": 0.79, "seconds": 2.0},
            ],
            best_epoch=2,
            augmented=[Augmented(found.pixels[0][:, :, :1], classes[0])],
            dataset=DatasetSummary(name, {"train": 90}, [f"Unreadable: {name}."]),
            preprocessing="Resized to 32 × 32 pixels.",
            layers=[
                {"name": "conv1", "kind": "Conv2d", "output_shape": (8, 32, 32), "parameters": 224}
                | {"macs": 221184, "receptive_field": 3},
                {"name": "fc", "kind": "Linear", "output_shape": (3,), "parameters": 27, "macs": 24},
            ],
            parameters=251,
            macs=221208,
            settings={"budget": "60 s"},
            versions={"foveate": "0.1.0"},
            seed=0,
            seconds_by_phase={"reading": 1.0, "training": 9.0},
        )
        return dataclasses.replace(data, **changes)

    return make
