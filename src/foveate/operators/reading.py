"""What is said of an operation once it is read: of a call of one of torch's functions, or of a layer's.

A reader takes what was called with a `Value` in the place of each tensor computed from the picture, and says
what was done, as a `Reading`; it returns None for a use that it cannot describe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from foveate.operators.fields import Field

Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Value:
    """A tensor computed from the picture, as it was at one time: what works in place makes another value.

    It stands in arguments where the tensor stood, and answers what torch's tensor would. seen: which pixels
    its numbers can depend on.
    """

    number: int
    shape: torch.Size  # with the batch
    dtype: torch.dtype
    seen: Field | None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def dim(self) -> int:
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]


@dataclass(frozen=True)
class Reading:
    """What was done. settings: plain numbers; tensors: weights and statistics by their role.

    op: its kind, by which its sum is known. inputs: numbers of the values that are taken, where their order
    matters; else they are found.
    """

    op: str
    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    inputs: tuple[int, ...] = ()


def other(name: str) -> Reading:
    """An operation without a reader: its operands and its result are all that is said of it."""
    return Reading("other", name)


def windowed(
    op: str, name: str, kernel: Any, stride: Any, padding: Any, *, dilation: Any = 1, **more: Any
) -> Reading:
    """A window that slides, with arguments as torch's poolings take them; ``more`` are settings besides."""
    size = pair(kernel)
    step = size if stride is None or stride in ([], ()) else pair(stride)
    rows, columns = pair(padding)
    settings = {
        "kernel": size,
        "stride": step,
        "around": ((rows, rows), (columns, columns)),
        "dilation": pair(dilation),
        **more,
    }
    return Reading(op, strided(f"{name} {by(size)}", step), settings)


def window_reader(op: str, name: str, *more: str) -> Callable[[Any, Value, Value], Reading]:
    """Reads layers that have kernel_size, stride and padding; ``more`` are attributes that are settings."""

    def read(module: Any, x: Value, out: Value) -> Reading:
        settings = {attribute: getattr(module, attribute) for attribute in more}
        return windowed(op, name, module.kernel_size, module.stride, module.padding, **settings)

    return read


def step_axis(dim: int, ndim: int) -> int | None:
    """An axis of a tensor (N, ...) as an axis of its step's shape (`foveate.operators.sums.Step`).

    None for the batch, and for more than four axes. Tokens (N, T, D) are kept as one map (1, T, D).
    """
    axis = dim % ndim
    return None if axis == 0 or ndim > 4 else axis - (ndim != 3)


def values_in(value: Any) -> list[Value]:
    """All values inside nested tuples, lists and dictionaries."""
    if isinstance(value, Value):
        return [value]
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return [one for item in value for one in values_in(item)]
    return []


def by(sides: Sequence[int]) -> str:
    """3×3."""
    return "×".join(map(str, sides))


def pair(value: Any) -> Pair:
    """A size for both axes, as torch accepts it: 3, (3,) or (3, 5)."""
    values = [int(v) for v in value] if isinstance(value, Sequence) else [int(value)]
    return (values[0], values[0]) if len(values) == 1 else (values[0], values[1])


def strided(label: str, stride: Pair) -> str:
    """The label, with the stride where it is not 1."""
    return label if stride == (1, 1) else f"{label} /{stride[0] if stride[0] == stride[1] else by(stride)}"
