"""The anatomy of networks that answer pixel by pixel: a trunk, maps of scores, as large as the picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.errors import InputError
from foveate.models.anatomy import Level, Network, Window


class Segmenter(Network):
    """Base of networks that score each pixel: ``forward`` gives (N, num_classes, H, W), of the input's size.

    A family makes its trunk, calls ``super().__init__`` first, writes ``forward_features`` and
    ``forward_scores``, and sets

    - ``trunk_name``: the network of the catalogue whose weights its trunk takes;
    - ``trunk_layers``: the names of the parts that are its trunk;
    - ``score_layers``: the dotted names of the 1x1 convolutions that give one score a class, those of the
      answer first and of auxiliary heads behind.

    ``levels`` and ``forward_features`` are those of the trunk. There is no ``forward_head``: scores may be of
    several maps.
    """

    trunk_name: str
    trunk_layers: ClassVar[tuple[str, ...]] = ("trunk",)
    score_layers: tuple[str, ...] = ()

    def forward_scores(self, x: Tensor, *, aux: bool) -> tuple[Tensor, ...]:
        """The scores (N, num_classes, h, w), of any size; with ``aux`` the auxiliary heads' behind them."""
        raise NotImplementedError

    def forward_head(self, features: Tensor) -> Tensor:
        raise InputError(f"{type(self).__name__} scores maps of several sizes; call it on pictures.")

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (N, in_channels, H, W) to scores before the softmax (N, num_classes, H, W)."""
        self.check_input(x)
        return resized(self.forward_scores(x, aux=False)[0], x)

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The scores, and those of the auxiliary heads, all (N, num_classes, H, W)."""
        self.check_input(x)
        scores, *aux = (resized(found, x) for found in self.forward_scores(x, aux=True))
        return scores, tuple(aux)

    def forward_to_learn(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The same at half the picture's sides, (N, num_classes, h, w): see `halfway`."""
        self.check_input(x)
        scores, *aux = (halfway(found, x) for found in self.forward_scores(x, aux=True))
        return scores, tuple(aux)

    def classifier_layers(self) -> tuple[str, ...]:
        return self.score_layers

    def reset_classifier(self, num_classes: int) -> None:
        """Put fresh score convolutions of ``num_classes`` in the old ones' place, of their device."""
        for name in self.classifier_layers():
            old = self.get_submodule(name)
            if not isinstance(old, nn.Conv2d):  # holds for every family; a new one must notice at once
                raise TypeError(f"{name} of {type(self).__name__} is no convolution")
            device, dtype = old.weight.device, old.weight.dtype
            self.set_submodule(name, nn.Conv2d(old.in_channels, num_classes, 1, device=device, dtype=dtype))
        self.num_classes = num_classes

    @torch.no_grad()
    def load_trunk(self, classifier: Network) -> None:
        """Take over the weights of a classifier (``trunk_name``, of any classes) into the trunk.

        As torchvision's ``weights_backbone``: ``load_trunk(create_model("resnet50", pretrained=True))``.

        Raises:
            InputError: its weights are not those of the trunk.
        """
        given = self.trunk_weights(classifier.state_dict())
        own = {key: to for key, to in self.state_dict().items() if key.split(".")[0] in self.trunk_layers}
        wrong = [key for key, to in own.items() if key not in given or given[key].shape != to.shape]
        if wrong:
            raise InputError(
                f"The trunk of this network takes the weights of {self.trunk_name}, and those of this "
                f"{type(classifier).__name__} do not fit: the first at {wrong[0]}."
            )
        for key, to in own.items():
            to.copy_(given[key])

    def trunk_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A classifier's weights under the names that they have here; those of its head may be among them."""
        return {f"{self.trunk_layers[0]}.{key}": value for key, value in state.items()}

    def follow(self, windows: Iterable[Window], levels: Iterable[Level]) -> None:
        """Tell the windows and levels of a trunk, under the names that they have here."""
        layer = self.trunk_layers[0]
        self.windows = tuple(window._replace(layer=f"{layer}.{window.layer}") for window in windows)
        self.levels = tuple(level._replace(layer=f"{layer}.{level.layer}") for level in levels)


def halfway(scores: Tensor, like: Tensor) -> Tensor:
    """Maps (N, C, h, w), coarser ones enlarged to half the sides of ``like`` (N, ..., H, W), to learn from.

    Scores of a quarter learn outlines that are a pixel or two off; a loss at every pixel takes four times as
    long as one at half the sides, with many classes as long as the network itself.
    """
    half = like[..., ::2, ::2]
    return scores if scores.shape[-1] >= half.shape[-1] else resized(scores, half)


def resized(scores: Tensor, like: Tensor) -> Tensor:
    """Maps (N, C, h, w) as large as those of ``like`` (N, ..., H, W), bilinearly between pixel centres."""
    if scores.shape[-2:] == like.shape[-2:]:
        return scores
    return F.interpolate(scores, size=like.shape[-2:], mode="bilinear", align_corners=False)
