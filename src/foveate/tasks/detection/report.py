"""What the report of a detection says: how good it is, what that means, what to beware of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from foveate.tasks import base
from foveate.tasks.detection import sections
from foveate.tasks.detection.metrics import AT_50, Evaluation, compared
from foveate.tasks.detection.targets import BoxTargets
from foveate.tasks.telling import VALIDATION, Measured, TaskReport, on_others, warnings_of_split
from foveate.words import count, listed, percent, plural, split_word

if TYPE_CHECKING:
    from foveate.tasks.detection.task import Detection

SHOWN = 12  # pictures of each kind of mistake
WIDE_INTERVAL = 0.10
BAD_ECE = 0.10
FEW_BOXES = 30  # of a class: its AP is known roughly


def box_report(task: Detection, measured: Measured) -> TaskReport:
    """Everything that the page and the card say of a detection."""
    result = box_evaluation(measured.evaluation)
    looked_at = looked_over(task, measured)
    return TaskReport(
        split=measured.split,
        headline=result.headline,
        kind=f"Object detection of {plural(len(task.classes), 'class', 'classes')}",
        purpose=task.purpose,
        labels_are="Classes",
        verdict=verdict(result, measured.split),
        meaning=meaning(result, measured.split),
        warnings=warnings(result, measured.split, measured.chosen_on),
        facts=_facts(result, measured),
        scores=_scores(result),
        limits=_limits(task),
        always="It knows its classes alone: other things are passed over, or taken for one of them.",
        in_report="Precision and recall of each class, and the pictures with what was missed and imagined",
        inside="normalisation, the choice among overlapping boxes, and the calibration of scores",
        sections=[
            sections.class_by_class(result, measured.split),
            sections.precision_and_recall(result),
            sections.missed(task, looked_at[:SHOWN]),
            sections.imagined(task, sorted(looked_at, key=lambda one: -len(one.imagined))[:SHOWN]),
        ],
        trust=[sections.threshold(result, task), sections.calibration(result, task, measured.chosen_on)],
        pictures=sections.boxes_by_split(task, measured.all_targets),
    )


def box_evaluation(evaluation: base.Evaluation) -> Evaluation:
    """The evaluation, which must be one of boxes."""
    if not isinstance(evaluation, Evaluation):
        raise TypeError(f"boxes are not measured by {type(evaluation).__name__}")
    return evaluation


def looked_over(task: Detection, measured: Measured) -> list[sections.Shown]:
    """The pictures as the network saw them, those with most missed boxes first."""
    targets = measured.targets
    if not isinstance(targets, BoxTargets) or targets.on_input is None:
        return []
    found = []
    for row, true in enumerate(targets.pictures):
        prediction = task.predictions(_row(measured, row))[0]
        answer, _ = task.found(_row(measured, row), 0)
        taken, wrong = np.zeros(len(true), bool), []
        for k, one in enumerate(compared(answer, true, len(task.classes))):
            own, said = np.flatnonzero(true.labels == k), np.flatnonzero(answer.labels == k)
            told = one.scores >= task.threshold
            met = one.taken[AT_50][told]
            taken[own[met[met >= 0]]] = True
            none = told & ~one.met[0, AT_50] & ~one.ignored[0, AT_50]
            wrong += said[one.order[none]].tolist()
        found.append(
            sections.Shown(
                measured.pixels[row],
                measured.names[row],
                targets.on_input[row],
                true.labels,
                np.flatnonzero(~taken & ~true.crowd),
                _on_input(measured, row),
                prediction.scores,
                prediction.labels,
                np.array(sorted(wrong), np.int64),
                prediction.told,
            )
        )
    return sorted(found, key=lambda one: -len(one.missed))


def _row(measured: Measured, row: int) -> base.Any:
    from foveate.tasks.values import row as one

    return one(measured.values, row)


def _on_input(measured: Measured, row: int) -> np.ndarray:
    from foveate.tasks.detection.names import BOXES, COUNT

    return measured.values[BOXES][row, : int(measured.values[COUNT][row])].astype(np.float64)


def verdict(result: Evaluation, split: str) -> str:
    """How good, on what: one sentence."""
    on = plural(result.samples, f"{split_word(split)} picture")
    known = "the very ones it learned from" if split == "train" else "which it did not learn from"
    found, missed, imagined = (int(part.sum()) for part in result.counts)
    return (
        f"AP50 is {percent(result.number('ap50'))} on {on}, {known}: {count(found)} of "
        f"{count(found + missed)} boxes were found, and {count(imagined)} more were imagined."
    )


def meaning(result: Evaluation, split: str) -> str:
    """What to expect, and compared with what."""
    low, high = result.interval
    expected = on_others(split, f"{percent(low)} to {percent(high)}")
    return (
        "A box is found if it covers a true one of its class by more than half of what both cover together; "
        "AP50 is the share of the answers that are right, over all shares of the true boxes that can be "
        f"found, the mean of the classes. {expected}With stricter overlaps, from 50 to 95 %, it is "
        f"{percent(result.number('ap'))}."
    )


def warnings(result: Evaluation, split: str, chosen_on: str = VALIDATION) -> list[str]:
    """What stands between the number above and the truth; one sentence each, the gravest first."""
    low, high = result.interval
    found = warnings_of_split(split, chosen_on, and_chose=" and the threshold")
    if high - low > WIDE_INTERVAL:
        found.append(
            f"Only {plural(result.samples, f'{split_word(split)} picture')}: AP50 is known only to lie "
            f"between {percent(low, 0)} and {percent(high, 0)}."
        )
    ap50, true = result.per_class(AT_50), result.true[:, 0]
    if result.without_truth:
        found.append(f"In no picture, so not in the mean: {listed(result.without_truth)}.")
    if never := [name for name, ap, n in zip(result.names, ap50, true, strict=True) if n and ap == 0]:
        found.append(f"Never found: {listed(never)}.")
    if rare := [name for name, n in zip(result.names, true, strict=True) if 0 < n < FEW_BOXES]:
        found.append(f"Fewer than {FEW_BOXES} boxes of {listed(rare)}: their AP is rough.")
    if result.reliability.ece > BAD_ECE:
        found.append(
            f"The scores are off by {percent(result.reliability.ece)} on average: take them as a ranking."
        )
    return found


def _facts(result: Evaluation, measured: Measured) -> list[tuple[str, str]]:
    found = [
        ("AP: the same over overlaps from 50 to 95 %", percent(result.number("ap"))),
        ("AP75: at an overlap of 75 %, where boxes must fit well", percent(result.number("ap75"))),
        ("recall: the share of the boxes that 100 answers find", percent(result.number("ar_100"))),
        ("calibration error: how far its scores are off on average", percent(result.reliability.ece)),
    ]
    if measured.validation and measured.split != "val":
        on = f"AP50 on {count(measured.validation.samples)} validation pictures"
        found.append((on, percent(measured.validation.headline.value)))
    return found


def _scores(result: Evaluation) -> list[tuple[str, str]]:
    low, high = result.interval
    return [
        ("AP50", f"{percent(result.number('ap50'))} (95 % interval {percent(low)} to {percent(high)})"),
        ("AP", percent(result.number("ap"))),
        ("AP75", percent(result.number("ap75"))),
        ("calibration error (ECE, 15 bins)", percent(result.reliability.ece)),
        ("boxes", count(result.boxes)),
        ("pictures", count(result.samples)),
    ]


def _limits(task: Detection) -> list[str]:
    found = [f"It tells of {task.most} boxes in a picture at most."]
    if task.rule is not None:
        rule = task.rule
        found.append(
            f"Boxes of a score below {rule.threshold:.2f} are not told of: above it, "
            f"{percent(rule.precision, 0)} were "
            f"right and {percent(rule.recall, 0)} of all were found on held-out pictures."
        )
    return found
