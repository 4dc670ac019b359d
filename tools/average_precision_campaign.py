"""COCO's twelve numbers by foveate and by pycocotools, on many made data sets: they must be equal to 1e-9.

    python tools/average_precision_campaign.py [CASES] [SEED]

Cases have ties in scores and overlaps, crowds, pictures without truth or answers, classes without either and
more than a hundred answers. Prints the largest difference; exits with 1 where one is greater than 1e-9.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from coco_boxes import made, of_coco, ours

TOLERANCE = 1e-9


def main() -> int:
    """Run the cases that are asked for."""
    cases, seed = (int(text) for text in (*sys.argv[1:], "2000", "0")[:2])
    if len(sys.argv) == 2:
        seed = 0
    worst, unequal = 0.0, 0
    for case in range(cases):
        random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(case,)))
        classes = int(random.integers(1, 5))
        many = case % 20 == 0
        pictures = made(
            random,
            pictures=int(random.integers(1, 7)),
            classes=classes,
            most_true=60 if many else 8,
            most_said=400 if many else 12,
        )
        mine, theirs = ours(pictures, classes), of_coco(pictures, classes)
        same = np.array_equal(np.isnan(mine), np.isnan(theirs))
        apart = float(np.nanmax(np.abs(mine - theirs), initial=0.0)) if same else float("inf")
        worst, unequal = max(worst, apart), unequal + (apart > TOLERANCE)
    print(f"{cases} cases, {unequal} unequal, largest difference {worst:.3g}")
    return 1 if unequal else 0


if __name__ == "__main__":
    sys.exit(main())
