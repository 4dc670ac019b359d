"""The same annotated pictures in every form: a list of things, written by these and drawn by the COCO API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image
from pycocotools import mask as coco_api

LABELS = ("car", "tree", "person")
# split -> file name -> (width, height) and things: a label and polygons of whole pixels, [x, y, x, y, ...]
Thing = tuple[str, list[list[int]]]
Pictures = dict[str, dict[str, tuple[tuple[int, int], list[Thing]]]]


def made(seed: int, count: int = 3) -> Pictures:
    """Pictures of random sizes with random things in them, one of several parts and one of none."""
    random = np.random.default_rng(seed)
    pictures: Pictures = {"train": {}, "val": {}}
    for split, images in pictures.items():
        for number in range(count):
            width, height = random.integers(20, 90, 2).tolist()
            things: list[Thing] = []
            for _ in range(number and random.integers(1, 6)):
                parts = []
                for _ in range(random.integers(1, 3)):
                    corners = random.integers(0, (width + 1, height + 1), (random.integers(3, 8), 2))
                    parts.append(corners.ravel().tolist())
                things.append((LABELS[random.integers(len(LABELS))], parts))
            images[f"{split}{number}.png"] = ((width, height), things)
    images = pictures["train"]  # every class is learnt
    (width, height), _ = images["train1.png"]
    images["train1.png"][1].extend((label, [[0, 0, width, 0, 0, height]]) for label in LABELS)
    return pictures


def drawn(size: tuple[int, int], things: list[Thing]) -> np.ndarray:
    """(H, W) uint8: 0 for the background, else the place of the label, by the COCO API."""
    width, height = size
    mask = np.zeros((height, width), np.uint8)
    for label, parts in things:
        runs = coco_api.merge(coco_api.frPyObjects(parts, height, width))
        mask[coco_api.decode(runs) == 1] = 1 + LABELS.index(label)
    return mask


def save(folder: Path, name: str, size: tuple[int, int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (120, 30, 60)).save(folder / name)


def coco_document(images: dict, *, runs: str = "") -> dict[str, Any]:
    """runs: "" for polygons, "string" or "list"."""
    document: dict[str, Any] = {"images": [], "annotations": [], "categories": []}
    document["categories"] = [{"id": 90 - 7 * place, "name": name} for place, name in enumerate(LABELS)]
    for number, (name, (size, things)) in enumerate(images.items()):
        width, height = size
        document["images"].append(
            {"id": 1000 + 3 * number, "file_name": name, "width": width, "height": height}
        )
        for label, parts in things:
            drawing: Any = parts
            if runs:
                merged = coco_api.merge(coco_api.frPyObjects(parts, height, width))
                drawing = {"size": [height, width], "counts": merged["counts"].decode()}
            if runs == "list":
                inside = coco_api.decode(merged).ravel(order="F")
                bounds = np.flatnonzero(np.diff(inside, prepend=0)).tolist()
                drawing["counts"] = np.diff([0, *bounds, inside.size]).tolist()
            document["annotations"].append(
                {
                    "id": 5 * len(document["annotations"]),
                    "image_id": 1000 + 3 * number,
                    "category_id": 90 - 7 * LABELS.index(label),
                    "segmentation": drawing,
                    "bbox": coco_api.toBbox(coco_api.frPyObjects(parts, height, width)).tolist()[0],
                    "iscrowd": 0,
                }
            )
    return document


def write_coco(root: Path, pictures: Pictures, *, runs: str = "") -> None:
    (root / "annotations").mkdir(parents=True)
    for split, images in pictures.items():
        for name, (size, _) in images.items():
            save(root / f"{split}2017", name, size)
        text = json.dumps(coco_document(images, runs=runs))
        (root / "annotations" / f"instances_{split}2017.json").write_text(text)


def labelme_document(name: str, size: tuple[int, int], things: list[Thing]) -> dict[str, Any]:
    shapes = [
        {
            "label": label,
            "points": np.reshape(part, (-1, 2)).tolist(),
            "group_id": group,
            "shape_type": "polygon",
        }
        for group, (label, parts) in enumerate(things)
        for part in parts
    ]
    sides = {"imageWidth": size[0], "imageHeight": size[1]}
    return {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": name, "imageData": None, **sides}


def write_labelme(root: Path, pictures: Pictures) -> None:
    for split, images in pictures.items():
        for name, (size, things) in images.items():
            save(root / split, name, size)
            text = json.dumps(labelme_document(name, size, things))
            (root / split / name).with_suffix(".json").write_text(text)


def write_yolo(root: Path, pictures: Pictures, digits: int = 6) -> None:
    for split, images in pictures.items():
        (root / "labels" / split).mkdir(parents=True)
        for name, (size, things) in images.items():
            save(root / "images" / split, name, size)
            rows = []
            for label, parts in things:
                for part in parts:
                    places = (np.reshape(part, (-1, 2)) / size).ravel()
                    rows.append(
                        " ".join([str(LABELS.index(label)), *(f"{one:.{digits}f}" for one in places)])
                    )
            (root / "labels" / split / name).with_suffix(".txt").write_text("\n".join(rows))
    names = "".join(f"  {place}: {name}\n" for place, name in enumerate(LABELS))
    text = f"path: ../datasets/elsewhere\ntrain: images/train\nval: images/val\nnames:\n{names}"
    (root / "data.yaml").write_text(text)


def write_cvat(root: Path, pictures: Pictures) -> None:
    lines = ["<annotations><version>1.1</version><meta><task><labels>"]
    lines += [f"<label><name>{name}</name></label>" for name in LABELS]
    lines.append("</labels></task></meta>")
    for split, images in pictures.items():
        for number, (name, (size, things)) in enumerate(images.items()):
            save(root / "images" / split.capitalize(), name, size)
            sides = f'width="{size[0]}" height="{size[1]}"'
            lines.append(
                f'<image id="{number}" name={quoteattr(name)} subset="{split.capitalize()}" {sides}>'
            )
            for place, (label, parts) in reversed(list(enumerate(things))):
                for part in parts:
                    points = ";".join(f"{x:.2f},{y:.2f}" for x, y in np.reshape(part, (-1, 2)))
                    lines.append(f'<polygon label="{label}" points="{points}" z_order="{place}"/>')
            lines.append("</image>")
    (root / "annotations.xml").write_text("\n".join([*lines, "</annotations>"]))


def write_masks(root: Path, pictures: Pictures) -> None:
    """Indexed PNG masks, drawn by the COCO API, with a list of classes."""
    for split, images in pictures.items():
        for name, (size, things) in images.items():
            save(root / "images" / split, name, size)
            mask = Image.fromarray(drawn(size, things))
            mask.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0, 0, 0, 200])
            (root / "masks" / split).mkdir(parents=True, exist_ok=True)
            mask.save(root / "masks" / split / name)
    (root / "classes.txt").write_text("\n".join(["background", *LABELS]))
