"""A network in 8-bit integers: made from the user's own pictures, and kept only if it earns its place.

Static, in QDQ form: each weight is one of 256 steps with a scale of its own for every output channel, each
feature map one of 256 between the least and the greatest value that the calibration pictures gave (Jacob et
al., arXiv:1712.05877; Krishnamoorthi, arXiv:1806.08342). Batch norm is folded into the convolutions first.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from foveate.dataset import DataSet, open_dataset
from foveate.dataset.samples import evenly, measured_splits
from foveate.errors import InputError, MissingExtraError
from foveate.runtime.measure import evaluate_predictor
from foveate.runtime.names import ONNX_RUNTIME
from foveate.runtime.predictor import Predictor
from foveate.tasks.measures import Metric
from foveate.tasks.values import MODEL_INPUT
from foveate.words import bytes_text, setting

CALIBRATION_COUNT = 200  # pictures; from about a hundred on, the ranges of feature maps hardly grow
CALIBRATION_BATCH = 20
MOST_POINTS_LOST = 0.5
LEAST_GAIN = 1.3  # times as fast, for each size of batch: less is not worth another model to keep
BATCHES = (1, 16)
TURNS = 15
TURN_SECONDS = 0.05
# Operators that have an integer kernel; softmax and the reading of pictures stay in floats.
OPERATORS = ("Conv", "Gemm", "Add", "MaxPool", "AveragePool", "GlobalAveragePool", "Concat")


@dataclass(frozen=True)
class Comparison:
    """The integer network beside the float one, on the same pictures and the same machine.

    ``value`` and ``int8_value`` are of the task's first metric; ``milliseconds`` maps a batch size to (float,
    int8), medians of 15 turns, on ``runtimes``; ``agreeing`` is the fraction of answers that are the same.
    """

    pictures: int
    metric: Metric
    value: float
    int8_value: float
    agreeing: float
    milliseconds: dict[int, tuple[float, float]]
    bytes: int
    int8_bytes: int
    runtimes: tuple[str, str] = (ONNX_RUNTIME, ONNX_RUNTIME)

    @property
    def points_lost(self) -> float:
        lost = 100 * (self.value - self.int8_value)
        return lost if self.metric.higher_is_better else -lost

    @property
    def faster(self) -> bool:
        """For every batch size measured, and by `LEAST_GAIN`."""
        return all(plain >= LEAST_GAIN * quantised for plain, quantised in self.milliseconds.values())

    @property
    def accepted(self) -> bool:
        return self.faster and self.points_lost < MOST_POINTS_LOST

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "pictures": self.pictures,
            self.metric.name: self.value,
            f"int8_{self.metric.name}": self.int8_value,
            "agreeing": self.agreeing,
            "milliseconds": {str(batch): list(pair) for batch, pair in self.milliseconds.items()},
            "bytes": self.bytes,
            "int8_bytes": self.int8_bytes,
            "runtimes": list(self.runtimes),
            "points_lost": self.points_lost,
            "accepted": self.accepted,
        }

    def describe(self) -> str:
        """The figures in one sentence."""
        times = "; ".join(
            f"{plain:.2f} -> {quantised:.2f} ms for a batch of {batch} ({plain / quantised:.2f} x)"
            for batch, (plain, quantised) in self.milliseconds.items()
        )
        value, int8_value = (
            f"{one:.2%}" if self.metric.is_fraction else f"{one:.4f}" for one in (self.value, self.int8_value)
        )
        return (
            f"{self.metric.words} {value} -> {int8_value} on {self.pictures} pictures "
            f"({self.points_lost:+.2f} points lost, {self.agreeing:.1%} of the answers the same), {times}, "
            f"{bytes_text(self.bytes)} -> {bytes_text(self.int8_bytes)}, by {' -> '.join(self.runtimes)}"
        )


Feeds = Callable[[np.ndarray], dict[str, np.ndarray]]


def pictures_alone(batch: np.ndarray) -> dict[str, np.ndarray]:
    """What most graphs are given."""
    return {MODEL_INPUT: np.ascontiguousarray(batch)}


def divide(predictor: Predictor, data: str | Path | DataSet) -> tuple[np.ndarray, DataSet]:
    """Pictures to calibrate with, (N, height, width, channels) uint8, and others to measure on.

    Up to 200 pictures of ``train``, where the data have another split to measure on; else of all, and the
    rest is measured on. Raises DatasetError, ImageError; InputError where too few remain.
    """
    opened = open_dataset(data, task=predictor.task.name, min_classes=1).with_task(predictor.task)
    name = measured_splits(opened.splits)[-1]
    measured, source = opened.splits[name], opened.splits.get("train", opened.splits[name])
    count = min(CALIBRATION_COUNT, len(source) if name != "train" else len(source) // 2)
    if count < 10:
        raise InputError(
            f"Data set {opened.name!r}: expected at least 20 pictures to calibrate and measure with, found "
            f"{len(source)}; give more with {setting('data')}."
        )
    chosen = evenly(len(source), count)
    if measured is source:
        measured = source.select(np.setdiff1d(np.arange(len(source)), chosen))
    pictures = np.stack([source.images.take_for(predictor.preprocessing, int(i)).pixels for i in chosen])
    return pictures, DataSet(opened.name, opened.task, {"test": measured})


def quantise(model: bytes, pictures: np.ndarray, feeds: Feeds = pictures_alone) -> bytes:
    """``model.onnx`` in integers. pictures: (N, height, width, 3 or 1) uint8, as `divide` gives them.

    feeds: what the graph is given for a batch of them (`Predictor.feeds`).

    Raises MissingExtraError without the packages that training needs.
    """
    try:
        import onnx
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"Quantising a network ({error.name})", "train") from error
    if pictures.shape[3] == 1:
        pictures = np.repeat(pictures, 3, axis=3)
    with tempfile.TemporaryDirectory(prefix="foveate-int8-") as folder, _unlogged():
        folded, result = Path(folder) / "folded.onnx", Path(folder) / "int8.onnx"
        _fold(model, folded)
        quantize_static(
            folded,
            result,
            _reader(pictures, feeds),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATORS),
            nodes_to_exclude=_before_the_network(folded),
            per_channel=True,
            # Without the instructions that add products of bytes in 32 bits, x86 adds two of them in 16,
            # which overflows: weights of 7 bits do not.
            reduce_range=not _sums_bytes_exactly(),
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        quantised = onnx.load(result)
    names = [entry for entry in quantised.opset_import if entry.domain in ("", "ai.onnx")]
    del quantised.opset_import[:]  # it names ONNX Runtime's own operators too, and uses none
    quantised.opset_import.extend(names)
    original = onnx.load_from_string(model)
    properties = {entry.key: entry.value for entry in original.metadata_props}
    onnx.helper.set_model_props(quantised, {**properties, "precision": "int8"})
    data: bytes = quantised.SerializeToString(deterministic=True)
    return data


def compare(predictor: Predictor, quantised: Predictor, data: DataSet, sizes: tuple[int, int]) -> Comparison:
    """Measure both, in turn. sizes: the bytes of the two files."""
    plain, integer = (evaluate_predictor(each, data) for each in (predictor, quantised))
    return Comparison(
        pictures=len(plain.targets),
        metric=plain.evaluation.headline.metric,
        value=plain.evaluation.headline.value,
        int8_value=integer.evaluation.headline.value,
        agreeing=float(predictor.task.agree(plain.values, integer.values).mean()),
        milliseconds={batch: _race(predictor, quantised, batch) for batch in BATCHES},
        bytes=sizes[0],
        int8_bytes=sizes[1],
        runtimes=(predictor.runtime, quantised.runtime),
    )


def _race(one: Predictor, other: Predictor, batch: int) -> tuple[float, float]:
    """Milliseconds of each for a batch: medians of turns taken one after the other, after one to warm up."""
    height, width = one.preprocessing.height, one.preprocessing.width
    pixels = np.random.default_rng(0).integers(0, 256, (batch, height, width, 3), np.uint8)
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(TURNS + 1):
        for predictor, seconds in zip((one, other), taken, strict=True):
            calls, began = 0, time.perf_counter()
            while calls == 0 or time.perf_counter() - began < TURN_SECONDS:
                predictor.run(pixels)
                calls += 1
            if turn:
                seconds.append((time.perf_counter() - began) / calls)
    first, second = (1e3 * statistics.median(seconds) for seconds in taken)
    return first, second


def _fold(model: bytes, path: Path) -> None:
    """Write the graph with batch norms folded into convolutions, and nothing else rearranged."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = os.fspath(path)
    onnxruntime.InferenceSession(
        model, options, providers=["CPUExecutionProvider"], disabled_optimizers=["Pad_Fusion"]
    )


def _before_the_network(path: Path) -> list[str]:
    """The names of the nodes that make floats of a picture: all before the first convolution."""
    import onnx

    nodes = list(onnx.load(path).graph.node)
    weighty = [place for place, node in enumerate(nodes) if node.op_type in ("Conv", "Gemm")]
    return [node.name for node in nodes[: min(weighty, default=0)]]


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Without the advice that ONNX Runtime gives through the root logger, which gets a handler of its own."""
    root = logging.getLogger()
    handlers, disabled = list(root.handlers), root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers


def _reader(pictures: np.ndarray, feeds: Feeds) -> Any:
    """The pictures as ONNX Runtime's calibration asks for them."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.batches: Iterator[np.ndarray] = iter(
                np.array_split(pictures, -(-len(pictures) // CALIBRATION_BATCH))
            )

        def get_next(self) -> dict[str, np.ndarray] | None:
            batch = next(self.batches, None)
            return None if batch is None else feeds(batch)

    return Reader()


def _sums_bytes_exactly() -> bool:
    """Whether products of unsigned and signed bytes are summed without overflow: not on x86 without VNNI."""
    if platform.machine().lower() not in ("x86_64", "amd64", "i686"):
        return True
    try:
        return "_vnni" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
