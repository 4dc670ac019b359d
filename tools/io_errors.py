"""Fail or kill a save at a random system call, and look at what it leaves: the old model or the new, whole.

    python tools/io_errors.py [--trials 150] [--seed 0]

A save is what the end of a training does: hold the run's lock, write down the request and a checkpoint, write
a model folder aside, put it in the place of the old one. strace injects one fault a trial: an error (no
space, no locks, a broken disk, ...) or SIGKILL, at one call of one kind. Asked of each: one sentence of this
program's own where it failed, the old or the new model with every hash right, the user's own file in it, no
litter; after a kill, no litter once the next save has run. Prints a line for what is wrong and a summary;
exits with 1 if anything is. Needs strace.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import ctypes
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from foveate.errors import FoveateError
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.atomic import Staging
from foveate.modelfolder.read import verify
from foveate.runtime.config import FileRecord, InputShape, ModelConfig
from foveate.tasks.classification.task import Classification
from foveate.training.checkpoint import Snapshot
from foveate.training.rundir import RunDirectory, RunLock

# Calls that a save makes, under the names that they have on one architecture or another.
CALLS = [
    *("open", "openat", "mkdir", "mkdirat", "rmdir", "getdents64", "flock", "chmod", "fchmod", "fchmodat"),
    *("write", "pwrite64", "fsync", "ftruncate", "rename", "renameat", "renameat2", "link", "linkat"),
    *("unlink", "unlinkat"),
]
ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EROFS", "EACCES", "ENOMEM", "EMFILE")
PTRACER_ANY = (0x59616D61, ctypes.c_ulong(-1).value)  # prctl's PR_SET_PTRACER: strace is no ancestor


def save(out: Path, seed: int) -> None:
    """The end of a training, with files whose content does not matter."""
    with RunLock(out):
        run = RunDirectory(out)
        run.checkpoints.save(seed, Snapshot({"weights": torch.full((4,), float(seed))}, {"step": seed}))
        with contextlib.closing(Staging(out)) as staging:
            files = {}
            for name in ("model.onnx", "model.safetensors", "report.html"):
                content = f"{name} {seed}".encode() * 1000
                staging.write(name, content)
                files[name] = FileRecord(hashlib.sha256(content).hexdigest(), len(content))
            shape = Preprocessing(8, 8, 3)
            config = ModelConfig(
                {"custom": "any"},
                Classification(("a", "b")),
                InputShape(8, 8, 3),
                shape.to_dict(),
                seed=seed,
                files=files,
            )
            staging.write("config.json", config.to_json().encode())
            staging.publish(("checkpoint",))


def child(out: Path, said: Path) -> None:
    """In a forked process: wait to be watched, save, tell how it went."""
    os.kill(os.getpid(), signal.SIGSTOP)
    code, text = 0, ""
    try:
        save(out, 2)
    except FoveateError as error:
        code, text = 1, str(error)
    except BaseException as error:  # what no fault may lead to
        code, text = 3, f"{type(error).__name__}: {error}"
    with contextlib.suppress(OSError):
        said.write_text(text)
    os._exit(code)


def watched_save(out: Path, said: Path, inject: list[str], log: Path) -> int:
    """The exit code of a save under strace, negative for a signal."""
    libc = ctypes.CDLL(None)
    pid = os.fork()
    if pid == 0:
        libc.prctl(*PTRACER_ANY, 0, 0, 0)
        child(out, said)
    os.waitpid(pid, os.WUNTRACED)
    watch = subprocess.Popen(
        ["strace", "-p", str(pid), "-o", str(log), "-e", f"trace={','.join(known_calls())}", *inject],
        stderr=subprocess.PIPE,
        text=True,
    )
    first = watch.stderr.readline()  # type: ignore[union-attr] -- it is a pipe
    if "attached" not in first:
        os.kill(pid, signal.SIGKILL)
        raise SystemExit(f"strace cannot watch: {first}")
    os.kill(pid, signal.SIGCONT)
    _, status = os.waitpid(pid, 0)
    watch.communicate(timeout=30)
    return os.waitstatus_to_exitcode(status)


def known_calls() -> list[str]:
    """Those of CALLS that this architecture has."""
    if not _known:
        for name in CALLS:
            asked = subprocess.run(
                ["strace", "-e", f"trace={name}", "true"], capture_output=True, check=False
            )
            if asked.returncode == 0:
                _known.append(name)
    return _known


_known: list[str] = []


def calls_of_a_save(place: Path) -> collections.Counter[str]:
    """How often a save that nothing disturbs makes each call, but for the report at its end."""
    out = old_model(place)
    watched_save(out, place / "said", [], place / "log")
    lines = (place / "log").read_text().splitlines()
    lines = lines[: max(n for n, line in enumerate(lines) if "LOCK" in line or ".lock" in line) + 1]
    return collections.Counter(found[1] for line in lines if (found := re.match(r"(\w+)\(", line)))


def old_model(place: Path) -> Path:
    out = place / "runs" / "model"
    save(out, 1)
    (out / "notes.txt").write_text("mine")
    return out


def faults(out: Path, code: int, said: str, killed: bool) -> list[str]:
    """What is wrong after a trial."""
    found = []
    if code == 3 or (code < 0 and not killed):
        found.append(f"no sentence of this program's own: exit {code}, {said!r}")
    try:
        seed = verify(out).seed
        if code == 0 and seed != 2:
            found.append("done, and the model is the old one")
        if (out / "notes.txt").read_text() != "mine":
            found.append("the user's file is another")
    except (FoveateError, OSError) as error:
        found.append(f"no whole model: {error}")
    left = [path.name for path in out.parent.iterdir() if path != out]
    if left and not killed:
        found.append(f"litter {left}")
    save(out, 3)
    if left := [path.name for path in out.parent.iterdir() if path != out]:
        found.append(f"litter after the next save {left}")
    if verify(out).seed != 3 or (out / "notes.txt").read_text() != "mine":
        found.append("the next save did not bring the new model, or lost the user's file")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-seconds", type=float, default=170.0)
    options = parser.parse_args()
    if shutil.which("strace") is None:
        print("tools/io_errors.py needs strace (Debian: apt install strace)")
        return 2
    rng, began = random.Random(options.seed), time.monotonic()
    kinds: collections.Counter[str] = collections.Counter()
    wrong = tried = 0
    with tempfile.TemporaryDirectory() as folder:
        counts = calls_of_a_save(Path(folder) / "usual")
        print(f"a save makes {sum(counts.values())} calls that are tried: {dict(sorted(counts.items()))}")
        while tried < options.trials and time.monotonic() - began < options.most_seconds:
            call = rng.choice(sorted(counts))
            nth = rng.randint(1, counts[call])
            killed = rng.random() < 0.4
            error = "ENOLCK" if call == "flock" else rng.choice(ERRORS)
            what = "signal=KILL" if killed else f"error={error}"
            place = Path(folder) / f"trial-{tried}"
            out = old_model(place)
            inject = ["-e", f"inject={call}:{what}:when={nth}"]
            code = watched_save(out, place / "said", inject, place / "log")
            said = (place / "said").read_text() if (place / "said").exists() else ""
            bad = faults(out, code, said, killed and code < 0)
            kinds["killed" if code < 0 else "failed, one sentence" if code == 1 else "done all the same"] += 1
            wrong += bool(bad)
            tried += 1
            for sentence in bad:
                print(f"{call} {what} at call {nth}: {sentence}")
            shutil.rmtree(place)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    print(f"{tried} saves with a fault ({told}), {wrong} wrong, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
