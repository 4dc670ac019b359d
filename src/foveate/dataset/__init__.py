"""Where samples come from: any form of data -> classes, splits and pictures by number."""

from foveate.dataset.arrays import from_arrays
from foveate.dataset.open import open_dataset
from foveate.dataset.samples import SPLITS, ArrayImages, DataSet, FileImages, Images, Split

__all__ = [
    "SPLITS",
    "ArrayImages",
    "DataSet",
    "FileImages",
    "Images",
    "Split",
    "from_arrays",
    "open_dataset",
]
