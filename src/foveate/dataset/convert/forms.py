"""COCO's JSON, YOLO's text files and VOC's XML, written so that `foveate` reads the same boxes again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from foveate.dataset.convert.gather import Gathered, Picture, gathered, rounded
from foveate.dataset.samples import DataSet
from foveate.errors import InputError, UnknownNameError
from foveate.folders import replacing_folder
from foveate.words import plural, setting


def convert(dataset: DataSet, to: str, out: str | Path) -> tuple[str, ...]:
    """Write a data set of boxes in a new folder, its pictures copied, and give what is to be told of it.

    to: one of `FORMS`. Raises UnknownNameError; InputError for a folder that is not empty; DatasetError for
    what cannot be converted; StorageError where it could not be written: then nothing is left behind.
    """
    if to not in FORMS:
        raise UnknownNameError("form", to, FORMS)
    out = Path(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError(f"{setting('out', str(out))}: exists already; give a new name.")
    found = gathered(dataset)
    with replacing_folder(out) as folder:
        more = FORMS[to](folder, found)
    return (*found.notes, *more)


def _copy(picture: Picture, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(picture.source, folder / picture.name)


def _stem(picture: Picture) -> str:
    return PurePosixPath(picture.name).stem


def write_coco(folder: Path, data: Gathered) -> list[str]:
    """``annotations/instances_SPLIT.json`` and the pictures in ``SPLIT/``."""
    (folder / "annotations").mkdir()
    categories = [{"id": number, "name": name} for number, name in enumerate(data.labels, start=1)]
    for split, pictures in data.splits.items():
        images: list[dict[str, object]] = []
        annotations: list[dict[str, object]] = []
        for number, one in enumerate(pictures, start=1):
            _copy(one, folder / split)
            sides = {"width": one.width, "height": one.height}
            images.append({"id": number, "file_name": one.name, **sides})
            for thing in one.things:
                x1, y1, x2, y2 = thing.box
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": number,
                        "category_id": thing.label + 1,
                        "bbox": [x1, y1, rounded(x2 - x1), rounded(y2 - y1)],
                        "area": thing.area,
                        "iscrowd": int(thing.crowd),
                    }
                )
        document = {"images": images, "annotations": annotations, "categories": categories}
        text = json.dumps(document, indent=1)
        (folder / "annotations" / f"instances_{split}.json").write_text(text, encoding="utf-8")
    return []


def write_yolo(folder: Path, data: Gathered) -> list[str]:
    """``data.yaml``, the pictures in ``images/SPLIT`` and a text file for each in ``labels/SPLIT``."""
    crowds = 0
    for split, pictures in data.splits.items():
        labels = folder / "labels" / split
        labels.mkdir(parents=True)
        for one in pictures:
            _copy(one, folder / "images" / split)
            rows = []
            for thing in one.things:
                crowds += thing.crowd
                if not thing.crowd:
                    x1, y1, x2, y2 = thing.box
                    centre = (x1 + x2) / 2 / one.width, (y1 + y2) / 2 / one.height
                    sides = (x2 - x1) / one.width, (y2 - y1) / one.height
                    rows.append(" ".join([str(thing.label), *map(repr, (*centre, *sides))]) + "\n")
            (labels / f"{_stem(one)}.txt").write_text("".join(rows), encoding="utf-8")
    lines = [f"{split}: images/{split}" for split in data.splits]
    names = [f"  {number}: {json.dumps(name)}" for number, name in enumerate(data.labels)]  # JSON is YAML
    text = "\n".join(["path: .", *lines, "names:", *names]) + "\n"
    (folder / "data.yaml").write_text(text, encoding="utf-8")
    said = f"{plural(crowds, 'crowd')} left out: YOLO's form has no word for what is neither right nor wrong."
    return [said] if crowds else []


def write_voc(folder: Path, data: Gathered) -> list[str]:
    """``Annotations``, ``JPEGImages`` and ``ImageSets/Main``; pixels are counted from 1."""
    lists = folder / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (folder / "Annotations").mkdir()
    for split, pictures in data.splits.items():
        for one in pictures:
            _copy(one, folder / "JPEGImages")
            (folder / "Annotations" / f"{_stem(one)}.xml").write_bytes(_voc_document(one, data.labels))
        (lists / f"{split}.txt").write_text("".join(f"{_stem(one)}\n" for one in pictures), "utf-8")
    return []


def _voc_document(one: Picture, labels: tuple[str, ...]) -> bytes:
    from xml.etree import ElementTree

    root = ElementTree.Element("annotation")

    def add(parent: ElementTree.Element, name: str, text: object = "") -> ElementTree.Element:
        child = ElementTree.SubElement(parent, name)
        child.text = str(text)
        return child

    add(root, "folder", "JPEGImages")
    add(root, "filename", one.name)
    size = add(root, "size")
    for name, side in (("width", one.width), ("height", one.height), ("depth", 3)):
        add(size, name, side)
    for thing in one.things:
        entry = add(root, "object")
        add(entry, "name", labels[thing.label])
        add(entry, "difficult", int(thing.crowd))
        box = add(entry, "bndbox")
        x1, y1, x2, y2 = thing.box
        corners = (rounded(x1 + 1), rounded(y1 + 1), x2, y2)
        for name, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True):
            add(box, name, int(value) if value == int(value) else repr(value))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8")


FORMS: dict[str, Callable[[Path, Gathered], list[str]]] = {
    "coco": write_coco,
    "yolo": write_yolo,
    "voc": write_voc,
}
