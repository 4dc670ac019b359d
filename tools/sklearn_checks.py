"""scikit-learn's own checks of an estimator, on all of `foveate.sklearn`: counted, each skipped one told.

python tools/sklearn_checks.py [ImageClassifier ImageRegressor ImageFeatures]

A network trains at every ``fit`` of theirs, about two hundred times: minutes on two cores. The tests hold
the short form, `ImageFeatures` whole and some checks of the others. Ends with a line that counts,
``n tried, 0 wrong``, and exits with 1 otherwise.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.estimator_checks import check_estimator

from foveate.sklearn import ImageClassifier, ImageFeatures, ImageRegressor

DENSE = """
input: [1, 8, 8]
layers:
  - flatten
  - dense: 32
  - relu
  - dense: classes
"""
SETTINGS: dict[str, Any] = {"epochs": 12, "batch_size": 8, "lr": 0.02, "augment": "none", "threads": 1}


def estimators(folder: Path) -> Iterator[ImageClassifier | ImageRegressor | ImageFeatures]:
    """One of each, small enough to train hundreds of times."""
    blueprint = folder / "dense.yaml"
    blueprint.write_text(DENSE)
    yield ImageClassifier(model=str(blueprint), **SETTINGS)
    yield ImageRegressor(model=str(blueprint), **SETTINGS)
    yield ImageFeatures(model=a_model(folder, blueprint))


def a_model(folder: Path, blueprint: Path) -> str:
    """A model folder whose features can be taken."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 8, 8), dtype=np.uint8)
    trained = ImageClassifier(model=str(blueprint), epochs=1).fit(pixels, np.arange(24) % 2)
    return str(trained.save(folder / "model"))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="of the classes; all by default")
    names = set(parser.parse_args().names)
    tried = wrong = 0
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        for estimator in estimators(Path(folder)):
            name = type(estimator).__name__
            if names and name not in names:
                continue
            found = check_estimator(estimator, on_fail=None, callback=told)
            by_status = {one: [x for x in found if x["status"] == one] for one in ("passed", "skipped")}
            passed, skipped = map(len, by_status.values())
            print(f"{name}: {passed} passed, {skipped} skipped, {len(found) - passed - skipped} failed")
            for one in by_status["skipped"]:
                print(f"  skipped {one['check_name']}: {one['exception']}")
            tried += len(found)
            wrong += len(found) - passed - skipped
    print(f"{tried} tried, {wrong} wrong")
    return int(wrong > 0)


def told(check_name: str, exception: Exception | None, status: str, **_: object) -> None:
    """Each check that failed, as soon as it did."""
    if status == "failed":
        print(f"  failed {check_name}: {type(exception).__name__}: {str(exception)[:300]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
