"""Units that do nothing: ReLUs that never open, sigmoids and tanhs stuck at their ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from foveate.graph.trace import Numbering, call_names, evaluating

_RECTIFIERS = (nn.ReLU, nn.ReLU6)
_SQUASHERS = (nn.Sigmoid, nn.Tanh)
# A squasher counts as stuck where its slope is under this part of its steepest.
STUCK_SLOPE = 0.05


@dataclass(frozen=True)
class UnitHealth:
    """One activation layer over many pictures.

    channels: its maps, or units of a dense layer. dead: which never were above 0 anywhere (rectifiers).
    zero_fraction: the part of all values that was 0. saturated_fraction: the part of all values where the
    slope was under a twentieth of the steepest (sigmoid and tanh). What does not apply is None.
    """

    name: str
    kind: str
    channels: int
    dead: tuple[int, ...] | None
    zero_fraction: float | None
    saturated_fraction: float | None

    @property
    def dead_fraction(self) -> float | None:
        return None if self.dead is None else len(self.dead) / self.channels

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        dead = None if self.dead is None else list(self.dead)
        return asdict(self) | {"dead": dead, "dead_fraction": self.dead_fraction}


def unit_health(module: nn.Module, batches: Iterable[Tensor]) -> list[UnitHealth]:
    """Dead and saturated units of every ReLU, ReLU6, Sigmoid and Tanh module, in the order of the calls.

    Args:
        module: any network; run in evaluation mode, without gradients.
        batches: normalised pictures (N, C, H, W); more pictures find fewer units dead. Functions such as
            ``F.relu`` are not modules and are not seen.
    """
    seen: dict[str, _Count] = {}
    number = Numbering()

    def watch(name: str) -> Any:
        def hook(layer: nn.Module, args: Any, out: Any) -> None:
            if isinstance(out, Tensor):
                seen.setdefault(label := number(name), _Count(label, layer)).add(out)

        return hook

    kinds = (*_RECTIFIERS, *_SQUASHERS)
    layers = [(name, layer) for name, layer in call_names(module) if isinstance(layer, kinds)]
    handles = [layer.register_forward_hook(watch(name)) for name, layer in layers]
    try:
        with evaluating(module), torch.no_grad():
            for x in batches:
                number = Numbering()
                module(x.clone())
    finally:
        for handle in handles:
            handle.remove()
    return [count.result() for count in seen.values()]


class _Count:
    """What is kept of a layer from batch to batch: one flag a channel and two counts."""

    def __init__(self, name: str, layer: nn.Module) -> None:
        self.name = name
        self.layer = layer
        self.alive: Tensor | None = None
        self.hits = 0
        self.values = 0

    def add(self, out: Tensor) -> None:
        self.values += out.numel()
        if isinstance(self.layer, _RECTIFIERS):
            alive = (out > 0).transpose(0, 1).flatten(1).any(dim=1)  # (C,)
            self.alive = alive if self.alive is None else self.alive | alive
            self.hits += int((out == 0).sum())
            return
        slope = 4 * out * (1 - out) if isinstance(self.layer, nn.Sigmoid) else 1 - out.square()
        self.alive = torch.ones(out.shape[1], dtype=torch.bool)
        self.hits += int((slope < STUCK_SLOPE).sum())

    def result(self) -> UnitHealth:
        alive = torch.ones(0, dtype=torch.bool) if self.alive is None else self.alive
        share = self.hits / max(self.values, 1)
        rectifier = isinstance(self.layer, _RECTIFIERS)
        dead = tuple((~alive).nonzero()[:, 0].tolist())
        return UnitHealth(
            name=self.name,
            kind=type(self.layer).__name__,
            channels=len(alive),
            dead=dead if rectifier else None,
            zero_fraction=share if rectifier else None,
            saturated_fraction=None if rectifier else share,
        )
