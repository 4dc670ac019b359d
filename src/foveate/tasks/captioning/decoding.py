"""Sentences from a network that is asked word by word: the likeliest word each time, or a search, in NumPy.

A step takes words (R, 1) int64, states (R, S) and what it looks at, (R, ...) each; it gives the probabilities
of the next word (R, K), new states (R, S) and the weights of places (R, L). In a model folder it is
``step.onnx``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.captioning.vocabulary import END, START

Floats = NDArray[np.float32]
Step = Callable[[NDArray[np.int64], Floats, Sequence[Floats]], tuple[Floats, Floats, Floats]]
LEAST = 1e-12  # a probability whose logarithm is taken


@dataclass(frozen=True, eq=False)
class Said:
    """Sentences of R pictures: words (R, T), probabilities (R, T), looked (R, T, L); zeros behind END."""

    words: NDArray[np.int64]
    probabilities: Floats
    looked: Floats


def greedy(step: Step, state: Floats, memory: Sequence[Floats], longest: int) -> Said:
    """The likeliest word each time: what ``model.onnx`` gives."""
    rows, word = len(state), np.full((len(state), 1), START, np.int64)
    going = np.ones(rows, bool)
    found: Said | None = None
    for t in range(longest):
        likely, state, weights = step(word, state, memory)
        if found is None:
            found = _nothing(rows, longest, weights.shape[1])
        word = likely.argmax(axis=1)[:, None].astype(np.int64)
        found.words[going, t] = word[going, 0]
        found.probabilities[going, t] = np.take_along_axis(likely, word, axis=1)[going, 0]
        found.looked[going, t] = weights[going]
        going = going & (word[:, 0] != END)
        if not going.any():
            break
    return _nothing(rows, longest, 0) if found is None else found


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A sentence of a search, END included where it came to one. score: mean log probability of a word."""

    words: tuple[int, ...]
    probabilities: tuple[float, ...]
    looked: tuple[Floats, ...]
    total: float = 0.0

    @property
    def score(self) -> float:
        return self.total / max(len(self.words), 1)

    def longer(self, word: int, probability: float, looked: Floats) -> Hypothesis:
        return Hypothesis(
            (*self.words, word),
            (*self.probabilities, probability),
            (*self.looked, looked),
            self.total + float(np.log(max(probability, LEAST))),
        )


def beam(
    step: Step, state: Floats, memory: Sequence[Floats], longest: int, width: int
) -> list[list[Hypothesis]]:
    """The ``width`` best sentences of each picture, the best first; all of a picture differ.

    Hypotheses grow by their likeliest words, and the best stay, finished ones among them; they go by the mean
    log probability of a word, so that short ones are not preferred (Wu et al., 2016, arXiv:1609.08144,
    equation 14 with α = 1). A picture is done when none of its unfinished ones is among the best. The
    hypotheses of all pictures take each step together.
    """
    done: list[list[Hypothesis]] = [[] for _ in range(len(state))]
    alive = [(picture, Hypothesis((), (), ())) for picture in range(len(state))]
    words = np.full((len(state), 1), START, np.int64)
    for _ in range(longest):
        pictures = [picture for picture, _ in alive]
        likely, state, weights = step(words, state, [part[pictures] for part in memory])
        best = np.argsort(-likely, axis=1, kind="stable")[:, :width]  # (R, width)
        grown: dict[int, list[tuple[Hypothesis, int]]] = {picture: [] for picture in pictures}
        for row, (picture, one) in enumerate(alive):
            possible = (k for k in best[row] if likely[row, k] > 0)  # PADDING and START are never said
            longer = (one.longer(int(k), float(likely[row, k]), weights[row]) for k in possible)
            grown[picture] += [(each, row) for each in longer]
        alive, rows = [], list[int]()
        for picture, of in grown.items():
            kept, done[picture] = _best(of, done[picture], width)
            alive += [(picture, one) for one, _ in kept]
            rows += [row for _, row in kept]
        if not alive:
            break
        state, words = state[rows], np.array([[one.words[-1]] for _, one in alive], np.int64)
    for picture, one in alive:
        done[picture].append(one)  # cut at its longest
    return [sorted(of, key=lambda one: -one.score)[:width] for of in done]


def _best(
    grown: Sequence[tuple[Hypothesis, int]], done: Sequence[Hypothesis], width: int
) -> tuple[list[tuple[Hypothesis, int]], list[Hypothesis]]:
    """Those of one picture that go on, each with its row, and the best that have ended."""
    order = sorted(grown, key=lambda pair: -pair[0].score)
    ended = [one for one, _ in order if one.words[-1] == END]
    best = sorted([*done, *ended], key=lambda one: -one.score)[:width]
    least = best[-1].score if len(best) == width else -np.inf
    going = [(one, row) for one, row in order if one.words[-1] != END and one.score > least]
    return going[:width], best


def as_said(found: Sequence[Hypothesis], longest: int, places: int) -> Said:
    """A hypothesis a picture in the form that `greedy` gives."""
    said = _nothing(len(found), longest, places)
    for row, one in enumerate(found):
        count = len(one.words)
        said.words[row, :count] = one.words
        said.probabilities[row, :count] = one.probabilities
        said.looked[row, :count] = np.stack(one.looked) if count else 0
    return said


def _nothing(rows: int, longest: int, places: int) -> Said:
    return Said(
        np.zeros((rows, longest), np.int64),
        np.zeros((rows, longest), np.float32),
        np.zeros((rows, longest, places), np.float32),
    )
