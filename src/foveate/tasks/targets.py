"""The right answers of pictures, and how one is kept outside this program."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Targets(Protocol):
    """The right answers of N pictures."""

    def __len__(self) -> int: ...

    def take(self, rows: ArrayLike) -> Self:
        """Those of these pictures, in this order."""
        ...

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """What a training batch holds of them, by name; row i of each belongs to picture i."""
        ...

    @property
    def keys(self) -> NDArray[np.int64]:
        """(N,) equal numbers, of 32 bits, for equal answers; the same in every run."""
        ...

    @property
    def strata(self) -> NDArray[np.int64]:
        """(N,) of 0 and more: groups whose shares a division into splits keeps."""
        ...


class StoredAnswer(NamedTuple):
    """A picture's answer as it is kept outside this program.

    values: plain JSON values. files: bytes that it needs beside them, by ending, such as "mask.png".
    """

    values: Mapping[str, Any]
    files: Mapping[str, bytes] = MappingProxyType({})


class KeptAnswer(NamedTuple):
    """The same again; its files are read when they are asked for, from several threads."""

    values: Mapping[str, Any]
    file: Callable[[str], bytes]
