"""Saliency and integrated gradients: what each pixel does to a label's score."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from foveate.explanation.hooks import Score, at_once, scores_of
from foveate.graph.trace import evaluating
from foveate.tasks.learning import one_of


def saliency(module: nn.Module, x: Tensor, target: int | Tensor, *, score: Score = one_of) -> Tensor:
    """The gradient of the label's score with respect to the pixels, (N, C, H, W), with its sign.

    Simonyan, Vedaldi, Zisserman, *Deep inside convolutional networks* (2013), section 3; their map is the
    largest absolute value over the channels: `heat_of_gradient`.

    Args:
        module: (N, C, H, W) to numbers (N, labels); run in evaluation mode.
        x: normalised pictures, (N, C, H, W).
        target: the label, or one for each picture (N,).
        score: what of its outputs is explained; by default the number of the label.
    """
    pictures = x.detach().clone().requires_grad_()
    with evaluating(module), torch.enable_grad():
        total = scores_of(module, pictures, target, score).sum()
        (gradient,) = torch.autograd.grad(total, pictures)
    return gradient


def smooth_grad(
    module: nn.Module,
    x: Tensor,
    target: int | Tensor,
    *,
    score: Score = one_of,
    samples: int = 25,
    noise_fraction: float = 0.15,
    seed: int = 0,
) -> Tensor:
    """The mean gradient over noisy copies of each picture, (N, C, H, W): less speckled than one gradient.

    Smilkov et al., *SmoothGrad: removing noise by adding noise* (2017). ``noise_fraction`` is the noise's
    standard deviation as a part of the picture's range (largest minus smallest value). The same seed gives
    the same result.
    """
    generator = torch.Generator().manual_seed(seed)
    deviation = noise_fraction * (x.amax(dim=(1, 2, 3), keepdim=True) - x.amin(dim=(1, 2, 3), keepdim=True))
    total = torch.zeros_like(x)
    for _ in range(samples):
        noise = torch.randn(x.shape, generator=generator).to(x)
        total += saliency(module, x + deviation * noise, target, score=score)
    return total / samples


def heat_of_gradient(gradient: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H, W): the largest absolute value over the channels."""
    return gradient.abs().amax(dim=1)


@dataclass(frozen=True)
class Integrated:
    """attribution: (N, C, H, W), each pixel's share of the score's difference from the baseline's.

    gap: (N,), the shares' sum minus that difference. It would be 0 with endless steps (completeness); a large
    one asks for more steps.
    """

    attribution: Tensor
    gap: Tensor


def integrated_gradients(
    module: nn.Module,
    x: Tensor,
    target: int | Tensor,
    *,
    score: Score = one_of,
    baseline: Tensor | float = 0.0,
    steps: int = 50,
    batch_size: int | None = None,
) -> Integrated:
    """``(x − b) · ∫₀¹ ∂score(b + α(x − b))/∂x dα``, the integral by Gauss-Legendre quadrature.

    Sundararajan, Taly, Yan, *Axiomatic attribution for deep networks*, ICML 2017, equation 1.

    Args:
        module: (N, C, H, W) to numbers (N, labels); run in evaluation mode.
        x: normalised pictures, (N, C, H, W).
        target: the label, or one for each picture (N,).
        score: what of its outputs is explained; by default the number of the label.
        baseline: the picture b that means "nothing": a number or a tensor that broadcasts to x. 0 in
            normalised pictures is the data set's mean colour.
        steps: points of the quadrature. batch_size: how many pictures run at once; by default what
            suits their size.
    """
    start = torch.as_tensor(baseline, dtype=x.dtype, device=x.device).expand_as(x)
    wanted = torch.as_tensor(target, device=x.device).expand(len(x))
    points, weights = np.polynomial.legendre.leggauss(steps)  # on [-1, 1]
    alphas = torch.from_numpy((points + 1) / 2).to(x).repeat_interleave(len(x))  # (steps·N,)
    shares = torch.from_numpy(weights / 2).to(x).repeat_interleave(len(x))
    rows = torch.arange(len(x), device=x.device).repeat(steps)
    total, size = torch.zeros_like(x), batch_size or at_once(x, 16)
    for alpha, share, row in zip(alphas.split(size), shares.split(size), rows.split(size), strict=True):
        between = start[row] + alpha[:, None, None, None] * (x - start)[row]
        gradient = saliency(module, between, wanted[row], score=score)
        total.index_add_(0, row, share[:, None, None, None] * gradient)
    attribution = total * (x - start)
    with evaluating(module), torch.no_grad():
        difference = scores_of(module, x, wanted, score) - scores_of(module, start, wanted, score)
    return Integrated(attribution, attribution.sum(dim=(1, 2, 3)) - difference)
