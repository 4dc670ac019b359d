"""What a result means, in sentences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foveate.report.data import VALIDATION, ReportData
from foveate.tasks.classification.metrics import Evaluation
from foveate.words import count, listed, percent, plural, shown, split_word

WIDE_INTERVAL = 0.10  # an accuracy known no better than this is worth a warning
UNEQUAL_CLASSES = 5.0  # largest class / smallest class
BAD_ECE = 0.10
SUSPICIOUSLY_MANY = 50  # samples, all right


def baseline(evaluation: Evaluation) -> tuple[str, float]:
    """The most frequent class, and the accuracy that always answering it would have."""
    best = int(evaluation.support.argmax())
    return evaluation.classes[best], float(evaluation.support[best] / evaluation.samples)


def knows_limits(data: ReportData) -> list[str]:
    """What it does when it does not know: unsure answers, pictures unlike those it learned from."""
    sentences = []
    rule, found = data.unsure, data.answered
    if rule is not None:
        sentences.append(
            f"An answer of a probability below {percent(rule.unsure_below)} is marked unsure, so that the "
            f"others are right at least {percent(rule.precision)} of the time. Found on "
            f"{plural(rule.samples, 'held-out picture')}: {percent(rule.coverage)} got such an answer."
        )
    if rule is not None and found is not None:
        sentences.append(
            f"Of the {plural(found.samples, f'{split_word(data.evaluated_on)} picture')} it was sure of "
            f"{count(found.answered)} ({percent(found.coverage)}), and right about {count(found.right)} of "
            f"these ({percent(found.precision)})."
        )
    if data.measures_unlikeness:
        sentences.append(
            "Each answer comes with how unlike the training pictures the picture is; above 1, where about "
            "one in a hundred of the same kind lies, no class need be right."
        )
    return sentences


def headline(data: ReportData) -> str:
    """How good, on what: one sentence."""
    result = data.evaluation
    return (
        f"The network is right about {percent(result.accuracy)} of "
        f"{plural(result.samples, f'{split_word(data.evaluated_on)} picture')}, "
        + (
            "the very ones it learned from."
            if data.evaluated_on == "train"
            else "which it did not learn from."
        )
    )


def meaning(data: ReportData) -> str:
    """What to expect, and compared with what: one or two sentences."""
    low, high = data.evaluation.accuracy_interval
    name, share = baseline(data.evaluation)
    return (
        f"On other pictures of the same kind, expect between {percent(low)} and {percent(high)} "
        f"(95 % confidence interval). Always answering “{shown(name, 60)}” would reach {percent(share)}."
    )


def warnings(data: ReportData) -> list[str]:
    """What stands between the number above and the truth; one sentence each, the gravest first."""
    result = data.evaluation
    low, high = result.accuracy_interval
    kind = split_word(data.evaluated_on)
    name, share = baseline(result)
    found = []
    if data.evaluated_on == "train":
        found.append(
            "Measured on the pictures it was trained with: this says nothing about new ones. Keep some apart."
        )
    elif data.evaluated_on in ("val", "valid", "validation") and data.chosen_on == VALIDATION:
        found.append(
            "There were no test pictures. The validation pictures also served to choose the best moment of "
            "training, so expect a little less on new ones."
        )
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
    if result.correct == result.samples >= SUSPICIOUSLY_MANY:
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
