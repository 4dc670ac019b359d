"""The wheel and the sdist in empty environments: do they install, how large and how fast, do they answer?

python tools/install_checks.py [--python python3.12 ...] [--extras base serve fast ...] [--write]

Builds both, makes an environment for each Python and each extra, installs into it, imports foveate, asks
`foveate doctor`, and has a small model answer, which must be what this very installation answers. ``base`` is
no extra, ``sdist`` the same from source. --write puts the table into docs/installs.md. Ends with a line that
counts, ``n tried, 0 wrong``, and exits with 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import foveate

ROOT = Path(__file__).parents[1]
EXTRAS = ("base", "sdist", "fast", "serve", "hub", "train", "pretrained", "sklearn")
ANSWER = ("-m", "foveate", "predict", "model", "picture.png", "--json")
HEAD = """# Installing, measured

Written by `python tools/install_checks.py --write`: the wheel and the sdist in empty environments on
{machine}. Seconds of `pip install` depend on the network and its cache; megabytes are those of the
environment, `pip` itself left out; both times are of the whole process, the
median of three, beside whatever else the machine was doing.

| Python | installed | | MB | `pip install` | `import foveate` | `foveate predict` |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Installed:
    """One environment. wrong: what does not work there; empty where all does."""

    python: str
    extra: str
    megabytes: float
    seconds: float
    importing: float
    predicting: float
    wrong: str

    def row(self) -> str:
        what = {"base": "`foveate`", "sdist": "`foveate` from source"}.get(
            self.extra, f"`foveate[{self.extra}]`"
        )
        return (
            f"| {self.python} | {what} | {self.wrong or 'works'} | {self.megabytes:.0f} "
            f"| {self.seconds:.0f} s | {self.importing:.2f} s | {self.predicting:.2f} s |"
        )


def build(folder: Path) -> tuple[Path, Path]:
    """The wheel and the sdist, by hatchling in an environment of its own."""
    python = environment(folder / "build", sys.executable)
    run([python, "-m", "pip", "install", "-q", "hatchling>=1.27"])
    run([python, "-m", "hatchling", "build", "-d", str(folder / "dist")], cwd=ROOT)
    (wheel,), (sdist,) = (folder / "dist").glob("*.whl"), (folder / "dist").glob("*.tar.gz")
    return wheel, sdist


def environment(place: Path, python: str) -> str:
    """A new environment; its Python."""
    run([python, "-m", "venv", str(place)])
    return str(place / "bin" / "python")


def a_model(folder: Path) -> None:
    """A small model and a picture, where the environments are tried."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    foveate.train((pixels, np.arange(40) % 2), out=folder / "model", model="lenet5", epochs=1, threads=1)
    Image.fromarray(pixels[0]).save(folder / "picture.png")


def tried(folder: Path, python: str, extra: str, package: Path, expected: object) -> Installed:
    """One environment, from nothing to an answer."""
    place = folder / f"{re.sub(r'[^a-z0-9]', '-', python)}-{extra}"
    inside = environment(place, python)
    before = size(place)
    named = str(package) if extra in {"base", "sdist"} else f"{package}[{extra}]"
    began = time.monotonic()
    wrong = failure([inside, "-m", "pip", "install", "-q", named], folder)
    seconds = time.monotonic() - began
    wrong = wrong or failure([inside, "-m", "foveate", "doctor"], folder)
    if not wrong:
        found = json.loads(run([inside, *ANSWER], cwd=folder))["predictions"]
        wrong = "" if found == expected else "answers otherwise"
    version = run([inside, "-c", "import platform; print(platform.python_version())"]).strip()
    importing, predicting = (
        (0.0, 0.0)
        if wrong
        else (timed([inside, "-c", "import foveate"], folder), timed([inside, *ANSWER], folder))
    )
    return Installed(version, extra, (size(place) - before) / 1e6, seconds, importing, predicting, wrong)


def run(command: list[str], cwd: Path | None = None) -> str:
    environment = {
        key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}
    }
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:])}: {done.stderr.strip()[-300:]}")
    return done.stdout


def failure(command: list[str], cwd: Path) -> str:
    """What went wrong; nothing where nothing did."""
    try:
        run(command, cwd)
    except RuntimeError as error:
        return str(error).replace("\n", " ").replace("|", "/")
    return ""


def timed(command: list[str], cwd: Path) -> float:
    spent = []
    for _ in range(3):
        began = time.monotonic()
        run(command, cwd)
        spent.append(time.monotonic() - began)
    return sorted(spent)[1]


def size(place: Path) -> int:
    return sum(path.lstat().st_size for path in place.rglob("*") if path.is_file() and not path.is_symlink())


def all_tried(folder: Path, pythons: list[str], extras: list[str]) -> Iterator[Installed]:
    """Each Python with each extra."""
    wheel, sdist = build(folder)
    a_model(folder)
    expected = json.loads(run([sys.executable, *ANSWER], cwd=folder))["predictions"]
    for python in pythons:
        for extra in extras:
            yield tried(folder, python, extra, sdist if extra == "sdist" else wheel, expected)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", nargs="*", default=[sys.executable], help="commands or paths of Pythons")
    parser.add_argument("--extras", nargs="*", default=list(EXTRAS))
    parser.add_argument("--write", action="store_true", help="docs/installs.md")
    flags = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for one in all_tried(Path(folder), flags.python, flags.extras):
            print(one.row(), flush=True)
            rows.append(one)
    if flags.write:
        machine = f"{platform.system()} {platform.machine()}"
        table = HEAD.format(machine=machine) + "\n".join(one.row() for one in rows) + "\n"
        (ROOT / "docs" / "installs.md").write_text(table, encoding="utf-8")
    wrong = sum(bool(one.wrong) for one in rows)
    print(f"{len(rows)} tried, {wrong} wrong")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
