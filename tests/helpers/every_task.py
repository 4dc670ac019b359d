"""A small data set of files for each kind of answer, with what real ones suffer from."""

from __future__ import annotations

import csv
import os

import numpy as np
from PIL import Image

import boxed
import captioned
import mask_sets
from foveate.dataset import open_dataset

SMALL = 20_000  # bytes of a shard


def class_folder(root, broken=True):
    rng = np.random.default_rng(0)
    for label in (b"cat", b"dog \xff"):  # the second is no text
        folder = root / os.fsdecode(label)
        folder.mkdir(parents=True)
        for number in range(12):
            Image.fromarray(rng.integers(0, 255, (20, 16, 3), np.uint8)).save(folder / f"{number}.png")
    if broken:
        (root / "cat" / "broken.jpg").write_bytes(b"no picture")
    return open_dataset(root)


def table(root, columns, rows, task):
    names = [f"{number}.png" for number in range(len(rows))]
    captioned.pictures(root, names)
    with (root / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("file_name", *columns), *zip(names, *zip(*rows, strict=True), strict=True)]
        )
    return open_dataset(root / "t.csv", task=task)


def numbers(root):
    return table(root, ("age", "left, right"), [(repr(n / 7), -n) for n in range(9)], "regression")


def labels(root):
    cells = ['["a;b", "c"]', "c", "", "d", "c", "d", '["a;b"]', "", "d"]
    return table(root, ("labels",), [(cell,) for cell in cells], "multilabel")


def sentences(root):
    return open_dataset(captioned.flickr8k(root), task="captioning")


def boxes(root):
    boxed.write_coco(root, boxed.made())
    return open_dataset(root, task="detection")


def masks(root):
    mask_sets.mask_folder(root, table="sky\nroad\ncar\n")
    mask_sets.save(root / "images" / "no mask.jpg", mask_sets.picture(77))
    (root / "masks" / "3.png").write_bytes(b"broken")
    mask_sets.save(root / "masks" / "4.png", np.full((16, 24), 255, np.uint8))
    return open_dataset(root, ignore=255)


MADE = {
    "classes": class_folder,
    "numbers": numbers,
    "labels": labels,
    "sentences": sentences,
    "boxes": boxes,
    "masks": masks,
}
