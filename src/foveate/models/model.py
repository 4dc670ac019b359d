"""A network ready for use, with all that belongs to it. Importing this imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from foveate.images.preprocess import Preprocessing
from foveate.tasks.base import Task

if TYPE_CHECKING:
    from torch import nn

Weights = Literal["trained", "published", "given", "random"]


@dataclass(frozen=True, eq=False)
class Model:
    """A network ready for use.

    Attributes:
        name: what a person calls it.
        module: (N, C, H, W) normalised pictures to outputs (N, K), in evaluation mode.
        preprocessing: what pictures go through first: as its weights were learnt.
        task: what the K outputs mean.
        architecture: how ``config.json`` writes the network down.
        weights: "trained" here, "published" as a package, "given" as a file or on a hub, or "random".
        source: where the weights come from, in words.
    """

    name: str
    module: nn.Module
    preprocessing: Preprocessing
    task: Task
    architecture: Mapping[str, Any] = field(default_factory=dict)
    weights: Weights = "trained"
    source: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the K outputs."""
        return self.task.labels

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of its pictures."""
        p = self.preprocessing
        return p.channels, p.height, p.width
