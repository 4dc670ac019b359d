"""Model folders made to do harm, with hashes that are right: each is refused or answers, soon and in bounds.

    python tools/hostile_models.py [--models 150] [--seed 0]

Each changes model.onnx of a whole folder in one way, with numbers of its own, and is opened and run on a
picture in a process of its own. Asked of each: one of this program's own errors, or probabilities; at most
20 s and 6 GiB; the file beside the folder is not opened. Prints a line for what is wrong and a summary; exits
with 1 if anything is.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import itertools
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from foveate.errors import ModelFolderError
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.read import load
from foveate.modelfolder.write import Draft
from foveate.runtime.config import InputShape, ModelConfig
from foveate.seal import sealed
from foveate.tasks.classification.task import Classification

TASK = Classification(("a", "b"))

MOST_SECONDS, MOST_BYTES = 20, 6 << 30
Change = Callable[[onnx.ModelProto, random.Random], bytes | None]


def constant(graph: onnx.GraphProto, name: str, value: np.ndarray) -> str:
    graph.initializer.append(numpy_helper.from_array(value, name))
    return name


def before_the_end(graph: onnx.GraphProto, made: str) -> None:
    """Let the answer depend on a number that was made: so that no optimiser leaves it out."""
    last = graph.output[0].name
    for node in graph.node:
        node.output[:] = [f"{name}_own" if name == last else name for name in node.output]
    graph.node.extend(
        [
            helper.make_node("ReduceMax", [made], ["most"], keepdims=0),
            helper.make_node("Mul", ["most", constant(graph, "nil", np.zeros((), np.float32))], ["nothing"]),
            helper.make_node("Add", [f"{last}_own", "nothing"], [last]),
        ]
    )


def external(model: onnx.ModelProto, rng: random.Random) -> None:
    tensor = rng.choice([t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT])
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    where = rng.choice(["canary", "../canary", "/etc/passwd", "/dev/zero", "a/../../canary"])
    tensor.external_data.add(key="location", value=where)


def identities(model: onnx.ModelProto, rng: random.Random) -> None:
    count, last = rng.choice([5_000, 9_000, 20_000, 49_000]), model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = [f"{last}_0" if name == last else name for name in node.output]
    names = [*(f"{last}_{i}" for i in range(count)), last]
    model.graph.node.extend(helper.make_node("Identity", [a], [b]) for a, b in itertools.pairwise(names))


def products(model: onnx.ModelProto, rng: random.Random) -> None:
    side, count = rng.choice([64, 512, 4096, 30_000]), rng.choice([1, 40, 400, 4000])
    shape = constant(model.graph, "sides", np.array([side, side]))
    fill = numpy_helper.from_array(np.array([1e-4], np.float32))
    model.graph.node.append(helper.make_node("ConstantOfShape", [shape], ["big_0"], value=fill))
    model.graph.node.extend(
        helper.make_node("MatMul", [f"big_{i}", "big_0"], [f"big_{i + 1}"]) for i in range(count)
    )
    before_the_end(model.graph, f"big_{count}")


def growth(model: onnx.ModelProto, rng: random.Random) -> None:
    """Small steps, each of which makes more of what there is."""
    kind, factor = (
        rng.choice(["Tile", "Pad", "Resize", "Expand", "Concat", "Outer"]),
        rng.choice([2, 30, 5000]),
    )
    graph = model.graph
    graph.node.append(helper.make_node("ConstantOfShape", [constant(graph, "unit", np.ones(2, int))], ["g0"]))
    inputs = {
        "Tile": [np.array([1, factor])],
        "Pad": [np.array([0, 0, 0, factor * 1000])],
        "Resize": [np.zeros(0, np.float32), np.array([1, factor], np.float32)],
        "Expand": [np.array([factor * 10_000, 1])],
    }.get(kind, [])
    names = [constant(graph, f"by{i}", value) for i, value in enumerate(inputs)]
    steps = rng.randint(1, 12)
    for i in range(steps):
        if kind == "Concat":
            node = helper.make_node("Concat", [f"g{i}"] * min(factor, 1000), [f"g{i + 1}"], axis=i % 2)
        elif kind == "Outer":
            graph.node.append(helper.make_node("Reshape", [f"g{i}", _row(graph)], [f"row{i}"]))
            graph.node.append(helper.make_node("Tile", [f"row{i}", _times(graph, factor)], [f"long{i}"]))
            graph.node.append(helper.make_node("Transpose", [f"long{i}"], [f"column{i}"], perm=[1, 0]))
            node = helper.make_node("MatMul", [f"column{i}", f"long{i}"], [f"g{i + 1}"])
        else:
            node = helper.make_node(kind, [f"g{i}", *names], [f"g{i + 1}"])
        graph.node.append(node)
    before_the_end(graph, f"g{steps}")


def _row(graph: onnx.GraphProto) -> str:
    known = {tensor.name for tensor in graph.initializer}
    return "row" if "row" in known else constant(graph, "row", np.array([1, -1]))


def _times(graph: onnx.GraphProto, factor: int) -> str:
    known = {tensor.name for tensor in graph.initializer}
    return "times" if "times" in known else constant(graph, "times", np.array([1, factor]))


def foreign(model: onnx.ModelProto, rng: random.Random) -> None:
    empty = helper.make_graph([], "g", [], [])
    rng.choice(
        [
            lambda: model.graph.node.append(helper.make_node("Run", [], ["e"], domain="evil")),
            lambda: model.graph.node.append(helper.make_node("FusedConv", [], ["e"], domain="com.microsoft")),
            lambda: model.opset_import.add(domain="evil", version=1),
            lambda: model.graph.node.append(helper.make_node("Loop", [], ["e"], body=empty)),
            lambda: model.graph.node.append(helper.make_node("If", [], ["e"], then_branch=empty)),
            lambda: model.functions.append(helper.make_function("d", "f", [], [], [], [])),
            model.training_info.add,
            model.graph.sparse_initializer.add,
            lambda: model.graph.node.append(helper.make_node("NonZero", ["images"], ["e"])),
        ]
    )()


def huge(model: onnx.ModelProto, rng: random.Random) -> None:
    dims = rng.choice([[1 << 40], [1 << 31, 1 << 31, 4], [-1], [0, 1 << 62], [1] * 40])
    model.graph.initializer.add(name="large", data_type=rng.randint(0, 25), dims=dims)


def other_outputs(model: onnx.ModelProto, rng: random.Random) -> None:
    output = model.graph.output[0]
    rng.choice(
        [
            lambda: setattr(output.type.tensor_type, "elem_type", rng.choice([2, 6, 7, 8, 11, 16])),
            lambda: setattr(output.type.tensor_type.shape.dim[1], "dim_value", rng.randint(0, 1 << 20)),
            lambda: setattr(output, "name", "another"),
            lambda: model.graph.output.append(output),
            lambda: model.graph.input[0].type.tensor_type.shape.dim.add(dim_value=3),
            lambda: model.graph.ClearField("input"),
            lambda: setattr(model.graph.node[-1], "op_type", rng.choice(["Log", "Neg", "Sqrt", "Relu"])),
        ]
    )()


def disorder(model: onnx.ModelProto, rng: random.Random) -> None:
    nodes = list(model.graph.node)
    rng.shuffle(nodes)
    if rng.random() < 0.5:
        rng.choice(nodes).input[:] = [rng.choice(nodes).output[0]]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def cut(model: onnx.ModelProto, rng: random.Random) -> bytes:
    data = model.SerializeToString()
    return data[: rng.randrange(len(data))]


def bytes_changed(model: onnx.ModelProto, rng: random.Random) -> bytes:
    data = bytearray(model.SerializeToString())
    for _ in range(rng.choice([1, 1, 4, 40])):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def doubled(model: onnx.ModelProto, rng: random.Random) -> bytes:
    data = model.SerializeToString()
    return data + data[rng.choice([0, 20]) :]


def crowded(model: onnx.ModelProto, rng: random.Random) -> None:
    """More fields, names and constants than a model has."""
    count = rng.choice([30_000, 300_000])
    rng.choice(
        [
            lambda: model.graph.node[0].input.extend(["images"] * count),
            lambda: model.metadata_props.extend(
                onnx.StringStringEntryProto(key=str(i), value="x") for i in range(count)
            ),
            lambda: model.graph.initializer.extend(
                TensorProto(name=f"c{i}", data_type=1, dims=[1], float_data=[0.0]) for i in range(count // 4)
            ),
            lambda: model.graph.node.append(
                helper.make_node("Constant", [], ["c"], value_ints=list(range(count)))
            ),
        ]
    )()


KINDS: dict[str, Change] = {
    change.__name__: change
    for change in (
        *(external, identities, products, growth, foreign, huge, other_outputs, disorder, cut, bytes_changed),
        *(doubled, crowded),
    )
}


def whole_folder(folder: Path) -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )
    shape = Preprocessing(8, 8, 3)
    with Draft(folder) as draft:
        draft.add_network(
            network.eval(),
            preprocessing=shape,
            task=TASK,
            sample_images=np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8),
            architecture={"custom": "small"},
        )
        draft.publish(ModelConfig({"custom": "small"}, TASK, InputShape(8, 8, 3), shape.to_dict()))


def put(folder: Path, data: bytes) -> None:
    """Another model.onnx, with the hashes that belong to it."""
    (folder / "model.onnx").write_bytes(data)
    config = json.loads((folder / "config.json").read_bytes())
    config["files"]["model.onnx"] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (folder / "config.json").write_text(json.dumps(sealed(config)))


def opened(folder: Path) -> str:
    """What opening and running a folder comes to, in a process of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(MOST_SECONDS)
        try:
            found = load(folder, threads=2).predict_proba(np.zeros((1, 8, 8, 3), np.uint8))
            told = "answered" if found.shape == (1, 2) else f"WRONG shape {found.shape}"
        except ModelFolderError as error:
            told = "refused" if str(error).isprintable() and len(str(error)) < 700 else f"WRONG {error!r}"
        except BaseException as error:
            told = f"WRONG {type(error).__name__}: {error}"
        os.write(writing, told[:300].encode(errors="replace"))
        os._exit(0)
    os.close(writing)
    _, status, used = os.wait4(pid, 0)
    with open(reading, "rb") as pipe:  # noqa: PTH123 -- a descriptor
        told = pipe.read().decode()
    if status:
        return f"WRONG: ended by {signal.Signals(os.WTERMSIG(status)).name} (SIGALRM after {MOST_SECONDS} s)"
    return told if used.ru_maxrss * 1024 < MOST_BYTES else f"WRONG: took {used.ru_maxrss >> 20} GiB"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-seconds", type=float, default=160.0)
    options = parser.parse_args()
    rng, began = random.Random(options.seed), time.monotonic()
    told: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    tried = wrong = 0
    slowest = (0.0, "")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        whole_folder(place / "whole")
        canary = place / "canary"
        canary.write_bytes(bytes(1000))
        os.utime(canary, ns=(1, 2))
        os.chdir(place)
        model = onnx.load(place / "whole" / "model.onnx")
        while tried < options.models and time.monotonic() - began < options.most_seconds:
            kind = sorted(KINDS)[tried % len(KINDS)]
            changed = onnx.ModelProto()
            changed.CopyFrom(model)
            data = KINDS[kind](changed, rng) or changed.SerializeToString()
            shutil.copytree(place / "whole", place / "hostile")
            put(place / "hostile", data)
            start = time.monotonic()
            outcome = opened(place / "hostile")
            slowest = max(slowest, (time.monotonic() - start, kind))
            if canary.stat().st_atime_ns != 1:
                outcome = "WRONG: the file beside the folder was read"
            told[kind][outcome.split()[0].rstrip(":")] += 1
            if outcome.startswith("WRONG"):
                wrong += 1
                print(f"model {tried}, {kind}: {outcome}")
            shutil.rmtree(place / "hostile")
            tried += 1
    for kind, counts in sorted(told.items()):
        print(f"  {kind:<15} " + ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    took, kind = slowest
    print(
        f"{tried} hostile models, {wrong} wrong, the slowest ({kind}) {took:.1f} s, "
        f"{time.monotonic() - began:.0f} s in all"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
