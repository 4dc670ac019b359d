"""The right sentences of N pictures."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import InputError
from foveate.tasks.captioning.scene import SceneFacts
from foveate.tasks.captioning.vocabulary import PADDING, Vocabulary

WORDS = "words"  # of a training batch

_OF_EACH = ("together", "scenes", "nearest")  # what there may be of each picture

Sentences = tuple[str, ...]  # of one picture, as people wrote them


@dataclass(frozen=True, eq=False)
class Captions:
    """Sentences of N pictures: of each one or several, any of which describes it.

    sentences: of each picture. together: of each picture the name of a group that is never divided, so that
    no picture is measured whose like was learnt from; "" of pictures that stand alone. scenes: what is true
    of each picture, where that is known. nearest: a sentence of the training picture that is most like each,
    where somebody looked. All three may be left out. vocabulary: which the sentences are learnt in, once it
    is known.
    """

    sentences: tuple[Sentences, ...]
    together: tuple[str, ...] = ()
    scenes: tuple[SceneFacts | None, ...] = ()
    nearest: tuple[str, ...] = ()
    vocabulary: Vocabulary | None = None

    def __post_init__(self) -> None:
        for name in _OF_EACH:
            if (found := len(getattr(self, name))) not in (0, len(self.sentences)):
                raise InputError(
                    f"{name}: expected one for each of {len(self.sentences)} pictures, found {found}."
                )

    def __len__(self) -> int:
        return len(self.sentences)

    def __getitem__(self, row: int) -> Sentences:
        return self.sentences[row]

    def __iter__(self) -> Iterator[Sentences]:
        return iter(self.sentences)

    def take(self, rows: ArrayLike) -> Captions:
        chosen = np.asarray(rows, np.int64).tolist()
        sentences = tuple(self.sentences[row] for row in chosen)
        of_each = {name: getattr(self, name) for name in _OF_EACH}
        taken: dict[str, Any] = {
            name: tuple(of[row] for row in chosen) if of else () for name, of in of_each.items()
        }
        return replace(self, sentences=sentences, **taken)

    def encoded(self, vocabulary: Vocabulary) -> Captions:
        """The same to be learnt in a vocabulary: then `arrays` has its numbers."""
        return replace(self, vocabulary=vocabulary)

    def with_nearest(self, sentences: Iterable[str]) -> Captions:
        """The same, with a sentence of the training picture that is most like each picture."""
        return replace(self, nearest=tuple(sentences))

    @cached_property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Once the vocabulary is known: words (N, S, L) int32, of each sentence START, its words, END.

        S is the most sentences that a picture has and L the length of the longest, at least 1; what fills up
        is PADDING, a whole row of it where a picture has fewer sentences.
        """
        if self.vocabulary is None:
            return {}
        rows = [[self.vocabulary.encode(one) for one in own] for own in self.sentences]
        most = max((len(own) for own in rows), default=0)
        longest = max((len(one) for own in rows for one in own), default=0)
        words = np.full((len(rows), max(most, 1), max(longest, 1)), PADDING, np.int32)
        for row, own in enumerate(rows):
            for place, one in enumerate(own):
                words[row, place, : len(one)] = one
        return {WORDS: words}

    @property
    def keys(self) -> NDArray[np.int64]:
        found = [zlib.crc32(_bytes("\n".join(own))) for own in self.sentences]
        return np.array(found, np.int64)

    @property
    def strata(self) -> NDArray[np.int64]:
        """One group: what a sentence tells is no class."""
        return np.zeros(len(self), np.int64)

    @property
    def groups(self) -> NDArray[np.int64]:
        """(N,) equal numbers, of 32 bits, for pictures that are never divided; -1 where one stands alone."""
        if not self.together:
            return np.full(len(self), -1, np.int64)
        found = [zlib.crc32(_bytes(name)) if name else -1 for name in self.together]
        return np.array(found, np.int64)

    def each(self) -> list[str]:
        """All sentences, one picture's after the other's."""
        return [one for own in self.sentences for one in own]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
