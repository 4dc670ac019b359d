"""What a network writes of a picture: a sentence, how sure it is of each word, and where it looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.notebooks import ShownPrediction

Probability = Annotated[float, {"minimum": 0, "maximum": 1.001}]
SAID_DIGITS = 4  # of numbers in answers


class WordDocument(TypedDict):
    """A word of a sentence. attention: rows of weights of the places that were looked at, of sum 1."""

    word: str
    probability: Probability
    attention: NotRequired[list[list[float]]]


class CandidateDocument(TypedDict):
    """Another sentence. score: the mean of its words' log probabilities, which the candidates go by."""

    sentence: str
    score: float


class SentenceDocument(TypedDict):
    """What `Written.to_dict` gives."""

    sentence: str
    probability: Annotated[Probability, {"description": "of the whole sentence, given the picture"}]
    words: list[WordDocument]
    candidates: Annotated[
        list[CandidateDocument], {"description": "of a search, the best first; empty without one"}
    ]


@dataclass(frozen=True)
class Candidate:
    """A sentence that a search found, and the mean of its words' log probabilities, its end's among them."""

    sentence: str
    score: float


@dataclass(frozen=True, eq=False)
class Written(ShownPrediction):
    """What the network says of one picture.

    Attributes:
        sentence: in words. words: (n,) one by one. probabilities: (n,) of each, given those before.
        ends: the probability of the end behind them; None where the sentence was cut at its longest.
        attention: (n, h, w) the weights of the places that were looked at for each word; None where the
            network looks at the picture as a whole.
        candidates: what a search found, the best first, at most as many as are wanted.
    """

    sentence: str
    words: Sequence[str]
    probabilities: NDArray[np.float64]
    ends: float | None = None
    attention: NDArray[np.float32] | None = None
    candidates: Sequence[Candidate] = ()

    @property
    def unlikeness(self) -> float | None:
        return None

    @property
    def unlike(self) -> bool:
        return False

    @property
    def probability(self) -> float:
        """Of the whole sentence: the product of its words', and of its end's."""
        return float(self.probabilities.prod()) * (1.0 if self.ends is None else self.ends)

    def cells(self) -> list[str]:
        return [self.sentence, f"{self.probability:.6f}"]

    def lines(self) -> list[str]:
        """The sentence, each word's probability below it, and the candidates."""
        said = [self.sentence or "(nothing)"]
        each = zip(self.words, self.probabilities.tolist(), strict=True)
        said.append("  ".join(f"{word} {share:.0%}" for word, share in each))
        return said + [f"  {one.score:.2f}  {one.sentence}" for one in self.candidates]

    def to_text(self) -> str:
        return f"{self.sentence or '(nothing)'} ({self.probability:.0%})"

    def to_dict(self) -> SentenceDocument:
        return {
            "sentence": self.sentence,
            "probability": round(self.probability, 6),
            "words": [self._word(place) for place in range(len(self.words))],
            "candidates": [
                {"sentence": one.sentence, "score": round(one.score, SAID_DIGITS)} for one in self.candidates
            ],
        }

    def _word(self, place: int) -> WordDocument:
        probability = round(float(self.probabilities[place]), 6)
        found: WordDocument = {"word": self.words[place], "probability": probability}
        if self.attention is not None:
            found["attention"] = np.round(self.attention[place].astype(float), SAID_DIGITS).tolist()
        return found
