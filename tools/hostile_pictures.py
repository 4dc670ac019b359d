"""Feed damaged pictures of every format to the decoder, and count what should not have happened.

    python tools/hostile_pictures.py [--seconds 150] [--seed 0] [--memory-mb 512]

Whole pictures of each format are cut, cut and closed as if they ended there, zeroed, overwritten, spliced and
flipped bit by bit, then read in a process of its own with a bound on its memory. Wrong is: a cut file that
is read as another picture than the whole one, any other exception than ImageError, a reason of more than one
line, a picture of the wrong kind, anything on descriptor 2, a process that dies, a file that takes longer
than 10 s. JPEG files are read a second time, by Pillow alone, then cut at least 24 bytes before their end.
Prints a line a format and a summary; exits with 1 if anything was wrong.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

SIDE_PX = (96, 72)
SLOWEST_SECONDS = 10
MAX_PIXELS = 4_000_000
COMPRESSIONS = ("packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "zstd", "lzma")


def originals() -> dict[str, bytes]:
    """Whole pictures, each format with the options that change how its pixels are stored."""
    rough = np.random.default_rng(0).integers(0, 256, (SIDE_PX[1] // 6, SIDE_PX[0] // 6, 3), np.uint8)
    colour = Image.fromarray(rough).resize(SIDE_PX, Image.Resampling.BICUBIC)
    grey, ink, black = colour.convert("L"), colour.convert("CMYK"), colour.convert("1")
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 16)
    clear = Image.merge("RGBA", (*colour.split(), grey))
    made = {
        "JPEG": (colour, "JPEG", {}),
        "JPEG progressive": (colour, "JPEG", {"progressive": True}),
        "JPEG grey": (grey, "JPEG", {"quality": 40}),
        "JPEG restarts": (colour, "JPEG", {"restart_marker_blocks": 3}),
        "JPEG inks": (ink, "JPEG", {}),
        "PNG": (colour, "PNG", {}),
        "PNG palette": (colour.quantize(16), "PNG", {"transparency": 3}),
        "PNG deep": (deep, "PNG", {}),
        "PNG clear": (clear, "PNG", {}),
        "GIF": (colour, "GIF", {}),
        "BMP": (colour, "BMP", {}),
        "WEBP": (colour, "WEBP", {}),
        "WEBP lossless": (clear, "WEBP", {"lossless": True}),
        "PPM": (colour, "PPM", {}),
        "PPM deep": (deep, "PPM", {}),
        "AVIF": (colour, "AVIF", {}),
        "TIFF": (colour, "TIFF", {}),
        "TIFF deep": (deep, "TIFF", {}),
        **{f"TIFF {c}": (colour, "TIFF", {"compression": c}) for c in COMPRESSIONS},
        **{f"TIFF {c}": (black, "TIFF", {"compression": c}) for c in ("group3", "group4", "tiff_ccitt")},
    }
    return {name: encoded(*how) for name, how in made.items()}


def encoded(picture: Image.Image, form: str, options: dict[str, object]) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


# Where Pillow alone cannot tell: libjpeg decodes the last pixels from what is held ready behind them.
SLACK_BYTES = 24
CLOSINGS = {"JPEG": b"\xff\xd9", "GIF": b"\0;", "PNG": b"\0\0\0\0IEND\xaeB`\x82"}


def damaged(name: str, data: bytes, random: np.random.Generator, slack: int) -> Iterator[tuple[str, bytes]]:
    """Endlessly (kind of damage, bytes)."""
    closing = CLOSINGS.get(name.split(maxsplit=1)[0], b"")
    while True:
        cut = int(random.integers(1, len(data)))
        yield "cut", data[:cut]
        if closing:
            yield "cut and closed", data[: min(cut, len(data) - slack)] + closing
        at, length = int(random.integers(len(data))), int(random.integers(1, 200))
        yield "zeroed", data[:at] + bytes(min(length, len(data) - at)) + data[at + length :]
        noise = random.bytes(min(length, len(data) - at))
        yield "overwritten", data[:at] + noise + data[at + length :]
        yield "spliced", data[:at] + noise + data[at:]
        flipped = bytearray(data)
        for place in random.integers(0, len(data), random.integers(1, 6)):
            flipped[place] ^= 1 << int(random.integers(8))
        yield "flipped", bytes(flipped)


def verdict(name: str, kind: str, data: bytes, whole: np.ndarray, bound: int) -> tuple[str, str]:
    """("read" or "refused", what was wrong with that)."""
    from foveate.errors import ImageError
    from foveate.images import read_image

    began = time.monotonic()
    try:
        pixels = read_image(data, name=name, max_pixels=MAX_PIXELS)
    except ImageError as error:
        outcome, wrong = "refused", "" if str(error).isprintable() else "a reason of more than one line"
    except Exception as error:
        outcome, wrong = "refused", f"{type(error).__name__}: {error}"
    else:
        outcome, wrong = "read", ""
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            wrong = f"pixels {pixels.dtype} {pixels.shape}"
        elif kind.startswith("cut") and not np.array_equal(pixels, whole):
            wrong = "a part was taken for a picture"
    if time.monotonic() - began > SLOWEST_SECONDS:
        wrong = wrong or f"it took {time.monotonic() - began:.1f} s"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return outcome, wrong or (f"{peak / 2**20:.0f} MB" if peak > bound else "")


def work(arguments: argparse.Namespace) -> None:
    """In the child: try until the time is over, and write what came of it as JSON."""
    from foveate.images import read_image, turbo

    files, slack = originals(), 0
    if arguments.work == "Pillow alone":
        turbo._simplejpeg = lambda: None  # as where it is not installed
        slack = SLACK_BYTES
        files = {name: data for name, data in files.items() if name.startswith("JPEG")}
    wholes = {name: read_image(data) for name, data in files.items()}
    random = np.random.default_rng(arguments.seed)
    streams = {name: damaged(name, data, random, slack) for name, data in files.items()}
    counts = {name: {"read": 0, "refused": 0} for name in files}
    faults: list[str] = []
    end = time.monotonic() + arguments.seconds
    while time.monotonic() < end and len(faults) < 50:
        for name, stream in streams.items():
            kind, data = next(stream)
            Path(arguments.last).write_bytes(data)  # if this process dies, it is known of what
            outcome, wrong = verdict(name, kind, data, wholes[name], arguments.memory_mb << 20)
            counts[name][outcome] += 1
            if wrong:
                faults.append(f"{name}, {kind}, {len(data)} bytes: {wrong}")
    print(json.dumps({"counts": counts, "faults": faults}))


def campaign(how: str, seconds: float, arguments: argparse.Namespace, folder: Path) -> tuple[int, list[str]]:
    """(files tried, what was wrong) of one child, told as they come."""
    last = folder / "last"
    command = [sys.executable, __file__, "--work", how, "--seconds", str(seconds), "--last", str(last)]
    command += ["--seed", str(arguments.seed), "--memory-mb", str(arguments.memory_mb)]
    own = {**os.environ, "PYTHONFAULTHANDLER": "1"}
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=own, check=False)
    faults = []
    if done.stderr:
        faults.append(f"{len(done.stderr):,} characters on standard error: {done.stderr[:300]!r}")
    if done.returncode:
        kept = Path(f"hostile-{arguments.seed}.bin")
        kept.write_bytes(last.read_bytes() if last.exists() else b"")
        return 0, [*faults, f"the process ended with {done.returncode}; its last file is {kept}"]
    told = json.loads(done.stdout)
    print(f"{how}:")
    for name, count in told["counts"].items():
        print(f"  {name:24} {count['refused']:6,} refused  {count['read']:6,} read")
    tried = sum(sum(count.values()) for count in told["counts"].values())
    return tried, [*faults, *told["faults"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory-mb", type=int, default=512)
    parser.add_argument("--work", default="", help=argparse.SUPPRESS)
    parser.add_argument("--last", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments)
        return
    tried, faults = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for how, share in (("with what is installed", 0.7), ("Pillow alone", 0.3)):
            some, wrong = campaign(how, share * arguments.seconds, arguments, Path(folder))
            tried += some
            faults += wrong
    for fault in faults:
        print(f"WRONG: {fault}")
    print(f"{tried:,} damaged pictures tried, {len(faults)} wrong.")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
