"""The same boxes in every form, written by hand and not by what is tested."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from PIL import Image

LABELS = ("car", "tree & bush", "person")
# split -> file name -> (width, height) and things: a label, x1 y1 x2 y2 in whole pixels, whether a crowd
Thing = tuple[str, tuple[int, int, int, int], bool]
Pictures = dict[str, dict[str, tuple[tuple[int, int], list[Thing]]]]


def made(seed: int = 0, count: int = 4) -> Pictures:
    """Pictures of random sizes; the first of a split shows nothing, and a box of each begins at a corner."""
    random = np.random.default_rng(seed)
    pictures: Pictures = {"train": {}, "val": {}}
    for split, images in pictures.items():
        for number in range(count):
            width, height = random.integers(30, 120, 2).tolist()
            things: list[Thing] = []
            for place in range(number and int(random.integers(1, 6))):
                x1, y1 = random.integers(0, (width - 6, height - 6)).tolist()
                x2, y2 = int(random.integers(x1 + 4, width)), int(random.integers(y1 + 4, height))
                corner = (0, 0, x2, y2) if place == 0 else (x1, y1, x2, y2)
                things.append((LABELS[int(random.integers(3))], corner, False))
            if number == 1:
                things += [(label, (2, 3, 20 + k, 22), k == 0) for k, label in enumerate(LABELS)]
                things += [(LABELS[0], (5, 5, 28, 28), False)]
            images[f"{split}{number}.png"] = (width, height), list(dict.fromkeys(things))
    return pictures


def save(folder: Path, name: str, size: tuple[int, int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(hash(name) % 2**32).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(folder / name)


def write_coco(root: Path, pictures: Pictures) -> None:
    """With ids that have holes and do not begin at 1, in another order in each split."""
    (root / "annotations").mkdir(parents=True)
    for split, images in pictures.items():
        ids = {name: 7 * place + 3 for place, name in enumerate(LABELS if split == "train" else LABELS[::-1])}
        document: dict[str, list] = {"images": [], "annotations": []}
        document["categories"] = [{"id": number, "name": name} for name, number in ids.items()]
        for number, (name, (size, things)) in enumerate(images.items(), start=11):
            save(root / split, name, size)
            sides = {"width": size[0], "height": size[1]}
            document["images"].append({"id": number, "file_name": name, **sides})
            for label, (x1, y1, x2, y2), crowd in things:
                entry = {"id": len(document["annotations"]) + 1, "image_id": number, "iscrowd": int(crowd)}
                entry |= {"category_id": ids[label], "bbox": [x1, y1, x2 - x1, y2 - y1]}
                document["annotations"].append(entry)
        (root / "annotations" / f"instances_{split}.json").write_text(json.dumps(document))


def write_yolo(root: Path, pictures: Pictures) -> None:
    lines = [f"{split}: images/{split}" for split in pictures]
    names = json.dumps(list(LABELS))
    root.mkdir(parents=True)
    (root / "data.yaml").write_text("\n".join([*lines, f"names: {names}"]))
    for split, images in pictures.items():
        (root / "labels" / split).mkdir(parents=True)
        for name, ((width, height), things) in images.items():
            save(root / "images" / split, name, (width, height))
            rows = [
                f"{LABELS.index(label)} {(x1 + x2) / 2 / width:.12f} {(y1 + y2) / 2 / height:.12f} "
                f"{(x2 - x1) / width:.12f} {(y2 - y1) / height:.12f}"
                for label, (x1, y1, x2, y2), crowd in things
                if not crowd
            ]
            (root / "labels" / split / name).with_suffix(".txt").write_text("\n".join(rows))


def write_voc(root: Path, pictures: Pictures, *, first: int = 1, lists: bool = True) -> None:
    """first: what the first pixel is called; VOC says 1."""
    for split, images in pictures.items():
        folder, beside = (
            (root / "JPEGImages", root / "Annotations") if lists else (root / split, root / split)
        )
        beside.mkdir(parents=True, exist_ok=True)
        for name, (size, things) in images.items():
            save(folder, name, size)
            objects = "".join(
                f"<object><name>{escape(label)}</name><difficult>{int(crowd)}</difficult><bndbox>"
                f"<xmin>{x1 + first}</xmin><ymin>{y1 + first}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
                "</bndbox></object>"
                for label, (x1, y1, x2, y2), crowd in things
            )
            sides = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>"
            wrong = "<filename>another.jpg</filename>"
            text = f"<annotation>{wrong}{sides}{objects}</annotation>"
            (beside / name).with_suffix(".xml").write_text(text)
        if lists:
            (root / "ImageSets" / "Main").mkdir(parents=True, exist_ok=True)
            stems = "\n".join(Path(name).stem for name in images)
            (root / "ImageSets" / "Main" / f"{split}.txt").write_text(stems)


def write_labelme(root: Path, pictures: Pictures) -> None:
    """Rectangles whose first corner is the lower right one."""
    for split, images in pictures.items():
        for name, (size, things) in images.items():
            save(root / split, name, size)
            shapes = [
                {"label": label, "shape_type": "rectangle", "points": [[x2, y2], [x1, y1]]}
                for label, (x1, y1, x2, y2), crowd in things
                if not crowd
            ]
            sides = {"imageWidth": size[0], "imageHeight": size[1]}
            document = {"shapes": shapes, "imagePath": name, "imageData": None, **sides}
            (root / split / name).with_suffix(".json").write_text(json.dumps(document))


def write_cvat(root: Path, pictures: Pictures) -> None:
    entries = []
    for split, images in pictures.items():
        for name, (size, things) in images.items():
            save(root / "images" / split, name, size)
            boxes = "".join(
                f'<box label={quoteattr(label)} xtl="{x1}" ytl="{y1}" xbr="{x2}" ybr="{y2}"/>'
                for label, (x1, y1, x2, y2), crowd in things
                if not crowd
            )
            sides = f'width="{size[0]}" height="{size[1]}"'
            entries.append(f'<image name="{name}" subset="{split}" {sides}>{boxes}</image>')
    text = f"<annotations><version>1.1</version>{''.join(entries)}</annotations>"
    (root / "annotations.xml").write_text(text)


def write_table(root: Path, pictures: Pictures) -> None:
    """The columns in BCCD's order: xmin, xmax, ymin, ymax. Pictures of nothing have a row without a box."""
    rows = []
    for split, images in pictures.items():
        for name, (size, things) in images.items():
            save(root, name, size)
            for label, (x1, y1, x2, y2), crowd in things:
                if not crowd:
                    rows.append([name, label, x1, x2, y1, y2, split])
            if not things:
                rows.append([name, "", "", "", "", "", split])
    with (root / "boxes.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["filename", "cell_type", "xmin", "xmax", "ymin", "ymax", "split"], *rows]
        )


def expected(pictures: Pictures, *, crowds: bool) -> dict[str, dict[str, set]]:
    """split -> file name -> {(label, box, crowd)}."""
    return {
        split: {
            name: {thing for thing in things if crowds or not thing[2]}
            for name, (_, things) in images.items()
        }
        for split, images in pictures.items()
    }


def found(dataset) -> dict[str, dict[str, set]]:
    """The same of a data set that was opened."""
    result = {}
    for split, part in dataset.splits.items():
        own = result[split] = {}
        for row, one in enumerate(part.targets.pictures):
            name = Path(part.images.name(row)).name
            own[name] = {
                (dataset.task.classes[label], tuple(round(float(side), 3) for side in box), bool(crowd))
                for box, label, crowd in zip(one.boxes, one.labels, one.crowd, strict=True)
            }
    return result
