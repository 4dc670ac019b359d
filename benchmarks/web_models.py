"""A small model for each task, from drawn scenes; `benchmarks/web_page.py` asks them in a browser, too.

All six learn from the same pictures; what they learn follows from the scenes' own truth. Each gets so many
seconds; a model that is there is taken as it is.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import foveate
from foveate.dataset.sources.scenes import SceneSettings, kinds, make_scenes

SETTINGS = SceneSettings(count=1400, size=96)  # 15 % are test pictures: 210
SPLITS = ("train", "val", "test")


def drawn(folder: Path) -> Path:
    """The scenes, with a table for each of the tasks that scenes know nothing of."""
    scenes = folder / "scenes"
    if not scenes.is_dir():
        make_scenes(scenes, kinds("shapes"), SETTINGS)
    written(scenes / "classes-of-pictures.csv", ["label"], told(scenes, foremost))
    written(scenes / "labels-of-pictures.csv", ["labels"], told(scenes, shapes))
    written(scenes / "numbers-of-pictures.csv", ["objects", "covered"], covered(scenes))
    return scenes


def told(scenes: Path, tell: Callable[[dict[str, str]], str]) -> Iterator[tuple[str, str, str]]:
    """Of each picture its file, split and what ``tell`` says of its first line in captions.csv."""
    with (scenes / "captions.csv").open(newline="", encoding="utf-8") as file:
        seen = set()
        for line in csv.DictReader(file):
            if line["file_name"] not in seen:
                seen.add(line["file_name"])
                yield line["file_name"], line["split"], tell(line)


def foremost(line: dict[str, str]) -> str:
    """The shape that the sentence begins with: "a red ring above …"."""
    return line["caption"].split()[2]


def shapes(line: dict[str, str]) -> str:
    """All shapes of the scene."""
    return ";".join(sorted({shape for _, shape in json.loads(line["scene"])["things"]}))


def covered(scenes: Path) -> Iterator[tuple[Any, ...]]:
    """File, split, how many objects there are, and which share of the picture they cover."""
    for split in SPLITS:
        truth = json.loads((scenes / split / "annotations.json").read_text(encoding="utf-8"))
        for picture in truth["images"]:
            areas = [one["area"] for one in truth["annotations"] if one["image_id"] == picture["id"]]
            share = sum(areas) / picture["width"] / picture["height"]
            name = Path(picture["file_name"]).name
            yield f"{split}/images/{name}", split, len(areas), f"{share:.4f}"


def written(table: Path, columns: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    with table.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["file_name", "split", *columns])
        lines.writerows(rows)


DATA = {  # of a task: its form of the scenes
    "classification": "classes-of-pictures.csv",
    "multilabel": "labels-of-pictures.csv",
    "regression": "numbers-of-pictures.csv",
    "segmentation": ".",
    "detection": ".",
    "captioning": "captions.csv",
}


def models(folder: Path, seconds: int, tasks: Iterable[str] = DATA) -> Iterator[tuple[str, Path]]:
    """Each task with its model folder, trained for so many seconds if it is not there."""
    scenes = drawn(folder)
    for task in tasks:
        data, out = DATA[task], folder / task
        if not (out / "model.onnx").is_file():
            foveate.train(scenes / data, task=task, budget=f"{seconds}s", out=out)
        yield task, out
