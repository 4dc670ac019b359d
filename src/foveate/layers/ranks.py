"""Means over all processes ("ranks") of a training that share a batch; the identity where there is one.

Each rank has a slice of every batch. A loss is a sum over the slice, divided by the mean over the ranks of
what there is to divide by: the mean of the ranks' losses is then the loss of the whole batch, and so is the
mean of their gradients. `foveate.training.ranks` says when a batch is shared, and with whom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from foveate.operators.optional_torch import Tensor, torch

Mean = Callable[[Tensor], Tensor]
_shared: ContextVar[tuple[Mean, int] | None] = ContextVar("who shares the batch", default=None)


@contextmanager
def sharing(mean: Mean, ranks: int) -> Iterator[None]:
    """Within, so many ranks share the batch at hand, and ``mean`` takes a tensor's mean over them.

    It must be differentiable, and all ranks must come to the same means, in the same order.
    """
    token = _shared.set((mean, ranks))
    try:
        yield
    finally:
        _shared.reset(token)


def mean_over_ranks(x: Tensor) -> Tensor:
    """The mean over the ranks that share the batch, of the shape of x and the same on each; differentiable.

    Ratios of sums over the batch are ratios of such means.
    """
    shared = _shared.get()
    return x if shared is None else shared[0](x)


def divisor(count: int, like: Tensor) -> Tensor | int:
    """What a sum over so many things of this rank is divided by: the mean a rank, of one in all at least.

    like: a tensor on the device where the sum lies.
    """
    shared = _shared.get()
    if shared is None:
        return max(count, 1)
    mean, ranks = shared
    return mean(torch.full((), count, dtype=torch.float32, device=like.device)).clamp(min=1 / ranks)


def mean_of_batch(x: Tensor) -> Tensor:
    """The mean of all values of a batch (n, ...), a scalar; of a shared one this rank's part, as above."""
    return x.mean() if _shared.get() is None else x.sum() / divisor(x.numel(), x)
