"""Inference on the processor: `foveate predict`'s engine against PyTorch and OpenVINO, batches of 1 and 16.

    python benchmarks/run.py inference --out docs                  # the networks of docs/benchmarks.md
    python benchmarks/run.py later-networks --out FOLDER           # those since 2016 and the transformers

Everybody does the same work, from uint8 pictures (N, H, W, 3) of the network's size to probabilities: the
scaling to floats and softmax are inside. Weights are random, which takes the same time as trained ones.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness import Contestant, Race, Skip, Timing, compete
from report import Section, Table, best_rival, share, spread, times_as_fast

NETWORKS = {
    "resnet18": 224,
    "resnet50": 224,
    "efficientnet_lite0": 224,
    "compact_s": 32,
    "compact_m": 32,
    "compact_l": 32,
}
LATER = {
    **dict.fromkeys(("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "densenet121"), 224),
    **dict.fromkeys(("resnext50_32x4d", "convnext_tiny", "vit_b_16", "deit_tiny", "deit_small"), 224),
    "efficientnet_v2_s": 384,
}
SIDES = NETWORKS | LATER
BATCHES = (1, 16)
CLASSES = tuple(str(i) for i in range(10))
HALF = "OpenVINO, bfloat16"
AUTO = "foveate --runtime auto"
Work = Callable[[], list[float]]


def pictures(side: int, batch: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (batch, side, side, 3), dtype=np.uint8)


def build(network: str) -> tuple[Any, Any]:
    """The network as it is deployed, with weights that depend on nothing but its name; its preprocessing."""
    import torch
    from torch import nn

    from foveate.exporter.to_onnx import Deployed
    from foveate.images.preprocess import Preprocessing
    from foveate.models.registry import create_model, model_options
    from foveate.tasks.classification.task import Classification

    torch.manual_seed(0)
    side = SIDES[network]
    options = {"image_size": (side, side)} if "image_size" in model_options(network) else {}
    module = create_model(network, num_classes=len(CLASSES), in_channels=3, **options).eval()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):  # an untrained one multiplies by one and adds nothing
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
    preprocessing = Preprocessing(side, side, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    return Deployed(module, preprocessing, Classification(CLASSES)), preprocessing


def export(network: str, ours: Path, common: Path) -> float:
    """Write the network as foveate ships it and as torch's exporter does; returns its GFLOP a picture."""
    import torch

    from foveate.exporter.to_onnx import export_onnx
    from foveate.graph.walk import walk

    deployed, preprocessing = build(network)
    ours.write_bytes(export_onnx(deployed, preprocessing, {}))
    sample = torch.from_numpy(pictures(SIDES[network], 3))
    shapes = ({0: torch.export.Dim("N")},)
    names = {"input_names": ["images"], "output_names": ["probabilities"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            deployed, (sample,), common, dynamo=True, dynamic_shapes=shapes, verbose=False, **names
        )
    side = SIDES[network]
    return 2 * walk(deployed.network, (3, side, side)).macs / 1e9


# --- Contestants -----------------------------------------------------------------------------------------


def foveate(network: str, batch: int, path: str) -> Work:
    from foveate.images.preprocess import Preprocessing
    from foveate.runtime.predictor import Predictor
    from foveate.tasks.classification.task import Classification

    side = SIDES[network]
    predictor = Predictor(Path(path).read_bytes(), Classification(CLASSES), Preprocessing(side, side))
    x = pictures(side, batch)
    return lambda: predictor.run(x)["probabilities"][0].tolist()


def foveate_auto(network: str, batch: int, path: str) -> Work:
    from foveate.images.preprocess import Preprocessing
    from foveate.runtime.predictor import Predictor
    from foveate.tasks.classification.task import Classification

    side = SIDES[network]
    task, preprocessing = Classification(CLASSES), Preprocessing(side, side)
    predictor = Predictor(Path(path).read_bytes(), task, preprocessing, wanted="auto")
    x = pictures(side, batch)
    predictor.settle([x])
    return lambda: predictor.run(x)["probabilities"][0].tolist()


def ort_default(network: str, batch: int, path: str) -> Work:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = pictures(SIDES[network], batch)
    return lambda: session.run(None, {"images": x})[0][0].tolist()


def eager(network: str, batch: int, channels_last: bool = False, compiled: bool = False) -> Work:
    import torch

    deployed, _ = build(network)
    module = deployed.network
    if channels_last:
        module.to(memory_format=torch.channels_last)
    if compiled:
        if not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
            raise Skip("torch.compile needs a C++ compiler, and there is none")
        module = torch.compile(module)
    x = torch.from_numpy(pictures(SIDES[network], batch))
    layout = torch.channels_last if channels_last else torch.contiguous_format

    @torch.inference_mode()
    def work() -> list[float]:
        floats = x.permute(0, 3, 1, 2).to(torch.float32, memory_format=layout)
        logits = module(floats * deployed.scale + deployed.shift)
        return torch.softmax(logits, 1)[0].tolist()

    return work


def openvino(network: str, batch: int, path: str, precision: str) -> Work:
    import openvino as ov

    core = ov.Core()
    settings = {"PERFORMANCE_HINT": "LATENCY"}
    if precision != "default":
        settings["INFERENCE_PRECISION_HINT"] = precision
    elif "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise Skip("the default is f32 here")
    request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()
    x = pictures(SIDES[network], batch)
    return lambda: request.infer({0: x})[0][0].tolist()


def race(network: str, batch: int, ours: Path, common: Path, *, turns: int, seconds: float) -> Race:
    facts = {"network": network, "batch": batch}
    general = {**facts, "path": str(common)}
    contestants = [
        Contestant("foveate", "inference:foveate", {**facts, "path": str(ours)}),
        Contestant(AUTO, "inference:foveate_auto", {**facts, "path": str(ours)}),
        Contestant("torch eager", "inference:eager", facts),
        Contestant("torch channels_last", "inference:eager", {**facts, "channels_last": True}),
        Contestant("torch.compile", "inference:eager", {**facts, "channels_last": True, "compiled": True}),
        Contestant("OpenVINO", "inference:openvino", {**general, "precision": "f32"}),
        Contestant("ONNX Runtime, its defaults", "inference:ort_default", general),
        Contestant(HALF, "inference:openvino", {**general, "precision": "default"}),
    ]
    return compete(contestants, turns=turns, seconds=seconds)


def largest_difference(race: Race, name: str) -> float:
    """Of the probabilities of one picture, from ours."""
    return float(np.abs(np.array(race.answers[name][0]) - np.array(race.answers["foveate"][0])).max())


def run(quick: bool) -> Section:
    """All networks at both batch sizes; three networks and few turns where it shall be quick."""
    networks = ("resnet18", "efficientnet_lite0", "compact_s") if quick else tuple(NETWORKS)
    return networks_section("Inference on the processor", networks, quick)


def networks_section(title: str, networks: tuple[str, ...], quick: bool) -> Section:
    """These networks at both batch sizes."""
    found: dict[str, dict[str, Any]] = {}
    races: dict[tuple[str, int], Race] = {}
    with tempfile.TemporaryDirectory() as folder:
        ours, common = Path(folder) / "ours.onnx", Path(folder) / "common.onnx"
        for network in networks:
            gflop = export(network, ours, common)
            for batch in BATCHES:
                print(f"  {network}, batch {batch}", file=sys.stderr, flush=True)
                one = race(
                    network, batch, ours, common, turns=3 if quick else 7, seconds=0.1 if quick else 0.4
                )
                races[network, batch] = one
                found[f"{network} {batch}"] = {**one.to_dict(), "gflop_per_picture": gflop}
    return Section(
        title,
        "Milliseconds a batch, from uint8 pictures to probabilities; scaling and softmax are inside for "
        "everyone. foveate runs the model file it ships through ONNX Runtime; OpenVINO and ONNX Runtime "
        "with its defaults run what torch's exporter writes. *x the best* and *x eager*: how many times "
        "as fast as the fastest float32 rival (ONNX Runtime itself, which is foveate's engine, not "
        "counted) and as torch eager. OpenVINO computes in bfloat16 by default where the processor can; "
        "it is told to use float32 for the ratios, and its bfloat16 stands in a column of its own with "
        "the largest difference that it makes to a probability of the first picture; so does foveate with "
        "`--runtime auto`, which takes OpenVINO where a trial found it faster.",
        [_table(races), _shares(found)],
        found,
        headline=_headline(races),
        skipped=next(iter(races.values())).skipped,
    )


def _rivals(race: Race) -> Timing:
    """The fastest rival's time, in float32."""
    return race.timings[best_rival(race, leave_out=(AUTO, HALF, "ONNX Runtime, its defaults"))]


def _headline(races: dict[tuple[str, int], Race]) -> str:
    def ratios(times: Callable[[Race], Timing]) -> list[float]:
        return sorted(times(r).median / r.timings["foveate"].median for r in races.values())

    best, eager = ratios(_rivals), ratios(lambda r: r.timings["torch eager"])
    return (
        f"Inference, batches of 1 and 16, {len(best) // len(BATCHES)} networks: {best[0]:.2f} to "
        f"{best[-1]:.2f} times as fast as the fastest of torch eager, channels_last, torch.compile and "
        f"OpenVINO; {eager[0]:.1f} to {eager[-1]:.1f} times as fast as torch eager."
    )


def _shares(found: dict[str, dict[str, Any]]) -> Table:
    rows = []
    for what, figures in found.items():
        network, batch = what.split()
        seconds = figures["timings"]["foveate"]["median"]
        rate = int(batch) / seconds
        gflop = figures["gflop_per_picture"]
        rows.append((f"{network}, {batch}", f"{gflop:.3f}", f"{rate:.0f}", share(rate * gflop)))
    header = ("network, batch", "GFLOP a picture", "pictures a second", "GFLOP/s (share of float32 product)")
    return Table("foveate: the share of the machine that is used", header, rows)


def _table(races: dict[tuple[str, int], Race]) -> Table:
    names = list(dict.fromkeys(name for race in races.values() for name in race.timings))
    rows = []
    for (network, batch), race in races.items():
        times = race.timings
        best = _rivals(race)
        cells = [spread(times[name]) if name in times else "-" for name in names]
        for name in (AUTO, HALF):
            if name in times:
                cells[names.index(name)] += f", {largest_difference(race, name):.0e}"
        ratios = times_as_fast(best, times["foveate"]), times_as_fast(times["torch eager"], times["foveate"])
        rows.append((f"{network}, {batch}", *cells, *ratios))
    header = ("network, batch", *names, "x the best", "x eager")
    return Table("Milliseconds a batch: median (fastest to slowest turn)", header, rows)
