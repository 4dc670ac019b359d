"""Shards: how planning grows to 10^9 pictures, and how fast pictures are read from tars and single files.

    python benchmarks/shards.py growth --out docs      # growth-shards.svg, and a table
    python benchmarks/shards.py reading                # local; with --store also from there
    python benchmarks/shards.py streaming              # memory and speed of an epoch, by pictures

Growth is simulated: the index, the planner and the order are the program's own, the entries are made up. Each
size is a process of its own, so that its greatest memory is that size's alone.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

PICTURES_A_SHARD = 2560  # of 100 kB, in 256 MB
SIZES = (10**5, 10**6, 10**7, 10**8, 10**9)
BATCH = 4096


def made_up(count: int) -> Iterator:
    """Shards for so many pictures, of unequal numbers, with hashes and ETags as long as real ones."""
    from foveate.dataset.shards.index import Shard

    rng, number = np.random.default_rng(0), 0
    while count > 0:
        pictures = min(count, int(rng.integers(PICTURES_A_SHARD // 2, PICTURES_A_SHARD * 3 // 2)))
        text = hashlib.md5(str(number).encode()).hexdigest()
        yield Shard("train", number, pictures, pictures * 100_000, text, f'"{text}-32"')
        count, number = count - pictures, number + 1


def write_made_up(place: Path, count: int) -> None:
    """Their index, as `foveate shard` writes it."""
    from foveate.dataset.shards.index import ShardIndex, entries
    from foveate.tasks.classification.task import Classification

    index = ShardIndex(
        "made up", Classification(tuple(f"class {k}" for k in range(1000))), entries(made_up(count))
    )
    for name, data in index.to_files().items():
        (place / name).write_bytes(data)


class Looked:
    """What is done with a shard, for its name alone."""

    ending, identity = ".parquet", "0" * 64


def plan(place: Path) -> dict[str, float]:
    """Read the index, find what is missing where half is done, and go through an epoch's order; measured."""
    from foveate.dataset.shards.index import read_index
    from foveate.dataset.shards.order import Order, Position
    from foveate.jobs.kinds import object_name
    from foveate.jobs.plan import planned
    from foveate.stores.local import LocalStore

    took = {}
    began = time.perf_counter()
    index = read_index(LocalStore(place))
    took["read"] = time.perf_counter() - began

    class Half:
        def names(self) -> Iterator[str]:
            return (object_name(Looked(), index[row]) for row in range(0, len(index), 2))

    began = time.perf_counter()
    missing = planned(index, Looked(), Half())
    named = sum(1 for _ in missing.names())
    took["missing"] = time.perf_counter() - began
    if named != len(index) // 2:
        raise SystemExit("the plan is wrong")
    began = time.perf_counter()
    order = Order(index.pictures, BATCH)
    order.share(Position(0, 0), 0, 64)
    took["order"] = time.perf_counter() - began
    steps = [order.steps * k // 20 for k in range(20)]
    began = time.perf_counter()
    for step in steps:  # one of 64 processes; then a resume of 48
        order.share(Position(0, step), 63, 64)
        order.share(Position(0, step), 47, 48)
    took["step"] = (time.perf_counter() - began) / (2 * len(steps))
    return {**took, "shards": len(index), "peak_mb": peak_mb()}


def growth(out: Path | None) -> None:
    from chart import Line, chart

    found = {}
    for count in SIZES:
        with tempfile.TemporaryDirectory() as place:
            write_made_up(Path(place), count)
            said = subprocess.run(
                [sys.executable, __file__, "plan", place], check=True, stdout=subprocess.PIPE, text=True
            ).stdout
        found[count] = json.loads(said)
        one = found[count]
        seconds = one["read"] + one["missing"] + one["order"]
        print(
            f"{count:>13,} pictures  {one['shards']:>7,} shards  {one['peak_mb']:6.0f} MB  "
            f"plan {seconds:6.2f} s (index {one['read']:.2f}, missing {one['missing']:.2f}, "
            f"order {one['order']:.2f})  a step {one['step'] * 1e3:.2f} ms"
        )
    if out is not None:
        lines = [
            Line("memory, MB", [(count, one["peak_mb"]) for count, one in found.items()]),
            Line("plan, s", [(n, one["read"] + one["missing"] + one["order"]) for n, one in found.items()]),
            Line("a step, ms", [(count, one["step"] * 1e3) for count, one in found.items()]),
        ]
        drawn = chart(
            "Planning the work on shards of so many pictures", lines, x="pictures", y="", log_y=True
        )
        (out / "growth-shards.svg").write_text(drawn)


def reading(count: int, side: int, store: str | None) -> None:
    """Pictures a second: single files, tars, and both from an object store; the median of three."""
    from PIL import Image

    from foveate.dataset import open_dataset
    from foveate.dataset.shards.write import write_shards
    from foveate.stores import open_store

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "photos"
        for number in range(count):
            small = Image.fromarray(rng.integers(0, 256, (12, 12, 3), np.uint8))
            file = io.BytesIO()
            small.resize((side, side), Image.Resampling.BICUBIC).save(file, "JPEG", quality=92)
            (root / str(number % 10)).mkdir(parents=True, exist_ok=True)
            (root / str(number % 10) / f"{number}.jpg").write_bytes(file.getvalue())
        data = open_dataset(root)
        places = {"single files, local": root, "tars, local": Path(folder) / "shards"}
        write_shards(data, open_store(places["tars, local"]))
        if store is not None:
            write_shards(data, open_store(f"{store}/shards"))
            write_shards(data, open_store(f"{store}/single"), shard_bytes=1)  # one picture an object
            places |= {"single objects, store": f"{store}/single", "tars, store": f"{store}/shards"}
        for name, place in places.items():
            print(f"{name:>22}: {_read_all(place):8,.0f} pictures a second", flush=True)


def _read_all(place: object) -> float:
    from foveate.dataset import open_dataset

    rates = []
    for _ in range(3):
        images = open_dataset(place).splits["train"].images  # type: ignore[arg-type]
        order = getattr(images, "reading_order", None)
        began = time.perf_counter()
        for row in range(len(images)) if order is None else order.tolist():
            images.data(row)
        rates.append(len(images) / (time.perf_counter() - began))
    return sorted(rates)[1]


SMALL_SIDE, A_SHARD = 28, 2_000  # pictures of shards that are streamed
STREAMED = (10_000, 100_000, 500_000)


def streaming() -> None:
    """Training batches of so many pictures, each size in a process of its own; nothing is learnt."""
    for count in STREAMED:
        with tempfile.TemporaryDirectory() as folder:
            write_copies(Path(folder), count // A_SHARD)
            said = subprocess.run(
                [sys.executable, __file__, "stream", folder], check=True, stdout=subprocess.PIPE, text=True
            ).stdout
        one = json.loads(said)
        print(
            f"{count:>9,} pictures in {count // A_SHARD} shards: {one['peak_mb']:.0f} MB at most, "
            f"{one['before_mb']:.0f} MB before the epoch, {one['rate']:,.0f} pictures a second",
            flush=True,
        )


def write_copies(place: Path, shards: int) -> None:
    """One shard of drawn pictures, under as many names: links, so the disk holds it once."""
    from foveate.dataset import from_arrays
    from foveate.dataset.shards.index import ShardIndex, entries
    from foveate.dataset.shards.write import write_shards
    from foveate.stores import open_store

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (A_SHARD, SMALL_SIDE, SMALL_SIDE), np.uint8)
    data = from_arrays(images, np.arange(A_SHARD) % 10)
    first = write_shards(data, open_store(str(place)))[0]
    copies = [first._replace(number=number) for number in range(shards)]
    for one in copies[1:]:
        for ending in (".tar", ".jsonl"):
            (place / (one.stem + ending)).hardlink_to(place / (first.stem + ending))
    for name, text in ShardIndex("copies", data.task, entries(copies)).to_files().items():
        (place / name).write_bytes(text)


def stream(place: Path) -> dict[str, float]:
    """An epoch of batches of 256, moved and normalised; measured."""
    from foveate.batches.augment import Augmentation
    from foveate.batches.loader import Normaliser, Pixels
    from foveate.batches.streamed import StreamedBatches
    from foveate.dataset.shards.index import read_index
    from foveate.dataset.shards.stream import StreamReader, streamed
    from foveate.images.preprocess import Preprocessing
    from foveate.stores import open_store

    store, shape = open_store(str(place)), Preprocessing(SMALL_SIDE, SMALL_SIDE, channels=1)
    found = streamed(store, read_index(store), {}, seed=0).stream
    reader = StreamReader(found, shape)
    sample = Pixels(*reader.read(found.good))
    moves = Augmentation(flip="random", shift_px=2)
    batches = StreamedBatches(reader, sample, Normaliser(shape), batch_size=256, augmentation=moves)
    before, began, seen = peak_mb(), time.perf_counter(), 0
    for batch in batches.epoch(0):
        seen += len(batch.images)
    if seen != len(found):
        raise SystemExit("pictures are missing")
    return {"before_mb": before, "rate": seen / (time.perf_counter() - began), "peak_mb": peak_mb()}


def peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform != "darwin" else 2**20)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["growth", "reading", "streaming", "plan", "stream"])
    parser.add_argument("place", nargs="?", type=Path)
    parser.add_argument("--out", type=Path, help="of growth: the folder for the drawing")
    parser.add_argument("--count", type=int, default=5000, help="of reading: pictures")
    parser.add_argument("--side", type=int, default=256, help="of reading: their side in pixels")
    parser.add_argument("--store", help="of reading: a place in an object store, such as s3://bucket/test")
    given = parser.parse_args()
    if given.what == "plan":
        print(json.dumps(plan(given.place)))
    elif given.what == "stream":
        print(json.dumps(stream(given.place)))
    elif given.what == "streaming":
        streaming()
    elif given.what == "growth":
        growth(given.out)
    else:
        reading(given.count, given.side, given.store)


if __name__ == "__main__":
    main()
