"""Where samples come from: any form of data -> classes, splits and pictures by number."""

from foveate.dataset.samples import SPLITS, ArrayImages, DataSet, FileImages, Images, Split, from_answers
from foveate.dataset.sources.arrays import from_arrays
from foveate.dataset.sources.open import open_dataset

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
