"""What the report of a multi-label network says: how good it is, what that means, what to beware of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from foveate.tasks import base
from foveate.tasks.multilabel import sections
from foveate.tasks.multilabel.metrics import Evaluation
from foveate.tasks.multilabel.names import PROBABILITIES
from foveate.tasks.sections import Section
from foveate.tasks.telling import VALIDATION, Measured, TaskReport, ToExplain, on_others, warnings_of_split
from foveate.words import count, listed, percent, plural, split_word

if TYPE_CHECKING:
    from foveate.tasks.multilabel.task import Multilabel

MISTAKES_SHOWN = 24
EXPLAINED = 8
WIDE_INTERVAL = 0.10  # a mean average precision known no better than this is worth a warning
FEW_POSITIVES = 20  # pictures of a label; with fewer its numbers and its threshold are rough
BAD_ECE = 0.10


def label_report(task: Multilabel, measured: Measured) -> TaskReport:
    """Everything that the page and the card say of a multi-label network."""
    result = label_evaluation(measured.evaluation)
    limits = knows_limits(measured)
    counts = {name: task.counts(targets) for name, targets in measured.all_targets.items()}
    sizes = {name: len(targets) for name, targets in measured.all_targets.items()}
    return TaskReport(
        split=measured.split,
        headline=result.headline,
        kind=f"Multi-label classification with {plural(len(task.labels), 'label')}",
        purpose=task.purpose,
        labels_are="Labels",
        verdict=verdict(result, measured.split),
        meaning=meaning(result, measured.split),
        warnings=warnings(result, measured.split, measured.chosen_on),
        facts=_facts(result, measured),
        scores=_scores(result),
        limits=limits,
        always="It knows its labels and no others; a picture of something else may still get some of them.",
        in_report="Each label with its threshold, and the surest mistakes",
        inside="normalisation, temperature and sigmoid",
        sections=_sections(task, measured),
        trust=[sections.calibration(result.reliability, task.temperature, measured.chosen_on, limits)],
        pictures=sections.labels_by_split(task.labels, counts, sizes),
    )


def label_evaluation(evaluation: base.Evaluation) -> Evaluation:
    """The evaluation, which must be one of several labels a picture."""
    if not isinstance(evaluation, Evaluation):
        raise TypeError(f"several labels are not measured by {type(evaluation).__name__}")
    return evaluation


def _sections(task: Multilabel, measured: Measured) -> list[Section]:
    found = [
        sections.label_by_label(label_evaluation(measured.evaluation), measured.split, measured.chosen_on)
    ]
    mistakes = []
    for row, label in surest_mistakes(task, measured)[:MISTAKES_SHOWN]:
        has = [task.labels[i] for i in np.flatnonzero(measured.targets.arrays["present"][row])]
        probability = float(measured.values[PROBABILITIES][row, label])
        about = (measured.pixels[row], measured.names[row])
        mistakes.append(sections.mistake(*about, task.labels[label], has, probability))
    if mistakes:
        found.append(sections.mistakes(mistakes))
    if measured.explanations:
        found.append(sections.where_it_looked(measured.explanations, task.labels))
    return found


def surest_mistakes(task: Multilabel, measured: Measured) -> list[tuple[int, int]]:
    """(picture, label) that was given or left out wrongly, the farthest from its threshold first.

    One a picture, its surest. Far is a part of what lies on that side of the threshold.
    """
    probabilities = measured.values[PROBABILITIES].astype(np.float64)
    present, thresholds = measured.targets.arrays["present"] > 0, np.array(task.thresholds)
    given = probabilities >= thresholds
    room = np.where(given, 1 - thresholds, thresholds)
    sureness = np.abs(probabilities - thresholds) / np.maximum(room, 1e-12)
    sureness = np.where(given != present, sureness, -1.0)
    worst: NDArray[np.int64] = sureness.argmax(axis=1)
    most = sureness[np.arange(len(worst)), worst]
    rows = np.argsort(-most, kind="stable")
    return [(int(row), int(worst[row])) for row in rows if most[row] >= 0]


def to_explain(task: Multilabel, measured: Measured) -> list[ToExplain]:
    """The surest mistakes, for the label in question; or some right answers, for their likeliest label."""
    chosen = surest_mistakes(task, measured)[:EXPLAINED]
    if not chosen:
        rows = np.unique(np.linspace(0, len(measured.targets) - 1, EXPLAINED // 2).astype(np.int64)).tolist()
        chosen = [(row, int(measured.values[PROBABILITIES][row].argmax())) for row in rows]
    return [ToExplain(measured.pixels[row], measured.names[row], (label,)) for row, label in chosen]


def _facts(result: Evaluation, measured: Measured) -> list[tuple[str, str]]:
    macro = "macro-F1: precision and recall in one number, all labels counted alike"
    micro = "micro-F1: the same of all labels of all pictures together"
    found = [
        (macro, percent(result.macro_f1)),
        (micro, percent(result.micro_f1)),
        ("exact match: pictures of which every label is right", percent(result.exact_match)),
        ("calibration error: how far its probabilities are off on average", percent(result.ece)),
    ]
    if measured.validation and measured.split != "val":
        on = f"mean average precision on {count(measured.validation.samples)} validation pictures"
        found.append((on, percent(measured.validation.headline.value)))
    return found


def _scores(result: Evaluation) -> list[tuple[str, str]]:
    low, high = result.interval
    interval = f"(95 % interval {percent(low)} to {percent(high)})"
    return [
        ("mean average precision", f"{percent(result.mean_average_precision)} {interval}"),
        ("macro-F1", percent(result.macro_f1)),
        ("micro-F1", percent(result.micro_f1)),
        ("exact match", percent(result.exact_match)),
        ("calibration error (ECE, 15 bins)", percent(result.ece)),
        ("pictures", count(result.samples)),
    ]


def verdict(result: Evaluation, split: str) -> str:
    """How good, on what: one sentence."""
    on = plural(result.samples, f"{split_word(split)} picture")
    known = "the very ones it learned from" if split == "train" else "which it did not learn from"
    return (
        f"The mean average precision is {percent(result.mean_average_precision)} on {on}, {known}; of "
        f"{percent(result.exact_match)} of them every label is right."
    )


def meaning(result: Evaluation, split: str) -> str:
    """What to expect, and compared with what."""
    low, high = result.interval
    expected = on_others(split, f"between {percent(low)} and {percent(high)}")
    return (
        "At 100 % the network is surer of a label on every picture that has it than on any other. "
        f"{expected}An order by chance would reach {percent(result.headline.constant)}."
    )


def warnings(result: Evaluation, split: str, chosen_on: str = VALIDATION) -> list[str]:
    """What stands between the number above and the truth; one sentence each, the gravest first."""
    low, high = result.interval
    kind, found = split_word(split), warnings_of_split(split, chosen_on, and_chose=" and the thresholds")
    if low <= result.headline.constant:
        found.append("Not clearly better than chance: more pictures, or more training time, are needed.")
    if high - low > WIDE_INTERVAL:
        found.append(
            f"Only {plural(result.samples, f'{kind} picture')}: the mean average precision is known only to "
            f"lie between {percent(low, 0)} and {percent(high, 0)}."
        )
    return found + _label_warnings(result, kind)


def _label_warnings(result: Evaluation, kind: str) -> list[str]:
    support, found = result.counts.support, []
    if (absent := support == 0).any():
        found.append(
            f"{plural(int(absent.sum()), 'label has', 'labels have')} no {kind} picture, so nothing is known "
            f"about: {listed(_names(result, absent))}."
        )
    if (missed := (support > 0) & (result.counts.hits == 0)).any():
        found.append(f"Never found: {listed(_names(result, missed))}.")
    if (few := (support > 0) & (support < FEW_POSITIVES)).any():
        found.append(
            f"Fewer than {FEW_POSITIVES} {kind} pictures have {listed(_names(result, few))}: what is said of "
            "these is rough."
        )
    if result.ece > BAD_ECE:
        found.append(
            f"The probabilities are off by {percent(result.ece)} on average: take them as a ranking, not at "
            "face value."
        )
    return found


def _names(result: Evaluation, chosen: NDArray[np.bool_]) -> list[str]:
    return [result.labels[i] for i in np.flatnonzero(chosen)]


def knows_limits(measured: Measured) -> list[str]:
    """What it does when it does not know: pictures without a label, pictures unlike those it learned from."""
    sentences = ["Where no label reaches its threshold it gives none, which is an answer like any other."]
    if measured.measures_unlikeness:
        sentences.append(
            "Each answer comes with how unlike the training pictures the picture is; above 1, where about "
            "one in a hundred of the same kind lies, no label need be right."
        )
    return sentences
