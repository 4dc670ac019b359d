"""Time and memory against the number of pictures, their side, and the number of classes.

Each point is a process of its own, so that its greatest memory is that point's alone. What grows in
proportion is a straight line of slope 1 on these charts, whose axes are both logarithmic.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from chart import Line, chart
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification
from harness import Contestant, compete
from report import Section, Table

Work = Callable[[], dict[str, float]]
MEGABYTE = 1 << 20


def _measured(work: Callable[[], None]) -> dict[str, float]:
    """Seconds of the work, and the process's greatest memory so far in MB."""
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEGABYTE,
    }


def look(count: int, side: int = 28, classes: int = 10) -> Work:
    """What training does before its first step, on generated pictures in an array: look, judge, split."""
    from foveate.dataset import ArrayImages, DataSet, Split
    from foveate.dataset.quality.findings import findings
    from foveate.dataset.quality.scan import scan
    from foveate.dataset.split import stratified_split

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, side, side, 1), dtype=np.uint8)
    labels = rng.integers(0, classes, count)
    data = DataSet(
        "made up",
        Classification(tuple(map(str, range(classes)))),
        {"train": Split(ArrayImages(pixels), ClassTargets(labels))},
    )

    def work() -> None:
        result = scan(data.splits["train"].images)
        found = findings(data, {"train": result})
        stratified_split(labels, found.groups["train"], {"train": 0.9, "val": 0.1}, 0)

    return lambda: _measured(work)


def look_at_files(count: int, side: int = 64) -> Work:
    """The same for JPEG files in class folders."""
    from PIL import Image

    from foveate.dataset import open_dataset
    from foveate.dataset.quality.findings import findings
    from foveate.dataset.quality.scan import scan

    place = tempfile.TemporaryDirectory()  # lives as long as the work
    rng = np.random.default_rng(0)
    for number in range(count):
        folder = Path(place.name) / f"class {number % 10}"
        folder.mkdir(exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=90)

    def work() -> None:
        data = open_dataset(place.name)
        findings(data, {"train": scan(data.splits["train"].images)})

    return lambda: _measured(work)


def answer(side: int, count: int = 512) -> Work:
    """Pictures of a size, in an array, through a compact network of that size."""
    from foveate.exporter.to_onnx import Deployed, export_onnx
    from foveate.images.preprocess import Preprocessing
    from foveate.models.registry import create_model
    from foveate.runtime.predictor import Predictor

    classes = [str(i) for i in range(10)]
    preprocessing = Preprocessing(side, side)
    network = create_model("compact_s", num_classes=10, in_channels=3, image_size=(side, side)).eval()
    model = export_onnx(Deployed(network, preprocessing, 1.0), preprocessing, classes, {})
    predictor = Predictor(model, classes, preprocessing)
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return lambda: _measured(lambda: [None for _ in predictor.predict(pixels, batch_size=16)] and None)


def judge(classes: int, count: int = 50_000) -> Work:
    """Measuring answers: the confusion of so many classes, every class's figures, calibration."""
    from foveate.tasks.classification.metrics import evaluate

    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, count)
    probabilities = rng.random((count, classes), dtype=np.float32)
    probabilities /= probabilities.sum(1, keepdims=True)
    names = tuple(map(str, range(classes)))
    return lambda: _measured(lambda: evaluate(probabilities, labels, names) and None)


SERIES: dict[str, tuple[str, str, tuple[int, ...], tuple[int, ...]]] = {
    # what grows -> (function, its argument, points in full, points where it shall be quick)
    "pictures of 28 px in an array, looked at": (
        "look",
        "count",
        (1_000, 10_000, 100_000, 1_000_000),
        (1_000, 10_000),
    ),
    "JPEG files of 64 px, looked at": (
        "look_at_files",
        "count",
        (300, 1_000, 3_000, 10_000, 30_000),
        (100, 300),
    ),
    "side of 512 pictures, classified (px)": ("answer", "side", (32, 64, 128, 256, 512), (32, 64)),
    "classes of 50,000 answers, judged": ("judge", "classes", (2, 10, 100, 1_000), (2, 10)),
}


def run(quick: bool) -> Section:
    tables, charts, figures = [], {}, {}
    times, memory = [], []
    for what, (function, argument, full, short) in SERIES.items():
        points: dict[int, dict[str, Any]] = {}
        for size in short if quick else full:
            contestant = Contestant(what, f"growth:{function}", {argument: size}, warm=False)
            answers = compete([contestant], turns=1 if quick else 3, seconds=0.0).answers[what]
            seconds = sorted(a["seconds"] for a in answers)
            points[size] = {
                "seconds": seconds[len(seconds) // 2],
                "range": [seconds[0], seconds[-1]],
                "peak_mb": max(a["peak_mb"] for a in answers),
            }
        figures[what] = points
        times.append(Line(what, [(size, p["seconds"]) for size, p in points.items()]))
        memory.append(Line(what, [(size, p["peak_mb"]) for size, p in points.items()]))
        rows = [
            (
                f"{size:,}",
                f"{p['seconds']:.3f} ({p['range'][0]:.3f} to {p['range'][1]:.3f})",
                f"{1e6 * p['seconds'] / size:.1f}",
                f"{p['peak_mb']:.0f}",
            )
            for size, p in points.items()
        ]
        tables.append(Table(what, ("size", "seconds", "microseconds each", "greatest memory, MB"), rows))
    charts["growth-time.svg"] = chart("Time", times, x="size", y="seconds", log_y=True)
    charts["growth-memory.svg"] = chart("Greatest memory", memory, x="size", y="MB", log_y=True)
    return Section(
        "Growth",
        "Seconds and greatest memory of a process against the size of its task, generated data; the memory "
        "holds the data themselves, Python, and the libraries.",
        tables,
        figures,
        charts,
    )
