"""In which numbers a step computes: bfloat16 where the hardware is faster with it, else float32.

Weights, their gradients, the optimiser and the loss stay float32 (torch's autocast), and networks are
evaluated in float32, as they ship.
"""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import nn

from foveate.training.settings import Precision


def half_precision(module: nn.Module, precision: Precision) -> bool:
    """Whether steps of this module compute in bfloat16.

    On a processor they do where it has instructions for it, unless the network has convolutions in groups:
    oneDNN is 1.2 to 1.8 times as fast in bfloat16 with dense convolutions (compact networks, ResNets, VGG,
    GoogLeNet) and half as fast with depthwise ones (EfficientNets), measured on an AMD EPYC with AVX-512.
    """
    if precision == "float32":
        return False
    device = next(module.parameters()).device
    if device.type != "cpu":
        return device.type == "cuda"
    grouped = any(isinstance(layer, nn.Conv2d) and layer.groups > 1 for layer in module.modules())
    return processor_has_bfloat16() and not grouped


def processor_has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself; torch's emulation on others is slow."""
    facts: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(facts.get("avx512_bf16") or facts.get("amx_bf16"))


def computing(device: torch.device, *, half: bool) -> contextlib.AbstractContextManager[Any]:
    """The context of a forward pass in bfloat16, or in float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if half else contextlib.nullcontext()


def take_fast_kernels(device: torch.device) -> None:
    """Let a card's libraries time their convolutions once for each shape.

    The fastest kernels may add up in another order from run to run: on a card a repeated run agrees to
    rounding, on a processor to the byte. ``torch.backends.cudnn.deterministic`` keeps it from this.
    """
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = not torch.backends.cudnn.deterministic
