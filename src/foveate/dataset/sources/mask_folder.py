"""Folders of pictures and masks, in any of the ways in which people lay them out, -> a data set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from foveate.dataset.samples import DataSet, FileImages, from_answers
from foveate.dataset.sources.folder import Walk
from foveate.dataset.sources.mask_layout import Layout, Part, found_layout, instance_files, paired
from foveate.dataset.sources.split_names import split_of, split_word
from foveate.errors import DatasetError, listed
from foveate.tasks import task_type
from foveate.tasks.segmentation.colours import TABLE_NAMES, ClassTable, class_table
from foveate.tasks.segmentation.mask_set import MaskFiles, masks_of_files
from foveate.words import plural, setting

SEGMENTATION = "segmentation"  # the task whose answers masks are
_LISTS = "ImageSets/Segmentation"
_VOID = ("void", "Void", "ignored", "unlabelled", "Unlabelled")  # of the formats that are known for them
_DOCUMENTS = (".json", ".xml", ".txt", ".yaml")
_DEEPEST = 2  # folders that hold nothing but one folder, as VOCdevkit/VOC2012/ does

Files = dict[str, list[MaskFiles]]


def open_mask_folder(path: str | Path, *, ignore: Sequence[str] = (), min_classes: int = 2) -> DataSet | None:
    """Open a folder of pictures and masks; None where it is none by the names of its folders.

    ignore: classes by name or number whose pixels are left out. Classes are named by a table beside the masks
    (`foveate.tasks.segmentation.colours`), or by their numbers.

    Raises DatasetError where masks and pictures do not belong together, or nobody says what masks mean.
    """
    walk = Walk(os.fspath(path))
    layout = found_layout(walk)
    for _ in range(_DEEPEST):
        if layout is not None or len(folders := walk.inside("")[0]) != 1 or any(walk.inside("")[1]):
            break
        walk = Walk(walk.path(folders[0]))
        layout = found_layout(walk)
    if layout is None:
        return None
    files = _files(walk, layout)
    if files is None:
        return None
    table = _table(walk, layout)
    known = layout.of_splits or layout.voc
    masks, notes = masks_of_files(
        walk.root,
        files,
        table,
        ignore,
        called=f"Data set {walk.root!r}",
        void=_VOID if known else (),
        voc=layout.voc,
    )
    rows = {
        split: (FileImages((one.picture for one in of), walk.root), masks[split])
        for split, of in files.items()
    }
    notes = [*dict.fromkeys(walk.notes), *notes]
    return from_answers(os.fspath(path), rows, kind=task_type(SEGMENTATION), notes=notes, fewest=min_classes)


def _files(walk: Walk, layout: Layout) -> Files | None:
    """By split, the files of each picture and its mask; what is left out is noted.

    None where no mask is a picture's, but documents are there that may have the answers: COCO's JSON, say.
    """
    if layout.by_picture:
        return {
            split: [instance_files(walk, folder) for folder in folders]
            for split, folders in layout.by_picture.items()
        }
    files: Files = {}
    for split, part in layout.parts.items():
        found = paired(walk, part)
        if not found.matched and split != "train":
            walk.notes.append(f"No picture in {part.pictures!r} has a mask: there is no {split} split.")
            continue
        if not found.matched and any(file.lower().endswith(_DOCUMENTS) for file in walk.ignored):
            return None
        if not found.matched:
            raise _unpaired(walk, part, [one.picture for one in found.files], found.alone)
        if found.alone:
            walk.notes.append(
                f"{plural(len(found.alone), 'mask')} without a picture of that name, left out: "
                f"{listed(found.alone)}."
            )
        files[split] = found.files
    return _by_lists(walk, files["train"]) if layout.voc and "train" in files else files


def _unpaired(walk: Walk, part: Part, pictures: Sequence[str], masks: Sequence[str]) -> DatasetError:
    return DatasetError(
        f"Data set {walk.root!r} has pictures in {part.pictures!r} and masks in {part.masks!r}, and no mask "
        f"has the name of a picture: {listed(pictures, 2)}; {listed(masks, 2)}. Name each mask as its "
        f"picture; if the folders are classes, say {setting('task', 'classification')}."
    )


def _by_lists(walk: Walk, files: Sequence[MaskFiles]) -> Files:
    """VOC's lists of pictures, one a split; all pictures are ``train`` without them."""
    lists = _lists(walk)
    if not lists:
        return {"train": list(files)}
    by_stem = {os.path.splitext(one.picture)[0].rpartition("/")[2]: one for one in files}  # noqa: PTH122 (a name)
    found: Files = {}
    for split, (name, stems) in lists.items():
        if missing := [stem for stem in stems if stem not in by_stem]:
            raise DatasetError(
                f"{name!r} lists {len(missing)} of {len(stems)} pictures that are not there: "
                f"{listed(missing)}."
            )
        chosen = [by_stem[stem] for stem in stems]
        if any(one.masks for one in chosen):
            found[split] = chosen
        elif stems:
            walk.notes.append(f"No picture of {name!r} has a mask: there is no {split} split.")
    listed_stems = {stem for _, stems in lists.values() for stem in stems}
    if others := [one.picture for stem, one in by_stem.items() if stem not in listed_stems]:
        walk.notes.append(f"{plural(len(others), 'picture')} in no list of {_LISTS}/, left out.")
    if "train" not in found:
        raise DatasetError(
            f"Data set {walk.root!r} has lists in {_LISTS}/ and no training pictures with masks in them; "
            "train.txt or trainval.txt names those."
        )
    return found


def _lists(walk: Walk) -> Mapping[str, tuple[str, list[str]]]:
    """Split -> the list's name and the pictures in it, without suffixes."""
    folder = Path(walk.path(_LISTS))
    found: dict[str, tuple[str, list[str]]] = {}
    # trainval.txt is for those who have no train.txt: it comes last and takes no other's place
    for path in sorted(folder.glob("*.txt"), key=lambda path: (split_of(path.stem) != path.stem, path.name)):
        means = split_word(path.stem)
        if means is None or means[1] or means[0] in found:
            continue
        if path.stem == "trainval" and "train" in found:
            continue
        try:
            lines = path.read_text("utf-8", "surrogateescape").split("\n")
        except OSError as error:
            raise DatasetError(f"Cannot read the list {str(path)!r}: {error.strerror}.") from None
        stems = [words[0] for line in lines if (words := line.split())]
        found[means[0]] = (f"{_LISTS}/{path.name}", list(dict.fromkeys(stems)))
    return found


def _table(walk: Walk, layout: Layout) -> ClassTable | None:
    """The table of classes at the top of the data set, or beside the masks."""
    places = ["", *dict.fromkeys(part.masks for part in layout.parts.values())]
    found = [
        name
        for place in places
        for table in TABLE_NAMES
        if Path(walk.path(name := f"{place}/{table}" if place else table)).is_file()
    ]
    if not found:
        return None
    if len(found) > 1:
        walk.notes.append(f"The classes are those of {found[0]!r}; {listed(found[1:])} was not read.")
    walk.ignored = [name for name in walk.ignored if name not in found]
    return class_table(walk.path(found[0]), found[0])
