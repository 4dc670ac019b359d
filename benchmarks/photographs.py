"""A classifier from few photographs, beside the tutorial's way: accuracy and time, over seeds.

    python benchmarks/photographs.py TRAIN VAL [--seeds 5] [--per-class 5 10 20] [--no-rival] [--budget 5m]

TRAIN and VAL hold the same class folders; VAL is measured once a run and decides nothing. With
``--per-class`` each run sees so many training pictures of each class, drawn by the seed; without it, all.
Each run is a process of its own, timed from its start to its finished folder: first with an empty cache
of features (cold), then again (cached). The rival is ``benchmarks/tutorial_finetune.py`` with the same
network and pictures. One line of JSON a run, and a table at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RIVAL = Path(__file__).with_name("tutorial_finetune.py")


def subset(train: Path, per_class: int | None, seed: int, folder: Path) -> Path:
    """Links to some pictures of each class."""
    chooser = random.Random(seed)
    for kind in sorted(path for path in train.iterdir() if path.is_dir()):
        files = sorted(kind.iterdir())
        chosen = files if per_class is None else chooser.sample(files, per_class)
        (folder / kind.name).mkdir(parents=True)
        for path in chosen:
            (folder / kind.name / path.name).symlink_to(path.resolve())
    return folder


def ours(train: Path, val: Path, seed: int, room: Path, budget: str | None) -> dict[str, object]:
    extra = ["--budget", budget] if budget else []
    command = [sys.executable, "-m", "foveate.cli.main", "train", str(train), "--val", str(val)]
    out, cache = room / "out", room / "cache"
    began = time.perf_counter()
    done = subprocess.run(
        [*command, "--out", str(out), "--overwrite", "--seed", str(seed), "--json", *extra],
        env=os.environ | {"FOVEATE_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    seconds = time.perf_counter() - began
    document = json.loads(done.stdout)
    config = json.loads((out / "config.json").read_text())
    return {
        "seconds": round(seconds, 2),
        "accuracy": document["evaluation"]["accuracy"],
        "ece": document["evaluation"]["ece"],
        "network": config["architecture"]["name"],
        "recipe": config["recipe"]["name"],
    }


def rival(train: Path, val: Path, seed: int, network: str, last_only: bool) -> dict[str, object]:
    began = time.perf_counter()
    command = [sys.executable, str(RIVAL), str(train), str(val), "--network", network, "--seed", str(seed)]
    done = subprocess.run(
        [*command, *(["--last-only"] if last_only else [])], stdout=subprocess.PIPE, check=True, text=True
    )
    found = json.loads(done.stdout)
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "accuracy": found["last"],
        "best": found["best"],
        "network": network,
    }


def told(rows: list[dict[str, object]]) -> None:
    groups: dict[tuple[object, object], list[dict[str, object]]] = {}
    for row in rows:
        groups.setdefault((row["per_class"] or "all", row["what"]), []).append(row)
    print(
        f"{'a class':>8} {'what':10} {'n':>2}  accuracy mean (sd)    seconds median (range)", file=sys.stderr
    )
    for (count, what), group in groups.items():
        right = [100 * float(row["accuracy"]) for row in group]  # type: ignore[arg-type]
        times = [float(row["seconds"]) for row in group]  # type: ignore[arg-type]
        spread = statistics.stdev(right) if len(right) > 1 else 0.0
        print(
            f"{count!s:>8} {what!s:10} {len(group):2}  {statistics.mean(right):.2f} % ({spread:.2f})   "
            f"{statistics.median(times):.1f} ({min(times):.1f} to {max(times):.1f})",
            file=sys.stderr,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("val", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--per-class", type=int, nargs="*", default=[])
    parser.add_argument("--budget")
    parser.add_argument("--no-rival", action="store_true")
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    for count in arguments.per_class or [None]:
        for seed in range(arguments.seeds):
            with tempfile.TemporaryDirectory() as name:
                room = Path(name)
                train = subset(arguments.train, count, seed, room / "train")
                common = {"per_class": count, "seed": seed}
                for what in ("budget",) if arguments.budget else ("cold", "cached"):
                    found = ours(train, arguments.val, seed, room, arguments.budget)
                    rows.append({**common, "what": what, **found})
                    print(json.dumps(rows[-1]), flush=True)
                if not arguments.no_rival:
                    found = rival(train, arguments.val, seed, str(rows[-1]["network"]), count is not None)
                    rows.append({**common, "what": "tutorial", **found})
                    print(json.dumps(rows[-1]), flush=True)
    told(rows)


if __name__ == "__main__":
    main()
