"""Compare every network with torchvision's outputs under weights that need no random generator.

    python tools/verify_torchvision.py [NAME ...]

`fill` gives every tensor values that depend only on its name, shape and element index, `picture` gives the
input, and `tests/models/torchvision_outputs.json` holds what torchvision 0.28.0 made of both: for a picture
of (2, 3, 224, 224) the first 16 scores of each image, and the mean and deviation of all 2,000. The weights
are loaded strictly under torchvision's key names, so names and shapes are checked as well.

The error is the largest difference of a score from the expected one, divided by the deviation of the scores;
1e-5 is the limit. Where it is more, the network is computed again in float64: if the expected figures are as
far from that, the difference is their own float32 rounding (sums of up to 25,088 terms, one on another), and
1e-4 is the best that two orders of summation allow. (A batch norm eps of 0.001 for 1e-5 shows as 8e-3.)
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foveate.models import create_model

EXPECTED = Path(__file__).parents[1] / "tests" / "models" / "torchvision_outputs.json"
LIMIT = 1e-5
ROUNDING_LIMIT = 1e-4


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


def scores(name: str, gain: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """What this program's network makes of the picture: (2, 1000), in evaluation."""
    with torch.device("meta"):
        network = create_model(name)
    state = {key: torch.empty(value.shape, dtype=value.dtype) for key, value in network.state_dict().items()}
    network.load_state_dict(fill(state, gain), strict=True, assign=True)
    with torch.no_grad():
        return network.to(dtype).eval()(picture().to(dtype)).double()


def errors(expected: dict[str, Any], got: Tensor) -> dict[str, float]:
    """The largest relative error of a score, and those of mean and deviation, all in deviations."""
    deviation = expected["std"]
    first = torch.tensor(expected["logits"], dtype=torch.float64)
    return {
        "score": float((got[:, :16] - first).abs().max()) / deviation,
        "mean": abs(float(got.mean()) - expected["mean"]) / deviation,
        "std": abs(float(got.std()) - deviation) / deviation,
    }


def verify(name: str, expected: dict[str, Any]) -> tuple[bool, str]:
    """Whether the network is right, and a line that says how far off it is."""
    error = max(errors(expected, scores(name, expected["gain"])).values())
    if error <= LIMIT:
        return True, f"{error:.1e}"
    exact = max(errors(expected, scores(name, expected["gain"], torch.float64)).values())
    rounding = max(error, exact) <= ROUNDING_LIMIT and exact >= error / 4
    why = "torchvision's own rounding" if rounding else "WRONG"
    return rounding, f"{error:.1e}; in float64 {exact:.1e}: {why}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="networks; all of torchvision's without")
    table = json.loads(EXPECTED.read_text())["networks"]
    failed = []
    for name in parser.parse_args().names or table:
        right, line = verify(name, table[name])
        print(f"{name:16} {line}", flush=True)
        failed += [] if right else [name]
    print(f"wrong: {', '.join(failed)}" if failed else "all agree with torchvision")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
