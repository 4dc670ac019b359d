"""``encoder.onnx`` and ``step.onnx`` driven word by word: what ``model.onnx`` gives, and more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from foveate.tasks.captioning.consensus import agreed
from foveate.tasks.captioning.decoding import Floats, Hypothesis, Said, as_said, beam, greedy
from foveate.tasks.captioning.interface import (
    ATTENTION,
    CANDIDATES,
    MEMORY,
    NEXT_STATE,
    PROBABILITIES,
    SCORES,
    STATE,
    WORD,
    WORDS,
)
from foveate.tasks.captioning.vocabulary import PADDING

if TYPE_CHECKING:
    from foveate.tasks.base import Runs
    from foveate.tasks.captioning.task import Captioning


class Driver:
    """Runs as ``model.onnx`` does: names of outputs and the pictures in, arrays out.

    encoder: images -> state (N, S) and, where places are looked at, places and keys (N, L, ...). step: word
    (R, 1), state and these -> probabilities (R, K), next_state (R, S) and, of places, attention (R, L).
    """

    def __init__(self, encoder: Runs, step: Runs, task: Captioning) -> None:
        self._encoder, self._step, self._task = encoder, step, task
        self._memory = () if task.grid is None else MEMORY

    def __call__(
        self, outputs: Sequence[str], feeds: Mapping[str, Any], seconds: float = float("inf")
    ) -> list[Any]:
        state, *memory = self._encoder([STATE, *self._memory], feeds, seconds)
        longest = self._task.longest
        if self._task.beam == 1:
            found = self._named(greedy(self._next, state, memory, longest))
        else:
            sentences = beam(self._next, state, memory, longest, self._task.beam)
            found = self._searched([agreed(of) for of in sentences])
        return [found[name] for name in outputs]

    def _next(self, word: Any, state: Floats, memory: Sequence[Floats]) -> tuple[Floats, Floats, Floats]:
        names = [PROBABILITIES, NEXT_STATE, *([ATTENTION] if self._memory else [])]
        feeds = {WORD: word, STATE: state, **dict(zip(self._memory, memory, strict=True))}
        likely, after, *looked = self._step(names, feeds, float("inf"))
        return likely, after, looked[0] if looked else np.zeros((len(word), 0), np.float32)

    def _named(self, said: Said) -> dict[str, Any]:
        found: dict[str, Any] = {WORDS: said.words, PROBABILITIES: said.probabilities}
        if self._task.grid is not None:
            found[ATTENTION] = said.looked.reshape(*said.words.shape, *self._task.grid)
        return found

    def _searched(self, found: Sequence[Sequence[Hypothesis]]) -> dict[str, Any]:
        longest, rows, columns = self._task.longest, *(self._task.grid or (0, 0))
        said = self._named(as_said([of[0] for of in found], longest, rows * columns))
        candidates = np.full((len(found), self._task.beam, longest), PADDING, np.int64)
        scores = np.full((len(found), self._task.beam), -np.inf, np.float32)
        for row, of in enumerate(found):
            for place, one in enumerate(of):
                candidates[row, place, : len(one.words)] = one.words
                scores[row, place] = one.score
        return said | {CANDIDATES: candidates, SCORES: scores}
