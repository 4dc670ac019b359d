"""Kill trainings at random moments, run them again, and compare every byte with a run never interrupted.

    python tools/kill_campaign.py [--seconds 170] [--kills 60] [--seed 0] [--ways scratch,frozen,boxes]

Each kill is a SIGKILL to `foveate train` on drawn pictures and a processor, as a cluster would send it: at a
random moment of the whole run, or, every other time, of its publishing (from the moment the hidden folder
beside --out appears). Then the same command runs with `--resume` until it is done, killed a second time in
one of three cases, and must exit with 0, give the weights and the history of the run that nobody killed, and
leave nothing hidden behind. The ways take turns: from chance, from learnt weights that stay as they are
(their features are kept in one cache for all runs, which the kills hit, too), fine-tuned, and sentences,
boxes and maps on a learnt trunk, which is frozen for a quarter of the run. Ends after so many seconds or
kills, prints a line a kill and a summary, and exits with 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from foveate.dataset.sources.scenes import SceneSettings, kinds, make_scenes

SMALL_PX, PHOTOGRAPH_PX = 32, 112
POLL_SECONDS = 0.002
SHARE = 0.8  # of the first run's time: those after it find its features kept, and are done sooner
PATIENCE_SECONDS = 120  # for a run that should have ended long ago
WAYS = {
    "scratch": ("small", ["--model", "convnet1_k3", "--recipe", "article", "--epochs", "8"]),
    "frozen": ("photographs", ["--image-size", "64"]),
    "fine-tuned": ("photographs", ["--image-size", "64", "--epochs", "2"]),
    "sentences": (
        "told",
        ["--task", "captioning", "--image-size", "64", "--epochs", "4", "--batch-size", "8"],
    ),
    "boxes": ("scenes", ["--task", "detection", "--image-size", "64", "--epochs", "4"]),
    "maps": ("scenes", ["--task", "segmentation", "--image-size", "64", "--epochs", "4"]),
}


def draw_pictures(folder: Path, side: int, count: int) -> None:
    """Class folders of noise under lying or standing stripes."""
    random_numbers = np.random.default_rng(0)
    for kind in ("lying", "standing"):
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            pixels = random_numbers.integers(0, 110, (side, side, 3))
            stripes = pixels[:: side // 8] if kind == "lying" else pixels[:, :: side // 8]
            stripes += 140
            Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / f"{number}.png")


def draw_told(folder: Path, side: int, count: int) -> None:
    """The same with a table of sentences beside them."""
    draw_pictures(folder, side, count)
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    rows = [f"{name},{name.partition('/')[0]} lines at number {name[-5]}" for name in names]
    (folder / "captions.csv").write_text("\n".join(["file_name,caption", *rows]) + "\n")


@dataclass
class Campaign:
    """Where it works, and which way trains how."""

    folder: Path
    cache: Path

    def start(self, way: str, out: Path, *more: str) -> subprocess.Popen[bytes]:
        data, flags = WAYS[way]
        words = ["train", str(self.folder / data), "--out", str(out), "--device", "cpu", *flags, *more]
        return subprocess.Popen(
            [sys.executable, "-m", "foveate.cli.main", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "FOVEATE_CACHE": str(self.cache)},
        )

    def finish(self, way: str, out: Path, *more: str) -> tuple[int, str]:
        """(exit code, what it said)."""
        process = self.start(way, out, *more)
        try:
            _, said = process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            _, said = process.communicate()
        return process.returncode, said.decode(errors="replace")

    def killed(self, way: str, out: Path, after: float, *more: str, publishing: bool) -> bool:
        """Start, wait (for publishing, then) so many seconds, kill; False if it was done before."""
        process = self.start(way, out, *more)
        try:
            if publishing:
                while not hidden(out) and process.poll() is None:
                    time.sleep(POLL_SECONDS)
            process.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return True
        return False


def hidden(out: Path) -> list[str]:
    """What stands beside an output folder under a hidden name."""
    return [path.name for path in out.parent.glob(".foveate-*")]


def outcome(out: Path) -> tuple[bytes, list[str]]:
    """What must be the same: the weights, and the history but for its last column, the time."""
    rows = (out / "history.csv").read_text().splitlines() if (out / "history.csv").exists() else []
    return (out / "model.safetensors").read_bytes(), [row.rpartition(",")[0] for row in rows]


@dataclass(frozen=True)
class Whole:
    """A run that nobody killed: what came, how long it took, and how long it published."""

    outcome: tuple[bytes, list[str]]
    seconds: float
    publishing_seconds: float


def run_whole(campaign: Campaign, way: str) -> Whole:
    """What all others are compared with. It fills the cache, too."""
    out = campaign.folder / f"whole-{way}" / "model"
    started = time.monotonic()
    process = campaign.start(way, out)
    while not hidden(out) and process.poll() is None:
        time.sleep(POLL_SECONDS)
    publishing = time.monotonic()
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    if process.returncode:
        raise SystemExit(f"{way}: the run that nobody killed failed: {said.decode(errors='replace')}")
    ended = time.monotonic()
    return Whole(outcome(out), ended - started, ended - publishing)


def wrongs(campaign: Campaign, way: str, whole: Whole, out: Path, rng: random.Random) -> tuple[str, str]:
    """One kill or two, then to the end. (what was done, what was wrong or nothing)."""
    done, more = [], []
    for _ in range(1 + (rng.random() < 1 / 3)):
        publishing = rng.random() < 0.5
        moment = SHARE * rng.random() * (whole.publishing_seconds if publishing else whole.seconds)
        was = campaign.killed(way, out, moment, *more, publishing=publishing)
        done.append(f"{'killed' if was else 'done'} {'publishing + ' if publishing else ''}{moment:.2f} s")
        more = ["--resume"]
    code, said = campaign.finish(way, out, *more)
    found = []
    if code:
        found.append(f"exit code {code}: {said.strip().splitlines()[-1] if said.strip() else 'silent'}")
    elif outcome(out) != whole.outcome:
        found.append("another model")
    elif left := hidden(out):
        found.append(f"left behind: {', '.join(left)}")
    return ", ".join(done), "; ".join(found)


def turns(ways: list[str], kills: int, go_on: Callable[[], bool]) -> Iterator[tuple[int, str]]:
    for number, way in zip(range(kills), itertools.cycle(ways), strict=False):
        if not go_on():
            return
        yield number, way


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=170, help="no kill begins later")
    parser.add_argument("--kills", type=int, default=60, help="at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ways", default=",".join(WAYS))
    options = parser.parse_args()
    ways = options.ways.split(",")
    if unknown := set(ways) - set(WAYS):
        parser.error(f"--ways: expected some of {', '.join(WAYS)}, found {', '.join(sorted(unknown))}")
    rng, started = random.Random(options.seed), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        campaign = Campaign(Path(folder), Path(folder) / "cache")
        draw_pictures(campaign.folder / "small", SMALL_PX, 60)
        draw_pictures(campaign.folder / "photographs", PHOTOGRAPH_PX, 12)
        draw_told(campaign.folder / "told", PHOTOGRAPH_PX, 24)
        make_scenes(campaign.folder / "scenes", kinds("shapes"), SceneSettings(count=40, size=64))
        wholes = {way: run_whole(campaign, way) for way in ways}
        longest = max(3 * whole.seconds for whole in wholes.values())
        tried = wrong = kills = 0
        for number, way in turns(
            ways, options.kills, lambda: time.monotonic() - started < options.seconds - longest
        ):
            out = campaign.folder / f"run-{number}" / "model"
            done, found = wrongs(campaign, way, wholes[way], out, rng)
            tried, wrong, kills = tried + 1, wrong + bool(found), kills + done.count("killed")
            print(f"{number + 1:>3} {way:<10} {done}: {found or 'equal'}", flush=True)
    print(f"kill_campaign, seed {options.seed}: {tried} tried, {wrong} wrong ({kills} kills)")
    return 1 if wrong or not kills else 0


if __name__ == "__main__":
    sys.exit(main())
