"""The data of `tools/gpu_check.sh`, small enough to travel: packed where they are, unpacked beside the card.

    python benchmarks/gpu_data.py pack .gpu-data --cifar CIFAR10_JPEG     (a folder with train/ and test/)
    python benchmarks/gpu_data.py unpack .gpu-data WORK

The folder then holds ``fashion-mnist.xz`` (the four files of Fashion-MNIST, unpacked, one behind the other),
``cifar10-jpeg.tar.xz`` (CIFAR-10 as JPEG files in class folders) and ``lib`` (packages of pure Python that a
bare machine may lack). Unpacked are ``cache/``, for FOVEATE_CACHE, and ``cifar10.npz``: the JPEG files
decoded, as ``gpu_training.stored`` reads them.
"""

from __future__ import annotations

import argparse
import gzip
import io
import lzma
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

FASHION, CIFAR = "fashion-mnist.xz", "cifar10-jpeg.tar.xz"
PURE = ("pyyaml", "jinja2", "markupsafe", "click")  # what foveate imports beside what torch brings
MOST_BYTES = 60_000_000
DECODED = "cifar10.npz"
DECODED_AT_ONCE = 2_000  # files a process


def pack(folder: Path, cifar: Path | None) -> None:
    """Fill the folder. Fashion-MNIST is fetched as `foveate data get fashion-mnist` does."""
    from foveate.dataset.sources.fetch import find
    from foveate.dataset.sources.known import describe

    folder.mkdir(parents=True, exist_ok=True)
    known = describe("fashion-mnist")
    contents = find(known.name, known.files, known.sources)
    whole = b"".join(contents[file.name] for file in known.files)
    (folder / FASHION).write_bytes(lzma.compress(whole, preset=9 | lzma.PRESET_EXTREME))
    if cifar is not None:
        unfinished = folder / f"{CIFAR}.part"
        with tarfile.open(unfinished, "w:xz", preset=6) as archive:
            for split in ("train", "test"):
                for path in sorted((cifar / split).glob("*/*")):
                    archive.add(path, path.relative_to(cifar), filter=_plain)
        unfinished.replace(folder / CIFAR)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--upgrade",
        "--target",
        str(folder / "lib"),
    ]
    subprocess.run([*command, *PURE], check=True)
    for compiled in (folder / "lib").rglob("*.so"):
        compiled.unlink()  # of this Python; each package does without
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 1e6:.1f} MB{'' if size < MOST_BYTES else ', more than it may be'}")


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def unpack(folder: Path, work: Path) -> None:
    """Make ``cache/`` and ``cifar10.npz`` in ``work`` of what the folder has."""
    from foveate.dataset.sources.known import describe

    if (folder / FASHION).is_file():
        whole = lzma.decompress((folder / FASHION).read_bytes())
        target = work / "cache" / "datasets" / "fashion-mnist"
        target.mkdir(parents=True, exist_ok=True)
        for file in describe("fashion-mnist").files:
            part, whole = whole[: file.size], whole[file.size :]
            (target / file.name).write_bytes(gzip.compress(part, compresslevel=1))
    if (folder / CIFAR).is_file():
        work.mkdir(parents=True, exist_ok=True)
        np.savez(work / DECODED, **decoded(folder / CIFAR))


def decoded(archive: Path) -> dict[str, np.ndarray]:
    """Pictures (N, 32, 32, 3) and numbers of classes (N,) of train and test; names of the classes."""
    names, files = list[Path](), list[bytes]()
    with tarfile.open(archive, "r:xz") as opened:
        for member in opened:
            if (file := opened.extractfile(member)) is not None:
                names.append(Path(member.name))
                files.append(file.read())
    parts = [files[at : at + DECODED_AT_ONCE] for at in range(0, len(files), DECODED_AT_ONCE)]
    with ProcessPoolExecutor() as pool:
        pictures = np.concatenate(list(pool.map(_pictures, parts)))
    classes = sorted({name.parts[1] for name in names})
    arrays = {"classes": np.array(classes)}
    for split in ("train", "test"):
        rows = [row for row, name in enumerate(names) if name.parts[0] == split]
        arrays[f"{split}_x"] = pictures[rows]
        arrays[f"{split}_y"] = np.array([classes.index(names[row].parts[1]) for row in rows])
    return arrays


def _pictures(files: Sequence[bytes]) -> np.ndarray:
    return np.stack([np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["pack", "unpack"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("work", type=Path, nargs="?", default=Path("runs/gpu"))
    parser.add_argument("--cifar", type=Path, help="a folder with train/ and test/, to pack")
    options = parser.parse_args(arguments)
    if options.what == "pack":
        pack(options.folder, options.cifar)
    else:
        unpack(options.folder, options.work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
