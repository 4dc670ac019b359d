"""What is said of an operation once it is read, and the table of readers.

A reader takes a function's arguments (with a `Value` where a tensor computed from the picture stood) and
says what was done, as a `Reading`; it returns None for a use that it cannot describe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from foveate.graph.trace import Value

Pair = tuple[int, int]


@dataclass(frozen=True)
class Reading:
    """What was done. settings: plain numbers; tensors: weights and statistics by their role.

    inputs: numbers of the values that are taken, where their order matters; else they are found.
    """

    op: str
    label: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    inputs: tuple[int, ...] = ()


Reader = Callable[[Any, Any, Value], "Reading | None"]
FUNCTIONS: dict[str, Reader] = {}


def other(name: str) -> Reading:
    """An operation without a reader: its operands and its result are all that is said of it."""
    return Reading("other", name)


def reads(*names: str) -> Any:
    """Put a function, which takes torch's arguments by torch's names, into the table under these names."""

    def put(function: Callable[..., Reading | None]) -> Any:
        reader: Reader = lambda args, kwargs, out: function(out, *args, **kwargs)  # noqa: E731
        FUNCTIONS.update(dict.fromkeys(names, reader))
        return function

    return put


def by(sides: Sequence[int]) -> str:
    """3×3."""
    return "×".join(map(str, sides))


def pair(value: Any) -> Pair:
    """A size for both axes, as torch accepts it: 3, (3,) or (3, 5)."""
    values = [int(v) for v in value] if isinstance(value, Sequence) else [int(value)]
    return (values[0], values[0]) if len(values) == 1 else (values[0], values[1])


def strided(label: str, stride: Pair) -> str:
    return label if stride == (1, 1) else f"{label} /{stride[0] if stride[0] == stride[1] else by(stride)}"
