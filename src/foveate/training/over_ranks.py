"""What the ranks of a shared batch compute together: differentiable means, and batch norms over all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from foveate.layers.normalisation import BatchNorm


def summed(x: Tensor, group: dist.ProcessGroup) -> Tensor:
    """The sum over the ranks; the same bytes on each."""
    total = x.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total, group=group)
    return total


class MeanOverRanks(torch.autograd.Function):
    """(...) -> (...), the mean over a group's ranks.

    What is differentiated is the mean of the ranks' losses, each of which may depend on this mean: so the
    gradient that comes back is a mean over the ranks as well.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: dist.ProcessGroup) -> Tensor:
        ctx.group = group
        return summed(x, group) / group.size()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return summed(gradients[0], ctx.group) / ctx.group.size(), None


class _Statistics(NamedTuple):
    """How many values of a channel there are (1,), and their mean and variance (C,)."""

    values: Tensor
    mean: Tensor
    var: Tensor


class _BatchNormOverRanks(torch.autograd.Function):
    """Batch normalisation by the mean and variance of all ranks' pictures (Ioffe and Szegedy, 2015).

    With x^ the normalised input, g the gradient that comes in, and N values a channel on all ranks, the mean
    of the ranks' losses has by the input the gradient ``weight / deviation (g - sum g / N - x^ sum(g x^) /
    N)``, with sums over all ranks; the gradients of weight and bias are this rank's own.
    """

    @staticmethod
    def forward(  # noqa: PLR0917 -- torch gives them by position
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        statistics: _Statistics,
        eps: float,
        group: dist.ProcessGroup,
    ) -> Tensor:
        """x: (n, C, ...); weight, bias: (C,)."""
        mean, var = statistics.mean.float(), statistics.var.float()
        ctx.save_for_backward(x, weight, mean, (var + eps).rsqrt(), statistics.values)
        ctx.group, ctx.has_bias = group, bias is not None
        return torch.batch_norm(x, weight, bias, mean, var, False, 0.0, eps, torch.backends.cudnn.enabled)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, inverse, count = ctx.saved_tensors
        shape, dims = (1, -1, *[1] * (x.ndim - 2)), [0, *range(2, x.ndim)]
        gradient = gradients[0].to(mean.dtype)
        normal = (x.to(mean.dtype) - mean.view(shape)) * inverse.view(shape)
        plain = gradient.sum(dims, dtype=_precise(x.device))
        along = (gradient * normal).sum(dims, dtype=_precise(x.device))
        both = (summed(torch.stack([plain, along]), ctx.group) / count).to(mean.dtype)
        scale = inverse if weight is None else inverse * weight
        by_input = gradient - both[0].view(shape) - normal * both[1].view(shape)
        return (
            (by_input * scale.view(shape)).to(x.dtype),
            None if weight is None else along.to(mean.dtype),
            plain.to(mean.dtype) if ctx.has_bias else None,
            None,
            None,
            None,
        )


def batch_norm(of: BatchNorm, group: dist.ProcessGroup) -> Tensor:
    """torch's batch norm in training, over all ranks' pictures: input (n, C, ...), of which n are its own."""
    with torch.no_grad():
        statistics = _statistics(of.input.detach().float(), group)
        if of.running_mean is not None and of.running_var is not None:
            unbiased = statistics.var * statistics.values / (statistics.values - 1).clamp(min=1)
            of.running_mean.lerp_(statistics.mean.to(of.running_mean.dtype), of.momentum)
            of.running_var.lerp_(unbiased.to(of.running_var.dtype), of.momentum)
    found: Tensor = _BatchNormOverRanks.apply(of.input, of.weight, of.bias, statistics, of.eps, group)
    return found


def _statistics(x: Tensor, group: dist.ProcessGroup) -> _Statistics:
    """Of x (n, C, ...) on all ranks; in one message."""
    var, mean = (
        one.to(_precise(x.device)) for one in torch.var_mean(x, [0, *range(2, x.ndim)], correction=0)
    )
    own = mean.new_full((1,), x.numel() // x.shape[1])
    count, *rest = summed(torch.cat([own, own * mean, own * (var + mean * mean)]), group).split(
        [1, len(mean), len(mean)]
    )
    mean = rest[0] / count
    return _Statistics(count, mean, (rest[1] / count - mean * mean).clamp(min=0))


class BatchNormsOverRanks(TorchFunctionMode):
    """Within, every batch norm in training is `batch_norm` over a group's ranks, whoever calls it."""

    def __init__(self, group: dist.ProcessGroup) -> None:
        super().__init__()
        self.group = group

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is not F.batch_norm:
            return func(*args, **kwargs)
        given = BatchNorm(*args, **kwargs)
        return batch_norm(given, self.group) if given.training else func(*args, **kwargs)


def _precise(device: torch.device) -> torch.dtype:
    """In which numbers sums over many values are taken: Apple's cards have no float64."""
    return torch.float32 if device.type == "mps" else torch.float64
