"""What a network is asked for that stands on another one's trunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foveate.models.anatomy import Network
from foveate.models.registry import create_trunk


@dataclass(frozen=True)
class TrunkChoice:
    """trunk: a network of the catalogue; trunk_options: those of :func:`create_model` for it.

    image_size: (H, W) of the pictures to train on, for trunks that are made for a size.
    """

    trunk: str
    trunk_options: Mapping[str, Any] | None = None
    image_size: tuple[int, int] = (128, 128)
    in_channels: int = 3

    def made(self) -> Network:
        """The trunk, with its head."""
        return create_trunk(
            self.trunk, self.trunk_options, image_size=self.image_size, in_channels=self.in_channels
        )


USUAL_TRUNK = TrunkChoice("efficientnet_lite0")
