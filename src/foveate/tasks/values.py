"""What a network gives for pictures: its outputs by name, and how the pictures came to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from foveate.images.preprocess import Seen

Values = Mapping[str, NDArray[Any]]  # what a network gives for N pictures: output -> (N, ...)
MODEL_INPUT = "images"
_IN_ONNX = {"float32": "float", "uint8": "uint8", "int64": "int64"}
_IN_OIP = {"float32": "FP32", "uint8": "UINT8", "int64": "INT64"}


@dataclass(frozen=True)
class Output:
    """One output of ``model.onnx``: ``(N, *shape)`` of ``dtype``, None for a side that is free.

    Values lie in ``low``..``high``: a graph may lie about its outputs, so they are looked at each time.
    """

    name: str
    shape: tuple[int | None, ...]
    low: float = -np.inf
    high: float = np.inf
    dtype: Literal["float32", "uint8", "int64"] = "float32"

    @property
    def datatype(self) -> str:
        """As the Open Inference Protocol names it: ``FP32``."""
        return _IN_OIP[self.dtype]

    def describe(self) -> str:
        """``probabilities tensor(float) (N, 10)``"""
        sides = ", ".join(["N", *("?" if side is None else str(side) for side in self.shape)])
        return f"{self.name} tensor({_IN_ONNX[self.dtype]}) ({sides})"

    def expected(self, count: int) -> str:
        """``probabilities (3, 10) between 0 and 1``"""
        sides = ", ".join([str(count), *("?" if side is None else str(side) for side in self.shape)])
        return f"{self.name} ({sides}) between {self.low:.3g} and {self.high:.3g}"

    def on(self, height: int, width: int) -> Output:
        """The same for an input of this size, which the free sides are."""
        sides = iter((height, width))
        return replace(self, shape=tuple(next(sides) if side is None else side for side in self.shape))

    def none(self) -> NDArray[Any]:
        """The value for no pictures."""
        return np.zeros((0, *(side or 0 for side in self.shape)), self.dtype)

    def holds(self, value: Any, count: int) -> bool:
        """Whether a value is what is promised for ``count`` pictures."""
        if not isinstance(value, np.ndarray) or value.ndim != 1 + len(self.shape) or len(value) != count:
            return False
        if value.dtype != self.dtype:
            return False
        if any(side not in (None, found) for side, found in zip(self.shape, value.shape[1:], strict=True)):
            return False
        # written so that NaN, which compares false, is refused
        return value.size == 0 or bool(value.min() >= self.low and value.max() <= self.high)


UNLIKENESS = Output("unlikeness", (), low=0.0)  # which any model may give besides what its task asks for


class Answered(dict[str, NDArray[Any]]):
    """What a network gave for N pictures, output -> (N, ...), and how it saw them, where that is known.

    Answers that have a place in a picture are brought back to it by that.
    """

    def __init__(self, values: Values, seen: Seen | None = None) -> None:
        super().__init__(values)
        self.seen = seen


def seen_in(values: Values) -> Seen | None:
    """How the pictures were seen that these values are of, where they tell."""
    return values.seen if isinstance(values, Answered) else None


def row(values: Values, number: int) -> Answered:
    """What was given for one of the pictures: output -> (1, ...)."""
    seen = seen_in(values)
    part = None if seen is None else seen._replace(sizes=[seen.sizes[number]])
    return Answered({name: value[number : number + 1] for name, value in values.items()}, part)


def joined(parts: Sequence[Values]) -> Answered:
    """What was given for one batch after the other, as for one; of no batches there is nothing to join."""
    seen = [seen_in(part) for part in parts]
    whole = None
    if seen[0] is not None and None not in seen:
        whole = seen[0]._replace(sizes=[size for one in seen if one is not None for size in one.sizes])
    return Answered({name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, whole)
