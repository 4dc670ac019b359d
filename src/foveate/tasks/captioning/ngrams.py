"""How often runs of one to four words stand in sentences, as arrays."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST = 4  # words of a run: what BLEU-4 and CIDEr-D go up to

Words = Sequence[str]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class Runs(NamedTuple):
    """Of the runs of one length, each that a sentence has, in order of sentences and then of runs.

    owner: (M,) the sentence. gram: (M,) the run, by its number. times: (M,) how often it stands there.
    """

    owner: Integers
    gram: Integers
    times: Integers


class Sentences(NamedTuple):
    """Tokenised sentences of one kind. picture: (S,) whose each is; lengths: (S,) words; runs: by length."""

    picture: Integers
    lengths: Integers
    runs: tuple[Runs, ...]


@dataclass(frozen=True, eq=False)
class Compared:
    """N pictures with a sentence that is said of each, and those that are right.

    said: (N,) sentences. right: (R,) sentences, one or more for each picture.
    """

    said: Sentences
    right: Sentences
    grams: tuple[int, ...]  # how many runs of each length there are

    def __len__(self) -> int:
        return len(self.said.lengths)

    def key(self, length: int, picture: Integers, gram: Integers) -> Integers:
        """One number for a run in a picture."""
        return picture * self.grams[length] + gram

    @cached_property
    def most_right(self) -> tuple[tuple[Integers, Integers], ...]:
        """Of each length the runs of pictures, as `key`s in rising order, and how often each stands in one of
        the picture's right sentences at most.
        """
        found = []
        for length, runs in enumerate(self.right.runs):
            keys = self.key(length, self.right.picture[runs.owner], runs.gram)
            order = np.argsort(keys, kind="stable")
            firsts = np.flatnonzero(np.diff(keys[order], prepend=-1))
            counts = np.maximum.reduceat(runs.times[order], firsts) if len(firsts) else runs.times
            found.append((keys[order][firsts], counts))
        return tuple(found)


def compared(said: Sequence[Words], right: Sequence[Sequence[Words]]) -> Compared:
    """said: of each of N pictures its sentence's words; right: of each one right sentence or more."""
    flat = [words for own in right for words in own]
    owner = np.repeat(np.arange(len(right)), [len(own) for own in right]).astype(np.int64)
    lengths, runs, grams = counted([*said, *flat])
    count = len(said)
    split = [_divided(one, count) for one in runs]
    return Compared(
        Sentences(np.arange(count, dtype=np.int64), lengths[:count], tuple(one for one, _ in split)),
        Sentences(owner, lengths[count:], tuple(one for _, one in split)),
        grams,
    )


def numbered(sentences: Sequence[Sequence[Hashable]]) -> tuple[Integers, Integers]:
    """(S,) lengths, and the words of all, one sentence after the other, by number."""
    numbers: dict[Hashable, int] = {}
    lengths = np.array([len(words) for words in sentences], np.int64)
    flat = [numbers.setdefault(word, len(numbers)) for words in sentences for word in words]
    return lengths, np.array(flat, np.int64)


def counted(sentences: Sequence[Sequence[Hashable]]) -> tuple[Integers, list[Runs], tuple[int, ...]]:
    """Lengths, the runs of each length, and how many different ones there are; words may be their numbers."""
    lengths, word = numbered(sentences)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    left = np.cumsum(lengths)[owner] - np.arange(len(word))  # words from here to the end of the sentence
    different = int(word.max(initial=-1)) + 1
    gram, place = word, np.arange(len(word))
    runs, grams = [], []
    for length in range(1, MOST + 1):
        if length > 1:
            kept = left[place] >= length
            place = place[kept]
            pair = gram[kept] * max(different, 1) + word[place + length - 1]
            gram = np.unique(pair, return_inverse=True)[1].astype(np.int64)
        total = int(gram.max(initial=-1)) + 1
        keys, count = np.unique(owner[place] * max(total, 1) + gram, return_counts=True)
        runs.append(Runs(keys // max(total, 1), keys % max(total, 1), count.astype(np.int64)))
        grams.append(max(total, 1))
    return lengths, runs, tuple(grams)


def _divided(runs: Runs, count: int) -> tuple[Runs, Runs]:
    """Those of the first ``count`` sentences, and those of the others, which are counted from 0."""
    at = int(np.searchsorted(runs.owner, count))
    first, rest = (Runs(*(part[where] for part in runs)) for where in (slice(at), slice(at, None)))
    return first, rest._replace(owner=rest.owner - count)


def looked_up(keys: Integers, values: Integers, wanted: Integers) -> Integers:
    """The value of each wanted key, 0 where it is not there. keys: in rising order."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)
