"""What a case of the table of bad inputs is, and what makes the broken and hostile things it is about."""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import json
import os
import pickle
import shlex
import shutil
import struct
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from PIL import Image
from safetensors.torch import save
from torch import nn

from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.write import Draft
from foveate.runtime.config import InputShape, ModelConfig
from foveate.seal import sealed
from foveate.tasks.classification.task import Classification

Maker = Callable[[], None]


def nothing() -> None:
    """An empty folder at hand."""


@dataclass(frozen=True)
class Case:
    """One bad input.

    Attributes:
        given: what is wrong, in words for the table.
        line: the command line after ``foveate``.
        code: the exit code; 2 where the input is wrong, 1 where something else failed.
        says: a part of the one sentence that it gets.
        make: puts the input in the folder at hand.
        process: run as a process of its own, as a person would.
        report: the command's answer is its report on standard output, not an error.
    """

    given: str
    line: str
    code: int
    says: str
    make: Maker = nothing
    process: bool = False
    report: bool = False

    @property
    def arguments(self) -> list[str]:
        return shlex.split(self.line)


COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def write(name: str, content: str | bytes) -> None:
    """A file, with the folders above it."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def both(*makers: Maker) -> Maker:
    """One after the other."""

    def make() -> None:
        for maker in makers:
            maker()

    return make


def file(name: str, content: str | bytes) -> Maker:
    return lambda: write(name, content)


def folders(*names: str) -> Maker:
    def make() -> None:
        for name in names:
            Path(name).mkdir(parents=True)

    return make


def link(name: str, target: str) -> Maker:
    def make() -> None:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).symlink_to(target)

    return make


def remove(name: str) -> Maker:
    return lambda: Path(name).unlink()


# --- Pictures --------------------------------------------------------------------------------------------


@functools.cache
def encoded(seed: int = 0, form: str = "PNG", side: int = 12) -> bytes:
    """A noisy picture's file, another one for each seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, form)
    return target.getvalue()


def pngs(*names: str) -> Maker:
    """A picture under each of these names."""

    def make() -> None:
        for seed, name in enumerate(names):
            write(name, encoded(seed))

    return make


def png_claiming(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes whose header claims that size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def photos(root: str = "photos", classes: tuple[str, ...] = ("cat", "dog"), count: int = 12) -> None:
    """A good data set: class folders of small pictures, all different."""
    for number, name in enumerate(classes):
        for i in range(count):
            write(f"{root}/{name}/{i:02}.png", encoded(1000 * number + i))


def broken_pictures(count: int) -> Maker:
    """The good data set with so many of its 24 pictures broken, one kind after the other."""
    kinds = (b"", b"this is a text\n", encoded()[:-40], b"<html><body>404</body></html>")

    def make() -> None:
        photos()
        for i in range(count):
            write(f"photos/cat/{i:02}.png", kinds[i % len(kinds)])

    return make


# --- Data sets -------------------------------------------------------------------------------------------


def table(text: str, name: str = "table.csv") -> Maker:
    """A table beside the good data set."""
    return both(photos, file(name, text))


def idx(labels: bytes | None = None, count: int = 20, written: int | None = None) -> None:
    """An IDX pair of 4x4 pictures; ``written`` pictures are there where ``count`` are claimed."""
    pixels = bytes(range(16)) * (count if written is None else written)
    write("idx/train-images-idx3-ubyte", struct.pack(">IIII", 0x803, count, 4, 4) + pixels)
    labels = bytes(i % 2 for i in range(20)) if labels is None else labels
    write("idx/train-labels-idx1-ubyte", struct.pack(">II", 0x801, len(labels)) + labels)


def npz(**arrays: object) -> Maker:
    """``data.npz`` of these arrays."""

    def make() -> None:
        np.savez("data.npz", **arrays)  # type: ignore[arg-type]

    return make


class Executes:
    """Unpickling this would make a file: a canary."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("pickled-code-was-run",)


# --- Model folders ---------------------------------------------------------------------------------------


@functools.cache
def _model_once() -> Path:
    """A model folder that tells red, green and blue apart, made once for all cases."""
    linear = nn.Linear(3, 3)
    with torch.no_grad():
        linear.weight.copy_(10 * torch.eye(3))
        linear.bias.zero_()
    shape = Preprocessing(8, 8, 3)
    facts = {"task": Classification(tuple(COLOURS)), "architecture": {"custom": "colours"}}
    kept = tempfile.TemporaryDirectory(prefix="foveate-bad-inputs-")
    _KEPT.append(kept)
    with Draft(Path(kept.name) / "model") as draft:
        draft.add_network(
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear),
            preprocessing=shape,
            sample_images=np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8),
            **facts,
        )
        return draft.publish(ModelConfig(input=InputShape(8, 8, 3), preprocessing=shape.to_dict(), **facts))


_KEPT: list[tempfile.TemporaryDirectory[str]] = []  # removed when the process ends


def model() -> None:
    """A good model folder ``model`` and a good picture ``red.png``."""
    shutil.copytree(_model_once(), "model")
    target = io.BytesIO()
    Image.new("RGB", (10, 10), COLOURS["red"]).save(target, "PNG")
    write("red.png", target.getvalue())


def in_model_and(name: str, content: bytes | str) -> Maker:
    return both(model, file(name, content))


def model_with(change: Callable[[Path], None]) -> Maker:
    def make() -> None:
        model()
        change(Path("model"))

    return make


def config_with(**changes: object) -> Maker:
    """The model folder with other fields in its config.json, and the hash that belongs to them."""

    def change(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(sealed({**json.loads(path.read_bytes()), **changes})))

    return model_with(change)


def task_of(*classes: str) -> dict[str, object]:
    """The task of config.json with these classes."""
    return {"name": "classification", "classes": classes, "temperature": 1.0, "unsure": None}


def flip_bit(folder: Path) -> None:
    path = folder / "model.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(name: str, share: float = 0.5) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * share)])

    return change


def _rehash(folder: Path, data: bytes) -> None:
    """Another model.onnx, and the hash that makes it look like the right one: what an attacker would do."""
    (folder / "model.onnx").write_bytes(data)
    config = json.loads((folder / "config.json").read_bytes())
    config["files"]["model.onnx"] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (folder / "config.json").write_text(json.dumps(sealed(config)))


def external_data(folder: Path) -> None:
    """Weights that are to be read from a file outside the folder."""
    graph = onnx.load(folder / "model.onnx")
    tensor = max(graph.graph.initializer, key=lambda one: len(one.raw_data))
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../secret.bin"
    _rehash(folder, graph.SerializeToString())


def not_onnx(folder: Path) -> None:
    _rehash(folder, b"this is a text and no network\n" * 20)


def names_outside(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_bytes())
    config["files"]["../../secret.bin"] = {"sha256": "0" * 64, "bytes": 4}
    (folder / "config.json").write_text(json.dumps(sealed(config)))


def rename_class(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"green"', '"olive"'))


def link_outside(folder: Path) -> None:
    (folder / "model.onnx").rename("elsewhere.onnx")
    (folder / "model.onnx").symlink_to("../elsewhere.onnx")


# --- Weights ---------------------------------------------------------------------------------------------


def pickle_with_code() -> None:
    photos()
    torch.save({"conv1.weight": Executes()}, "weights.pth")


def bare_pickle() -> None:
    photos()
    write("weights.pth", pickle.dumps(Executes()))


def other_weights() -> None:
    photos()
    write("weights.safetensors", save({"mystery.weight": torch.zeros(3, 3)}))


def truncated_weights() -> None:
    photos()
    write("weights.safetensors", save({"a.weight": torch.zeros(64, 64)})[:-100])


def lying_weights() -> None:
    """A safetensors file whose header claims to be 2^63 bytes long."""
    photos()
    write("weights.safetensors", struct.pack("<Q", 1 << 63) + b"{}")


# --- What only some file systems have --------------------------------------------------------------------


def fifo(name: str) -> Maker:
    def make() -> None:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(name)

    return make


def loop_of_links() -> None:
    """Class folders that hold links to their parents and nothing else."""
    Path("photos/cat").mkdir(parents=True)
    Path("photos/dog").symlink_to("../photos", target_is_directory=True)
    Path("photos/cat/again").symlink_to("..", target_is_directory=True)


def gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)
