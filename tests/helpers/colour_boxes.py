"""A detector written by hand in ONNX: boxes around what is red, green and blue, with known scores."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from foveate.images.preprocess import Preprocessing
from foveate.runtime.config import CONFIG_NAME, ONNX_NAME, FileRecord, InputShape, ModelConfig
from foveate.tasks.detection.task import Detection
from foveate.tasks.detection.trust import UNCHANGED, ScoreRule

SIDE = 64
CLASSES = ("red", "green", "blue")
SCORES = (0.9, 0.6, 0.2)  # of the three; the threshold lies between the last two
RULE = ScoreRule(threshold=0.5, f1=0.8, precision=0.9, recall=0.7, boxes=40)
PURE = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def colour_task(most: int = 5) -> Detection:
    return Detection(CLASSES, most, UNCHANGED, RULE)


def colour_graph(most: int = 5) -> bytes:
    """images (N, 64, 64, 3) -> a box for each class that a picture shows, which must be the first ones."""
    nodes, constants = [], {}

    def constant(name: str, values: object, dtype: type) -> str:
        constants[name] = numpy_helper.from_array(np.array(values, dtype), name)
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    node("Cast", ["images"], "pixels", to=TensorProto.FLOAT)
    zero = constant("zero", 0, np.float32)
    sides, scores = [], []
    for k, label in enumerate(CLASSES):
        weights = np.full((3, 1), -1.0)
        weights[k] = 1
        strength = node(
            "MatMul", ["pixels", constant(f"{label}_w", weights, np.float32)], f"{label}_strength"
        )
        over = node("Sub", [strength, constant(f"{label}_least", 100, np.float32)], f"{label}_over")
        mask = node(
            "Cast", [node("Greater", [over, zero], f"{label}_is")], f"{label}_mask", to=1
        )  # (N, H, W, 1)
        across = node("ReduceMax", [mask, constant(f"{label}_1", [1, 3], np.int64)], f"{label}_x", keepdims=0)
        down = node("ReduceMax", [mask, constant(f"{label}_2", [2, 3], np.int64)], f"{label}_y", keepdims=0)
        box = []
        for place, last in ((across, 0), (down, 0), (across, 1), (down, 1)):
            at = node(
                "ArgMax", [place], f"{place}_{last}", axis=1, keepdims=1, select_last_index=last
            )  # (N, 1)
            side = node("Cast", [at], f"{at}_float", to=TensorProto.FLOAT)
            box.append(node("Add", [side, constant(f"{at}_end", last, np.float32)], f"{at}_side"))
        flat = node("Concat", box, f"{label}_box", axis=1)
        sides.append(node("Unsqueeze", [flat, constant(f"{label}_u", [1], np.int64)], f"{label}_boxes"))
        shown = node(
            "ReduceMax", [across, constant(f"{label}_s", [1], np.int64)], f"{label}_shown", keepdims=1
        )
        scores.append(
            node("Mul", [shown, constant(f"{label}_score", SCORES[k], np.float32)], f"{label}_said")
        )
    pad = constant("pad_boxes", [0, 0, 0, 0, most - 3, 0], np.int64)
    node("Pad", [node("Concat", sides, "three", axis=1), pad], "boxes")
    said = node("Concat", scores, "three_scores", axis=1)
    node("Pad", [said, constant("pad_scores", [0, 0, 0, most - 3], np.int64)], "scores")
    some = node("Cast", [node("Greater", [said, zero], "some")], "ones", to=TensorProto.INT64)
    node("ReduceSum", [some, constant("axis", [1], np.int64)], "count", keepdims=0)
    rows = node("Mul", [some, constant("none", 0, np.int64)], "zeros")  # (N, 3)
    numbered = node("Add", [rows, constant("numbers", [[0, 1, 2]], np.int64)], "three_labels")
    node("Pad", [numbered, constant("pad_labels", [0, 0, 0, most - 3], np.int64)], "labels")
    kinds = {"boxes": (TensorProto.FLOAT, [most, 4]), "scores": (TensorProto.FLOAT, [most])}
    kinds |= {"labels": (TensorProto.INT64, [most]), "count": (TensorProto.INT64, [])}
    graph = helper.make_graph(
        nodes,
        "colour_boxes",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info(name, kind, ["N", *rest]) for name, (kind, rest) in kinds.items()],
        list(constants.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return model.SerializeToString()


def colour_boxes(folder: Path, fit: str = "pad", sample_range: tuple[float, float] | None = None) -> str:
    """The name of a model folder of it, made in ``folder``."""
    out = folder / "colours"
    out.mkdir()
    data = colour_graph()
    preprocessing = Preprocessing(SIDE, SIDE, 3, fit=fit, interpolation="nearest", sample_range=sample_range)
    config = ModelConfig(
        architecture={"custom": "colour_boxes"},
        task=colour_task(),
        input=InputShape(SIDE, SIDE, 3),
        preprocessing=preprocessing.to_dict(),
        files={ONNX_NAME: FileRecord(hashlib.sha256(data).hexdigest(), len(data))},
    )
    (out / ONNX_NAME).write_bytes(data)
    (out / CONFIG_NAME).write_text(config.to_json())
    return str(out)


def patches(seed: int, width: int = 128, height: int = 96) -> tuple[np.ndarray, dict[str, tuple[int, ...]]]:
    """A grey picture with a patch of each colour, on a grid of 4; and the boxes around them."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 120, np.uint8)
    third, found = width // 3, {}
    for k, label in enumerate(CLASSES):
        x1 = 4 * int(random.integers(k * third // 4 + 1, k * third // 4 + 4))
        y1 = 4 * int(random.integers(0, height // 8))
        x2, y2 = x1 + 4 * int(random.integers(2, 5)), y1 + 4 * int(random.integers(2, 6))
        picture[y1:y2, x1:x2] = PURE[label]
        found[label] = (x1, y1, x2, y2)
    return picture, found
