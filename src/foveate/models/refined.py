"""A network that scores each pixel, with deep parsing's Markov random field behind it (Liu et al., 2015)."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor

from foveate.errors import InputError
from foveate.layers.mrf import MRF
from foveate.models.anatomy import Network
from foveate.operators.blueprint import is_number

MAX_REDUCTION = 64


class Refined(Network):
    """``network`` is the network under its own names, ``mrf`` the field that corrects its scores.

    The field works on scores and picture averaged over ``reduction`` x ``reduction`` pixels, where neighbours
    are far in the picture and a place is cheap; what it takes from the scores is brought back to their size
    between the places' centres. ``forward_with_aux`` gives the network's own scores beside the refined ones,
    so that both learn (the paper trains its unary term first).

    Args:
        network: scores pictures (N, C, H, W) as (N, num_classes, H, W).
        reduction: 1 works on the scores as they are; the paper's network works at an eighth.
        mixtures, window, context: of :class:`~foveate.layers.mrf.MRF`.
    """

    aux_weight: ClassVar[float] = 0.4  # of the network's own scores, as auxiliary heads of FCN have elsewhere

    def __init__(
        self, network: Network, *, reduction: int = 4, mixtures: int = 5, window: int = 7, context: int = 9
    ) -> None:
        if not is_number(reduction, 1, MAX_REDUCTION):
            raise InputError(
                f"reduction must be a whole number of 1 to {MAX_REDUCTION} pixels, and is {reduction!r}."
            )
        super().__init__(
            num_features=network.num_features,
            num_classes=network.num_classes,
            in_channels=network.in_channels,
            image_size=network.image_size,
        )
        self.network, self.reduction = network, reduction
        self.mrf = MRF(network.num_classes, mixtures=mixtures, window=window, context=context)
        self.windows = tuple(one._replace(layer=f"network.{one.layer}") for one in network.windows)
        self.levels = tuple(one._replace(layer=f"network.{one.layer}") for one in network.levels)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.network.forward_features(x)

    def forward_head(self, features: Tensor) -> Tensor:
        raise InputError("A field needs the picture beside the scores; call the network on pictures.")

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (N, C, H, W) to scores before the softmax (N, num_classes, H, W)."""
        return self.refine(self.network(x), x)

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        scores, aux = self.network.forward_with_aux(x)
        return self.refine(scores, x), (scores, *aux)

    def refine(self, scores: Tensor, picture: Tensor) -> Tensor:
        """Scores (N, num_classes, H, W) and their pictures (N, C, H, W) to scores of the same shape."""
        height, width = scores.shape[-2:]
        if self.reduction == 1:
            return self.mrf(scores, picture)
        penalties = self.mrf.penalties(self._reduced(scores), self._reduced(picture))
        penalties = F.interpolate(
            penalties, scale_factor=self.reduction, mode="bilinear", align_corners=False
        )
        return scores - penalties[:, :, :height, :width]

    def _reduced(self, x: Tensor) -> Tensor:
        """Means of blocks; what is left over at the lower and right edge is filled up with its last line."""
        below, right = (-side % self.reduction for side in x.shape[-2:])
        return F.avg_pool2d(F.pad(x, (0, right, 0, below), mode="replicate"), self.reduction)

    def classifier_layers(self) -> tuple[str, ...]:
        return tuple(f"network.{name}" for name in self.network.classifier_layers())

    def reset_classifier(self, num_classes: int) -> None:
        """Put fresh layers of ``num_classes`` scores in the classifier's place, and a fresh field."""
        self.network.reset_classifier(num_classes)
        like, old = self.mrf.contexts.weight, self.mrf
        fresh = MRF(
            num_classes,
            mixtures=old.mixtures,
            window=old.local.window,
            context=old.contexts.kernel_size[0],
        )
        self.mrf, self.num_classes = fresh.to(like.device, like.dtype), num_classes

    def check_input(self, x: Tensor) -> None:
        self.network.check_input(x)


def refined(network: Network, options: Mapping[str, Any]) -> Refined:
    """A field behind a network, from plain options: what ``refine`` in a model folder's architecture holds.

    Raises:
        InputError: for an option that `Refined` does not take.
    """
    known = [name for name in signature(Refined).parameters if name != "network"]
    unknown = sorted(options.keys() - set(known))
    if unknown:
        raise InputError(f"A field takes the options {', '.join(known)}, and not {unknown[0]!r}.")
    return Refined(network, **options)
