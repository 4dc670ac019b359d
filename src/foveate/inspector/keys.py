"""Keys of the page's JSON that mean the same."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


def alike(value: T, *keys: str) -> dict[str, T]:
    """The value under each of the keys: ``alike(3, "class", "index")`` is {"class": 3, "index": 3}.

    Programs may read any of them, so none is taken away.
    """
    return dict.fromkeys(keys, value)
