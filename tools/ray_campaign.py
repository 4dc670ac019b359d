"""Kill Ray's workers and jobs while they predict shards, and run jobs side by side; the rows stay right.

    python tools/ray_campaign.py [--trials 6] [--seed 0]

In turn: a worker process is killed at a random moment; the whole job is killed and run again; two jobs do the
same shards at once. Asked of each: the rows are those of one process, each once, in one object a shard.
Needs foveate[ray]. Prints a line a trial and a summary; exits with 1 if anything is wrong. A trial takes half
a minute on a machine that has nothing else to do.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import foveate

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from pixelwise import pixelwise_folder
from shapes import draw_shapes

KINDS = ("worker", "job", "two")
JOB = """
import sys
import ray
import foveate

model, data, out = sys.argv[1:4]
ray.init(address=sys.argv[4], log_to_driver=False, logging_level="ERROR")
foveate.predict_shards(model, data, out, engine="ray", workers=2, form="jsonl")
"""


def rows_of(folder: Path) -> list[dict[str, Any]]:
    files = [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []
    found = [json.loads(line) for data in files for line in gzip.decompress(data).splitlines()]
    return sorted(found, key=lambda row: row["row"])


def started(root: Path, out: Path, address: str) -> subprocess.Popen[bytes]:
    """A job in a process of its own."""
    program = [sys.executable, "-c", JOB, str(root / "pixelwise"), str(root / "shards"), str(out), address]
    return subprocess.Popen(program, stderr=subprocess.PIPE)


def workers() -> list[int]:
    """The processes of this machine in which Ray's actors of the jobs live."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            line = (place / "cmdline").read_bytes()
        except OSError:
            continue
        if line.startswith(b"ray::") and b"MapWorker" in line:
            found.append(int(place.name))
    return found


def some_done(out: Path, job: subprocess.Popen[bytes], count: int) -> None:
    """Wait until so many objects are there, or the job has ended."""
    while job.poll() is None and (not out.is_dir() or len(list(out.iterdir())) < count):
        time.sleep(0.02)


def ended(job: subprocess.Popen[bytes]) -> list[str]:
    _, said = job.communicate(timeout=300)
    return [f"the job ended with {job.returncode}: {said.decode()[-300:]}"] if job.returncode else []


def trial(kind: str, root: Path, out: Path, address: str, rng: random.Random) -> list[str]:
    """What went wrong with one job, or two."""
    shards = len(foveate.shards(root / "shards"))
    job = started(root, out, address)
    some_done(out, job, rng.randrange(1, shards - 1))
    if kind == "worker":
        for number in workers()[:1]:
            os.kill(number, signal.SIGKILL)
        return ended(job)
    if kind == "job":
        job.kill()
        job.communicate()
        return ended(started(root, out, address))
    return [*ended(started(root, out, address)), *ended(job)]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument(
        "--kinds", nargs="+", choices=KINDS, default=KINDS, help="what happens to jobs, in turn"
    )
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    try:
        import ray
    except ModuleNotFoundError:
        print("tools/ray_campaign.py needs Ray (pip install 'foveate[ray]')")
        return 2
    rng, wrong = random.Random(given.seed), 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        draw_shapes(root / "shapes")
        pixelwise_folder(root)
        foveate.shard(root / "shapes", root / "shards", shard_mb=0.012)
        alone = foveate.predict_shards(
            root / "pixelwise", root / "shards", root / "out", workers=1, form="jsonl"
        )
        right, names = rows_of(root / "out"), sorted(path.name for path in (root / "out").iterdir())
        ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        address = ray.get_runtime_context().gcs_address
        for number in range(given.trials):
            kind, out = given.kinds[number % len(given.kinds)], root / f"out{number}"
            began = time.monotonic()
            said = trial(kind, root, out, address, rng)
            if sorted(path.name for path in out.iterdir()) != names or rows_of(out) != right:
                said.append("other rows, or other objects")
            print(f"{kind}: {time.monotonic() - began:.0f} s {'; '.join(said) or 'right'}", flush=True)
            wrong += bool(said)
        ray.shutdown()
    print(f"{given.trials} tried ({alone.shards} shards each), {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
