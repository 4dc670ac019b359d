"""From a trained network to a model folder: calibrate, export, measure what ships, tell."""

from __future__ import annotations

import csv
import io
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from foveate.dataset.prepare import Prepared
from foveate.dataset.samples import evenly
from foveate.explain.report import explain_for_report
from foveate.export.novelty import Novelty
from foveate.graph.summary import summarize
from foveate.modelfolder.read import load
from foveate.modelfolder.write import Draft
from foveate.pipeline.request import Phases
from foveate.pipeline.trained import HeldOut, TrainedRun
from foveate.pipeline.unlike import novelty_of
from foveate.report.card import render_card
from foveate.report.data import VALIDATION, Augmented, DatasetSummary, Mistake, ReportData
from foveate.report.page import render_report
from foveate.runtime.config import InputShape, ModelConfig
from foveate.runtime.predictor import Predictor
from foveate.tasks.classification.calibration import (
    Reliability,
    apply_temperature,
    fit_temperature,
    reliability,
)
from foveate.tasks.classification.metrics import Evaluation, evaluate, most_confident_mistakes
from foveate.tasks.classification.threshold import Answered, UnsureRule, apply_unsure_rule, fit_unsure_rule
from foveate.training.rundir import history_csv

PARITY_SAMPLES, PARITY_PIXELS = 64, 1_000_000  # pictures, at most; fewer where they are large
MISTAKES_SHOWN = 24
RIGHT_EXPLAINED = 4  # pictures, where the network made no mistake to explain
EXPLAIN_SECONDS, EXPLAIN_SHARE = 5.0, 0.1  # at most, and of the time the run took so far
WRITING_SECONDS = 0.7  # what a budget still needs after the explanations: report, card, files
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


@dataclass(frozen=True)
class _Measurement:
    """What the finished model does: probabilities (N, K) and scores by split; ``on`` is the one to quote."""

    probabilities: Mapping[str, np.ndarray]
    results: Mapping[str, Evaluation]
    on: str


def finish(run: TrainedRun) -> Finished:
    """Write the model folder: network, measurements on held-out pictures, report.

    The measurements are of ``model.onnx`` as it will be used, not of the network in training.

    Raises:
        ParityError: the exported network computes something else.
        StorageError: the folder could not be written; an older one is intact.
    """
    prepared, phases = run.prepared, run.phases
    phases.enter("calibrate")
    network = run.network
    module, held_out = network.module, network.held_out
    temperature = fit_temperature(held_out.logits, held_out.labels) if held_out else 1.0
    rule = _unsure_rule(held_out, temperature, run.request.unsure_precision)
    novelty = novelty_of(run)
    with Draft(run.out) as draft:
        phases.enter("export")
        draft.add_network(
            module,
            preprocessing=prepared.preprocessing,
            classes=prepared.classes,
            temperature=temperature,
            sample_images=_parity_pictures(prepared),
            architecture=network.architecture,
            novelty=novelty,
        )
        phases.enter("measure")
        measured = _measure_all(draft.predictor(), prepared)
        phases.enter("report")
        config = _config(run, temperature, measured, rule, novelty)
        data = _explained(_report_data(run, config, measured, rule), run, measured)
        draft.add_text("history.csv", history_csv(network.history))
        draft.add_text("splits.csv", splits_csv(prepared))
        draft.add_text("README.md", render_card(data))
        draft.add_text("report.html", render_report(replace(data, seconds_by_phase=phases.so_far())))
        draft.publish(config, keep_checkpoint=run.request.keep_checkpoint)
    phases.enter("done")
    results = measured.results
    return Finished(run.out, results[measured.on], measured.on, results.get("val"), dict(phases.seconds))


def measured_again(folder: Path, prepared: Prepared, phases: Phases) -> Finished:
    """What a finished model folder does on its pictures: the same as was told when it was finished."""
    phases.enter("measure")
    measured = _measure_all(load(folder), prepared)
    phases.enter("done")
    results = measured.results
    return Finished(folder, results[measured.on], measured.on, results.get("val"), dict(phases.seconds))


def _unsure_rule(held_out: HeldOut | None, temperature: float, precision: float) -> UnsureRule | None:
    """The probability below which the model says that it is unsure, from the pictures that calibrate it."""
    if held_out is None:
        return None
    return fit_unsure_rule(apply_temperature(held_out.logits, temperature), held_out.labels, precision)


def _before_scaling(measured: _Measurement, prepared: Prepared, temperature: float) -> Reliability:
    """How the same predictions would be calibrated had the temperature been left at 1."""
    probabilities = measured.probabilities[measured.on]
    with np.errstate(divide="ignore"):
        unscaled = apply_temperature(np.maximum(np.log(probabilities), -1e4), 1 / temperature)
    right = unscaled.argmax(axis=1) == prepared.splits[measured.on].labels
    return reliability(unscaled.max(axis=1), right)


def splits_csv(prepared: Prepared) -> str:
    """Which picture stood on which side: the columns of a table that `foveate train` takes as a data set.

    ``content`` is the hash by which `foveate check --json` knows pictures, too.
    """
    text = io.StringIO()
    held = [*prepared.classes, *(name for split in prepared.splits.values() for name in split.names)]
    # csv leaves a carriage return without quotes, and reads it as the end of a row
    minimal = not any("\r" in name for name in held)
    writer = csv.writer(text, quoting=csv.QUOTE_MINIMAL if minimal else csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(("file_name", "label", "split", "content"))
    for side, split in prepared.splits.items():
        writer.writerows(
            (name, prepared.classes[label], side, digest.tobytes().hex())
            for name, label, digest in zip(split.names, split.labels, split.digests, strict=True)
        )
    return text.getvalue()


def _parity_pictures(prepared: Prepared) -> np.ndarray:
    """Real pictures, from the validation split where there is one, evenly spaced; at least two."""
    pixels = prepared.splits["val" if "val" in prepared.splits else "train"].pixels
    most = min(PARITY_SAMPLES, PARITY_PIXELS // (pixels.shape[1] * pixels.shape[2]))
    rows = evenly(len(pixels), max(most, 2))
    return pixels[np.resize(rows, max(len(rows), 2))]


def measured_splits(prepared: Prepared) -> list[str]:
    """Validation and test pictures; the training pictures where there is nothing else to measure on."""
    return [name for name in ("val", "test") if name in prepared.splits] or ["train"]


def _measure_all(predictor: Predictor, prepared: Prepared) -> _Measurement:
    names = measured_splits(prepared)
    probabilities = {name: _measure(predictor, prepared.splits[name].pixels) for name in names}
    results = {
        name: evaluate(found, prepared.splits[name].labels, prepared.classes)
        for name, found in probabilities.items()
    }
    return _Measurement(probabilities, results, names[-1])


def _measure(predictor: Predictor, pixels: np.ndarray) -> np.ndarray:
    """Probabilities (N, K) from the exported network, in batches."""
    size = max(PREDICT_PIXELS // (pixels.shape[1] * pixels.shape[2]), 16)
    parts = [predictor.run(pixels[i : i + size]) for i in range(0, len(pixels), size)]
    return np.concatenate(parts)


def _config(
    run: TrainedRun,
    temperature: float,
    measured: _Measurement,
    rule: UnsureRule | None,
    novelty: Novelty | None,
) -> ModelConfig:
    shape = run.prepared.preprocessing
    scores = {
        name: {"accuracy": r.accuracy, "macro_f1": r.macro_f1, "ece": r.ece, "samples": r.samples}
        for name, r in measured.results.items()
    }
    return ModelConfig(
        architecture=run.network.architecture,
        classes=run.prepared.classes,
        input=InputShape(shape.height, shape.width, shape.channels),
        preprocessing=shape.to_dict(),
        temperature=temperature,
        recipe={**run.network.recipe, "run": dict(run.record)},
        seed=run.request.seed,
        versions=library_versions(),
        metrics={"evaluated_on": measured.on, **scores, **run.network.metrics},
        created=_now(),
        confidence=rule.to_dict() if rule else None,
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


def _report_data(
    run: TrainedRun, config: ModelConfig, measured: _Measurement, rule: UnsureRule | None
) -> ReportData:
    prepared, network = run.prepared, run.network
    shape = prepared.preprocessing
    summary = summarize(network.module, (shape.channels, shape.height, shape.width))
    pictures, labels = network.preview
    counts = {name: prepared.class_counts(name).tolist() for name in prepared.splits}
    return ReportData(
        title=run.out.resolve().name,
        created=config.created,
        classes=prepared.classes,
        evaluated_on=measured.on,
        evaluation=measured.results[measured.on],
        validation=measured.results.get("val"),
        architecture=network.name,
        model_path=run.out.resolve().name,
        reliability_before=_before_scaling(measured, prepared, config.temperature),
        temperature=config.temperature,
        chosen_on=network.held_out.how if network.held_out else VALIDATION,
        unsure=rule,
        answered=None if rule is None else _tried(rule, measured, prepared),
        measures_unlikeness=config.unlikeness is not None,
        history=network.history,
        best_epoch=network.best_epoch,
        mistakes=_mistakes(prepared, measured),
        augmented=[Augmented(p, prepared.classes[k]) for p, k in zip(pictures, labels, strict=True)],
        dataset=DatasetSummary(prepared.name, counts, prepared.remarks),
        preprocessing=shape.describe(),
        layers=[asdict(row) for row in summary.rows],
        parameters=summary.parameters,
        macs=summary.macs,
        settings={**network.settings, "test pictures": _TESTED_ON[prepared.tested_on]},
        versions=config.versions,
        seed=config.seed,
    )


def _tried(rule: UnsureRule, measured: _Measurement, prepared: Prepared) -> Answered:
    return apply_unsure_rule(rule, measured.probabilities[measured.on], prepared.splits[measured.on].labels)


def _mistakes(prepared: Prepared, measured: _Measurement) -> list[Mistake]:
    labels = prepared.splits[measured.on].labels
    rows = most_confident_mistakes(measured.probabilities[measured.on], labels, MISTAKES_SHOWN)
    return _answers(prepared, measured, rows)


def _answers(prepared: Prepared, measured: _Measurement, rows: np.ndarray) -> list[Mistake]:
    """These pictures with what they are and what the network called them."""
    split, probabilities = prepared.splits[measured.on], measured.probabilities[measured.on]
    predicted = probabilities.argmax(axis=1)
    return [
        Mistake(
            picture=np.asarray(split.pixels[row]),
            name=split.names[row],
            true=prepared.classes[split.labels[row]],
            predicted=prepared.classes[predicted[row]],
            probability=float(probabilities[row, predicted[row]]),
        )
        for row in rows
    ]


def _explained(data: ReportData, run: TrainedRun, measured: _Measurement) -> ReportData:
    """The report with what spoke for its mistakes, or for some right answers where it made none."""
    prepared, seconds = run.prepared, min(EXPLAIN_SECONDS, EXPLAIN_SHARE * run.phases.elapsed())
    if run.deadline is not None:
        seconds = min(run.deadline - time.monotonic() - WRITING_SECONDS, seconds)
    rows = evenly(len(prepared.splits[measured.on]), RIGHT_EXPLAINED)
    explanations = explain_for_report(
        run.network.module,
        prepared.preprocessing,
        prepared.classes,
        data.mistakes or _answers(prepared, measured, rows),
        temperature=data.temperature or 1.0,
        seconds=seconds,
    )
    return replace(data, explanations=explanations)
