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
from foveate.models.segmenter import Segmenter, halfway, resized
from foveate.operators.blueprint import is_number

MAX_REDUCTION = 64
REDUCTION, MIXTURES, WINDOW, CONTEXT = 4, 5, 7, 9  # where nothing else is asked for


class Refined(Network):
    """``network`` is the network under its own names, ``mrf`` the field that corrects its scores.

    The field works on scores and picture at a ``reduction``-th of the picture's sides, where neighbours are
    far in the picture and a place is cheap: on the means of ``reduction`` x ``reduction`` pixels, or on the
    coarse scores of a network that enlarges its own. What it takes from the scores is brought back to their
    size between the places' centres. ``forward_with_aux`` gives the network's own scores beside the refined
    ones, so that both learn (the paper trains its unary term first).

    Args:
        network: scores pictures (N, C, H, W) as (N, num_classes, H, W).
        reduction: 1 works on the scores as they are; the paper's network works at an eighth.
        mixtures, window, context: of :class:`~foveate.layers.mrf.MRF`.
    """

    aux_weight: ClassVar[float] = 0.4  # of the network's own scores, as auxiliary heads of FCN have elsewhere

    def __init__(
        self,
        network: Network,
        *,
        reduction: int = REDUCTION,
        mixtures: int = MIXTURES,
        window: int = WINDOW,
        context: int = CONTEXT,
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
        self.check_input(x)
        if isinstance(self.network, Segmenter):
            return self.refine(self.network.forward_scores(x, aux=False)[0], x)
        return self.refine(self.network(x), x)

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The refined scores, the network's own, and those of its auxiliary heads: (N, num_classes, H, W)."""
        self.check_input(x)
        scores, *aux = self._scores(x)
        return self.refine(scores, x), tuple(resized(found, x) for found in (scores, *aux))

    def forward_to_learn(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The refined scores, those before, and the auxiliary ones, each at half the sides or finer."""
        self.check_input(x)
        scores, *aux = self._scores(x)
        refined = self.mrf(*self._where_it_works(scores, x))
        found = [halfway(each, x) for each in (refined, scores, *aux)]
        return found[0], tuple(found[1:])

    def _scores(self, x: Tensor) -> tuple[Tensor, ...]:
        """The network's scores and those of its auxiliary heads, of any size."""
        if isinstance(self.network, Segmenter):
            return self.network.forward_scores(x, aux=True)
        scores, aux = self.network.forward_to_learn(x)
        return (scores, *aux)

    def refine(self, scores: Tensor, picture: Tensor) -> Tensor:
        """Scores (N, num_classes, h, w) and pictures (N, C, H, W) to scores (N, num_classes, H, W)."""
        height, width = picture.shape[-2:]
        penalties = self.mrf.penalties(*self._where_it_works(scores, picture))
        if self.reduction > 1:
            penalties = F.interpolate(
                penalties, scale_factor=self.reduction, mode="bilinear", align_corners=False
            )
        return resized(scores, picture) - penalties[:, :, :height, :width]

    def _where_it_works(self, scores: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Scores and pictures at a ``reduction``-th of the pictures' sides, rounded up."""
        if self.reduction == 1:
            return resized(scores, picture), picture
        guide = self._reduced(picture)
        if scores.shape[-2:] == picture.shape[-2:]:
            return self._reduced(scores), guide
        return resized(scores, guide), guide

    def _reduced(self, x: Tensor) -> Tensor:
        """Means of blocks; what is left over at the lower and right edge is filled up with its last line."""
        below, right = (-side % self.reduction for side in x.shape[-2:])
        return F.avg_pool2d(F.pad(x, (0, right, 0, below), mode="replicate"), self.reduction)

    def classifier_layers(self) -> tuple[str, ...]:
        return tuple(f"network.{name}" for name in self.network.classifier_layers())

    def reset_classifier(self, num_classes: int) -> None:
        """Put fresh layers of ``num_classes`` scores in the classifier's place, and a fresh field."""
        self.network.reset_classifier(num_classes)
        like = self.mrf.contexts.weight
        shape = {name: value for name, value in self.options.items() if name != "reduction"}
        fresh = MRF(num_classes, **shape)
        self.mrf, self.num_classes = fresh.to(like.device, like.dtype), num_classes

    @property
    def options(self) -> dict[str, int]:
        """What `refined` makes such a field of."""
        return {
            "reduction": self.reduction,
            "mixtures": self.mrf.mixtures,
            "window": self.mrf.local.window,
            "context": self.mrf.contexts.kernel_size[0],
        }

    def check_input(self, x: Tensor) -> None:
        self.network.check_input(x)


def multiply_adds(num_classes: int) -> float:
    """Of a field of the usual options, for each pixel of a picture in colour."""
    place = MIXTURES * num_classes**2 * CONTEXT**2 + WINDOW**2 * (num_classes + 3)
    return float(place / REDUCTION**2)


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
