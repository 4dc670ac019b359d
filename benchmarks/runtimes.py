"""Is what `--runtime auto` takes the fastest? Its choice against a measurement of all runtimes, in turn.

    python benchmarks/run.py runtimes --out docs

Every network is computed by each runtime in a process of its own; `auto` chooses in another one, with an
empty cache, as it does on a user's machine.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness import Contestant, Race, Skip, compete
from inference import CLASSES, SIDES, export, pictures
from report import Section, Table, spread

NETWORKS = (
    *("resnet18", "resnet50", "efficientnet_lite0", "compact_s", "compact_l", "mobilenet_v2"),
    *("mobilenet_v3_large", "densenet121", "resnext50_32x4d", "convnext_tiny", "vit_b_16", "deit_tiny"),
)
BATCHES = (1, 16)
ALL = ("onnxruntime", "openvino", "openvino-float32")


def _predictor(network: str, path: str, wanted: str) -> Any:
    from foveate.images.preprocess import Preprocessing
    from foveate.runtime.predictor import Predictor
    from foveate.tasks.classification.task import Classification

    side = SIDES[network]
    task, preprocessing = Classification(CLASSES), Preprocessing(side, side)
    return Predictor(Path(path).read_bytes(), task, preprocessing, wanted=wanted)


def computed(network: str, batch: int, path: str, runtime: str) -> Callable[[], list[float]]:
    """By one runtime, whatever a trial would say."""
    from foveate.runtime.choice import Model, installed

    predictor = _predictor(network, path, "onnxruntime")
    x = pictures(SIDES[network], batch)
    if runtime == "onnxruntime":
        return lambda: predictor.run(x)["probabilities"][0].tolist()
    if not installed("openvino"):
        raise Skip("OpenVINO is not installed")
    names = tuple(one.name for one in predictor.outputs)
    engine = Model(Path(path).read_bytes(), names, predictor.task.apart, 600.0).opened(runtime)
    if runtime == "openvino" and engine.precision == "f32":
        raise Skip("OpenVINO computes in float32 here")
    return lambda: engine.run(names, {"images": x})[0][0].tolist()


def chosen(network: str, batch: int, path: str, cache: str) -> Callable[[], str]:
    """What `auto` takes for batches of this size."""
    os.environ["FOVEATE_CACHE"] = cache
    predictor = _predictor(network, path, "auto")
    predictor.settle([pictures(SIDES[network], batch)])
    return lambda: str(predictor.runtime)


def race(network: str, batch: int, path: Path, *, turns: int, seconds: float) -> tuple[Race, str]:
    """All in turn, and what `auto` took."""
    facts = {"network": network, "batch": batch, "path": str(path)}
    with tempfile.TemporaryDirectory() as cache:
        auto = compete([Contestant("auto", "runtimes:chosen", {**facts, "cache": cache})], turns=1, seconds=0)
    contestants = [Contestant(name, "runtimes:computed", {**facts, "runtime": name}) for name in ALL]
    return compete(contestants, turns=turns, seconds=seconds), str(auto.answers["auto"][0])


def run(quick: bool) -> Section:
    """Twelve networks at both batch sizes; two, and few turns, where it shall be quick."""
    found: dict[str, dict[str, Any]] = {}
    rows: list[tuple[str, ...]] = []
    lost = 0.0
    with tempfile.TemporaryDirectory() as folder:
        ours, common = Path(folder) / "ours.onnx", Path(folder) / "common.onnx"
        for network in NETWORKS[:4:3] if quick else NETWORKS:
            export(network, ours, common)
            for batch in BATCHES:
                print(f"  {network}, batch {batch}", file=sys.stderr, flush=True)
                one, took = race(network, batch, ours, turns=3 if quick else 7, seconds=0.1 if quick else 0.4)
                taken = took if took in one.timings else ALL[-1]  # its default is float32 here
                best = min(one.timings, key=lambda name: one.timings[name].median)
                more = one.timings[taken].median / one.timings[best].median - 1
                lost = max(lost, more)
                found[f"{network} {batch}"] = {**one.to_dict(), "auto": took, "slower_than_best": more}
                cells = [_cell(one, name) for name in ALL]
                rows.append((f"{network}, {batch}", *cells, taken, f"{more:.1%}"))
    return Section(
        "What `--runtime auto` takes",
        "Milliseconds a batch with each runtime, in turn, and how far its answers lie from ONNX Runtime's "
        "(the largest difference of a probability of the first picture). *auto*: what a trial took on "
        "pictures of that batch size, and how much slower that is than the fastest of this measurement; ONNX "
        "Runtime stays where nothing is faster by 5 %, so up to 5 % is its rule and not its error.",
        [Table("Median (fastest to slowest turn)", ("network, batch", *ALL, "auto", "slower"), rows)],
        found,
        headline=f"`--runtime auto`: at most {lost:.1%} slower than the fastest runtime, {len(rows)} cases.",
    )


def _cell(race: Race, name: str) -> str:
    if name not in race.timings:
        return "-"
    first, other = (np.array(race.answers[each][0]) for each in ("onnxruntime", name))
    apart = "" if name == "onnxruntime" else f", {np.abs(first - other).max():.0e}"
    return spread(race.timings[name]) + apart
