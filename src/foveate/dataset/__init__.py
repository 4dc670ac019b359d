"""Where samples come from: any form of data -> classes, splits and pictures by number.

The names below are imported when they are first used: whoever needs one of this room's small files does not
wait for its readers.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foveate.dataset.samples import SPLITS, ArrayImages, DataSet, FileImages, Images, Split, from_answers
    from foveate.dataset.sources.arrays import from_arrays
    from foveate.dataset.sources.open import open_dataset

_HOMES = {"from_arrays": "sources.arrays", "open_dataset": "sources.open"}  # all others: samples

__all__ = [
    "SPLITS",
    "ArrayImages",
    "DataSet",
    "FileImages",
    "Images",
    "Split",
    "from_answers",
    "from_arrays",
    "open_dataset",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'samples')}"), name)
    globals()[name] = value
    return value
