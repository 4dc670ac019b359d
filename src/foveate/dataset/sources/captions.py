"""Pictures with sentences, in any form that is known -> a data set for captioning.

A file is known by what stands in it: a table with a column for pictures and one for sentences, Flickr8k's
lines ``picture#number<TAB>sentence``, COCO's JSON of captions, Karpathy's JSON. In a folder those files are
looked for under their usual names.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from foveate.dataset.samples import DataSet, FileImages, from_answers
from foveate.dataset.sources.caption_json import json_files, read_caption_json, root_of
from foveate.dataset.sources.caption_parts import CAPTIONING, CaptionedData
from foveate.dataset.sources.caption_table import TEXT_SUFFIXES, read_caption_table
from foveate.dataset.sources.documents import named
from foveate.errors import DatasetError, listed
from foveate.tasks import task_type
from foveate.words import setting

TASKS = ("auto", CAPTIONING)  # whose answers are sentences
_STEMS = ("captions", "results", "metadata")  # of files in a folder; the others end in .token.txt
_TOKENS = ".token.txt"


def open_captions(path: Path, *, task: str = "auto", min_classes: int = 2) -> DataSet | None:
    """Open a folder or a file of sentences; None where it is of none of these forms.

    Raises DatasetError in one sentence that names the file and the entry.
    """
    asked = task == CAPTIONING
    found = _of_folder(path, asked=asked) if path.is_dir() else _of_file(path, asked=asked)
    if found is None:
        if asked:
            raise DatasetError(
                f"{str(path)!r} holds no sentences of pictures: expected a table with the columns "
                "'file_name' and 'caption', Flickr8k's captions.txt, or JSON of captions as COCO or Karpathy "
                f"has them; or leave {setting('task', CAPTIONING)} out."
            )
        return None
    return caption_set(os.fspath(path), found, fewest=min_classes)


def open_caption_json(path: Path, *, task: str = "auto", min_classes: int = 2) -> DataSet | None:
    """The same of JSON alone, which other annotations might be taken for."""
    root, files = path, {}
    if path.is_dir():
        files = json_files(path, asked=task == CAPTIONING)
    elif path.suffix.lower() == ".json":
        root, files = root_of(path), {"": path}
    found = read_caption_json(root, files) if files else None
    return None if found is None else caption_set(os.fspath(path), found, fewest=min_classes)


def caption_set(name: str, data: CaptionedData, *, fewest: int | None = None) -> DataSet:
    """A data set of pictures and their sentences. Raises DatasetError."""
    splits = {key: of for key, of in data.splits.items() if of}
    if "train" not in splits and len(splits) == 1:
        splits = {"train": next(iter(splits.values()))}
    rows = {key: (FileImages(of, data.root), list(of.values())) for key, of in splits.items()}
    return from_answers(name, rows, kind=task_type(CAPTIONING), notes=data.notes, fewest=fewest)


def _of_file(path: Path, *, asked: bool) -> CaptionedData | None:
    if path.suffix.lower() == ".json":
        return read_caption_json(root_of(path), {"": path})
    return read_caption_table(path, asked=asked)


def _of_folder(path: Path, *, asked: bool) -> CaptionedData | None:
    if files := json_files(path, asked=asked):
        return read_caption_json(path, files)
    found = []
    for file in _tables(path):
        if (read := read_caption_table(file, asked=asked)) is not None:
            found.append((file, read))
    if len(found) > 1:
        names = listed([file.name for file, _ in found])
        raise DatasetError(
            f"Data set {str(path)!r} has {names}, each of which may be meant; name the one file as the data, "
            "or keep one."
        )
    return found[0][1] if found else None


def _tables(folder: Path) -> Sequence[Path]:
    """The files of a folder that may hold sentences, by their names."""
    return [
        file
        for file in named(folder, *TEXT_SUFFIXES)
        if file.name.lower().endswith(_TOKENS) or file.stem.lower() in _STEMS
    ]
