"""Inference of the networks since 2016 and of the transformers, as `inference` does that of the others."""

from __future__ import annotations

from inference import LATER, networks_section
from report import Section


def run(quick: bool) -> Section:
    """All of them at both batch sizes; two, and few turns, where it shall be quick."""
    networks = ("mobilenet_v3_small", "deit_tiny") if quick else tuple(LATER)
    return networks_section("Inference of networks since 2016", networks, quick)
