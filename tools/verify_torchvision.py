"""Compare every network with torchvision's outputs under weights that need no random generator.

    python tools/verify_torchvision.py [NAME ...]

`fill` gives every tensor values that depend only on its name, shape and element index, `picture` gives the
input, and `tests/models/torchvision_outputs.json` holds what torchvision 0.28.0 made of both: for a picture
of (2, 3, 224, 224) the first 16 scores of each image, and the mean and deviation of all 2,000. The weights
are loaded strictly under torchvision's key names, so names and shapes are checked as well.

The error is the largest difference of a score from the expected one, divided by the deviation of the scores;
1e-5 is the limit. Where it is more, the network is computed again in float64: if the expected figures are as
far from that, the difference is their own float32 rounding (sums of up to 25,088 terms, one on another), and
1e-4 is the best that two orders of summation allow. Figures that were made in float64 agree to 1e-7 there.
(A batch norm eps of 0.001 for 1e-5 shows as 8e-3.)

Networks that score each pixel are held to `tests/models/segmentation_outputs.json`: 64 numbers of their score
maps and of their auxiliary heads', and how many pixels each class wins.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foveate.models import create_model
from foveate.models.anatomy import Network

EXPECTED = Path(__file__).parents[1] / "tests" / "models" / "torchvision_outputs.json"
EXPECTED_MAPS = EXPECTED.with_name("segmentation_outputs.json")
LIMIT = 1e-5
ROUNDING_LIMIT = 1e-4
EXACT_LIMIT = 1e-7  # of what both computed in float64
MOST_MOVED = 5  # pixels of a picture that rounding may give to another class


def wave(shape: tuple[int, ...], phase: float) -> Tensor:
    """Two sines of incommensurable periods, in float64."""
    i = np.arange(int(np.prod(shape)), dtype=np.float64)
    values = np.sin(0.7310 * i + phase) + 0.5 * np.sin(0.0137 * i * i % 6.283185307179586 + 2 * phase)
    return torch.from_numpy(values.reshape(shape))


def fill(state: dict[str, Tensor], gain: float) -> dict[str, Tensor]:
    """New values of the state's names and shapes: norms near one, biases near zero, weights of He's size."""
    filled = {}
    for name, old in state.items():
        if name.endswith("num_batches_tracked"):
            filled[name] = old
            continue
        values = wave(tuple(old.shape), zlib.crc32(name.encode()) % 1000)
        if name.endswith("running_var"):
            values = 1 + 0.1 * values.abs()
        elif name.endswith("running_mean"):
            values = 0.05 * values
        elif old.ndim == 1:
            values = 1 + 0.1 * values if name.endswith("weight") else 0.05 * values
        else:
            values = values * gain * 1.6 / old[0].numel() ** 0.5
        filled[name] = values.to(old.dtype)
    return filled


def picture() -> Tensor:
    return wave((2, 3, 224, 224), 1.0).float()


def filled(name: str, gain: float) -> Network:
    """This program's network with the weights that need no generator, in evaluation."""
    with torch.device("meta"):
        network = create_model(name)
    state = {key: torch.empty(value.shape, dtype=value.dtype) for key, value in network.state_dict().items()}
    network.load_state_dict(fill(state, gain), strict=True, assign=True)
    return network.eval()


def scores(name: str, gain: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """What this program's network makes of the picture: (2, 1000), in evaluation."""
    with torch.no_grad():
        return filled(name, gain).to(dtype)(picture().to(dtype)).double()


def score_maps(name: str, expected: dict[str, Any], dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """``out`` and, where there is an auxiliary head, ``aux``: each (N, 21, H, W), in evaluation."""
    x = wave(tuple(expected["input"]), 1.0).to(dtype)
    with torch.no_grad():
        out, aux = filled(name, expected["gain"]).to(dtype).forward_with_aux(x)
    return dict(zip(("out", "aux"), (out.double(), *(head.double() for head in aux)), strict=False))


def keys_digest(name: str) -> str:
    """SHA-256 of the sorted lines 'name [shape]' of the network's state dict."""
    with torch.device("meta"):
        state = create_model(name).state_dict()
    lines = sorted(f"{key} {list(value.shape)}" for key, value in state.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def errors(expected: dict[str, Any], got: Tensor) -> dict[str, float]:
    """The largest relative error of a score, and those of mean and deviation, all in deviations."""
    deviation = expected["std"]
    first = torch.tensor(expected["logits"], dtype=torch.float64)
    return {
        "score": float((got[:, :16] - first).abs().max()) / deviation,
        "mean": abs(float(got.mean()) - expected["mean"]) / deviation,
        "std": abs(float(got.std()) - deviation) / deviation,
    }


def map_errors(expected: dict[str, Any], got: Tensor) -> dict[str, float]:
    """As `errors` of a map of scores, and how many pixels moved to another class."""
    deviation, kept = expected["std"], len(expected["values"])
    places = [(2 * i + 1) * got.numel() // (2 * kept) for i in range(kept)]
    values = torch.tensor(expected["values"], dtype=torch.float64)
    counts = [torch.bincount(one.argmax(0).flatten(), minlength=len(one)) for one in got]
    moved = (torch.stack(counts) - torch.tensor(expected["argmax_counts"])).abs().sum(1) / 2
    return {
        "score": float((got.flatten()[places] - values).abs().max()) / deviation,
        "mean": abs(float(got.mean()) - expected["mean"]) / deviation,
        "std": abs(float(got.std()) - deviation) / deviation,
        "moved": float(moved.max()),
    }


def verify_maps(name: str, expected: dict[str, Any]) -> tuple[bool, str]:
    """Whether a network that scores each pixel is right, and a line that says how far off it is."""
    got = score_maps(name, expected)
    found = [map_errors(expected[which], scored) for which, scored in got.items()]
    moved = max(one.pop("moved") for one in found)
    error = max(max(one.values()) for one in found)
    right = error <= ROUNDING_LIMIT and moved <= MOST_MOVED and keys_digest(name) == expected["keys_sha256"]
    return right, f"{error:.1e}, {moved:g} pixels moved" + ("" if right else ": WRONG")


def verify(name: str, expected: dict[str, Any]) -> tuple[bool, str]:
    """Whether the network is right, and a line that says how far off it is."""
    if "keys_sha256" in expected and keys_digest(name) != expected["keys_sha256"]:
        return False, "names or shapes are WRONG"
    error = max(errors(expected, scores(name, expected["gain"])).values())
    if error <= LIMIT:
        return True, f"{error:.1e}"
    exact = max(errors(expected, scores(name, expected["gain"], torch.float64)).values())
    if "keys_sha256" in expected:  # made in float64: what is left there is what float32 rounds
        rounding, why = error <= ROUNDING_LIMIT and exact <= EXACT_LIMIT, "float32's rounding"
    else:
        rounding = max(error, exact) <= ROUNDING_LIMIT and exact >= error / 4
        why = "torchvision's own rounding"
    why = why if rounding else "WRONG"
    return rounding, f"{error:.1e}; in float64 {exact:.1e}: {why}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="networks; all of torchvision's without")
    table = json.loads(EXPECTED.read_text())["networks"]
    maps = json.loads(EXPECTED_MAPS.read_text())["networks"]
    failed = []
    for name in parser.parse_args().names or [*table, *maps]:
        right, line = verify(name, table[name]) if name in table else verify_maps(name, maps[name])
        print(f"{name:26} {line}", flush=True)
        failed += [] if right else [name]
    print(f"wrong: {', '.join(failed)}" if failed else "all agree with torchvision")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
