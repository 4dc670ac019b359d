"""What the report of a captioning says: how good it is, against what, what that means, what to beware of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from foveate.tasks import base
from foveate.tasks.captioning import sections
from foveate.tasks.captioning.metrics import Evaluation
from foveate.tasks.captioning.names import BLEU4, CIDER
from foveate.tasks.captioning.sections import SentenceShown
from foveate.tasks.captioning.targets import Captions
from foveate.tasks.captioning.yardsticks import CONSTANT, NEAREST, SHUFFLED
from foveate.tasks.sections import Column, Table
from foveate.tasks.targets import Targets
from foveate.tasks.telling import VALIDATION, Measured, TaskReport, on_others, warnings_of_split
from foveate.words import count, percent, plural, split_word

if TYPE_CHECKING:
    from foveate.tasks.captioning.data import Described

FEW_PICTURES = 200  # measured on fewer, figures say little
TOKENISER = "Words are compared in small letters, without punctuation; Chinese and Japanese by character."
_CALLED = {CONSTANT: "one constant sentence", NEAREST: "the nearest training picture's", SHUFFLED: "shuffled"}


def caption_report(task: Described, measured: Measured, shown: Sequence[SentenceShown]) -> TaskReport:
    """Everything that the page and the card say of a captioning. shown: pictures with their sentences."""
    result = caption_evaluation(measured.evaluation)
    parts = [sections.figures(result, measured.split), sections.sentences(shown)]
    if result.truth is not None:
        parts.insert(1, sections.truths(result.truth))
    return TaskReport(
        split=measured.split,
        headline=result.headline,
        kind=f"Image captioning in {plural(len(task.vocabulary.words), 'word')}",
        purpose=task.purpose,
        labels_are="Words",
        verdict=verdict(result, measured.split),
        meaning=meaning(result, measured.split),
        warnings=warnings(result, measured.split, measured.chosen_on),
        facts=_facts(result, measured),
        scores=_scores(result),
        limits=_limits(task),
        always="It writes a sentence whatever the picture shows, in words that it knows from its training.",
        in_report="Pictures with what was said, what people said, and where it looked at each word",
        inside="normalisation and the choice of each word",
        sections=parts,
        trust=[],
        pictures=sentences_by_split(measured.all_targets),
    )


def caption_evaluation(evaluation: base.Evaluation) -> Evaluation:
    """The evaluation, which must be one of sentences."""
    if not isinstance(evaluation, Evaluation):
        raise TypeError(f"sentences are not measured by {type(evaluation).__name__}")
    return evaluation


def verdict(result: Evaluation, split: str) -> str:
    """How good, on what: one sentence, before which stands what makes it worthless."""
    on = plural(result.samples, f"{split_word(split)} picture")
    known = "the very ones it learned from" if split == "train" else "which it did not learn from"
    first = f"{result.judgement} " if result.judgement else ""
    said = f"CIDEr-D is {CIDER.told(result.number('cider'))} and BLEU-4 {BLEU4.told(result.number('bleu4'))}"
    if result.truth is not None:
        said += f", and {percent(result.truth.true)} of its sentences are true of their pictures,"
    return f"{first}{said} on {on}, {known}."


def meaning(result: Evaluation, split: str) -> str:
    """What to expect, and compared with what."""
    low, high = result.intervals[-1]
    expected = on_others(split, f"{CIDER.told(low)} to {CIDER.told(high)}")
    others = ", ".join(
        f"{_CALLED[name]} {CIDER.told(float(found[-1]))}" for name, found in result.yardsticks.items()
    )
    beside = f"Without any network: {others}. " if others else ""
    return (
        "CIDEr-D counts which runs of words people use for a picture too, rare ones most: from 0 to 10, "
        f"and on photographs with five sentences each good networks reach about 1. {expected}{beside}"
        f"{TOKENISER}"
    )


def warnings(result: Evaluation, split: str, chosen_on: str = VALIDATION) -> list[str]:
    """What stands between the numbers and the truth; one sentence each, the gravest first."""
    found = warnings_of_split(split, chosen_on)
    if 2 * result.most > result.samples > 1:
        found.append(
            f"{count(result.most)} of {count(result.samples)} pictures got one and the same sentence."
        )
    if result.samples < FEW_PICTURES:
        found.append(
            f"Only {plural(result.samples, f'{split_word(split)} picture')}: the figures are rough, and "
            "CIDEr-D goes by how many pictures there are."
        )
    if result.references == result.samples:
        found.append(
            "Each picture has one right sentence: others that are as true count as wrong, so the figures "
            "cannot be held against those of sets with five."
        )
    return found


def _facts(result: Evaluation, measured: Measured) -> list[tuple[str, str]]:
    found = [
        ("BLEU-1: the share of its words that somebody used", percent(result.number("bleu1"))),
        ("ROUGE-L: how much is said in the order of people's sentences", percent(result.number("rouge_l"))),
        ("word for word one of the right sentences", percent(result.exact)),
        ("different sentences", count(result.different)),
    ]
    if measured.validation and measured.split != "val":
        on = f"CIDEr-D on {count(measured.validation.samples)} validation pictures"
        found.append((on, CIDER.told(measured.validation.headline.value)))
    return found


def _scores(result: Evaluation) -> list[tuple[str, str]]:
    low, high = map(CIDER.told, result.intervals[-1])
    found = [("CIDEr-D", f"{CIDER.told(result.number('cider'))} (95 % interval {low} to {high})")]
    if result.truth is not None:
        found.append(("sentences that are true", percent(result.truth.true)))
    found += [
        *((f"BLEU-{n}", percent(result.number(f"bleu{n}"))) for n in range(1, 5)),
        ("ROUGE-L", percent(result.number("rouge_l"))),
        *((f"CIDEr-D, {_CALLED[name]}", CIDER.told(float(of[-1]))) for name, of in result.yardsticks.items()),
        ("pictures", count(result.samples)),
        ("right sentences", count(result.references)),
    ]
    return found


def _limits(task: Described) -> list[str]:
    return [
        f"It knows {plural(len(task.vocabulary.words), 'word')}: what they do not say it cannot say.",
        "A sentence that sounds sure may be wrong; look at how sure it is of each word.",
    ]


def sentences_by_split(targets: Mapping[str, Targets]) -> Table:
    """How many pictures and sentences each split has."""
    own = {key: of for key, of in targets.items() if isinstance(of, Captions)}
    columns = [Column("split", "name"), Column("pictures"), Column("sentences")]
    rows = [(split_word(key), count(len(of)), count(len(of.each()))) for key, of in own.items()]
    return Table("Sentences of each split", columns, rows)
