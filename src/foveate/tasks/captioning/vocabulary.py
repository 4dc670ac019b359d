"""Words and their numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import InputError
from foveate.strict_json import exact_keys, need
from foveate.tasks.captioning.text import MOST_CHARACTERS, sentence_of, words_of
from foveate.words import setting

PADDING, START, END, UNKNOWN = range(4)
SPECIAL = ("<padding>", "<start>", "<end>", "<unknown>")  # no words: the tokeniser gives no such signs
MOST_WORDS = 50_000  # of a vocabulary; COCO's 590,000 sentences have 27,000 words
LONGEST = 60  # words of a sentence that are learnt; what follows is cut
_COMMON = 5  # times that a word stands in many sentences to be learnt, as Vinyals et al. (2015) have it
_SENTENCES_A_TIME = 2_000  # of fewer sentences, one time for each so many


@dataclass(frozen=True)
class Vocabulary:
    """The words that sentences are written in.

    words: whose numbers count from 4, the most frequent first; 0 fills up, 1 starts a sentence, 2 ends it, 3
    is any other word. lower: whether capitals are read as small letters.

    Raises InputError for words that the tokeniser would not give, or that are there twice.
    """

    words: tuple[str, ...]
    lower: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", tuple(self.words))
        need(len(self.words) <= MOST_WORDS, "words", f"at most {MOST_WORDS} words", len(self.words))
        for word in self.words:
            need(isinstance(word, str) and len(word) <= MOST_CHARACTERS, "words", "one word each", word)
        if words_of(" ".join(self.words), lower=self.lower) != list(self.words):  # all at once is fast
            strange = [word for word in self.words if words_of(word, lower=self.lower) != [word]]
            need(not strange, "words", "one word each", strange[0])
        if len(self._numbers) != len(self.words):
            twice = next(word for word, count in Counter(self.words).items() if count > 1)
            raise InputError(f"words: expected each once, found {twice!r} twice.")

    @classmethod
    def of(cls, sentences: Iterable[str], *, min_count: int | None = None, lower: bool = True) -> Vocabulary:
        """Of the words that stand in the sentences ``min_count`` times or more.

        min_count: None for `usual_min_count`. The same sentences in another order have the same vocabulary.
        Raises InputError for a count below 1, and where no word is left.
        """
        texts = list(sentences)
        least = usual_min_count(len(texts)) if min_count is None else min_count
        if not isinstance(least, int) or isinstance(least, bool) or least < 1:
            raise InputError(f"min_count={min_count!r}: expected a whole number from 1 up.")
        counts = Counter(word for text in texts for word in words_of(text, lower=lower))
        common = [(word, count) for word, count in counts.items() if count >= least]
        if not common:
            found = f"words {max(counts.values())} times at most" if counts else "no words"
            raise InputError(
                f"Of {len(texts)} sentences no word stands there {least} times; found {found}: give more "
                f"sentences, or a smaller {setting('min_count')}."
            )
        common.sort(key=lambda pair: (-pair[1], pair[0]))
        return cls(tuple(word for word, _ in common[:MOST_WORDS]), lower)

    def __len__(self) -> int:
        """How many numbers there are, the four that are no words among them."""
        return len(SPECIAL) + len(self.words)

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {word: number for number, word in enumerate(self.words, start=len(SPECIAL))}

    def tokens(self, sentence: str) -> list[str]:
        """The words of a sentence as they are known here, also those that are not."""
        return words_of(sentence, lower=self.lower)

    def encode(self, sentence: str) -> NDArray[np.int64]:
        """(L,) START, the number of each word, END; of the first `LONGEST` words."""
        words = self.tokens(sentence)[:LONGEST]
        return np.array([START, *(self._numbers.get(word, UNKNOWN) for word in words), END], np.int64)

    def word(self, number: int) -> str:
        """What a number means; of those that are no words a name in angle brackets. Raises InputError."""
        if not 0 <= number < len(self):
            raise InputError(f"A word's number lies between 0 and {len(self) - 1}, found {number}.")
        return SPECIAL[number] if number < len(SPECIAL) else self.words[number - len(SPECIAL)]

    def written(self, ids: ArrayLike) -> list[str]:
        """The words up to the first END; PADDING and START are left out. Raises InputError."""
        words = []
        for number in np.asarray(ids, np.int64).reshape(-1).tolist():
            if number == END:
                break
            if number not in (PADDING, START):
                words.append(self.word(number))
        return words

    def decode(self, ids: ArrayLike) -> str:
        """The sentence that numbers mean, up to the first END. Raises InputError for no word's number."""
        return sentence_of(self.written(ids))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives an equal vocabulary back."""
        return {"words": list(self.words), "lower": self.lower}

    @classmethod
    def from_json(cls, document: Any, where: str = "vocabulary") -> Vocabulary:
        """Raises InputError, naming the field, what was expected and what was found."""
        found = exact_keys(document, {"words", "lower"}, where)
        need(isinstance(found["words"], list), f"{where}.words", "a list", found["words"])
        need(isinstance(found["lower"], bool), f"{where}.lower", "true or false", found["lower"])
        return cls(tuple(found["words"]), found["lower"])


def usual_min_count(sentences: int) -> int:
    """How often a word stands in so many sentences, at least, to be learnt: from 1 to 5."""
    return min(max(sentences // _SENTENCES_A_TIME, 1), _COMMON)
