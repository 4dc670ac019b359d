"""Small pictures with sentences, written in each of the forms that are read."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

Told = Mapping[str, Sequence[str]]

SENTENCES: Told = {
    f"{number}.jpg": (f"a {colour} dog, running", f"the dog is {colour}")
    for number, colour in enumerate(("red", "blue", "green", "red", "blue", "green", "white", "black"))
}


def pictures(folder: Path, names: Sequence[str] = tuple(SENTENCES)) -> None:
    """A picture of noise for each name, no two alike."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        random = np.random.default_rng(number)
        Image.fromarray(random.integers(0, 255, (12, 12, 3), np.uint8)).save(folder / name)


def kaggle(root: Path) -> Path:
    """captions.txt with a header, the pictures in Images/."""
    pictures(root / "Images")
    with (root / "captions.txt").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("image", "caption"))
        rows.writerows((name, one) for name, own in SENTENCES.items() for one in own)
    return root


def flickr8k(root: Path) -> Path:
    """Flickr8k.token.txt and the three lists of its splits."""
    pictures(root / "Flicker8k_Dataset")
    lines = [f"{name}#{i}\t{one}" for name, own in SENTENCES.items() for i, one in enumerate(own)]
    (root / "Flickr8k.token.txt").write_text("\n".join(lines) + "\n")
    names = list(SENTENCES)
    for split, part in (("train", names[:4]), ("dev", names[4:5]), ("test", names[5:7])):
        (root / f"Flickr_8k.{split}Images.txt").write_text("\n".join(part) + "\n")
    return root


def flickr30k(root: Path) -> Path:
    pictures(root / "flickr30k_images")
    lines = [f"{name}| {i}| {one}" for name, own in SENTENCES.items() for i, one in enumerate(own)]
    (root / "results.csv").write_text("image_name| comment_number| comment\n" + "\n".join(lines) + "\n")
    return root


def coco_document(names: Sequence[str]) -> dict[str, list[dict[str, object]]]:
    images = [{"id": 10 + number, "file_name": name} for number, name in enumerate(names)]
    entries = [(10 + number, one) for number, name in enumerate(names) for one in SENTENCES[name]]
    annotations = [{"id": i, "image_id": image, "caption": one} for i, (image, one) in enumerate(entries)]
    return {"images": images, "annotations": annotations}


def coco(root: Path) -> Path:
    """annotations/captions_train2017.json and captions_val2017.json, the pictures in folders of their own."""
    names = list(SENTENCES)
    (root / "annotations").mkdir(parents=True)
    for split, part in (("train2017", names[:5]), ("val2017", names[5:])):
        pictures(root / split, part)
        text = json.dumps(coco_document(part))
        (root / "annotations" / f"captions_{split}.json").write_text(text)
    return root


def karpathy_document(splits: Sequence[str]) -> dict[str, object]:
    images = [
        {"filename": name, "split": split, "sentences": [{"raw": one, "tokens": one.split()} for one in own]}
        for (name, own), split in zip(SENTENCES.items(), splits, strict=True)
    ]
    return {"dataset": "flickr8k", "images": images}


def karpathy(root: Path) -> Path:
    pictures(root / "images")
    splits = ("train", "train", "restval", "train", "train", "val", "test", "test")
    (root / "dataset_flickr8k.json").write_text(json.dumps(karpathy_document(splits)))
    return root


def json_lines(root: Path) -> Path:
    pictures(root)
    rows = [{"file_name": name, "caption": list(own)} for name, own in SENTENCES.items()]
    (root / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root
