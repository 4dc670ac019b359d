"""Kill processes of trainings that run in several, and compare every byte with a run never disturbed.

    python tools/rank_campaign.py [--seconds 170] [--kills 50] [--seed 0] [--processes 2,3] [--legs 1]

Each kill is a SIGKILL to one of the processes that `foveate train --nproc N` has started, drawn anew, at a
random moment of its life (some before the first step, some while the folder is written). The command must
come back by itself, exit with 0, and give the weights and the history of a run of as many processes that
nobody disturbed, with nothing hidden left behind. A leg is one run that is stopped twice (SIGTERM) and gone
on with by 4, then 2, then 3 processes: by the log of what every process trained on, each picture must have
come once an epoch. Before all that, two processes of which one has other pictures, or another text of the
program, must end with one sentence and exit code 2, within a quarter of the patience. Ends after so many
seconds or kills, prints a line a kill and a summary, and exits with 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from itertools import count, cycle
from pathlib import Path

import foveate
from kill_campaign import PATIENCE_SECONDS, POLL_SECONDS, draw_pictures, hidden, outcome

PICTURES, BATCH, EPOCHS = 70, 16, 6  # of a class; held out of them are validation and test pictures
FLAGS = ["--model", "convnet1_k3", "--recipe", "article", "--batch-size", str(BATCH), "--device", "cpu"]
LEGS = (4, 2, 3)
LOGGING = """
import json, os, threading
from foveate.batches.loader import TrainingBatches
from foveate.training.step import Step
make, call, last = TrainingBatches._make, Step.__call__, {}

def made(self, indices, epoch):
    last["rows"] = [int(epoch), indices.tolist(), self._rows is not None]
    return make(self, indices, epoch)

def called(self, batch):
    call(self, batch)
    with open(os.path.join(os.environ["RANK_CAMPAIGN_LOG"], os.environ["RANK"]), "a") as file:
        file.write(json.dumps(last["rows"]) + "\\n")

TrainingBatches._make, Step.__call__ = made, called
"""


@dataclass
class Campaign:
    """Where it works, and how long it waits for a run that should have ended long ago."""

    folder: Path
    patience: float = PATIENCE_SECONDS

    def start(
        self, out: Path, processes: int, *more: str, log: Path | None = None
    ) -> subprocess.Popen[bytes]:
        words = [
            "train",
            str(self.folder / "small"),
            "--out",
            str(out),
            *FLAGS,
            "--nproc",
            str(processes),
            *more,
        ]
        logging = {}
        if log is not None:
            log.mkdir(exist_ok=True)
            code = self.folder / "logging"
            code.mkdir(exist_ok=True)
            (code / "sitecustomize.py").write_text(LOGGING)
            path = os.pathsep.join([str(code), os.environ.get("PYTHONPATH", "")])
            logging = {"RANK_CAMPAIGN_LOG": str(log), "PYTHONPATH": path}
        return subprocess.Popen(
            [sys.executable, "-m", "foveate", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "FOVEATE_CACHE": str(self.folder / "cache"),
                **logging,
            },
        )

    def whole(self, processes: int) -> tuple[tuple[bytes, list[str]], float]:
        """What comes of a run that nobody disturbs, and for how many seconds its processes are there."""
        out = self.folder / f"whole-{processes}" / "model"
        process = self.start(out, processes, "--epochs", str(EPOCHS))
        self.await_workers(process, out)
        started = time.monotonic()
        _, said = process.communicate(timeout=self.patience)
        if process.returncode:
            raise SystemExit(f"the run that nobody disturbed failed: {said.decode(errors='replace')}")
        return outcome(out), time.monotonic() - started

    def await_workers(self, process: subprocess.Popen[bytes], out: Path) -> None:
        """Until the first of a run's processes is there, or the run is over."""
        until = time.monotonic() + self.patience
        while process.poll() is None and not workers(out) and time.monotonic() < until:
            time.sleep(POLL_SECONDS)


def workers(out: Path) -> dict[int, int]:
    """The processes of a run: rank to process id."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):  # it has just ended
            if str(out).encode() not in (entry / "cmdline").read_bytes().split(b"\0"):
                continue
            environment = dict(
                one.partition(b"=")[::2] for one in (entry / "environ").read_bytes().split(b"\0") if one
            )
            if b"RANK" in environment:
                found[int(environment[b"RANK"])] = int(entry.name)
    return found


def disturbed(
    campaign: Campaign, out: Path, processes: int, moment: float, drawn: random.Random
) -> tuple[str, int, str]:
    """Kill one process so long after the first is there: (what was done, exit code, what was said)."""
    process = campaign.start(out, processes, "--epochs", str(EPOCHS))
    done = "done before"
    campaign.await_workers(process, out)
    time.sleep(moment)
    if there := workers(out):
        rank = drawn.choice(sorted(there))
        with contextlib.suppress(ProcessLookupError):
            os.kill(there[rank], signal.SIGKILL)
            done = f"killed {rank} of {processes} + {moment:.2f} s"
    try:
        _, said = process.communicate(timeout=campaign.patience)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        return done, -1, "it hung"
    return done, process.returncode, said.decode(errors="replace")


def wrong_of(code: int, said: str, out: Path, whole: tuple[bytes, list[str]]) -> str:
    if code:
        return f"exit code {code}: {said.strip().splitlines()[-1] if said.strip() else 'silent'}"
    if outcome(out) != whole:
        return "another model"
    return f"left behind: {', '.join(left)}" if (left := hidden(out)) else ""


def leg(campaign: Campaign, number: int, drawn: random.Random) -> tuple[str, str]:
    """4, then 2, then 3 processes: (what was done, what was wrong or nothing)."""
    out, log = campaign.folder / f"legs-{number}" / "model", campaign.folder / f"log-{number}"
    seen: dict[int, list[int]] = defaultdict(list)
    epochs, done = 3, []
    for place, processes in enumerate(LEGS):
        own = log.with_name(f"{log.name}-{place}")
        process = campaign.start(out, processes, "--epochs", str(epochs), "--resume", log=own)
        stop_at = drawn.randint(3, 7)  # steps, of eight an epoch or so
        if place < len(LEGS) - 1:
            until = time.monotonic() + campaign.patience
            while process.poll() is None and time.monotonic() < until and len(_steps(own / "0")) < stop_at:
                time.sleep(POLL_SECONDS)
            process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=campaign.patience)
        if process.returncode not in ({0} if place == len(LEGS) - 1 else {130}):
            return ", ".join(done), f"exit code {process.returncode}: {said.decode(errors='replace')[-300:]}"
        steps = [_steps(own / str(rank)) for rank in range(processes)]
        done.append(f"{processes} processes {len(steps[0])} steps")
        for batch in zip(*steps, strict=True):
            for epoch, rows, _ in batch if batch[0][2] else batch[:1]:  # else each had all of a small batch
                seen[epoch] += rows
    pictures = sorted(set(seen[0]))
    wrong = [epoch for epoch, rows in seen.items() if sorted(rows) != pictures]
    told = f"epochs {wrong} have pictures twice or not at all" if wrong or len(seen) != epochs else ""
    return ", ".join(done), told


def differing(campaign: Campaign, kind: str) -> tuple[str, str]:
    """Two processes of which the second has something else: (what was done, what was wrong or nothing)."""
    folder = campaign.folder / f"differing-{kind}"
    copies = [folder / "0" / "small", folder / "1" / "small"]
    for copy in copies:
        shutil.copytree(campaign.folder / "small", copy)
    paths = [os.environ.get("PYTHONPATH", "")] * 2
    if kind == "pictures":
        next(iter(sorted(copies[1].rglob("*.png")))).unlink()
    else:
        source = shutil.copytree(Path(foveate.__file__).parent, folder / "src" / "foveate")
        with (source / "words.py").open("a") as file:
            file.write("# another line\n")
        paths[1] = os.pathsep.join([str(folder / "src"), paths[1]])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    started = time.monotonic()
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "foveate", "train", "small", *FLAGS, "--epochs", "1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=copy.parent,
            env={**os.environ, **group, "OMP_NUM_THREADS": "1", "RANK": str(rank), "PYTHONPATH": paths[rank]},
        )
        for rank, copy in enumerate(copies)
    ]
    said = [process.communicate(timeout=campaign.patience)[1].decode() for process in processes]
    seconds = time.monotonic() - started
    lines = [line for text in said for line in text.splitlines() if line.startswith("foveate:")]
    done = f"two processes, one with another kind of {kind}, {seconds:.1f} s"
    codes = [process.returncode for process in processes]
    if codes != [2, 2] or len(lines) != 1 or "Rank 1 has" not in lines[0] or said[1]:
        return done, f"exit codes {codes}: {said}"
    return done, "" if seconds <= campaign.patience / 4 else "it took too long"


def _steps(path: Path) -> list[tuple[int, list[int], bool]]:
    """What a process trained on: epoch, pictures, and whether others had the rest of the batch."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=170, help="no kill begins later")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", default="2,3", help="in turns, with commas")
    parser.add_argument("--legs", type=int, default=1)
    parser.add_argument(
        "--patience", type=float, default=PATIENCE_SECONDS, help="seconds for a run that hangs"
    )
    options = parser.parse_args()
    drawn, started = random.Random(options.seed), time.monotonic()
    tried = wrong = kills = 0
    with tempfile.TemporaryDirectory() as name:
        campaign = Campaign(Path(name), options.patience)
        draw_pictures(campaign.folder / "small", 32, PICTURES)
        for kind in ("pictures", "program"):
            done, found = differing(campaign, kind)
            tried, wrong = tried + 1, wrong + bool(found)
            print(f"{done}: {found or 'one sentence'}", flush=True)
        for number in range(options.legs):
            done, found = leg(campaign, number, drawn)
            tried, wrong = tried + 1, wrong + bool(found)
            print(f"leg {number + 1}: {done}: {found or 'each picture once an epoch'}", flush=True)
        turns = [int(one) for one in options.processes.split(",")]
        wholes = {processes: campaign.whole(processes) for processes in turns}
        for number, processes in zip(count(), cycle(turns)):
            whole, seconds = wholes[processes]
            if kills >= options.kills or time.monotonic() - started > options.seconds - 3 * seconds:
                break
            out = campaign.folder / f"run-{number}" / "model"
            done, code, said = disturbed(campaign, out, processes, seconds * drawn.random(), drawn)
            found = wrong_of(code, said, out, whole)
            tried, wrong, kills = tried + 1, wrong + bool(found), kills + done.startswith("killed")
            print(f"{number + 1:>3} {done}: {found or 'equal'}", flush=True)
    print(f"rank_campaign, seed {options.seed}: {tried} tried, {wrong} wrong ({kills} kills)")
    return 1 if wrong or not kills else 0


if __name__ == "__main__":
    sys.exit(main())
