"""Kill a training at random moments, resume it, and compare every byte with a run never interrupted.

    python tools/kill_campaign.py [--kills 20] [--data fashion-mnist-mini] [--seed 0]

Each kill is a SIGKILL at a random moment of a run of eight epochs on the CPU, from the start of the process
to the writing of the model folder. Prints a line a kill and exits with 1 if any resumed run differs.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FLAGS = ["--model", "convnet1_k3", "--recipe", "article", "--epochs", "8", "--device", "cpu"]


def command(data: str, out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "foveate.cli.main", "train", data, "--out", str(out), *more]


def outcome(out: Path) -> tuple[bytes, list[str]]:
    """What must be the same: the weights, and the history but for its last column, the time."""
    rows = (out / "history.csv").read_text().splitlines()
    return (out / "model.safetensors").read_bytes(), [row.rpartition(",")[0] for row in rows]


def run(arguments: list[str]) -> None:
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def killed(arguments: list[str], after_seconds: float) -> bool:
    """Start, wait, kill; False if it was done before."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(timeout=after_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--data", default="fashion-mnist-mini")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        started = time.monotonic()
        run(command(options.data, whole, *FLAGS))
        seconds = time.monotonic() - started
        expected = outcome(whole)
        differing = kills = 0
        while kills < options.kills:
            out = Path(folder) / f"run-{kills}"
            moment = rng.uniform(0.05, 1.0) * seconds
            if not killed(command(options.data, out, *FLAGS), moment):
                run(["rm", "-rf", str(out)])
                continue  # it was faster than the first: nothing was killed
            kills += 1
            resumable = (out / "checkpoint" / "run.json").exists() and list(
                out.glob("checkpoint/step-*.json")
            )
            if not (out / "config.json").exists():
                run(command(options.data, out, *(["--resume"] if resumable else FLAGS)))
            same = outcome(out) == expected
            differing += not same
            how = "resumed" if resumable else "started again (nothing was saved yet)"
            print(
                f"kill {kills:>3} after {moment:5.1f} s: {how}, {'equal' if same else 'DIFFERENT'}",
                flush=True,
            )
            litter = [path.name for path in Path(folder).iterdir() if path.name.startswith(".")]
            if litter:
                print(f"  left behind: {litter}")
        print(f"{kills} kills, {kills - differing} equal to the byte, {differing} different")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
