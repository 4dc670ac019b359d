"""From a trained network to a model folder: calibrate, export, measure what ships, tell."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from foveate.dataset.prepare import Prepared
from foveate.dataset.samples import evenly, measured_splits
from foveate.dataset.sides import splits_csv
from foveate.errors import show_path
from foveate.explanation.report import explain_for_report
from foveate.exporter.novelty import Novelty
from foveate.graph.summary import summarize
from foveate.modelfolder.read import load
from foveate.modelfolder.write import Draft
from foveate.pipeline.request import Phases
from foveate.pipeline.trained import TrainedRun
from foveate.report.card import render_card
from foveate.report.data import Augmented, DatasetSummary, ReportData
from foveate.report.page import render_report
from foveate.runtime.config import InputShape, ModelConfig
from foveate.runtime.predictor import Predictor
from foveate.tasks.base import Task
from foveate.tasks.learning import learner_of
from foveate.tasks.measures import Evaluation
from foveate.tasks.notebooks import html_of
from foveate.tasks.telling import Explanations, Measured
from foveate.tasks.values import Answered, Values, joined
from foveate.training.events import history_columns
from foveate.training.rundir import history_csv
from foveate.transfer.unlike import novelty_of
from foveate.words import duration, html_lines

PARITY_SAMPLES, PARITY_PIXELS = 64, 1_000_000  # pictures, at most; fewer where they are large
EXPLAIN_SECONDS, EXPLAIN_SHARE = 5.0, 0.1  # at most, and of the time the run took so far
WRITING_SECONDS = 0.7  # what a budget still needs after the explanations: report, card, files
LEAST_PREDICTED = 8  # at once
PREDICT_PIXELS = 1_000_000  # of a batch; larger ones fall out of the processor's caches
_TESTED_ON = {
    "given": "the data set's own",
    "held out": "held out from the training pictures",
    "": "none",
}


@dataclass(frozen=True)
class Finished:
    """A finished run: the folder, what it measured, and where the time went."""

    folder: Path
    evaluation: Evaluation
    evaluated_on: str
    validation: Evaluation | None
    seconds_by_phase: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: what `foveate train --json` prints."""
        return {
            "model": str(self.folder),
            "evaluated_on": self.evaluated_on,
            "evaluation": self.evaluation.to_dict(),
            "validation": self.validation.to_dict() if self.validation else None,
            "seconds_by_phase": {name: round(value, 3) for name, value in self.seconds_by_phase.items()},
        }

    def _repr_html_(self) -> str:
        spent = duration(sum(self.seconds_by_phase.values()))
        told = self.evaluation.lines(f"{self.evaluated_on} pictures")
        tables = "".join(map(html_of, self.evaluation.tables()))
        return html_lines([f"Model folder {show_path(self.folder)}, made in {spent}.", *told]) + tables


def finish(run: TrainedRun) -> Finished:
    """Write the model folder: network, measurements on held-out pictures, report.

    The measurements are of ``model.onnx`` as it will be used, not of the network in training.

    Raises:
        ParityError: the exported network computes something else.
        StorageError: the folder could not be written; an older one is intact.
    """
    prepared, phases, network = run.prepared, run.phases, run.network
    phases.enter("calibrate")
    task = _calibrated(run)
    novelty = novelty_of(
        network.module,
        prepared,
        features=network.features,
        unseen=network.unseen,
        deadline=run.deadline,
    )
    with Draft(run.out) as draft:
        phases.enter("export")
        draft.add_network(
            network.module,
            preprocessing=prepared.preprocessing,
            task=task,
            sample_images=_parity_pictures(prepared),
            architecture=network.architecture,
            novelty=novelty,
        )
        phases.enter("measure")
        measured = _measure_all(draft.predictor(), prepared, task)
        phases.enter("report")
        config = _config(run, task, measured, novelty)
        data = _report_data(run, config, task, _to_report(run, task, measured, novelty is not None))
        data = replace(data, proposals=draft.predictor().proposals)
        draft.add_text("history.csv", history_csv(network.history, history_columns(task)))
        draft.add_text("splits.csv", splits_csv(prepared.task, prepared.splits))
        draft.add_text("README.md", render_card(data))
        draft.add_text("report.html", render_report(replace(data, seconds_by_phase=phases.so_far())))
        draft.publish(config, keep_checkpoint=run.request.keep_checkpoint)
    phases.enter("done")
    return _finished(run.out, measured, phases)


def measured_again(folder: Path, prepared: Prepared, phases: Phases) -> Finished:
    """What a finished model folder does on its pictures: the same as was told when it was finished."""
    phases.enter("measure")
    predictor = load(folder)
    measured = _measure_all(predictor, prepared, predictor.task)
    phases.enter("done")
    return _finished(folder, measured, phases)


def _finished(folder: Path, measured: Sequence[Measured], phases: Phases) -> Finished:
    validation = next((one.evaluation for one in measured if one.split == "val"), None)
    quoted = measured[-1]
    return Finished(folder, quoted.evaluation, quoted.split, validation, dict(phases.seconds))


def _calibrated(run: TrainedRun) -> Task:
    """The task with what held-out pictures say of how sure its answers may be; or the network has it."""
    task, held_out = run.prepared.task, run.network.held_out
    task = learner_of(task)(task).settled(run.network.module, run.prepared.preprocessing)
    if held_out is not None:
        learner = learner_of(task)(task)
        learner.calibrate(run.network.module, held_out.outputs, held_out.targets)
        precision = run.request.unsure_precision
        task = learner.calibrated(held_out.outputs, held_out.targets, unsure_precision=precision)
    return task


def _parity_pictures(prepared: Prepared) -> np.ndarray:
    """Real pictures, from the validation split where there is one, evenly spaced; at least two."""
    pixels = prepared.splits["val" if "val" in prepared.splits else "train"].pixels
    most = min(PARITY_SAMPLES, PARITY_PIXELS // (pixels.shape[1] * pixels.shape[2]))
    rows = evenly(len(pixels), max(most, 2))
    return pixels[np.resize(rows, max(len(rows), 2))]


def _measure_all(predictor: Predictor, prepared: Prepared, task: Task) -> list[Measured]:
    """What the finished model does on each split that is measured; the last one is to be quoted."""
    found: list[Measured] = []
    for name in measured_splits(prepared.splits):
        split = prepared.splits[name]
        values = Answered(_measure(predictor, split.pixels), split.seen(prepared.preprocessing))
        targets, train = split.targets, prepared.splits["train"]
        if name != "train":
            targets = task.beside_training(targets, split.pixels, train.targets, train.pixels)
        scores = task.evaluate(values, targets)
        found.append(Measured(name, values, targets, scores, split.pixels, split.names))
    return found


def _measure(predictor: Predictor, pixels: np.ndarray) -> Values:
    """What the exported network gives, in batches."""
    size = max(PREDICT_PIXELS // (pixels.shape[1] * pixels.shape[2]), LEAST_PREDICTED)
    return joined([predictor.run(pixels[i : i + size]) for i in range(0, len(pixels), size)])


def _config(
    run: TrainedRun, task: Task, measured: Sequence[Measured], novelty: Novelty | None
) -> ModelConfig:
    shape = run.prepared.preprocessing
    scores = {one.split: one.evaluation.scores() for one in measured}
    return ModelConfig(
        architecture=run.network.architecture,
        task=task,
        input=InputShape(shape.height, shape.width, shape.channels),
        preprocessing=shape.to_dict(),
        recipe={**run.network.recipe, "run": dict(run.record)},
        seed=run.request.seed,
        versions=library_versions(),
        metrics={"evaluated_on": measured[-1].split, **scores, **run.network.metrics},
        created=_now(),
        unlikeness=novelty.to_dict() if novelty else None,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def library_versions() -> dict[str, str]:
    """Versions of what made the model."""
    versions = {"python": platform.python_version()}
    for name in ("foveate", "torch", "numpy", "pillow", "onnx", "onnxscript", "onnxruntime"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _report_data(run: TrainedRun, config: ModelConfig, task: Task, measured: Measured) -> ReportData:
    prepared, network = run.prepared, run.network
    shape = prepared.preprocessing
    summary = summarize(network.module, (shape.channels, shape.height, shape.width))
    pictures, answers = network.preview
    told = task.cells(answers)
    return ReportData(
        title=run.out.resolve().name,
        created=config.created,
        task=task,
        result=task.report(measured),
        architecture=network.name,
        model_path=run.out.resolve().name,
        history=network.history,
        best_epoch=network.best_epoch,
        augmented=[Augmented(picture, label) for picture, label in zip(pictures, told, strict=True)],
        dataset=DatasetSummary(prepared.name, prepared.sizes, prepared.remarks),
        preprocessing=shape.describe(),
        layers=[asdict(row) for row in summary.rows],
        parameters=summary.parameters,
        macs=summary.macs,
        settings={**network.settings, "test pictures": _TESTED_ON[prepared.tested_on]},
        versions=config.versions,
        seed=config.seed,
    )


def _to_report(
    run: TrainedRun, task: Task, measured: Sequence[Measured], measures_unlikeness: bool
) -> Measured:
    """What was measured on the split to be quoted, with all else that its report goes by."""
    quoted, network = measured[-1], run.network
    return replace(
        quoted,
        validation=next((one.evaluation for one in measured if one.split == "val"), None),
        chosen_on=network.held_out.how if network.held_out else "",
        measures_unlikeness=measures_unlikeness,
        all_targets={name: split.targets for name, split in run.prepared.splits.items()},
        explanations=_explained(run, task, quoted),
    )


def _explained(run: TrainedRun, task: Task, measured: Measured) -> Explanations | None:
    """What spoke for the answers that tell most, as far as there is time."""
    seconds = min(EXPLAIN_SECONDS, EXPLAIN_SHARE * run.phases.elapsed())
    if run.deadline is not None:
        seconds = min(run.deadline - time.monotonic() - WRITING_SECONDS, seconds)
    return explain_for_report(
        run.network.module,
        run.prepared.preprocessing,
        task,
        task.to_explain(measured),
        seconds=seconds,
    )
