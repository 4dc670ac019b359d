"""What the report of a segmentation says: how good it is, what that means, what to beware of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foveate.tasks import base
from foveate.tasks.segmentation import sections
from foveate.tasks.segmentation.metrics import Evaluation, counted, overlaps
from foveate.tasks.segmentation.names import CLASSES, CONFIDENCE
from foveate.tasks.segmentation.targets import MASKS
from foveate.tasks.telling import VALIDATION, Measured, TaskReport, on_others, warnings_of_split
from foveate.words import count, listed, percent, plural, split_word

if TYPE_CHECKING:
    from foveate.tasks.segmentation.task import Segmentation

SHOWN = 12  # of the worst pictures
WIDE_INTERVAL = 0.10
BAD_ECE = 0.10
RARE = 0.002  # of the pixels: a class of fewer is known roughly


def mask_report(task: Segmentation, measured: Measured) -> TaskReport:
    """Everything that the page and the card say of a segmentation."""
    result = mask_evaluation(measured.evaluation)
    counts = {name: task.counts(targets) for name, targets in measured.all_targets.items()}
    sizes = {name: len(targets) for name, targets in measured.all_targets.items()}
    return TaskReport(
        split=measured.split,
        headline=result.headline,
        kind=f"Segmentation into {plural(len(task.classes), 'class', 'classes')}",
        purpose=task.purpose,
        labels_are="Classes",
        verdict=verdict(result, measured.split),
        meaning=meaning(result, measured.split),
        warnings=warnings(result, measured.split, measured.chosen_on),
        facts=_facts(result, measured),
        scores=_scores(result),
        limits=_limits(task),
        always="It gives each pixel one of its classes, also where the picture shows something else.",
        in_report="Each class with its IoU, and the worst pictures beside their truth",
        inside="normalisation, temperature, softmax and the likeliest class",
        sections=[
            sections.class_by_class(result, measured.split),
            sections.what_is_taken_for_what(result),
            sections.worst_pictures(task, worst(task, measured)),
        ],
        trust=[sections.calibration(result, task, measured.chosen_on)],
        pictures=sections.classes_by_split(task, counts, sizes),
    )


def mask_evaluation(evaluation: base.Evaluation) -> Evaluation:
    """The evaluation, which must be one of masks."""
    if not isinstance(evaluation, Evaluation):
        raise TypeError(f"masks are not measured by {type(evaluation).__name__}")
    return evaluation


def worst(task: Segmentation, measured: Measured) -> list[sections.Shown]:
    """The pictures with the least mean IoU, as the network saw them; those of ignored pixels have none."""
    true = measured.targets.arrays[MASKS]
    said, sure = measured.values[CLASSES], measured.values[CONFIDENCE]
    each = (
        counted(*row, len(task.classes), borders=False).confusion
        for row in zip(true, said, sure, strict=True)
    )
    scores = np.array([overlaps(one).miou if one.any() else np.inf for one in each])
    rows = np.argsort(scores, kind="stable")[: min(SHOWN, int(np.isfinite(scores).sum()))].tolist()
    return [
        sections.Shown(measured.pixels[row], true[row], said[row], measured.names[row], float(scores[row]))
        for row in rows
    ]


def verdict(result: Evaluation, split: str) -> str:
    """How good, on what: one sentence."""
    on = plural(result.samples, f"{split_word(split)} picture")
    known = "the very ones it learned from" if split == "train" else "which it did not learn from"
    return (
        f"The mean IoU is {percent(result.miou)} on {on}, {known}; {percent(result.pixel_accuracy)} of the "
        "pixels have the right class."
    )


def meaning(result: Evaluation, split: str) -> str:
    """What to expect, and compared with what."""
    low, high = result.miou_interval
    expected = on_others(split, f"{percent(low)} to {percent(high)}")
    return (
        "IoU is what answer and truth have in common, divided by what either of them covers; at 100 % they "
        f"are the same. {expected}The most frequent class everywhere would have {percent(result.constant)}."
    )


def warnings(result: Evaluation, split: str, chosen_on: str = VALIDATION) -> list[str]:
    """What stands between the number above and the truth; one sentence each, the gravest first."""
    low, high = result.miou_interval
    found = warnings_of_split(split, chosen_on)
    if low <= result.constant:
        found.append("Not clearly better than one class everywhere: more pictures, or more training time.")
    if high - low > WIDE_INTERVAL:
        found.append(
            f"Only {plural(result.samples, f'{split_word(split)} picture')}: the mean IoU is known only to "
            f"lie between {percent(low, 0)} and {percent(high, 0)}."
        )
    return found + _class_warnings(result)


def _class_warnings(result: Evaluation) -> list[str]:
    true, found = result.confusion.sum(axis=1), []
    names = result.names
    if result.without_union:
        found.append(f"In no picture and no answer, so not in the mean: {listed(result.without_union)}.")
    if missed := [name for name, t, v in zip(names, true, result.iou, strict=True) if t and v == 0]:
        found.append(f"Never found: {listed(missed)}.")
    if rare := [name for name, t in zip(names, true, strict=True) if 0 < t < RARE * result.pixels]:
        found.append(f"Less than {percent(RARE)} of the pixels are {listed(rare)}: their IoU is rough.")
    if result.reliability.ece > BAD_ECE:
        found.append(
            f"The confidences are off by {percent(result.reliability.ece)} on average: take them as a "
            "ranking."
        )
    return found


def _facts(result: Evaluation, measured: Measured) -> list[tuple[str, str]]:
    found = [
        ("pixel accuracy: the share of the pixels whose class is right", percent(result.pixel_accuracy)),
        (
            f"boundary F: how well outlines are met, on {count(result.bordered)} pictures",
            percent(result.boundary_f),
        ),
        ("calibration error: how far its confidences are off on average", percent(result.reliability.ece)),
    ]
    if measured.validation and measured.split != "val":
        on = f"mean IoU on {count(measured.validation.samples)} validation pictures"
        found.append((on, percent(measured.validation.headline.value)))
    return found


def _scores(result: Evaluation) -> list[tuple[str, str]]:
    low, high = result.miou_interval
    return [
        ("mean IoU", f"{percent(result.miou)} (95 % interval {percent(low)} to {percent(high)})"),
        ("pixel accuracy", percent(result.pixel_accuracy)),
        ("boundary F", percent(result.boundary_f)),
        ("calibration error (ECE, 15 bins)", percent(result.reliability.ece)),
        ("pictures", count(result.samples)),
    ]


def _limits(task: Segmentation) -> list[str]:
    if task.unsure is None:
        return []
    return [
        f"Pixels whose probability is below {percent(task.unsure.unsure_below)} are called unsure: of the "
        f"others {percent(task.unsure.precision, 0)} should be right."
    ]
