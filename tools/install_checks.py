"""The wheel and the sdist in empty environments: do they install, how large and how fast, do they answer?

    python tools/install_checks.py [--python PYTHON ...] [--extras base serve ...] [--folder DIR] [--write]

Builds both, makes an environment for each Python and each extra, installs into it, imports foveate, asks
`foveate doctor`, has a small model answer, which must be what this very installation answers, and uses what
the extra is for (USES). ``base`` is no extra, ``sdist`` the same from source, ``image`` what
deploy/Dockerfile installs. With --folder the environments are kept there, and those that are there are not
made again; --times measures their times anew, when the machine is quiet. --write puts all rows into
docs/installs.md. Ends with a line that counts, ``n tried, 0 wrong``, and exits with 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

import foveate

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# `dev` is for who changes the program.
EXTRAS = ("base", "sdist", "image", *(name for name in PROJECT["optional-dependencies"] if name != "dev"))
ANSWER = ("-m", "foveate", "predict", "model", "picture.png", "--json")
TRAIN = "import foveate; foveate.train('pictures.npz', out={out!r}, epochs=1, threads=1, model={model!r})"
# What an extra is for, done with it: statements of Python.
USES = {
    "train": TRAIN.replace("{model!r}", "'lenet5'"),
    "tensorboard": "import tensorboard.compat.proto.event_pb2",
    "mlflow": "import foveate.tracking.mlflow, mlflow, pandas",
    "wandb": "import wandb",
    "trackio": "import trackio",
    "pretrained": TRAIN.replace("{model!r}", "'efficientnet_lite0'").replace("epochs=1, ", ""),
    "hub": "import huggingface_hub, foveate; foveate.push",
    "timm": "import foveate, timm; timm.create_model('resnet18', pretrained=False)",
    "serve": "import foveate.server.app, uvloop",
    "cloud": "import foveate.stores, fsspec, obstore",
    "parquet": "import pyarrow.parquet",
    "ray": "import ray; ray.init(num_cpus=1, include_dashboard=False); ray.shutdown()",
    "notebook": "import foveate.widget; foveate.widget.Inspect",
    "sklearn": "import numpy; from foveate.sklearn import ImageClassifier; from sklearn.base import clone; "
    "pixels = numpy.arange(20 * 64, dtype='uint8').reshape(20, 8, 8); "
    "print(clone(ImageClassifier(epochs=1, threads=1)).fit(pixels, numpy.arange(20) % 2).predict(pixels))",
    "fast": "import simplejpeg",
    "guide": "import runpy, sys; sys.argv = ['foveate', 'guide', '--out', {out!r}]; "
    "runpy.run_module('foveate', run_name='__main__')",
    "openvino": "import foveate; foveate.load('model', runtime='openvino').predict('picture.png')",
    "bench": "import openvino",
}
HEAD = """# Installing, measured

Written by `python tools/install_checks.py --write`: the wheel and the sdist in empty environments on
{machine}. In each, `foveate doctor` found what the extra needs, a model answered as it does elsewhere, and
what the extra is for was used (`USES` in that program; trackers and TensorBoard only imported). Seconds of
`pip install` depend on the network and its cache{beside}; megabytes are those of the environment, `pip`
itself left out; both times are of the whole process, the median of three.

| Python | installed | | MB | `pip install` | `import foveate` | `foveate predict` |
|---|---|---|---|---|---|---|
"""
FOOT = """
## Containers, conda, the release

No container engine, no conda channel and no release service was at hand, so no image and no conda package was
built and the release workflow was not run. What was done instead:

- `deploy/Dockerfile`: hadolint 2.15 finds nothing. What its `pip install` line brings was installed into an
  empty environment, the row *what the image adds*; the base image, `python:3.13-slim`, comes on top of that.
- `deploy/conda/recipe.yaml`: read and rendered by rattler-build 0.73; its requirements are held to those of
  `pyproject.toml` by a test.
- `.github/workflows/release.yml`: read by actionlint, whose release knew no permission `attestations` yet and
  found nothing else; a test holds what each job may do.
"""


@dataclass(frozen=True)
class Installed:
    """One environment. place: its folder; wrong: what does not work there, empty where all does."""

    place: str
    python: str
    extra: str
    torch: str
    megabytes: float
    seconds: float
    importing: float
    predicting: float
    wrong: str

    def row(self) -> str:
        names = {"base": "`foveate`", "sdist": "`foveate` from source", "image": "what the image adds"}
        what = names.get(self.extra, f"`foveate[{self.extra}]`")
        what += f", torch {self.torch}" if self.torch else ""
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
    """A small model, a picture and pictures to learn from, where the environments are tried."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(40) % 2
    out = folder / "model"
    foveate.train((pixels, labels), out=out, model="lenet5", epochs=1, threads=1, overwrite=True)
    Image.fromarray(pixels[0]).save(folder / "picture.png")
    np.savez(folder / "pictures.npz", x_train=pixels, y_train=labels)


def tried(folder: Path, python: str, extra: str, package: Path, expected: object) -> Installed:
    """One environment, from nothing to an answer and to what the extra is for."""
    place = folder / place_of(python, extra)
    shutil.rmtree(place, ignore_errors=True)
    inside = environment(place, python)
    before = size(place)
    began = time.monotonic()
    wrong = failure([inside, "-m", "pip", "install", "-q", *asked(package, extra)], folder)
    seconds = time.monotonic() - began
    taken = size(place) - before
    wrong = wrong or unready(inside, extra, folder) or otherwise(inside, folder, expected)
    if not wrong and extra in USES:
        use = USES[extra].replace("{out!r}", repr(str(place / "out")))
        wrong = failure([inside, "-c", use], folder)
    shutil.rmtree(place / "out", ignore_errors=True)
    python = run([inside, "-c", "import platform; print(platform.python_version())"]).strip()
    torch = run([inside, "-m", "pip", "list", "--format", "json"])
    torch = next((one["version"] for one in json.loads(torch) if one["name"] == "torch"), "")
    return Installed(place.name, python, extra, torch, taken / 1e6, seconds, 0.0, 0.0, wrong)


def place_of(python: str, extra: str) -> str:
    """The folder's name of an environment."""
    return f"{re.sub(r'[^a-z0-9]', '-', python)}-{extra}"


def asked(package: Path, extra: str) -> list[str]:
    """What pip is told to install."""
    if extra in {"base", "sdist"}:
        return [str(package)]
    if extra != "image":
        return [f"{package}[{extra}]"]
    (extras,) = re.findall(r"^ARG EXTRAS=(\S+)", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    return ["--no-compile", f"{package}[{extras}]"]


def unready(inside: str, extra: str, folder: Path) -> str:
    """What `foveate doctor` misses there of the extra."""
    wrong = failure([inside, "-m", "foveate", "doctor"], folder)
    if wrong:
        return wrong
    parts = json.loads(run([inside, "-m", "foveate", "doctor", "--json"], folder))["parts"]
    ready = {part["extra"]: part["ready"] for part in parts}
    return (
        ""
        if ready["" if extra in {"base", "sdist", "image"} else extra]
        else "doctor does not find the extra"
    )


def otherwise(inside: str, folder: Path, expected: object) -> str:
    """Whether the model answers otherwise there."""
    wrong = failure([inside, *ANSWER], folder)
    if wrong:
        return wrong
    found = json.loads(run([inside, *ANSWER], cwd=folder))["predictions"]
    return "" if found == expected else "answers otherwise"


def with_times(one: Installed, folder: Path) -> Installed:
    """Both times of an environment that works, measured."""
    inside = str(folder / one.place / "bin" / "python")
    if one.wrong or not Path(inside).exists():
        return one
    return replace(
        one,
        importing=timed([inside, "-c", "import foveate"], folder),
        predicting=timed([inside, *ANSWER], folder),
    )


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


def kept_rows(folder: Path) -> list[Installed]:
    """What was tried in this folder before, and worked."""
    file = folder / "rows.json"
    rows = [Installed(**row) for row in json.loads(file.read_text())] if file.exists() else []
    return [row for row in rows if not row.wrong]


def keep_rows(folder: Path, rows: list[Installed]) -> None:
    (folder / "rows.json").write_text(json.dumps([asdict(row) for row in rows], indent=1))


def all_tried(folder: Path, pythons: list[str], extras: list[str], *, keep: bool) -> Iterator[Installed]:
    """Each Python with each extra; first what is in the folder already."""
    rows = kept_rows(folder)
    yield from rows
    there = {row.place for row in rows}
    pairs = ((python, extra) for python in pythons for extra in extras)
    wanted = [(python, extra) for python, extra in pairs if place_of(python, extra) not in there]
    if wanted:
        shutil.rmtree(folder / "build", ignore_errors=True)
        shutil.rmtree(folder / "dist", ignore_errors=True)
        wheel, sdist = build(folder)
        expected = json.loads(run([sys.executable, *ANSWER], cwd=folder))["predictions"]
    for python, extra in wanted:
        one = tried(folder, python, extra, sdist if extra == "sdist" else wheel, expected)
        rows.append(with_times(one, folder))
        if not keep:
            shutil.rmtree(folder / one.place)
        keep_rows(folder, rows)
        yield rows[-1]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", nargs="*", default=[sys.executable], help="commands or paths of Pythons")
    parser.add_argument("--extras", nargs="*", default=list(EXTRAS))
    parser.add_argument("--folder", type=Path, help="keep the environments here, and go on here")
    parser.add_argument("--times", action="store_true", help="measure the times of those in the folder anew")
    parser.add_argument("--beside", default="", help="what the machine did meanwhile, said in the page")
    parser.add_argument("--write", action="store_true", help="docs/installs.md")
    flags = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = flags.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "model").is_dir():
            a_model(folder)
        if flags.times:
            keep_rows(folder, [with_times(row, folder) for row in kept_rows(folder)])
        for one in all_tried(folder, flags.python, flags.extras, keep=flags.folder is not None):
            print(one.row(), flush=True)
            rows.append(one)
    if flags.write:
        machine = f"{platform.system()} {platform.machine()}"
        beside = f" and on {flags.beside}" if flags.beside else ""
        table = HEAD.format(machine=machine, beside=beside)
        table += "\n".join(one.row() for one in sorted(rows, key=in_order)) + "\n" + FOOT
        (ROOT / "docs" / "installs.md").write_text(table, encoding="utf-8")
    wrong = sum(bool(one.wrong) for one in rows)
    print(f"{len(rows)} tried, {wrong} wrong")
    return int(wrong > 0)


def in_order(one: Installed) -> tuple[list[int], int]:
    """By Python, then as pyproject.toml has the extras."""
    return [int(part) for part in re.findall("[0-9]+", one.python)], EXTRAS.index(one.extra)


if __name__ == "__main__":
    sys.exit(main())
