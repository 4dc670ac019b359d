"""Networks without numbers: names and shapes, made in milliseconds whatever their size."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_DRAWS = frozenset(("normal_", "uniform_", "trunc_normal_", "kaiming_normal_", "kaiming_uniform_"))


@contextlib.contextmanager
def weightless() -> Iterator[None]:
    """Networks made within have parameters on torch's device ``meta``: a shape each, and no memory."""
    with torch.device("meta"), _NothingDrawn():
        yield


class _NothingDrawn(TorchFunctionMode):
    """Leaves initial weights undrawn: there is nothing to draw into.

    To try it, torch imports its compiler, which takes as long as importing torch.
    """

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if function.__name__ in _DRAWS:
            return args[0] if args else kwargs["tensor"]
        return function(*args, **kwargs)
