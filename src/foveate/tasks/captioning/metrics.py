"""How good sentences are: against those of people, against what needs no network, and against the picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from foveate.errors import InputError
from foveate.tasks.captioning.bleu import BleuCounts, bleu, bleu_counts
from foveate.tasks.captioning.cider import cider_d
from foveate.tasks.captioning.names import CIDER
from foveate.tasks.captioning.ngrams import Floats, Words, compared
from foveate.tasks.captioning.rouge import rouge_l
from foveate.tasks.captioning.targets import Captions
from foveate.tasks.captioning.text import words_of
from foveate.tasks.captioning.truth import Truth, truth_of
from foveate.tasks.captioning.yardsticks import CONSTANT, NEAREST, SHUFFLED, WORDS, shuffled_rows
from foveate.tasks.measures import Headline
from foveate.tasks.notebooks import ShownEvaluation
from foveate.tasks.sections import Column, Table
from foveate.words import count, plural

NAMES = ("bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "cider")
TITLES = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D")
_CIDER, _BLEU4 = NAMES.index("cider"), NAMES.index("bleu4")
RESAMPLES = 1_000

Interval = tuple[float, float]


class Parts(NamedTuple):
    """What the figures of N pictures are made of: they can be put together for any choice of pictures."""

    counts: BleuCounts
    rouge: Floats
    cider: Floats

    def figures(self, weights: Floats) -> Floats:
        """(draws, 6) of pictures that count (draws, N), in the order of `NAMES`."""
        total = weights.sum(axis=1, keepdims=True)
        means = weights @ np.stack([self.rouge, self.cider], axis=1) / total
        return np.concatenate([bleu(self.counts, weights), means], axis=1)


def parts_of(said: Sequence[Words], right: Sequence[Sequence[Words]]) -> Parts:
    """said: of each picture its sentence's words; right: of each one right sentence or more."""
    pictures = compared(said, right)
    return Parts(bleu_counts(pictures), rouge_l(said, right), cider_d(pictures))


@dataclass(frozen=True, eq=False)
class Evaluation(ShownEvaluation):
    """Sentences measured on N pictures; made by `evaluate`.

    Attributes:
        figures: (6,) in the order of `NAMES`; intervals: 95 % of each, by a bootstrap over pictures, or over
            groups of them that belong together.
        yardsticks: the same figures of what needs no network, by its name.
        beaten: of each yardstick whether the model is surely better, in CIDEr-D and in BLEU-4.
        references: right sentences of all pictures. different: sentences that were said. most: how many
            pictures got the one that was said most.
        exact: share of the sentences that somebody wrote of that picture, word for word.
        truth: what was checked against the pictures themselves, where it is known what is true of them.
    """

    samples: int
    references: int
    figures: Floats
    intervals: tuple[Interval, ...]
    yardsticks: Mapping[str, Floats]
    beaten: Mapping[str, bool]
    different: int
    most: int
    exact: float
    truth: Truth | None = None

    @property
    def headline(self) -> Headline:
        constant = self.yardsticks.get(CONSTANT)
        value = 0.0 if constant is None else float(constant[_CIDER])
        return Headline(CIDER, self.number("cider"), self.intervals[_CIDER], value)

    def number(self, name: str) -> float:
        """One of `NAMES`."""
        return float(self.figures[NAMES.index(name)])

    @property
    def not_beaten(self) -> list[str]:
        """The yardsticks that it is not surely better than, in words."""
        return [WORDS[name] for name, beaten in self.beaten.items() if not beaten]

    @property
    def judgement(self) -> str:
        """Whether the figures mean anything: one sentence, empty where all yardsticks are beaten."""
        if not self.not_beaten:
            return ""
        *others, last = self.not_beaten
        least = f"{', '.join(others)} or {last}" if others else last
        why = "it has not learnt to tell what pictures show"
        if self.beaten.get(SHUFFLED, True) and self.beaten.get(CONSTANT, True):
            why = "looking up similar pictures does as well"
        return f"It is not surely better than {least}: {why}."

    def scores(self) -> dict[str, float | int]:
        found: dict[str, float | int] = {name: self.number(name) for name in NAMES}
        if self.truth is not None:
            found |= {"true": self.truth.true, "unparsable": self.truth.unparsable}
        return {**found, "exact": self.exact, "samples": self.samples}

    def lines(self, pictures: str) -> list[str]:
        low, high = self.intervals[_CIDER]
        lines = [self.judgement] if self.judgement else []
        lines.append(
            f"CIDEr-D {self.number('cider'):.3f} (95 % interval {low:.3f} to {high:.3f}), BLEU-4 "
            f"{self.number('bleu4'):.1%}, ROUGE-L {self.number('rouge_l'):.1%} on {count(self.samples)} "
            f"{pictures} with {plural(self.references, 'sentence')}."
        )
        lines.append(
            f"{plural(self.different, 'different sentence')}; {self.exact:.1%} are word for word one of the "
            "right ones."
        )
        if self.truth is not None:
            lines.append(self.truth.line())
        return lines

    def tables(self) -> list[Table]:
        found = [self.figures_table()]
        return [*found, self.truth.table()] if self.truth is not None and self.truth.slots else found

    def figures_table(self) -> Table:
        """The model and each yardstick, a row each, and whether the model is surely better."""
        columns = [Column("sentences", "text"), *map(Column, TITLES), Column("beaten", "text")]
        rows = [("the model", *map(_told, NAMES, self.figures), "–")]
        rows += [
            (WORDS[name], *map(_told, NAMES, found), "yes" if self.beaten[name] else "not surely")
            for name, found in self.yardsticks.items()
        ]
        return Table("Table of figures", columns, rows, title="Against what needs no network", wide=True)

    def to_dict(self) -> dict[str, Any]:
        intervals = {name: list(interval) for name, interval in zip(NAMES, self.intervals, strict=True)}
        return {
            **self.scores(),
            "references": self.references,
            "intervals": intervals,
            "yardsticks": {
                name: {**dict(zip(NAMES, found.tolist(), strict=True)), "beaten": self.beaten[name]}
                for name, found in self.yardsticks.items()
            },
            "different_sentences": self.different,
            "most_frequent": self.most,
            **({} if self.truth is None else self.truth.to_dict()),
        }


def _told(name: str, value: float) -> str:
    return f"{value:.3f}" if name == "cider" else f"{value:.1%}"


def evaluate(said: Sequence[str], captions: Captions, constant: str = "") -> Evaluation:
    """Measure a sentence for each picture. constant: what is said of every picture, as a yardstick.

    Pictures without a right sentence are left out. Raises InputError where none has one.
    """
    kept = [row for row, own in enumerate(captions) if own]
    if not kept:
        raise InputError("There is no sentence to compare with: none of the pictures has one.")
    captions = captions.take(kept)
    own = [words_of(said[row]) for row in kept]
    right = [[words_of(one) for one in sentences] for sentences in captions]
    weights = _weights(captions)
    parts = parts_of(own, right)
    drawn = parts.figures(weights)
    whole = np.ones((1, len(own)))
    others = _yardsticks(own, captions, constant)
    yardsticks, beaten = {}, {}
    for name, answers in others.items():
        measured = [parts_of(answer, right) for answer in answers]
        yardsticks[name] = np.mean([one.figures(whole)[0] for one in measured], axis=0)
        apart = drawn - np.mean([one.figures(weights) for one in measured], axis=0)
        beaten[name] = bool((np.percentile(apart[:, [_CIDER, _BLEU4]], 2.5, axis=0) > 0).all())
    times = Counter(map(tuple, own))
    return Evaluation(
        samples=len(own),
        references=sum(map(len, right)),
        figures=parts.figures(whole)[0],
        intervals=tuple(
            (float(low), float(high)) for low, high in np.percentile(drawn, [2.5, 97.5], axis=0).T
        ),
        yardsticks=yardsticks,
        beaten=beaten,
        different=len(times),
        most=max(times.values()),
        exact=sum(words in known for words, known in zip(own, right, strict=True)) / len(own),
        truth=truth_of([said[row] for row in kept], captions),
    )


def _weights(captions: Captions) -> Floats:
    """(draws, N) how often each picture is drawn; pictures that belong together are drawn together."""
    groups = captions.groups
    alone = groups < 0
    number = np.unique(np.where(alone, -1 - np.arange(len(groups)), groups), return_inverse=True)[1]
    many = int(number.max()) + 1
    random = np.random.Generator(np.random.PCG64(0))
    draws: Floats = random.multinomial(many, np.full(many, 1 / many), size=RESAMPLES)[:, number].astype(
        np.float64
    )
    return draws


def _yardsticks(said: Sequence[Words], captions: Captions, constant: str) -> dict[str, list[Sequence[Words]]]:
    """By name, sentences for all pictures, once or several times over."""
    found: dict[str, list[Sequence[Words]]] = {}
    if constant:
        found[CONSTANT] = [[words_of(constant)] * len(said)]
    if captions.nearest:
        found[NEAREST] = [[words_of(one) for one in captions.nearest]]
    if len(said) > 1:
        found[SHUFFLED] = [[said[row] for row in rows] for rows in shuffled_rows(len(said))]
    return found
