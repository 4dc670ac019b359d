"""The half of captioning that is about sentences and not about networks: data, measures, what is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from foveate.errors import DatasetError, InputError
from foveate.tasks.base import Task
from foveate.tasks.captioning import reading
from foveate.tasks.captioning.names import BLEU4, CIDER
from foveate.tasks.captioning.sides import mirrored
from foveate.tasks.captioning.targets import Captions
from foveate.tasks.captioning.vocabulary import Vocabulary
from foveate.tasks.captioning.yardsticks import best_constant, nearest_rows

if TYPE_CHECKING:
    from foveate.tasks.captioning.metrics import Evaluation
    from foveate.tasks.measures import Metric
    from foveate.tasks.sections import Table
    from foveate.tasks.surveyed import Remark, Surveyed
    from foveate.tasks.targets import Targets


@dataclass(frozen=True)
class Described(Task):
    """Pictures with sentences; a network's way to write one is for who derives from it.

    vocabulary: of the training sentences. constant: the best sentence to say of every picture, a yardstick.
    """

    metrics: ClassVar[tuple[Metric, ...]] = (CIDER, BLEU4)
    called: ClassVar[str] = "words"
    called_one: ClassVar[str] = "word"
    one_right_answer: ClassVar[bool] = False
    compares_with_training: ClassVar[bool] = True
    columns_needed: ClassVar[str] = "a column 'caption' with a sentence in each row"
    known_columns: ClassVar[tuple[str, ...]] = ()  # its own reader knows them in whatever letters
    options: ClassVar[frozenset[str]] = frozenset(("min_count", "capitals"))

    vocabulary: Vocabulary
    constant: str = ""

    @classmethod
    def answer_columns(cls, columns: Mapping[str, Sequence[Any]], *, asked: bool = False) -> tuple[str, ...]:
        if reading.CAPTION not in columns:
            return ()
        more = [name for name in (reading.GROUP, reading.SCENE) if name in columns]
        return (reading.CAPTION, *more)

    @classmethod
    def parsed(cls, cells: Mapping[str, Any]) -> reading.PictureSentences:
        return reading.parsed(cells)

    @classmethod
    def of(cls, answers: Mapping[str, Sequence[Any]], *, fewest: int | None = None) -> Self:
        """Of sentences; the vocabulary is that of ``train``."""
        captions = reading.captions_of(answers["train"])
        if not (sentences := captions.each()):
            raise DatasetError("has no sentence with a word in train.")
        return cls(_words_in(sentences, 1 if fewest == 1 else None), best_constant(captions))

    def with_options(self, targets: Targets, **options: Any) -> Self:
        """min_count: how often a learnt word stands there, at least. capitals: "lower", or "keep"."""
        min_count, lower = options.get("min_count"), options.get("capitals") != "keep"
        return replace(self, vocabulary=_words_in(captions_in(targets).each(), min_count, lower=lower))

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(map(self.vocabulary.word, range(len(self.vocabulary))))

    @property
    def groups(self) -> tuple[str, ...]:
        return ()

    @cached_property
    def mirrored_words(self) -> NDArray[np.int64] | None:
        """(K,) of each word the number of that which a mirror image has there: of *left* that of *right*.

        None where a word has none: then mirror images are not learnt from.
        """
        return mirrored(self.labels)

    @property
    def mirror_safe(self) -> bool:
        return self.mirrored_words is not None

    def targets(self, answers: Iterable[object]) -> Captions:
        return reading.captions_of(answers).encoded(self.vocabulary)

    def why_not(self, targets: Targets) -> str | None:
        if not isinstance(targets, Captions):
            return f"{type(targets).__name__}, not the sentences of its pictures"
        return None

    def together(self, targets: Targets) -> NDArray[np.int64]:
        return captions_in(targets).groups

    def cells(self, targets: Targets) -> list[str]:
        return reading.cells_of(captions_in(targets))

    def table(self, targets: Targets) -> Mapping[str, Sequence[str]]:
        return reading.written(captions_in(targets))

    def same_labels(self, other: Task, targets: Targets) -> Captions:
        if not isinstance(other, Described):
            raise DatasetError(f"has sentences, and {other.name} has {other.called}.")
        return captions_in(targets).encoded(other.vocabulary)

    def beside_training(
        self, targets: Targets, pixels: NDArray[np.uint8], known: Targets, known_pixels: NDArray[np.uint8]
    ) -> Captions:
        own, others = captions_in(targets), captions_in(known)
        rows = [row for row, sentences in enumerate(others) if sentences]
        if not rows:
            return own
        nearest = nearest_rows(pixels, known_pixels[rows])
        return own.with_nearest(others[rows[row]][0] for row in nearest.tolist())

    def fault(self, targets: Targets, row: int, size: tuple[int, int] | None = None) -> str | None:
        return None if captions_in(targets)[row] else "it has no sentence"

    def measured(self, said: Sequence[str], targets: Targets) -> Evaluation:
        """How good sentences are, one a picture. Raises InputError where there is none to compare with."""
        from foveate.tasks.captioning.metrics import evaluate

        return evaluate(said, captions_in(targets), self.constant)

    def remarks(self, splits: Mapping[str, Surveyed]) -> list[Remark]:
        from foveate.tasks.captioning.remarks import remarks_on

        return remarks_on(splits, self.vocabulary)

    def shares(self, splits: Mapping[str, Surveyed]) -> Table:
        from foveate.tasks.captioning.remarks import shares_of

        return shares_of(splits, self.vocabulary)


def captions_in(targets: Targets) -> Captions:
    """The targets, which must be sentences."""
    if not isinstance(targets, Captions):
        raise TypeError(f"captioning is given sentences, not {type(targets).__name__}")
    return targets


def _words_in(sentences: Sequence[str], min_count: int | None, *, lower: bool = True) -> Vocabulary:
    """The vocabulary of sentences. Raises DatasetError in words that follow the data set's name."""
    try:
        return Vocabulary.of(sentences, min_count=min_count, lower=lower)
    except InputError as error:
        raise DatasetError(f"has no words to learn. {error}") from None
