"""How sentences are learnt: word by word, each given the true ones before it ("teacher forcing").

A captioner gives (N, T, 2 + L): of each word it writes its number, its probability, and the weights of L
places. In training it gives what it saw (`foveate.models.captioner.SentencesToLearn`), which is told the true
sentences; measured on a whole split, numbers more: the mean losses of a true word at several temperatures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from foveate.images.preprocess import Preprocessing
from foveate.layers.teacher_forcing import TEMPERATURES, SentencesToLearn, Step
from foveate.tasks.captioning.data import captions_in
from foveate.tasks.captioning.interface import (
    ATTENTION,
    ENCODER,
    MEMORY,
    NEXT_STATE,
    PROBABILITIES,
    STATE,
    STEP,
    WORD,
    WORDS,
)
from foveate.tasks.captioning.metrics import NAMES, parts_of
from foveate.tasks.captioning.task import Captioning
from foveate.tasks.captioning.text import words_of
from foveate.tasks.captioning.vocabulary import UNKNOWN
from foveate.tasks.learning import Arrays, Learner, Part, one_of
from foveate.tasks.targets import Targets
from foveate.tasks.values import Values

MOST_OTHERS = 0.02  # of the sentences, which rounding may turn where two words are nearly as likely
APART = 2e-3  # of a probability or a weight
EDGE = 1e-6  # of a probability, whose logit is finite


class CaptioningLearner(Learner):
    """outputs: (N, T, 2 + L), in training a `SentencesToLearn`; targets: words (N, S, L)."""

    task: Captioning

    def moved(self, targets: Arrays, geometry: Tensor, size: tuple[int, int]) -> Arrays:
        """Of mirror images what is said of sides is said of the other side."""
        if (others := self.task.mirrored_words) is None:
            return targets
        words = targets[WORDS].long()
        (a, b), (c, d) = geometry[:, :, :2].permute(1, 2, 0)
        turned = a * d < b * c  # (N,)
        seen = torch.from_numpy(others).to(words.device)[words]
        return {**targets, WORDS: torch.where(turned[:, None, None], seen, words)}

    def loss(self, outputs: Any, targets: Arrays) -> Tensor:
        seen: SentencesToLearn = outputs
        parts, taught = seen.losses(targets[WORDS], self.label_smoothing)
        right = (taught.scores.detach().argmax(dim=1) == taught.words).sum()
        self._right = right * len(targets[WORDS]) / max(len(taught.words), 1)
        return torch.stack(list(parts.values())).sum()

    def running(self, outputs: Any, targets: Arrays) -> Tensor:
        """The share of true words that were the likeliest, as the loss of this batch has just found it."""
        return self._right

    def kept(self, outputs: Tensor, targets: Arrays) -> Tensor:
        """(n, T, 2 + T'): of each word its number and its probability, and the picture's losses."""
        return torch.cat([outputs[..., :2], outputs[..., -len(TEMPERATURES) :]], dim=2)

    def scores(self, outputs: Tensor, targets: Targets) -> dict[str, float]:
        """On pictures that have a sentence; 0 where none has."""
        captions, found = captions_in(targets), dict.fromkeys(NAMES, 0.0)
        kept = [row for row in range(len(captions)) if captions[row]]
        if kept:
            words = outputs[kept, :, 0].round().long().numpy()
            said = [words_of(self.task.vocabulary.decode(ids)) for ids in words]
            right = [[words_of(one) for one in captions[row]] for row in kept]
            parts = parts_of(said, right)
            found = dict(zip(NAMES, parts.figures(np.ones((1, len(kept))))[0].tolist(), strict=True))
        measured = {metric.name: found[metric.name] for metric in self.task.metrics if metric.name in found}
        return {"loss": float(self.losses(outputs, targets).mean())} | measured

    def losses(self, outputs: Tensor, targets: Targets) -> Tensor:
        return outputs[:, 0, 2]

    def calibrate(self, module: nn.Module, outputs: np.ndarray, targets: Targets) -> None:
        """By the temperature at which true words of held-out sentences are likeliest (Guo et al., 2017)."""
        calibrate: Any = getattr(module, "calibrate", None)  # somebody's own may have none
        told = [row for row, own in enumerate(captions_in(targets)) if own]
        if calibrate is not None and told:
            losses = np.asarray(outputs)[told, 0, 2:].astype(np.float64).mean(axis=0)
            calibrate(best_temperature(losses))

    def settled(self, module: nn.Module, preprocessing: Preprocessing) -> Captioning:
        if not hasattr(module, "grid"):
            return self.task  # somebody's own
        writer: Any = module
        return self.task.looking_at(writer.grid(preprocessing.height, preprocessing.width))

    def parts(self, module: nn.Module, like: Tensor) -> Mapping[str, Part]:
        if not hasattr(module, "grid"):
            return {}
        writer: Any = module
        looks = self.task.grid is not None
        with torch.no_grad():
            state, places = writer.encode(like)
        word = torch.zeros(len(like), 1, dtype=torch.int64)
        given = {WORD: word, STATE: state, **dict(zip(MEMORY, places, strict=False))}
        said = (PROBABILITIES, NEXT_STATE, *((ATTENTION,) if looks else ()))
        return {
            ENCODER: Part(_Encoding(writer), None, (STATE, *(MEMORY if looks else ()))),
            STEP: Part(_Stepping(writer.step, looks=looks), given, said),
        }

    def answer(self) -> nn.Module:
        return Writing(self.task.grid)

    def score(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """The logit of how sure it was of a word, where it was surest."""
        return torch.logit(one_of(self.values(outputs), labels), eps=EDGE)

    def each(self, outputs: Tensor) -> Tensor:
        return self.values(outputs)

    def values(self, outputs: Tensor) -> Tensor:
        """(N, K) how sure it was of each word where it wrote it; 0 of words that it did not write."""
        table = outputs.new_zeros(len(outputs), len(self.task.vocabulary))
        found = table.scatter_reduce(1, outputs[..., 0].long(), outputs[..., 1], "amax")
        return found * (torch.arange(found.shape[1], device=found.device) > UNKNOWN)

    def difference(self, outputs: np.ndarray, expected: Values, found: Values) -> str:
        same = (expected[WORDS] == found[WORDS]).all(axis=1)
        others = int((~same).sum())
        if others > max(1, MOST_OTHERS * len(same)) or (len(same) == 1 and others):
            return f"{others} of {len(same)} sentences are others"
        for name in (PROBABILITIES, ATTENTION):
            if name in expected and same.any():
                worst = float(np.abs(expected[name][same] - found[name][same]).max())
                if not worst <= APART:
                    return f"{name} differ by {worst:.2g}, allowed {APART:g}"
        return ""


def best_temperature(losses: np.ndarray) -> float:
    """Where a parabola through the least loss and its neighbours is lowest; losses: of ``TEMPERATURES``."""
    order = np.argsort(TEMPERATURES)
    x, y = np.log(TEMPERATURES)[order], losses[order]
    middle = int(np.clip(y.argmin(), 1, len(y) - 2))
    a, b, _ = np.polyfit(x[middle - 1 : middle + 2], y[middle - 1 : middle + 2], 2)
    best = -b / (2 * a) if a > 0 else x[y.argmin()]
    return float(np.exp(np.clip(best, x[0], x[-1])))


class Writing(nn.Module):
    """(N, T, 2 + L) -> words (N, T) int64, their probabilities and, of places, the attention (N, T, h, w)."""

    def __init__(self, grid: tuple[int, int] | None) -> None:
        super().__init__()
        self.grid = grid

    def forward(self, outputs: Tensor) -> tuple[Tensor, ...]:
        words, sure = outputs[..., 0].long(), outputs[..., 1]
        if self.grid is None:
            return words, sure
        return words, sure, outputs[..., 2:].unflatten(2, self.grid)


class _Encoding(nn.Module):
    """Pictures (N, C, H, W) to what a sentence begins with."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network: Any = network

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        state, memory = self.network.encode(x)
        return state, *memory


class _Stepping(nn.Module):
    """One word and what goes with it, to the probabilities of the next."""

    def __init__(self, step: Step, *, looks: bool) -> None:
        super().__init__()
        self.step, self.looks = step, looks

    def forward(self, word: Tensor, state: Tensor, *memory: Tensor) -> tuple[Tensor, ...]:
        scores, state, weights = self.step(word, state, *memory)
        likely = torch.softmax(scores, dim=1)
        return (likely, state, weights) if self.looks else (likely, state)
