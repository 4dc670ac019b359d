"""How good sentences become in a time, over seeds, and how many a second a finished model writes.

    python benchmarks/captions.py train DATA [--budget 8m] [--models show_and_tell_efficientnet_lite0,...]
        [--seeds 3] [--beams 1,3] [--out FOLDER]
    python benchmarks/captions.py speed MODEL PICTURES [--repeats 5]

``train``: each training is the whole command, from its start to the finished folder, one after another on an
otherwise idle machine; the test pictures are measured once for each beam by `foveate evaluate`. Writes
FOLDER/captions.json and prints a line a run, then a table of means and spreads; where it is known what is
true of pictures (``foveate data make scenes``) the share of true sentences stands first, and by slot.

``speed``: sentences a second from files on the disk to sentences (decoding the pictures, resizing, network,
words), greedy and with a beam of 3, and how long a process takes from its start to its first sentence.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import foveate
from foveate.images.read import is_image_name

MODELS = "show_and_tell_efficientnet_lite0,show_attend_and_tell_efficientnet_lite0"
SHOWN = ("true", "unparsable", "bleu4", "cider", "rouge_l")
MOST_PICTURES = 500  # that are described for a speed


def command(*words: str) -> tuple[dict[str, Any], float]:
    """What a command of this program prints as JSON, and the seconds that it took."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "foveate", *words, "--json"], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found, time.monotonic() - began


def run_of(asked: argparse.Namespace, model: str, seed: int, beams: Sequence[str]) -> dict[str, Any]:
    """One training, and what its model reaches with each beam."""
    place = asked.out / f"{model}-{asked.budget}-{seed}"
    words = ["train", asked.data, "--task", "captioning", "--budget", asked.budget, "--model", model]
    words += ["--seed", str(seed), "--out", str(place), "--overwrite"]
    _, seconds = command(*words)
    measured = {beam: command("evaluate", str(place), asked.data, "--beam", beam)[0] for beam in beams}
    return {"model": model, "budget": asked.budget, "seed": seed, "seconds": seconds, "beams": measured}


def told(values: Sequence[float]) -> str:
    """Mean and spread."""
    spread = f" (sd {stdev(values):.3f})" if len(values) > 1 else ""
    return f"{mean(values):.3f}{spread}"


def table(runs: Sequence[dict[str, Any]], beams: Sequence[str]) -> str:
    """A row for each network and beam, as Markdown."""
    shown = [name for name in SHOWN if name in runs[0]["beams"][beams[0]]]
    lines = ["| network | beam | n | " + " | ".join(shown) + " | seconds |"]
    lines.append("|---" * (len(shown) + 4) + "|")
    for model in dict.fromkeys(run["model"] for run in runs):
        own = [run for run in runs if run["model"] == model]
        for beam in beams:
            cells = [told([run["beams"][beam][name] for run in own]) for name in shown]
            seconds = told([run["seconds"] for run in own])
            lines.append(f"| {model} | {beam} | {len(own)} | " + " | ".join(cells) + f" | {seconds} |")
    return "\n".join(lines)


def train(asked: argparse.Namespace) -> None:
    runs: list[dict[str, Any]] = []
    beams = asked.beams.split(",")
    asked.out.mkdir(parents=True, exist_ok=True)
    for model in asked.models.split(","):
        for seed in range(asked.seeds):
            runs.append(run_of(asked, model, seed, beams))
            first = runs[-1]["beams"][beams[0]]
            words = ", ".join(f"{name} {first[name]:.3f}" for name in SHOWN if name in first)
            print(f"{model} seed {seed}: {words}, {runs[-1]['seconds']:.0f} s", flush=True)
            document = {"machine": machine(), "foveate": foveate.__version__, "runs": runs}
            (asked.out / "captions.json").write_text(json.dumps(document, indent=1))
    print(table(runs, beams))


def machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores"


def sentences_a_second(folder: Path, names: Sequence[str], beam: int | None, repeats: int) -> float:
    """The median over repeats, from files to sentences."""
    model = foveate.load(folder, beam=beam)
    model.predict(list(names[:8]))
    seconds = []
    for _ in range(repeats):
        began = time.monotonic()
        model.predict(list(names))
        seconds.append(time.monotonic() - began)
    return len(names) / median(seconds)


def first_sentence_seconds(folder: Path, name: str, repeats: int) -> float:
    """From the start of a process to its end, in which it has described one picture."""
    seconds = []
    for _ in range(repeats):
        began = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "foveate", "predict", str(folder), name],
            stdout=subprocess.PIPE,
            check=True,
        )
        seconds.append(time.monotonic() - began)
    return median(seconds)


def speed(asked: argparse.Namespace) -> None:
    names = sorted(str(path) for path in asked.pictures.rglob("*") if is_image_name(path.name))
    names = names[:MOST_PICTURES]
    print(f"{machine()}, load {os.getloadavg()[0]:.2f} before, {len(names)} pictures")
    found = {
        "greedy_per_second": sentences_a_second(asked.model, names, None, asked.repeats),
        "greedy_by_parts_per_second": sentences_a_second(asked.model, names, 1, asked.repeats),
        "beam_3_per_second": sentences_a_second(asked.model, names, 3, asked.repeats),
        "first_sentence_seconds": first_sentence_seconds(asked.model, names[0], asked.repeats),
    }
    for name, value in found.items():
        print(f"{name.replace('_', ' ')}: {value:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    ways = parser.add_subparsers(required=True)
    training = ways.add_parser("train")
    training.add_argument("data")
    training.add_argument("--budget", default="8m")
    training.add_argument("--models", default=MODELS)
    training.add_argument("--seeds", type=int, default=3)
    training.add_argument("--beams", default="1,3")
    training.add_argument("--out", type=Path, default=Path("runs/benchmark-captions"))
    training.set_defaults(go=train)
    timing = ways.add_parser("speed")
    timing.add_argument("model", type=Path)
    timing.add_argument("pictures", type=Path)
    timing.add_argument("--repeats", type=int, default=5)
    timing.set_defaults(go=speed)
    asked = parser.parse_args()
    asked.go(asked)


if __name__ == "__main__":
    main()
