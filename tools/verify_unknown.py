"""Does a model know what it does not know? Unlikeness, unsure answers and calibration, on given pictures.

    python tools/verify_unknown.py MODEL --like photos/val --unlike fashion-mnist --unlike cifar10/test

LIKE is labelled and of the model's kind, and must not be what it was trained on; each UNLIKE is any data set
of other pictures (its labels do not matter). Generated patterns (noise, soft noise, stripes, gradients,
checks) are always tried. Written for each: the area under the ROC curve of the unlikeness score against
LIKE's pictures, and the share that is flagged (above 1).

Of LIKE also the calibration error in three forms: as usual (15 bins of equal width), what a perfectly
calibrated model would show by chance with so many pictures (labels drawn from the model's own probabilities),
and the root of the debiased squared error in 10 bins of equal mass (Kumar, Liang, Ma: Verified uncertainty
calibration, NeurIPS 2019), which is 0 on average for a calibrated model however few the pictures.

Needs scikit-learn. --json prints one document, for averages over seeds. Options: --most N pictures a set.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from foveate.dataset import open_dataset
from foveate.dataset.samples import evenly
from foveate.errors import ImageError
from foveate.modelfolder.read import load
from foveate.runtime.predictor import Predictor
from foveate.tasks.classification.calibration import reliability
from foveate.tasks.classification.task import Classification
from foveate.tasks.classification.threshold import apply_unsure_rule, sureness
from foveate.tasks.values import Values, joined

PATTERN_SIDE_PX = 256
PATTERNS_OF_A_KIND = 40
CHANCE_DRAWS = 1000
MASS_BINS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--like", required=True)
    parser.add_argument("--unlike", action="append", default=[])
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    predictor = load(given.model)
    if not predictor.measures_unlikeness:
        parser.error("this model does not measure unlikeness")
    like, labels = answers_of(predictor, given.like, given.most, own_classes=True)
    document: dict[str, Any] = {
        "model": str(given.model),
        "like": {"data": given.like, "pictures": len(labels), "flagged": share_above_1(like)},
        "calibration": calibration(like["probabilities"], labels),
        "unsure": unsure(predictor, like["probabilities"], labels),
        "unlike": {},
    }
    others = {Path(name).name: answers_of(predictor, name, given.most)[0] for name in given.unlike}
    for name, found in {**others, **patterns(predictor)}.items():
        document["unlike"][name] = compared(like, found)
    print(json.dumps(document, indent=2) if given.json else in_words(document))


def answers_of(
    predictor: Predictor, data: str, most: int, *, own_classes: bool = False
) -> tuple[Values, np.ndarray]:
    """The answers for a data set's test pictures, or all it has, at most so many, and their labels."""
    opened = open_dataset(data, min_classes=1)
    if own_classes:
        opened = opened.with_classes(predictor.classes_)
    split = opened.splits[next(name for name in ("test", "val", "train") if name in opened.splits)]
    rows = evenly(len(split), most)
    found, kept = [], []
    for row, values in predictor.stream(
        rows.tolist(), partial(split.images.take_for, predictor.preprocessing)
    ):
        if not isinstance(values, ImageError):
            found.append(values)
            kept.append(row)
    return joined(found), split.targets.labels[kept]


def patterns(predictor: Predictor) -> dict[str, Values]:
    """Generated patterns, by kind."""
    made: dict[str, list[np.ndarray]] = {}
    for kind, picture in drawn_patterns(np.random.default_rng(0)):
        made.setdefault(f"generated {kind}", []).append(picture)
    return {kind: predictor.values(pictures) for kind, pictures in made.items()}


def drawn_patterns(random: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    """(kind, (H, W, 3) uint8) of five kinds."""
    side = PATTERN_SIDE_PX
    down, across = np.mgrid[:side, :side] / side
    for _ in range(PATTERNS_OF_A_KIND):
        ground, colour = random.uniform(0, 255, 3), random.uniform(0, 255, 3)
        angle, waves = random.uniform(0, np.pi), random.uniform(3, 40)
        along = np.cos(angle) * across + np.sin(angle) * down
        coarse = random.normal(size=(8, 8, 3))
        soft = np.kron(coarse, np.ones((side // 8, side // 8, 1)))
        for axis in (0, 1):  # three box filters of a cell each: about a normal one
            for _ in range(3):
                soft = sum(np.roll(soft, shift, axis) for shift in range(-16, 16)) / 32
        mixes = {
            "noise": random.uniform(0, 1, (side, side, 3)),
            "soft noise": (soft - soft.min()) / (soft.max() - soft.min()),
            "stripes": (0.5 + 0.5 * np.sin(2 * np.pi * waves * along))[..., None],
            "gradients": ((along - along.min()) / (along.max() - along.min()))[..., None],
            "checks": ((np.floor(across * waves) + np.floor(down * waves)) % 2)[..., None],
        }
        for kind, mix in mixes.items():
            whole = mix * 255 if kind == "noise" else ground * (1 - mix) + colour * mix
            yield kind, np.clip(whole, 0, 255).astype(np.uint8)


def compared(like: Values, other: Values) -> dict[str, Any]:
    truth = np.repeat([0, 1], [len(like["unlikeness"]), len(other["unlikeness"])])
    area = roc_auc_score(truth, np.concatenate([like["unlikeness"], other["unlikeness"]]))
    return {"pictures": len(other["unlikeness"]), "auroc": float(area), "flagged": share_above_1(other)}


def share_above_1(values: Values) -> float:
    return float((values["unlikeness"] > 1).mean())


def calibration(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    sure, right = sureness(probabilities, labels)
    random = np.random.default_rng(0)
    chance = [reliability(sure, random.random(len(sure)) < sure).ece for _ in range(CHANCE_DRAWS)]
    return {
        "accuracy": float(right.mean()),
        "ece": reliability(sure, right).ece,
        "ece_by_chance": float(np.mean(chance)),
        "ece_by_chance_95": float(np.quantile(chance, 0.95)),
        "debiased": debiased_error(sure, right),
    }


def debiased_error(sure: np.ndarray, right: np.ndarray) -> float:
    """Kumar et al., section 4.2: the squared gap of each bin less the variance of its accuracy; its root.

    Negative where chance alone would show more: then minus the root of the amount.
    """
    total = 0.0
    for rows in np.array_split(np.argsort(sure, kind="stable"), MASS_BINS):
        if len(rows) > 1:
            accuracy = right[rows].mean()
            gap = (sure[rows].mean() - accuracy) ** 2 - accuracy * (1 - accuracy) / (len(rows) - 1)
            total += gap * len(rows) / len(sure)
    return float(np.sign(total) * np.sqrt(abs(total)))


def unsure(predictor: Predictor, probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any] | None:
    rule = predictor.task.unsure if isinstance(predictor.task, Classification) else None
    if rule is None:
        return None
    found = apply_unsure_rule(rule, probabilities, labels)
    return {
        "below": rule.unsure_below,
        "promised": rule.precision,
        "precision": found.precision,
        "coverage": found.coverage,
    }


def in_words(document: dict[str, Any]) -> str:
    like, errors, rule = document["like"], document["calibration"], document["unsure"]
    lines = [
        f"{like['pictures']} pictures of {like['data']}: {like['flagged']:.1%} flagged as unlike, "
        f"accuracy {errors['accuracy']:.1%}",
        f"calibration error {errors['ece']:.2%}; by chance alone {errors['ece_by_chance']:.2%} "
        f"(95 % of the time below {errors['ece_by_chance_95']:.2%}); debiased, 10 bins of equal mass "
        f"{errors['debiased']:.2%}",
    ]
    if rule is not None:
        lines.append(
            f"unsure below {rule['below']:.1%}: {rule['coverage']:.1%} answered, {rule['precision']:.1%} of "
            f"these right (promised {rule['promised']:.1%})"
        )
    lines += [
        f"{name:22s} AUROC {found['auroc']:.4f}   flagged {found['flagged']:6.1%} of {found['pictures']}"
        for name, found in document["unlike"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
