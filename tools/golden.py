"""What the program gives for fixed inputs, written down, so that a rebuilt program can be held against it.

    python tools/golden.py record before.json                 # with the program as it is
    python tools/golden.py record after.json --foveate PATH   # with another one's command
    python tools/golden.py compare before.json after.json     # exits with 1 and names what differs

Everything is asked through the command line and over HTTP, so nothing here knows how the program is laid out.
Pictures are drawn from fixed seeds. Weights and files are kept as SHA-256; times, paths, versions and what
is a measurement of the machine are left out (``VOLATILE``). Takes about five minutes on two cores.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

NETWORKS = ("convnet1", "lenet5", "vgg16", "googlenet", "resnet50", "efficientnet_b0")
SUMS = 10  # of each network
VOLATILE = frozenset(
    [
        "created",
        "elapsed",
        "file",
        "files",
        "folder",
        "model_path",
        "out",
        "path",
        "pid",
        "predict_seconds",
        "report",
        "run",
        "seconds",
        "seconds_by_phase",
        "sha256",
        "url",
        "versions",
        "written",
    ]
)
BLUEPRINT = """
input: [3, 24, 24]
layers:
  - conv: {filters: 8, kernel: 3, padding: same}
  - batch_norm
  - relu
  - max_pool: 2
  - conv: {filters: 16, kernel: 3, padding: 1, padding_mode: reflect}
  - relu
  - global_avg_pool
  - flatten
  - dense: 3
"""
MODULE = """
import json, sys, torch, foveate
from torch import nn
torch.manual_seed(5)
module = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 3))
request = foveate.TrainRequest(epochs=2, recipe="standard", seed=4)
foveate.train(sys.argv[1], request, out=sys.argv[2], module=module)
"""
PREDICT = """
import json, sys, foveate
model = foveate.load(sys.argv[1])
print(json.dumps([model.predict_proba([path]).tolist() for path in sys.argv[2:]]))
"""


class Recorder:
    """Runs the program in a folder of its own and collects what it gave, by case."""

    def __init__(self, foveate: Path, place: Path) -> None:
        self.foveate, self.place = foveate, place
        self.found: dict[str, Any] = {}
        self.environment = dict(os.environ, XDG_CACHE_HOME=str(place / "cache"), COLUMNS="100")

    def case(self, name: str, value: Callable[[], Any]) -> None:
        began = time.monotonic()
        self.found[name] = value()
        print(f"{name}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)

    def run(self, *arguments: object, accept: tuple[int, ...] = (0,)) -> str:
        """Standard output of a command."""
        command = [str(self.foveate), *map(str, arguments)]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env=self.environment, cwd=self.place,
            timeout=600,
        )  # fmt: skip
        if done.returncode not in accept:
            raise RuntimeError(f"{command}: exit {done.returncode}\n{done.stderr[-2000:]}")
        return done.stdout

    def json(self, *arguments: object, accept: tuple[int, ...] = (0,)) -> Any:
        return settled(json.loads(self.run(*arguments, "--json", accept=accept)))

    def python(self, program: str, *arguments: object) -> str:
        python = self.foveate.parent / "python"
        return subprocess.run(
            [str(python), "-c", program, *map(str, arguments)],
            check=True, capture_output=True, text=True, env=self.environment, cwd=self.place, timeout=600,
        ).stdout  # fmt: skip

    def trained(self, out: str, data: str, *flags: object) -> dict[str, Any]:
        """What a training leaves in its folder."""
        self.run("train", data, "--out", out, "--device", "cpu", *flags)
        return self.folder(out)

    def folder(self, out: str) -> dict[str, Any]:
        folder = self.place / out
        config = json.loads((folder / "config.json").read_text())
        rows = list(csv.DictReader(io.StringIO((folder / "history.csv").read_text())))
        return {
            "weights": digest((folder / "model.safetensors").read_bytes()),
            "network": digest((folder / "model.onnx").read_bytes()),
            "config": settled(config),
            "history": [{k: v for k, v in row.items() if "second" not in k} for row in rows],
            "splits": digest((folder / "splits.csv").read_bytes()),
            "card": words((folder / "README.md").read_text()),
            "report": words(
                re.sub(r"(?s)<style.*?</style>|<[^>]*>", " ", (folder / "report.html").read_text())
            ),
        }

    @contextlib.contextmanager
    def served(self, *arguments: object) -> Iterator[Callable[..., Any]]:
        """A server of the program, and a way to ask it."""
        command = [str(self.foveate), *map(str, arguments), "--port", "0", "--json"]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=self.environment, cwd=self.place
        )
        try:
            text = ""
            while not text.endswith("}\n"):
                text += process.stdout.readline()  # type: ignore[union-attr]
            url = json.loads(text)["url"].rstrip("/")
            yield lambda path, body=None, kind="application/json": ask(url + path, body, kind)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def ask(url: str, body: object, kind: str) -> Any:
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": kind})
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.loads(answer.read())


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def settled(value: Any) -> Any:
    """A document without what changes from run to run."""
    if isinstance(value, dict):
        return {key: settled(part) for key, part in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return [settled(part) for part in value]
    return value


def words(text: str) -> list[str]:
    """Lines of a page without times, dates and versions; of a history's rows the last number is a time."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    changing = re.compile(
        r"\d+(\.\d+)? ?(s|ms|seconds)\b|20\d\d-\d\d-\d\d|[A-Z][a-z]+ 20\d\d|\b\d+\.\d+\.\d+\b|data:image"
    )
    kept = [line for line in lines if line and not changing.search(line)]
    return [re.sub(r"^((?:[\d.e-]+%? ){6,})[\d.]+$", r"\1", line) for line in kept]


# --- Data ---


def shapes(folder: Path, count: int, size: tuple[int, int], kind: str) -> None:
    """Three classes of drawn pictures, in colour."""
    rng = np.random.default_rng(count)
    for name in ("bar", "disc", "square"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            w, h = size
            noise = rng.integers(60, 190, (h // 4, w // 4, 3), dtype=np.uint8)
            picture = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
            x, y = int(rng.integers(w // 3, 2 * w // 3)), int(rng.integers(h // 3, 2 * h // 3))
            r = min(w, h) // 4
            box = (x - r, y - r // 4, x + r, y + r // 4) if name == "bar" else (x - r, y - r, x + r, y + r)
            draw = ImageDraw.Draw(picture)
            colour = tuple(int(v) for v in rng.integers(0, 255, 3))
            (draw.ellipse if name == "disc" else draw.rectangle)(box, fill=colour)
            picture.save(folder / name / f"{i:03}.{kind}")


# --- Cases ---


def trainings(r: Recorder) -> None:
    (r.place / "net.yaml").write_text(BLUEPRINT)
    few = ("--epochs", 2, "--seed", 3)
    r.case("train grey", lambda: r.trained("grey", "fashion-mnist-mini", "--model", "convnet1", *few))
    r.case("train colour", lambda: r.trained("colour", "small", "--model", "compact_s", *few))
    r.case("train auto", lambda: r.trained("auto", "small", *few, "--weights", "none"))
    r.case("train article", lambda: r.trained("article", "small", "--recipe", "article", *few))
    r.case("train blueprint", lambda: r.trained("blueprint", "small", "--model", "net.yaml", *few))
    balanced = ("--model", "compact_s", "--class-weights", "balanced", "--label-smoothing", 0, *few)
    r.case("train class weights", lambda: r.trained("balanced", "small", *balanced))
    smooth = ("--model", "convnet1", "--label-smoothing", 0.2, "--select", "val_loss", *few)
    r.case("train smoothing", lambda: r.trained("smooth", "fashion-mnist-mini", *smooth))
    aux = ("--model", "resnet18", "--image-size", 32, "--batch-size", 16, "--augment", "none", *few)
    r.case("train resnet", lambda: r.trained("resnet", "small", *aux))
    started = ("--model", "compact_s", "--weights", "colour/model.safetensors", *few)
    r.case("train from weights", lambda: r.trained("weights", "small", *started))
    r.case("train a module", lambda: (r.python(MODULE, "small", "module"), r.folder("module"))[1])
    r.case("resume", lambda: resumed(r))
    r.case("photographs cold", lambda: r.trained("photos-cold", "photos", "--seed", 3))
    r.case("photographs kept", lambda: r.trained("photos-kept", "photos", "--seed", 3))
    r.case("photographs tuned", lambda: r.trained("photos-tuned", "photos", "--epochs", 1))
    r.case("int8", lambda: int8(r))


def int8(r: Recorder) -> dict[str, Any]:
    r.run("export", "grey", "--int8", "--data", "fashion-mnist-mini", "-o", "int8", accept=(0, 1))
    if not (r.place / "int8").exists():  # it was not faster here: that depends on the machine
        return {}
    folder = r.place / "int8"
    config = json.loads((folder / "config.json").read_text())
    return {"network": digest((folder / "model.onnx").read_bytes()), "config": settled(config)}


def resumed(r: Recorder) -> dict[str, Any]:
    """A run that is interrupted and goes on."""
    flags = ["--model", "convnet1", "--epochs", "6", "--seed", "3", "--device", "cpu", "--out", "resumed"]
    command = [str(r.foveate), "train", "fashion-mnist-mini", *flags]
    process = subprocess.Popen(command, cwd=r.place, env=r.environment, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:  # type: ignore[union-attr]
        if re.search(r"^epoch +2\b", line):
            process.send_signal(signal.SIGINT)
            break
    process.communicate(timeout=120)
    r.run("train", "fashion-mnist-mini", "--out", "resumed", "--resume")
    return r.folder("resumed")


def commands(r: Recorder) -> None:
    one, photo = "small/disc/000.png", "photos/disc/000.jpg"
    r.case("predict", lambda: r.json("predict", "colour", "small"))
    r.case("predict csv", lambda: r.run("predict", "colour", "small/bar", "--csv"))
    r.case("predict text", lambda: r.run("predict", "colour", one))
    r.case("predict photograph", lambda: r.json("predict", "photos-cold", "photos"))
    r.case("predict published", lambda: r.json("predict", "efficientnet_lite0", photo))
    r.case("predict from Python", lambda: json.loads(r.python(PREDICT, "colour", one, photo)))
    r.case("evaluate", lambda: r.json("evaluate", "colour", "small"))
    r.case("check", lambda: r.json("check", "small"))
    r.case("check labels", lambda: r.json("check", "photos", "--labels"))
    for method in ("grad-cam", "integrated-gradients", "occlusion", "saliency"):
        folder = f"why-{method}"
        r.case(f"explain {method}", lambda m=method, f=folder: r.json(
            "explain", "colour", one, "--method", m, "--out", f))  # fmt: skip
    r.case("summary", lambda: [r.json("summary", name) for name in (*NETWORKS, "net.yaml", "colour")])
    r.case("summary text", lambda: r.run("summary", "googlenet"))
    r.case("models", lambda: r.json("models"))
    r.case("filter", lambda: (r.json("filter", photo, "all", "--out", "sheet.png"),
                              digest((r.place / "sheet.png").read_bytes())))  # fmt: skip
    r.case("export", lambda: (r.run("export", "colour", "-o", "colour.onnx"),
                              digest((r.place / "colour.onnx").read_bytes()))[1])  # fmt: skip


def servers(r: Recorder) -> None:
    picture = (r.place / "small/disc/000.png").read_bytes()
    with r.served("serve", "colour") as get:
        r.case("serve predict", lambda: settled(get("/predict", picture, "image/png")))
        for path in ("/v2", "/v2/models/colour", "/openapi.json"):
            r.case(f"serve {path}", lambda path=path: settled(get(path)))
        r.case("serve infer", lambda: settled(get("/v2/models/colour/infer", inferred(get))))
    for name in NETWORKS:
        with r.served("inspect", name, "small/disc/000.png", "--no-open") as get:
            r.case(f"sums of {name}", lambda get=get, name=name: sums(get, name))


def inferred(get: Callable[..., Any]) -> dict[str, Any]:
    wanted = get("/v2/models/colour")["inputs"][0]
    shape = [1 if side == -1 else side for side in wanted["shape"]]
    numbers = np.random.default_rng(0).integers(0, 256, shape).ravel().tolist()
    return {"inputs": [{"name": wanted["name"], "shape": shape, "datatype": "UINT8", "data": numbers}]}


def sums(get: Callable[..., Any], name: str) -> list[Any]:
    """Random numbers of a network with the operands that its page shows."""
    choice = random.Random(name)
    nodes = get("/api/network")["nodes"]
    run = get("/api/runs", {"picture": get("/api/pictures")["pictures"][0]["id"]})["run"]
    asked = []
    for _ in range(SUMS):
        node = choice.choice(nodes)
        place = [choice.randrange(side) for side in node["shape"]]
        query = "&".join(f"{n}={p}" for n, p in zip(("channel", "row", "column"), place, strict=False))
        found = get(f"/api/runs/{run}/nodes/{node['id']}/sum?{query}")
        asked.append([node["id"], place, settled(found)])
    return [settled(nodes), asked]


def record(foveate: Path, out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        r = Recorder(foveate, Path(folder))
        shapes(r.place / "small", 20, (24, 24), "png")
        shapes(r.place / "photos", 16, (200, 160), "jpg")
        trainings(r)
        commands(r)
        servers(r)
        text = json.dumps(r.found, indent=1, sort_keys=True).replace(folder, "FOLDER")
    out.write_text(text + "\n")
    print(f"{len(r.found)} cases written to {out}")


def differences(a: Any, b: Any, where: str = "") -> Iterator[str]:
    """Where two documents differ, one line each."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(a.keys() | b.keys()):
            if key not in a or key not in b:
                yield f"{where}/{key}: only {'after' if key not in a else 'before'}"
            else:
                yield from differences(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            yield from differences(x, y, f"{where}/{i}")
    elif a != b:
        yield f"{where}: {str(a)[:120]} -> {str(b)[:120]}"


def pages(record: dict[str, Any]) -> dict[str, Any]:
    """A record whose pages are kept as `words` keeps them now, so that an older record can be compared."""
    for case in record.values():
        for page in ("card", "report"):
            if isinstance(case, dict) and page in case:
                case[page] = words("\n".join(case[page]))
    return record


def compare(before: Path, after: Path) -> int:
    a, b = (pages(json.loads(path.read_text())) for path in (before, after))
    found = list(differences(a, b))
    print(*found, f"{len(a)} and {len(b)} cases, {len(found)} differences", sep="\n")
    return 1 if found else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    recording = verbs.add_parser("record")
    recording.add_argument("out", type=Path)
    recording.add_argument("--foveate", type=Path, default=Path(sys.executable).parent / "foveate")
    comparing = verbs.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    options = parser.parse_args()
    if options.verb == "compare":
        return compare(options.before, options.after)
    record(options.foveate.absolute(), options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
