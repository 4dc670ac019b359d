"""Grad-CAM: which places of a map speak for a label.

Selvaraju et al., *Grad-CAM: Visual explanations from deep networks via gradient-based localization*, ICCV
2017, equations 1 and 2: each channel weighs as much as the label's score grows with it on average, and the
weighted maps are added up; what is left below 0 speaks for other labels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.errors import InputError
from foveate.explanation.hooks import Score, as_map, called, capturing, last_map, scores_of
from foveate.graph.trace import evaluating
from foveate.tasks.learning import one_of


def grad_cam(
    module: nn.Module,
    x: Tensor,
    target: int | Tensor,
    *,
    layer: str | None = None,
    score: Score = one_of,
    relu: bool = True,
) -> Tensor:
    """``relu(Σ_c mean_ij(∂score/∂A_cij) · A_c)`` for each picture.

    Args:
        module: the network: (N, C, H, W) to numbers (N, labels). It is run in evaluation mode.
        x: normalised pictures, (N, C, H, W).
        target: the label to explain, or one for each picture (N,).
        layer: whose maps A to look at, by dotted name; by default the last map. Tokens of patches are one.
        score: what of the network's outputs is explained; by default the number of the label.
        relu: keep what speaks for the label; otherwise negative values remain.

    Returns:
        (N, h, w), of the map's size; `upsampled` brings it to the picture's.

    Raises:
        UnknownNameError: no such layer. InputError: the layer gives no map, or there is no such label.
    """
    name = last_map(module, x) if layer is None else layer
    # A frozen first layer must have a gradient as well, so the pictures ask for one.
    pictures = x.detach().clone().requires_grad_()
    with capturing(module, name) as found, evaluating(module), torch.enable_grad():
        total = scores_of(module, pictures, target, score).sum()
        values = called(found, name)  # (N, C, h, w), or tokens (N, T, C)
        maps = as_map(module, values)
        if maps.ndim != 4:
            raise InputError(
                f"Layer {name!r} gives {tuple(maps.shape)}, no map; Grad-CAM needs (N, C, h, w)."
            )
        (gradient,) = torch.autograd.grad(total, values, allow_unused=True, materialize_grads=True)
        gradient = as_map(module, gradient)
    cam = (gradient.mean(dim=(2, 3), keepdim=True) * maps.detach()).sum(dim=1)  # (N, h, w)
    return F.relu(cam) if relu else cam


def upsampled(heat: Tensor, size: tuple[int, int]) -> Tensor:
    """A heat map (N, h, w) at the picture's size (N, H, W), bilinear between the centres of its cells."""
    return F.interpolate(heat[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
