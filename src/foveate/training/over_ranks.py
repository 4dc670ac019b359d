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
        ctx.save_for_backward(x, weight, mean, var, statistics.values)
        ctx.group, ctx.has_bias, ctx.eps = group, bias is not None, eps
        return torch.batch_norm(x, weight, bias, mean, var, False, 0.0, eps, torch.backends.cudnn.enabled)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, var, count = ctx.saved_tensors
        one = torch.ones_like(mean) if weight is None else weight
        # As if mean and variance were constants: with the two sums that they add to the gradient.
        by_input, along, plain = torch.ops.aten.native_batch_norm_backward(
            gradients[0], x, one, mean, var, None, None, False, ctx.eps, [True, True, True]
        )
        own = torch.stack([plain, along]).to(_precise(x.device))
        both = (summed(own, ctx.group) / count).to(mean.dtype)
        inverse = (var + ctx.eps).rsqrt()
        shape, scale = (1, -1, *[1] * (x.ndim - 2)), inverse * one
        centred = x.to(mean.dtype) - mean.view(shape)
        more = torch.addcmul(
            (scale * both[0]).view(shape), centred, (scale * inverse * both[1]).view(shape), out=centred
        )
        return (
            by_input.sub_(more),
            None if weight is None else along,
            plain if ctx.has_bias else None,
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
    mean, var = (one.to(_precise(x.device)) for one in _mean_and_var(x))
    own = mean.new_full((1,), x.numel() // x.shape[1])
    count, *rest = summed(torch.cat([own, own * mean, own * (var + mean * mean)]), group).split(
        [1, len(mean), len(mean)]
    )
    mean = rest[0] / count
    return _Statistics(count, mean, (rest[1] / count - mean * mean).clamp(min=0))


def _mean_and_var(x: Tensor) -> tuple[Tensor, Tensor]:
    """(C,) each, of this rank's part: by what batch norms take them with, 20 times as fast as `var_mean`."""
    if x.device.type in {"cpu", "cuda"}:
        return torch.batch_norm_update_stats(x, None, None, 0.0)
    var, mean = torch.var_mean(x, [0, *range(2, x.ndim)], correction=0)
    return mean, var


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
