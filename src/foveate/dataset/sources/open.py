"""Whatever the user calls data -> a data set."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple, TypeGuard, get_args

from numpy.typing import ArrayLike

from foveate.dataset.samples import ArrayImages, DataSet, FileImages, Split
from foveate.dataset.shards.pictures import ShardImages
from foveate.dataset.sources import known
from foveate.dataset.sources.annotated import TASKS as OF_ANNOTATIONS
from foveate.dataset.sources.annotated import open_annotated
from foveate.dataset.sources.annotations import BACKGROUND
from foveate.dataset.sources.arrays import from_pairs, open_npz
from foveate.dataset.sources.captions import TASKS as OF_SENTENCES
from foveate.dataset.sources.captions import open_caption_json, open_captions
from foveate.dataset.sources.folder import LAYOUT, open_folder
from foveate.dataset.sources.idx import has_idx, is_idx_name, open_idx
from foveate.dataset.sources.labelled import open_labelled
from foveate.dataset.sources.mask_folder import SEGMENTATION, open_mask_folder
from foveate.dataset.sources.shards import holds_shards, open_shards
from foveate.dataset.sources.table import open_table
from foveate.dataset.sources.table_text import TABLE_SUFFIXES
from foveate.errors import DatasetError, InputError, listed
from foveate.images.read import is_image_name
from foveate.plugins import Registry
from foveate.stores import is_url
from foveate.tasks import task_type
from foveate.words import setting

Data = str | Path | DataSet | tuple[ArrayLike, ArrayLike]

FORMS = (
    "a folder of class folders, a folder with train/ and val/ or test/, a folder with images/ and masks/, "
    "annotations (COCO, YOLO, VOC, LabelMe, CVAT), captions (Flickr8k, COCO, Karpathy), a table (.csv, .tsv, "
    ".jsonl), IDX files, an .npz file, shards in a folder or at an address, or a known name"
)
Unlabelled = Literal["error", "background"]  # what a picture without annotations is
Opener = Callable[[Path], DataSet | None]
FORMATS: Registry[Opener] = Registry()
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


class _How(NamedTuple):
    """How data are read; see `open_dataset`. background: pictures without annotations show nothing."""

    task: str
    ignore: tuple[str, ...]
    background: bool
    min_classes: int


def register_format(name: str) -> Callable[[Opener], Opener]:
    """Make a form of data known; a decorator for a function that opens what it recognises.

    It is given the path of a file or folder that is there, before the forms that are built in are, and gives
    a data set, or None for what is not of its form; `foveate.dataset.from_answers` makes one. Raises
    InputError for a name that is taken.
    """

    def tie(opener: Opener) -> Opener:
        known = FORMATS.peek(name)
        if known is not None and known.__qualname__ != opener.__qualname__:
            raise InputError(f"There is a form of data {name!r} already; give yours another name.")
        FORMATS[name] = opener
        return opener

    return tie


def open_dataset(
    data: Data,
    *,
    val: Data | None = None,
    test: Data | None = None,
    task: str = "auto",
    ignore: str | int | Sequence[str | int] = (),
    unlabelled: Unlabelled = "error",
    min_classes: int = 2,
) -> DataSet:
    """Open any form of data.

    ``data`` is a path (a folder of class folders; a folder with ``train/`` and
    ``val|valid|validation|test/``; a CSV or JSON-lines table; IDX files; an ``.npz``), a known name, a pair
    of arrays ``(images, labels)``, or a ``DataSet``, which passes through. ``val`` and ``test`` take the same
    forms; they add a split, or replace the one that ``data`` has, and their classes are matched by name. A
    folder or table without splits is ``train``. ``task``: the kind of answer that the data hold, where a
    table or an array could mean several; "auto" goes by what stands there. ``ignore``: of masks the classes,
    by name or number, whose pixels are left out. ``unlabelled``: a picture without annotations, in forms that
    have a file for each, is an "error", or shows nothing: "background".

    Raises ``DatasetError`` with what was found and what was expected. ``min_classes=1`` opens data to be
    measured rather than learnt from.
    """
    given_splits = {"val": val, "test": test}
    left_out = named(ignore)
    if unlabelled not in get_args(Unlabelled):
        raise InputError(
            f"{setting('unlabelled', unlabelled)}: expected {' or '.join(get_args(Unlabelled))}."
        )
    how = _How(task, left_out, unlabelled == BACKGROUND, min_classes)
    if _is_pair(data):  # arrays are read together: their range is one
        pairs = {key: given for key, given in given_splits.items() if _is_pair(given)}
        given_splits |= dict.fromkeys(pairs)
        opened = from_pairs({"train": data, **pairs}, task=task, min_classes=min_classes)
    else:
        opened = _open(data, how)
    if task not in {"auto", opened.task.name}:
        raise DatasetError(
            f"Data set {opened.name!r} holds answers for {opened.task.name}, not for {task}: give data with "
            f"{task_type(task).columns_needed}, or leave {setting('task', task)} out."
        )
    if left_out:
        _require_masks(data, opened, setting("ignore", left_out[0]))
    for key, given in given_splits.items():
        if given is not None:
            opened = _with_split(
                opened, key, _open(given, how._replace(task=opened.task.name, min_classes=1))
            )
    return opened


def named(ignore: str | int | Sequence[str | int]) -> tuple[str, ...]:
    """What is to be ignored, one or several, as texts."""
    return (str(ignore),) if isinstance(ignore, str | int) else tuple(map(str, ignore))


def _require_masks(data: Data, opened: DataSet, flag: str) -> None:
    """That what is to be ignored could be. Raises DatasetError."""
    if not opened.task.may_ignore:
        raise DatasetError(f"{flag} is for masks, and data set {opened.name!r} has none; leave it out.")
    if any(isinstance(split.images, ShardImages) for split in opened.splits.values()):
        raise DatasetError(
            f"{flag} is for masks as they were drawn; what shards leave out was said when they were written "
            f"(`foveate shard --ignore`): leave it out."
        )
    if isinstance(data, DataSet):
        raise DatasetError(f"{flag} is for data that are opened, and {opened.name!r} is open; leave it out.")


def _open(data: Data, how: _How) -> DataSet:
    if isinstance(data, DataSet):
        return data
    if _is_pair(data):
        return from_pairs({"train": data}, task=how.task, min_classes=how.min_classes)
    if not isinstance(data, str | Path):
        raise DatasetError(f"Data is {FORMS}, or a pair (images, labels), not {type(data).__name__}.")
    if not os.fspath(data):
        raise DatasetError(f"The name of the data is empty; data is {FORMS}.")
    if is_url(data):
        return open_shards(data)
    path = Path(data)
    named = isinstance(data, str) and data in known.NAMES
    if os.path.lexists(path) and (found := _of_a_registered_form(path)) is not None:
        opened = found
    elif path.is_dir():
        opened = _open_folder(path, how)
    elif os.path.lexists(path):
        opened = _open_file(path, how)
    elif named:
        return known.load(str(data))
    else:
        raise DatasetError(_missing(os.fspath(data)))
    if named:
        note = f"{os.fspath(data)!r} is taken as the folder or file of that name, not as the known data set."
        opened = replace(opened, notes=(note, *opened.notes))
    return opened


def _open_folder(path: Path, how: _How) -> DataSet:
    if holds_shards(path):
        return open_shards(path)
    if has_idx(path):
        return open_idx(path, min_classes=how.min_classes)
    if how.task in {"auto", SEGMENTATION}:  # masks that lie beside annotations are read
        found = open_mask_folder(path, ignore=how.ignore, min_classes=how.min_classes)
        if found is not None:
            return found
    return (
        open_labelled(path, task=how.task, min_classes=how.min_classes)
        or _described(path, how, open_caption_json)  # whose lists of pictures might be taken for annotations
        or _annotated(path, how)
        or _described(path, how, open_captions)
        or open_folder(path, min_classes=how.min_classes)
    )


def _described(path: Path, how: _How, opener: Callable[..., DataSet | None]) -> DataSet | None:
    return opener(path, task=how.task, min_classes=how.min_classes) if how.task in OF_SENTENCES else None


def _annotated(path: Path, how: _How) -> DataSet | None:
    if how.task not in OF_ANNOTATIONS:
        return None
    return open_annotated(
        path,
        task=how.task,
        ignore=how.ignore,
        min_classes=how.min_classes,
        background=how.background,
    )


def _of_a_registered_form(path: Path) -> DataSet | None:
    opened = (opener(path) for opener in FORMATS.values())
    return next((found for found in opened if found is not None), None)


def _is_pair(data: object) -> TypeGuard[tuple[ArrayLike, ArrayLike]]:
    return isinstance(data, tuple) and len(data) == 2


def _open_file(path: Path, how: _How) -> DataSet:
    if not path.exists():
        raise DatasetError(f"{str(path)!r} is a link that leads nowhere.")
    if not path.is_file():
        raise DatasetError(f"{str(path)!r} is a pipe or a device, not a file; data is {FORMS}.")
    suffix = path.suffix.lower()
    if is_idx_name(path.name):
        return open_idx(path, min_classes=how.min_classes)
    if suffix == ".npz":
        return open_npz(path, task=how.task, min_classes=how.min_classes)
    labelled = open_labelled(path, task=how.task, min_classes=how.min_classes)
    if labelled is not None:
        return labelled
    if (found := _described(path, how, open_captions) or _annotated(path, how)) is not None:
        return found
    if suffix in TABLE_SUFFIXES:
        return open_table(path, task=how.task, ignore=how.ignore, min_classes=how.min_classes)
    if is_image_name(path.name):
        raise DatasetError(f"{str(path)!r} is a single picture. {LAYOUT}.")
    if suffix in _ARCHIVES:
        raise DatasetError(f"{str(path)!r} is an archive; unpack it and name the folder.")
    raise DatasetError(f"{str(path)!r} is none of what data can be: {FORMS}.")


def _missing(text: str) -> str:
    if re.match(r"[a-zA-Z][a-zA-Z0-9+.-]+://", text):
        return f"{text!r} is an address; nothing is downloaded from addresses: fetch it and name the folder."
    names = sorted(known.NAMES)
    close = difflib.get_close_matches(text.rstrip("/"), [*names, *_beside(Path(text))], n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known by name: {', '.join(names)}."
    return f"There is no file or folder {text!r}; {hint}"


def _beside(path: Path) -> list[str]:
    """What else lies where a missing path should be, written as the path was."""
    try:
        return [str(path.parent / name) for name in sorted(os.listdir(path.parent))]  # noqa: PTH208
    except (OSError, ValueError):
        return []


def _with_split(data: DataSet, key: str, given: DataSet) -> DataSet:
    """``data`` with a split more, its labels matched by the names of the classes."""
    if len(given.splits) == 1:
        (split,) = given.with_task(data.task).splits.values()
    elif key in given.splits:
        split = given.with_task(data.task).splits[key]
    else:
        raise DatasetError(
            f"{given.name!r} has the splits {listed(list(given.splits))}; name the one folder that is to "
            f"be {key}."
        )
    images, beside = split.images, data.splits.get("train")
    if isinstance(images, ArrayImages):
        beside_images = beside.images if beside else None
        if isinstance(beside_images, ArrayImages) and images.white != beside_images.white:
            raise DatasetError(
                f"The arrays are not scaled alike: white is {beside_images.white:,g} in {data.name!r} and "
                f"{images.white:,g} in {given.name!r}; bring both to one range, such as uint8 from 0 to 255."
            )
        # the name says which split a picture is of
        images = ArrayImages(images.array, key, numbers=images.numbers, white=images.white)
        split = Split(images, split.targets)
    splits = _from_one_folder({**data.splits, key: split})
    notes = (*data.notes, *given.notes)
    if key in data.splits:
        notes += (f"The {key} split of {data.title!r} was replaced by {given.title!r}.",)
    return replace(data, splits=splits, notes=notes)


def _from_one_folder(splits: Mapping[str, Split]) -> Mapping[str, Split]:
    """Files of several folders side by side, named from the folder that holds them all.

    So no two pictures have one name, and a table of all names can be read again from there. Folders further
    apart stay as they are: names would tell where on the machine they lie.
    """
    files = {key: split.images for key, split in splits.items() if isinstance(split.images, FileImages)}
    roots = {key: os.path.abspath(images.root) for key, images in files.items()}  # noqa: PTH100 (links stay)
    if len(files) < len(splits) or len(set(roots.values())) == 1:
        return splits
    above = os.path.commonpath(roots.values())
    if above not in {*roots.values(), *(os.path.dirname(root) for root in roots.values())}:  # noqa: PTH120
        return splits
    moved = {}
    for key, images in files.items():
        start = os.path.relpath(roots[key], above)
        paths = images.paths if start == "." else tuple(f"{start}/{path}" for path in images.paths)
        moved[key] = Split(FileImages(paths, above), splits[key].targets)
    return moved
