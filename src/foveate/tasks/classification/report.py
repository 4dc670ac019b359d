"""What a classifier's report says: how good it is, what that means, what to beware of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from foveate.tasks import base
from foveate.tasks.classification import sections
from foveate.tasks.classification.metrics import Evaluation, most_confident_mistakes
from foveate.tasks.classification.threshold import apply_unsure_rule
from foveate.tasks.sections import Section
from foveate.tasks.telling import VALIDATION, Measured, TaskReport, ToExplain, on_others, warnings_of_split
from foveate.words import count, listed, percent, plural, shown, split_word

if TYPE_CHECKING:
    from foveate.tasks.classification.task import Classification

MISTAKES_SHOWN = 24
EXPLAINED = 8
RIGHT_EXPLAINED = 4  # pictures, where the network made no mistake to explain

WIDE_INTERVAL = 0.10  # an accuracy known no better than this is worth a warning
UNEQUAL_CLASSES = 5.0  # largest class / smallest class
BAD_ECE = 0.10
SUSPICIOUSLY_MANY = 50  # samples, all right


def class_report(task: Classification, measured: Measured) -> TaskReport:
    """Everything that the page and the card say of a classifier."""
    result = class_evaluation(measured.evaluation)
    number = plural(len(task.classes), "class", "classes")
    limits = knows_limits(task, measured)
    counts = {name: task.counts(targets) for name, targets in measured.all_targets.items()}
    return TaskReport(
        split=measured.split,
        headline=result.headline,
        kind=f"Image classification into {number}",
        purpose=task.purpose,
        labels_are="Classes",
        verdict=verdict(result, measured.split),
        meaning=meaning(result, measured.split),
        warnings=warnings(result, measured.split, measured.chosen_on),
        facts=_facts(result, measured),
        scores=_scores(result),
        limits=limits,
        always="It answers with one of its classes whatever the picture shows, also for things it has never "
        "seen.",
        in_report="Each class, the confusion matrix and the most confident mistakes",
        inside="normalisation and temperature",
        sections=_sections(task, measured),
        trust=[_trust(task, measured, limits)],
        pictures=sections.classes_by_split(task.classes, counts),
    )


def class_evaluation(evaluation: base.Evaluation) -> Evaluation:
    """The evaluation, which must be one of a classifier."""
    if not isinstance(evaluation, Evaluation):
        raise TypeError(f"a classifier is not measured by {type(evaluation).__name__}")
    return evaluation


def _answers(task: Classification, measured: Measured) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    """Probabilities (N, K), and the right classes (N,)."""
    return measured.values[task.outputs[0].name], measured.targets.arrays["labels"]


def _sections(task: Classification, measured: Measured) -> list[Section]:
    result = class_evaluation(measured.evaluation)
    found = [sections.class_by_class(result, measured.split), sections.confusions(result)]
    probabilities, labels = _answers(task, measured)
    named = probabilities.argmax(axis=1)
    mistakes = [
        sections.mistake(
            measured.pixels[row],
            measured.names[row],
            true=task.classes[labels[row]],
            called=task.classes[named[row]],
            probability=float(probabilities[row, named[row]]),
        )
        for row in most_confident_mistakes(probabilities, labels, MISTAKES_SHOWN)
    ]
    if mistakes:
        found.append(sections.mistakes(mistakes))
    if measured.explanations:
        found.append(sections.where_it_looked(measured.explanations, task.classes))
    return found


def _trust(task: Classification, measured: Measured, limits: list[str]) -> Section:
    before = sections.before_scaling(*_answers(task, measured), task.temperature)
    after = class_evaluation(measured.evaluation).reliability
    return sections.calibration(after, before, task.temperature, measured.chosen_on, limits)


def to_explain(task: Classification, measured: Measured) -> list[ToExplain]:
    """The surest mistakes, for the class that was named and for the right one; or some right answers."""
    probabilities, labels = _answers(task, measured)
    rows = most_confident_mistakes(probabilities, labels, EXPLAINED)
    if not len(rows):
        few = min(RIGHT_EXPLAINED, len(labels))
        rows = np.unique(np.linspace(0, len(labels) - 1, few).astype(np.int64))
    named = probabilities.argmax(axis=1)
    return [
        ToExplain(
            measured.pixels[row],
            measured.names[row],
            tuple(dict.fromkeys((int(named[row]), int(labels[row])))),
        )
        for row in rows
    ]


def _facts(result: Evaluation, measured: Measured) -> list[tuple[str, str]]:
    macro_f1 = "macro-F1: precision and recall in one number, all classes counted alike"
    found = [(macro_f1, percent(result.macro_f1))]
    if result.top5_accuracy is not None:
        top5 = "top-5: the right class is among the five most probable"
        found.append((top5, percent(result.top5_accuracy)))
    found.append(("calibration error: how far its probabilities are off on average", percent(result.ece)))
    if measured.validation and measured.split != "val":
        on = f"accuracy on {count(measured.validation.samples)} validation pictures"
        found.append((on, percent(measured.validation.headline.value)))
    return found


def _scores(result: Evaluation) -> list[tuple[str, str]]:
    low, high = result.accuracy_interval
    interval = f"(95 % interval {percent(low)} to {percent(high)})"
    found = [("accuracy", f"{percent(result.accuracy)} {interval}")]
    if result.top5_accuracy is not None:
        found.append(("top-5 accuracy", percent(result.top5_accuracy)))
    return [
        *found,
        ("macro-F1", percent(result.macro_f1)),
        ("balanced accuracy", percent(result.balanced_accuracy)),
        ("calibration error (ECE, 15 bins)", percent(result.ece)),
        ("pictures", count(result.samples)),
    ]


def verdict(result: Evaluation, split: str) -> str:
    """How good, on what: one sentence."""
    right = f"The network is right about {percent(result.accuracy)} of "
    on = plural(result.samples, f"{split_word(split)} picture")
    if split == "train":
        return f"{right}{on}, the very ones it learned from."
    return f"{right}{on}, which it did not learn from."


def meaning(result: Evaluation, split: str) -> str:
    """What to expect, and compared with what."""
    low, high = result.accuracy_interval
    name, share = _constant(result)
    expected = on_others(split, f"between {percent(low)} and {percent(high)}")
    return f"{expected}Always answering “{shown(name, 60)}” would reach {percent(share)}."


def _constant(result: Evaluation) -> tuple[str, float]:
    """The most frequent class, and the accuracy that always answering it would have."""
    return result.classes[int(result.support.argmax())], result.headline.constant


def warnings(result: Evaluation, split: str, chosen_on: str = VALIDATION) -> list[str]:
    """What stands between the number above and the truth; one sentence each, the gravest first."""
    low, high = result.accuracy_interval
    kind = split_word(split)
    name, share = _constant(result)
    found = warnings_of_split(split, chosen_on)
    if len(result.classes) > 1 and low <= share:
        found.append(
            f"Not clearly better than always answering “{shown(name, 60)}”, which is right {percent(share)} "
            "of the time: more pictures, or more training time, are needed."
        )
    if high - low > WIDE_INTERVAL:
        found.append(
            f"Only {plural(result.samples, f'{kind} picture')}: the accuracy is known only to lie between "
            f"{percent(low, 0)} and {percent(high, 0)}."
        )
    if split != "train" and result.correct == result.samples >= SUSPICIOUSLY_MANY:
        found.append(
            f"Not one mistake in {count(result.samples)} pictures: make sure that the {kind} pictures are "
            "not copies of training pictures (`foveate check` looks for that)."
        )
    return found + _class_warnings(result, kind)


def _class_warnings(result: Evaluation, kind: str) -> list[str]:
    found = []
    present = result.support > 0
    if not present.all():
        found.append(
            f"{plural(int((~present).sum()), 'class has', 'classes have')} no {kind} picture, so nothing is "
            f"known about: {listed(_names(result, ~present))}."
        )
    missed = present & (result.recall == 0)
    if missed.any():
        found.append(f"Never recognised: {listed(_names(result, missed))}.")
    smallest, largest = int(result.support[present].min()), int(result.support.max())
    if largest >= UNEQUAL_CLASSES * smallest:
        found.append(
            f"The classes are of very unequal size ({count(smallest)} to {plural(largest, 'picture')}): the "
            f"accuracy speaks for the big ones; macro-F1 ({percent(result.macro_f1)}) counts all alike."
        )
    if result.ece > BAD_ECE:
        found.append(
            f"The probabilities are off by {percent(result.ece)} on average: take them as a ranking, not at "
            "face value."
        )
    return found


def _names(result: Evaluation, chosen: NDArray[np.bool_]) -> list[str]:
    return [result.classes[i] for i in np.flatnonzero(chosen)]


def knows_limits(task: Classification, measured: Measured) -> list[str]:
    """What it does when it does not know: unsure answers, pictures unlike those it learned from."""
    sentences, rule = [], task.unsure
    if rule is not None:
        found = apply_unsure_rule(rule, *_answers(task, measured))
        sentences += [
            f"An answer of a probability below {percent(rule.unsure_below)} is marked unsure, so that the "
            f"others are right at least {percent(rule.precision)} of the time. Found on "
            f"{plural(rule.samples, 'held-out picture')}: {percent(rule.coverage)} got such an answer.",
            f"Of the {plural(found.samples, f'{split_word(measured.split)} picture')} it was sure of "
            f"{count(found.answered)} ({percent(found.coverage)}), and right about {count(found.right)} of "
            f"these ({percent(found.precision)}).",
        ]
    if measured.measures_unlikeness:
        sentences.append(
            "Each answer comes with how unlike the training pictures the picture is; above 1, where about "
            "one in a hundred of the same kind lies, no class need be right."
        )
    return sentences
