"""The anatomy of networks that write a sentence: a trunk looks, a recurrent step writes word by word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from foveate.errors import InputError
from foveate.layers.greedy import Greedy
from foveate.layers.teacher_forcing import TEMPERATURES, SentencesToLearn, Step, exactly
from foveate.models.anatomy import Network
from foveate.models.on_trunk import OnTrunk

LONGEST = 20  # words of a sentence that is written, its end among them


class Captioner(OnTrunk):
    """Base of networks that write sentences: ``forward`` gives (N, T, 2 + L) of pictures.

    Of each of T words its number, its probability and the weights of L places; see `Greedy`. Where pictures
    are taken, what the trunk sees of them (N, W) is taken as well: of a frozen trunk it can be kept.

    A family makes its trunk and its step, calls ``super().__init__`` first, sets ``greedy`` and
    ``seen_name``, and writes ``seen``, ``seen_width``, ``grid`` and ``memories``.
    """

    greedy: Greedy
    even: float = 0.0
    seen_name: str  # of what `seen` gives, for who keeps it

    @property
    def step(self) -> Step:
        step: Any = self.greedy.step
        return step

    def follow(self, trunk: Network) -> None:
        """Tell the windows and levels of a trunk, under the names that they have here."""
        self.windows = tuple(one._replace(layer=f"trunk.{one.layer}") for one in trunk.windows)
        self.levels = tuple(one._replace(layer=f"trunk.{one.layer}") for one in trunk.levels)

    def initialise_from(self, images: Tensor) -> None:
        """Set what a compact trunk takes from the pictures (N, in_channels, H, W); others take nothing."""
        initialise: Any = getattr(self.trunk, "initialise_from", None)
        if initialise is not None:
            initialise(images)

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        trunk: Any = self.trunk
        features: Tensor = trunk.forward_features(x)
        return features

    def forward_head(self, features: Tensor) -> Tensor:
        raise InputError(f"{type(self).__name__} writes of what it sees in a picture; call it on pictures.")

    def seen(self, x: Tensor) -> Tensor:
        """What the trunk sees of pictures (N, in_channels, H, W): (N, W), all that sentences are made of."""
        raise NotImplementedError

    def seen_width(self, height: int, width: int) -> int:
        """W, for pictures of this size."""
        raise NotImplementedError

    def grid(self, height: int, width: int) -> tuple[int, int] | None:
        """Rows and columns of the places that are looked at; None for a network that looks at none."""
        raise NotImplementedError

    def memories(self, seen: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Of what the trunk saw, (N, W): the state before the first word, and what each step looks at."""
        raise NotImplementedError

    def encode(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """`memories` of pictures, or of what the trunk saw of them."""
        return self.memories(x if x.ndim == 2 else self.seen(x))

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (N, in_channels, H, W), or what the trunk saw of them (N, W), to (N, T, 2 + L)."""
        state, memory = self.encode(x)
        return self.greedy(state, *memory)

    def forward_to_learn(self, x: Tensor) -> tuple[Any, tuple[Tensor, ...]]:
        """What the loss takes, and no auxiliary outputs."""
        seen = x if x.ndim == 2 else self.seen(x)
        with exactly(seen):
            state, memory = self.memories(seen.to(self.step.score.weight.dtype))
        return SentencesToLearn(self.step, state, memory, self.even), ()

    def forward_to_measure(self, x: Tensor, targets: Mapping[str, Tensor]) -> Tensor:
        """`forward` with numbers more, (N, T, 2 + L + len(TEMPERATURES)), of each picture's sentences.

        They are the mean losses of a word with its scores divided by each of ``TEMPERATURES``.
        targets: as the task's learner has them, with ``words`` (N, S, L).
        """
        state, memory = self.encode(x)
        said = self.greedy(state, *memory)
        taught = SentencesToLearn(self.step, state, memory).taught(targets["words"])
        each = [F.cross_entropy(taught.scores / t, taught.words, reduction="none") for t in TEMPERATURES]
        counted = torch.stack([torch.ones_like(each[0]), *each])
        count, *total = counted.new_zeros(len(counted), len(said)).index_add(1, taught.pictures, counted)
        mean = torch.stack(total, dim=1) / count.clamp(min=1)[:, None]  # (N, len(TEMPERATURES))
        return torch.cat([said, mean[:, None].expand(-1, said.shape[1], -1)], dim=2)

    def calibrate(self, temperature: float) -> None:
        """Divide the scores of words by this from now on: the same are likeliest, more surely or less."""
        with torch.no_grad():
            for part in self.step.score.parameters():
                part.div_(temperature)

    def classifier_layers(self) -> tuple[str, ...]:
        return ("greedy.step.score",)

    def reset_classifier(self, num_classes: int) -> None:
        raise InputError("A network that writes knows its words from the start; make one for other words.")
