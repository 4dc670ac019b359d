"""Weights made elsewhere: which networks have them, and how to load them from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foveate.errors import WeightsError

if TYPE_CHECKING:
    from torch import nn


def load_pretrained(module: nn.Module, name: str) -> None:
    """Load the published weights of the named network. Raises :class:`WeightsError` where there are none."""
    raise WeightsError(
        f"No pretrained weights of {name} come with this program; "
        "get torchvision's or timm's file for it and give it with --weights FILE."
    )
