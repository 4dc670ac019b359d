"""Kill Ray's workers and jobs while they predict shards, and run jobs side by side; the rows stay right.

    python tools/ray_campaign.py [--trials 6] [--seed 0]

In turn: a worker process is killed at a random moment; the whole job is killed and run again; two jobs do the
same shards at once. Asked of each: the rows are those of one process, each once, in one object a shard. Where
a worker is killed no more shards are begun than there are, and one more; where a job is, one more for each of
its workers. Needs foveate[ray]. Prints a line a trial and a summary; exits with 1 if anything is wrong. A
trial takes half a minute on a machine that has nothing else to do.
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
WORKERS = 2  # of a job
MOST_AGAIN = {"worker": 1, "job": WORKERS}  # shards that are begun a second time
LOGGING = """
import os
from foveate.jobs import work
read = work.read_shard

def logged(store, index, shard):
    with open(os.environ["RAY_CAMPAIGN_LOG"], "a") as file:
        file.write(f"{shard.number}\\n")
    return read(store, index, shard)

work.read_shard = logged
"""
JOB = """
import sys
import ray
import foveate

model, data, out = sys.argv[1:4]
ray.init(address=sys.argv[4], log_to_driver=False, logging_level="ERROR")
foveate.predict_shards(model, data, out, engine="ray", workers=int(sys.argv[5]), form="jsonl")
"""


def rows_of(folder: Path) -> list[dict[str, Any]]:
    files = [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []
    found = [json.loads(line) for data in files for line in gzip.decompress(data).splitlines()]
    return sorted(found, key=lambda row: row["row"])


def started(root: Path, out: Path, address: str) -> subprocess.Popen[bytes]:
    """A job in a process of its own."""
    places = [str(root / "pixelwise"), str(root / "shards"), str(out)]
    program = [sys.executable, "-c", JOB, *places, address, str(WORKERS)]
    return subprocess.Popen(program, stderr=subprocess.PIPE)


def logging(root: Path) -> Path:
    """The file in which processes that are begun from now on tell of every shard that they begin."""
    log, code = root / "log", root / "logging"
    log.touch()
    code.mkdir()
    (code / "sitecustomize.py").write_text(LOGGING)
    os.environ["RAY_CAMPAIGN_LOG"] = str(log)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(code), os.environ.get("PYTHONPATH", "")])
    return log


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
        log = logging(root)
        ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        address = ray.get_runtime_context().gcs_address
        for number in range(given.trials):
            kind, out = given.kinds[number % len(given.kinds)], root / f"out{number}"
            began, before = time.monotonic(), len(log.read_text().split())
            said = trial(kind, root, out, address, rng)
            if sorted(path.name for path in out.iterdir()) != names or rows_of(out) != right:
                said.append("other rows, or other objects")
            again = len(log.read_text().split()) - before - alone.shards
            if again < 0 or again > MOST_AGAIN.get(kind, alone.shards):
                said.append("more shards were begun again than there were workers killed")
            seconds = time.monotonic() - began
            print(f"{kind}: {seconds:.0f} s, {again} begun again: {'; '.join(said) or 'right'}", flush=True)
            wrong += bool(said)
        ray.shutdown()
    print(f"{given.trials} tried ({alone.shards} shards each), {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
