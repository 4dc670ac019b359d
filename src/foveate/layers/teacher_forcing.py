"""Recurrent steps that write, and how they are taught: each true word, given the true ones before it.

"Teacher forcing": Williams, Zipser: "A learning algorithm for continually running fully recurrent neural
networks", 1989.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from foveate.layers.greedy import PADDING, START, UNKNOWN
from foveate.layers.ranks import mean_of_batch
from foveate.layers.recurrent import RecurrentCell
from foveate.operators.optional_torch import F, Tensor, nn, torch

TEMPERATURES = (1.0, 0.7, 1.4, 2.0, 2.8)  # by which scores are divided to see how likely true words are then
NEVER = -1e4  # the score of what is no word and is never written


class Taught(NamedTuple):
    """What a step says of all words of true sentences, given those before each of them.

    scores: (M, K) of M words; words: (M,) the true ones; pictures: (M,) of which picture; looked: (R, L) how
    much R sentences looked at each place in all, L = 0 where there are no places.
    """

    scores: Tensor
    words: Tensor
    pictures: Tensor
    looked: Tensor


class Step(nn.Module):
    """Base of recurrent steps: the words' table, and how scores come about.

    A family makes its ``cell`` and writes ``advance(embedded, state, *memory)``: the embedded word (R, E) and
    states (R, S) to the new state, what the scores are made of (R, D), and the weights (R, L) with which
    places were looked at.
    """

    cell: RecurrentCell

    def __init__(self, words: int, embedding: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, embedding, padding_idx=PADDING)
        nn.init.normal_(self.embedding.weight, std=embedding**-0.5)
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(outputs, words)

    def advance(self, embedded: Tensor, state: Tensor, *memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        raise NotImplementedError

    @property
    def state_size(self) -> int:
        """S, of the state that goes from word to word: the cell's, unless a family carries more."""
        return self.cell.state_size

    @property
    def multiply_adds(self) -> int:
        """Of one step of one sentence."""
        raise NotImplementedError

    def scores(self, outputs: Tensor) -> Tensor:
        """(..., K)"""
        return self.score(self.dropout(outputs))

    def forward(self, word: Tensor, state: Tensor, *memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Words (N, 1) int64 and states (N, S) to scores (N, K), new states and weights (N, L)."""
        embedded = self.dropout(self.embedding(word))[:, 0, :]
        state, outputs, weights = self.advance(embedded, state, *memory)
        never = torch.zeros(self.score.out_features, dtype=outputs.dtype, device=outputs.device)
        never[[PADDING, START, UNKNOWN]] = NEVER
        return self.scores(outputs) + never, state, weights


@dataclass(frozen=True)
class SentencesToLearn:
    """What a captioner saw of N pictures, before it is told what to say of them.

    state: (N, S) of before the first word; memory: what it looks at, (N, ...) each.
    """

    step: Step
    state: Tensor
    memory: tuple[Tensor, ...]
    even: float = 0.0

    def detach(self) -> Self:
        return self

    def taught(self, words: Tensor) -> Taught:
        """words: (N, S, L) of each picture's sentences, START to END and PADDING behind.

        The longest sentences stand first, and at each step only those that still go on are computed.
        """
        several = words.shape[1]
        flat = words.flatten(0, 1).long()
        lengths = (flat != PADDING).sum(dim=1) - 1  # steps of each
        order = lengths.argsort(descending=True, stable=True)[: int((lengths > 0).sum())]
        flat, lengths, pictures = flat[order], lengths[order], order // several
        state, memory = self.state[pictures], tuple(part[pictures] for part in self.memory)
        embedded = self.step.dropout(self.step.embedding(flat[:, :-1]))  # (R, L - 1, E)
        outputs, looked = [], []
        most = int(lengths.max()) if len(lengths) else 1  # without a sentence one step of none
        counts = [int((lengths > t).sum()) for t in range(most)]
        for t, count in enumerate(counts):
            state, out, weights = self.step.advance(
                embedded[:count, t], state[:count], *(part[:count] for part in memory)
            )
            outputs.append(out)
            looked.append(F.pad(weights, (0, 0, 0, len(order) - count)))
        rows = [torch.arange(count, device=flat.device) for count in counts]
        true = torch.cat([flat[:count, t + 1] for t, count in enumerate(counts)])
        every = pictures[torch.cat(rows)]
        return Taught(self.step.scores(torch.cat(outputs)), true, every, torch.stack(looked).sum(dim=0))

    def losses(self, words: Tensor, label_smoothing: float = 0.0) -> tuple[dict[str, Tensor], Taught]:
        """The parts of the loss: of words, in nats each, and of places that were overlooked.

        The latter is Xu et al.'s doubly stochastic attention (2015, equation 14): in all the words of a
        sentence about as much should be seen of each place.
        """
        with exactly(self.state):
            return self._losses(words, label_smoothing)

    def _losses(self, words: Tensor, label_smoothing: float) -> tuple[dict[str, Tensor], Taught]:
        taught = self.taught(words)
        each = F.cross_entropy(taught.scores, taught.words, label_smoothing=label_smoothing, reduction="none")
        parts = {"words": mean_of_batch(each)}
        if self.even and taught.looked.shape[1]:
            parts["overlooked"] = self.even * mean_of_batch((1 - taught.looked).square())
        return parts, taught


def exactly(like: Tensor) -> Any:
    """The context of computing in float32 where the rest computes in bfloat16: memories add up for long."""
    return torch.autocast(like.device.type, enabled=False)
