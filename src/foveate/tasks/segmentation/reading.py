"""Masks that a table names: a column of file names beside that of the pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from foveate.tasks.segmentation.colours import TABLE_NAMES, class_table
from foveate.tasks.segmentation.mask_set import MaskFiles, masks_of_files
from foveate.tasks.surveyed import TableAnswers, TableRow


def masks_of_table(
    rows: Mapping[str, Sequence[TableRow]], folder: str, ignore: Sequence[str]
) -> TableAnswers:
    """The masks that a table in a folder names, and notes; a table of classes beside it is read.

    Raises DatasetError where nobody can tell what the masks mean.
    """
    names = [name for name in TABLE_NAMES if Path(folder, name).is_file()]
    table = class_table(Path(folder, names[0]), names[0]) if names else None
    files = {split: [MaskFiles(picture, (mask,), mask) for mask, picture in of] for split, of in rows.items()}
    return masks_of_files(folder, files, table, ignore, called="The table")
