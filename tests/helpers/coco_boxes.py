"""Made pictures with boxes and answers, and COCO's twelve numbers of them by pycocotools and by foveate."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from foveate.tasks.detection.metrics import Answer, compared
from foveate.tasks.detection.precision import curves, twelve
from foveate.tasks.detection.truth import Naming, PictureBoxes

Pictures = Sequence[tuple[PictureBoxes, Answer]]


def of_coco(pictures: Pictures, classes: int) -> np.ndarray:
    """(12,) by pycocotools; NaN where it has -1."""
    images, annotations, results = [], [], []
    for number, (true, said) in enumerate(pictures, start=1):
        images.append({"id": number, "width": 1000, "height": 1000})
        for box, label, crowd, area in zip(true.boxes, true.labels, true.crowd, true.areas, strict=True):
            x1, y1, x2, y2 = map(float, box)
            entry = {"id": len(annotations) + 1, "image_id": number, "category_id": int(label) + 1}
            entry |= {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": float(area), "iscrowd": int(crowd)}
            annotations.append(entry)
        for box, score, label in zip(*said, strict=True):
            x1, y1, x2, y2 = map(float, box)
            entry = {"image_id": number, "category_id": int(label) + 1, "score": float(score)}
            results.append({**entry, "bbox": [x1, y1, x2 - x1, y2 - y1]})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        categories = [{"id": k + 1, "name": str(k)} for k in range(classes)]
        truth.dataset = {"images": images, "annotations": annotations, "categories": categories}
        truth.createIndex()
        answers = truth.loadRes(results) if results else COCO()
        if not results:
            answers.dataset = {"images": images, "annotations": [], "categories": categories}
            answers.createIndex()
        run = COCOeval(truth, answers, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return np.where(run.stats == -1, np.nan, run.stats)


def made(
    random: np.random.Generator,
    *,
    pictures: int = 3,
    classes: int = 3,
    most_true: int = 8,
    most_said: int = 12,
    scores: list[float] | None = None,
) -> list[tuple[PictureBoxes, Answer]]:
    """Pictures of boxes on a coarse grid, so that scores and overlaps are often equal."""
    found = []
    for _ in range(pictures):
        count = int(random.integers(0, most_true + 1))
        corners = random.integers(0, 24, (count, 2)) * 8.0
        sides = random.choice([4.0, 8, 16, 32, 40, 64, 96, 128], (count, 2))
        true = np.concatenate([corners, corners + sides], axis=1)
        labels = random.integers(0, classes, count)
        crowd = random.random(count) < 0.2
        areas = np.prod(sides, axis=1) * random.choice([1.0, 0.5], count)
        given_ = PictureBoxes.of(
            true, labels, Naming(tuple(map(str, range(classes)))), crowd=crowd, areas=areas
        )
        near = random.integers(0, max(count, 1), int(random.integers(0, most_said + 1)))
        near = near if count else near[:0]
        moved = true[near] + random.choice([0, 0, 4.0, -4, 8, 16], (len(near), 4))
        said = np.sort(moved.reshape(-1, 2, 2), axis=1).reshape(-1, 4)
        kept = (said[:, 2:] > said[:, :2]).all(axis=1)
        other = np.where(random.random(len(near)) < 0.2, random.integers(0, classes, len(near)), labels[near])
        given_scores = random.choice(scores or [0.1, 0.3, 0.3, 0.5, 0.9, 1.0], len(near))
        found.append((given_, Answer(said[kept], given_scores[kept], other[kept])))
    return found


def ours(pictures: Pictures, classes: int) -> np.ndarray:
    """(12,) by foveate."""
    by_picture = [compared(said, true, classes) for true, said in pictures]
    return twelve(curves([[one[k] for one in by_picture] for k in range(classes)]))
