"""What the report says of numbers: how far off they are, what that means, what to beware of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from foveate.tasks import base
from foveate.tasks.regression import sections
from foveate.tasks.regression.answers import decimals_of
from foveate.tasks.regression.metrics import Evaluation
from foveate.tasks.regression.names import VALUES
from foveate.tasks.regression.task import Regression, numbers_of
from foveate.tasks.sections import Section
from foveate.tasks.telling import VALIDATION, Measured, TaskReport, ToExplain, on_others, warnings_of_split
from foveate.words import count, listed, percent, plural, shown, split_word

WORST_SHOWN = 24
EXPLAINED = 8
FEW_PICTURES = 30  # an interval of fewer says little
SUSPICIOUS_R2, SUSPICIOUSLY_MANY = 0.9999, 50
LEANS = 0.5  # of the mean absolute error: a bias of more is told


def number_report(task: Regression, measured: Measured) -> TaskReport:
    """Everything that the page and the card say of a regression."""
    result = number_evaluation(measured.evaluation)
    what = "one number" if len(task.names) == 1 else f"{len(task.names)} numbers"
    limits = _limits(task, measured, result)
    return TaskReport(
        split=measured.split,
        headline=result.headline,
        kind=f"Regression: {what} a picture",
        purpose=task.purpose,
        labels_are="Numbers",
        verdict=verdict(task, result, measured.split),
        meaning=meaning(task, result, measured.split),
        warnings=warnings(result, measured.split, measured.chosen_on),
        facts=_facts(task, result, measured),
        scores=_scores(task, result),
        limits=limits,
        always="It answers with a number whatever the picture shows, also for things it has never seen.",
        in_report="Every number, the distribution of its errors and the pictures that it is furthest off",
        inside="normalisation and the numbers' units",
        sections=_sections(task, measured, result),
        trust=[sections.trust(limits)] if limits else [],
        pictures=sections.numbers_by_split(
            task.names, {name: numbers_of(targets) for name, targets in measured.all_targets.items()}
        ),
    )


def number_evaluation(evaluation: base.Evaluation) -> Evaluation:
    """The evaluation, which must be one of a regression."""
    if not isinstance(evaluation, Evaluation):
        raise TypeError(f"a regression is not measured by {type(evaluation).__name__}")
    return evaluation


def told(task: Regression, name: str, value: float) -> str:
    """A number, or an error of it, with as many digits as mean something."""
    return f"{value:,.{decimals_of(task.deviations[task.names.index(name)])}f}"


def verdict(task: Regression, result: Evaluation, split: str) -> str:
    """How good, on what: one sentence."""
    on = plural(result.samples, f"{split_word(split)} picture")
    end = "the very ones it learned from." if split == "train" else "which it did not learn from."
    if len(result.numbers) == 1:
        (one,) = result.numbers
        return f"The network is off by {told(task, one.name, one.mae)} on average on {on}, {end}"
    return f"The network explains {percent(max(result.r2, 0.0))} of the variance of {on}, {end}"


def meaning(task: Regression, result: Evaluation, split: str) -> str:
    """What to expect, and compared with what."""
    scale = "R² is 1 where every number is right and 0 for always answering the mean."
    if len(result.numbers) > 1:
        low, high = result.r2_interval
        return f"{on_others(split, f'an R² between {low:.3f} and {high:.3f}')}{scale}"
    (one,) = result.numbers
    least, most = (told(task, one.name, bound) for bound in one.mae_interval)
    expected = on_others(split, f"to be off by {least} to {most} on average")
    return (
        f"{expected}Always answering {told(task, one.name, one.median)}, the median, "
        f"would be off by {told(task, one.name, one.median_mae)}. {scale}"
    )


def warnings(result: Evaluation, split: str, chosen_on: str = VALIDATION) -> list[str]:
    """What stands between the number above and the truth; one sentence each, the gravest first."""
    found, kind = warnings_of_split(split, chosen_on), split_word(split)
    if useless := [one.name for one in result.numbers if one.r2_interval[0] <= 0]:
        found.append(
            f"Not clearly better than always answering the mean: {listed(useless)}. More pictures, or more "
            "training time, are needed."
        )
    if result.samples < FEW_PICTURES:
        found.append(
            f"Only {plural(result.samples, f'{kind} picture')}: how far off it is is only roughly known."
        )
    if split != "train" and result.samples >= SUSPICIOUSLY_MANY and result.r2 > SUSPICIOUS_R2:
        found.append(
            f"Next to no error on {count(result.samples)} pictures: make sure that the {kind} pictures are "
            "not copies of training pictures (`foveate check` looks for that)."
        )
    if leaning := [one.name for one in result.numbers if abs(one.bias) > LEANS * one.mae]:
        found.append(f"Answers lean to one side (see the bias): {listed(leaning)}.")
    return found


def _facts(task: Regression, result: Evaluation, measured: Measured) -> list[tuple[str, str]]:
    found = []
    if len(result.numbers) == 1:
        (one,) = result.numbers
        found.append(("mean absolute error", told(task, one.name, one.mae)))
        found.append(("root mean squared error: large errors count more", told(task, one.name, one.rmse)))
    if measured.validation and measured.split != "val":
        on = f"R² on {count(measured.validation.samples)} validation pictures"
        found.append((on, f"{measured.validation.headline.value:.3f}"))
    return found


def _scores(task: Regression, result: Evaluation) -> list[tuple[str, str]]:
    low, high = result.r2_interval
    found = [("R²", f"{result.r2:.3f} (95 % interval {low:.3f} to {high:.3f})")]
    for one in result.numbers:
        least, most = (told(task, one.name, bound) for bound in one.mae_interval)
        mae = f"{told(task, one.name, one.mae)} (95 % interval {least} to {most})"
        found.append((f"mean absolute error of {shown(one.name, 60)}", mae))
    return [*found, ("pictures", count(result.samples))]


def _limits(task: Regression, measured: Measured, result: Evaluation) -> list[str]:
    """What it does when it does not know: intervals, pictures unlike those it learned from."""
    sentences = []
    if task.margins is not None:
        covered = [one.covered for one in result.numbers if one.covered is not None]
        sentences.append(
            "Each number comes with an interval that the true one lies in "
            f"{percent(task.margins.coverage, 0)} of the time: as wide as the errors on "
            f"{plural(task.margins.samples, 'held-out picture')} ({measured.chosen_on}) say "
            f"(split conformal). Of the {count(result.samples)} {split_word(measured.split)} pictures, "
            f"{percent(float(np.mean(covered)))} lie in it."
        )
    if measured.measures_unlikeness:
        sentences.append(
            "Each answer comes with how unlike the training pictures the picture is; above 1, where about "
            "one in a hundred of the same kind lies, no number need be right."
        )
    return sentences


def _worst(task: Regression, measured: Measured) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pictures that are furthest off, in standard deviations, and by which of their numbers."""
    off = np.abs(measured.values[VALUES] - numbers_of(measured.targets)) / np.array(task.deviations)
    rows = np.argsort(-off.max(axis=1), kind="stable")
    return rows, off.argmax(axis=1)[rows]


def _sections(task: Regression, measured: Measured, result: Evaluation) -> list[Section]:
    said, true = measured.values[VALUES].astype(np.float64), numbers_of(measured.targets)
    rows, numbers = _worst(task, measured)
    worst = [
        sections.worst_picture(
            measured.pixels[row],
            measured.names[row],
            number="" if len(task.names) == 1 else task.names[k],
            said=told(task, task.names[k], said[row, k]),
            true=told(task, task.names[k], true[row, k]),
        )
        for row, k in zip(rows[:WORST_SHOWN].tolist(), numbers.tolist(), strict=False)
    ]
    found = [
        sections.number_by_number(result, measured.split),
        sections.how_far_off(task.names, said, true),
        sections.furthest_off(worst),
    ]
    if measured.explanations:
        found.append(sections.where_it_looked(measured.explanations, task.names))
    return found


def to_explain(task: Regression, measured: Measured) -> list[ToExplain]:
    """The pictures that are furthest off, for the number that is."""
    rows, numbers = _worst(task, measured)
    return [
        ToExplain(measured.pixels[row], measured.names[row], (int(k),))
        for row, k in zip(rows[:EXPLAINED].tolist(), numbers.tolist(), strict=False)
    ]
