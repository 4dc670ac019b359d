"""Pictures and weights that need no random generator, as the figures from torchvision were made with them."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

_PATH = Path(__file__).parents[2] / "tools" / "verify_torchvision.py"
_spec = importlib.util.spec_from_file_location("verify_torchvision", _PATH)
assert _spec is not None and _spec.loader is not None
verify = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(verify)


def picture(n: int, c: int, h: int, w: int) -> Tensor:
    """(n, c, h, w) float32, about from −1.5 to 1.5."""
    found: Tensor = verify.wave((n, c, h, w), 1.0).float()
    return found


def photo(h: int, w: int, contrast: float = 1.0) -> Tensor:
    """(3, h, w) float32 in 0..1: blocks of 20 pixels under a fine texture."""
    coarse = picture(1, 3, -(-h // 20), -(-w // 20))[0].repeat_interleave(20, 1).repeat_interleave(20, 2)
    mixed = (picture(1, 3, h, w)[0] + 2 * coarse[:, :h, :w] + 4.5) / 9
    return ((mixed - 0.5) * contrast + 0.5).clamp(0, 1)


@torch.no_grad()
def prepare(
    network: nn.Module, gain: float, scale: Mapping[str, float], add: Sequence[Sequence[Any]]
) -> nn.Module:
    """Weights by the waves; then some times a factor, and something added to every so many of a bias."""
    network.load_state_dict(verify.fill(network.state_dict(), gain))
    state = network.state_dict()
    for key, factor in scale.items():
        state[key].mul_(factor)
    for key, start, step, value in add:
        state[key][start::step] += value
    return network


def keys_sha256(state: Mapping[str, Tensor], without: str = "\0") -> str:
    """Of the sorted names and shapes; without: an ending of names that are left out."""
    lines = sorted(f"{key} {list(t.shape)}" for key, t in state.items() if not key.endswith(without))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def some(tensor: Tensor, count: int) -> Tensor:
    """(count,) of its numbers: the middles of as many equal stretches; all where there are no more."""
    n = tensor.numel()
    places = [(2 * j + 1) * n // (2 * count) for j in range(count)] if n > count else range(n)
    return tensor.detach().reshape(-1)[torch.tensor(list(places))]
