"""The anatomy of networks that stand on a trunk which may have been learnt elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from foveate.errors import InputError
from foveate.models.anatomy import Network


class OnTrunk(Network):
    """Base of networks with a trunk that can be frozen, and takes the weights of a classifier.

    A family sets ``trunk_name`` to the network of the catalogue whose weights its trunk takes, and makes its
    trunk under the names of ``trunk_layers``.

    The trunk's batch norms stay as they were learnt, unless `freeze_norms` says otherwise: the few pictures
    of a batch would tell them too little. With them stay the layers up to maps of the stride
    ``general_stride``: what they look for, edges and textures, is the same in all pictures, and half of a
    step's time is theirs. (Fast R-CNN, arXiv 1504.08083, section 4.5; torchvision's detectors do likewise.)
    """

    trunk_name: str
    trunk_layers: ClassVar[tuple[str, ...]] = ("trunk",)
    trunk_learns = True
    norms_learn = False
    general_stride = 4
    recordable: ClassVar[bool] = False  # how much it computes depends on how much there is to say

    def trunk_modules(self) -> list[nn.Module]:
        return [self.get_submodule(name) for name in self.trunk_layers]

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for part in self.trunk_modules():
            part.train(mode and self.norms_learn)
        return self

    def freeze_trunk(self, frozen: bool) -> None:
        """Whether the trunk's weights stay as they are; it then costs a fraction to learn the rest."""
        self.trunk_learns = not frozen
        for part in self.trunk_modules():
            part.requires_grad_(not frozen)
        if not self.norms_learn:
            for weight in self._general():
                weight.requires_grad_(False)

    def _general(self) -> Iterator[nn.Parameter]:
        """The weights of the trunk's layers up to the last one of ``general_stride``."""
        last = next((level.layer for level in self.levels if level.stride == self.general_stride), None)
        reached = last is None
        for name, module in self.named_modules():
            if reached and not f"{name}.".startswith(f"{last}."):
                return
            reached = name == last or reached
            if self._is_of_trunk(f"{name}."):
                yield from module.parameters(recurse=False)

    def freeze_norms(self, frozen: bool) -> None:
        """Whether the trunk's batch norms keep their means and variances in training.

        Those of a trunk that was learnt should; in one from chance they must follow, or its features vanish.
        """
        self.norms_learn = not frozen
        self.train(self.training)

    @torch.no_grad()
    def load_trunk(self, classifier: Network) -> None:
        """Take over the weights of a classifier (``trunk_name``, of any classes) into the trunk.

        Raises:
            InputError: its weights are not those of the trunk.
        """
        given = self.trunk_weights(classifier.state_dict())
        own = {key: to for key, to in self.state_dict().items() if self._is_of_trunk(key)}
        wrong = [key for key, to in own.items() if key not in given or given[key].shape != to.shape]
        if wrong:
            raise InputError(
                f"The trunk of this network takes the weights of {self.trunk_name}, and those of this "
                f"{type(classifier).__name__} do not fit: the first at {wrong[0]}."
            )
        for key, to in own.items():
            to.copy_(given[key])

    def _is_of_trunk(self, key: str) -> bool:
        return any(key.startswith(f"{layer}.") for layer in self.trunk_layers)

    def trunk_weights(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A classifier's weights under the names that they have here; those of its head may be among them."""
        return {f"{self.trunk_layers[0]}.{key}": value for key, value in state.items()}
