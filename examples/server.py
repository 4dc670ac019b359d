"""An engineer with a server: a model over HTTP, asked from eight threads, compared with Python, and stopped.

    python examples/server.py                       # trains a small model on garments first, in seconds
    python examples/server.py --model runs/photos --pictures photos/

What it shows: the answers over HTTP are those of `foveate.load`; how long one takes when eight ask at once;
and that SIGTERM ends it with exit code 0 once what was accepted has been answered.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image

import foveate


def made_up(folder: Path, count: int) -> tuple[Path, list[bytes]]:
    """A model of garments, trained for one epoch, and PNG files of garments that it has not seen."""
    data = foveate.open_dataset("fashion-mnist-mini")
    done = foveate.train(data, model="convnet1", epochs=1, out=folder / "garments")
    test = data.splits["test"].images
    files = []
    for i in range(count):
        file = io.BytesIO()
        Image.fromarray(test.read(i)[:, :, 0]).save(file, "PNG")
        files.append(file.getvalue())
    return done.folder, files


def start(model: Path) -> tuple[subprocess.Popen[bytes], str]:
    """`foveate serve MODEL` on a free port: the process and its URL, as soon as it can be reached."""
    command = [sys.executable, "-m", "foveate", "serve", str(model), "--port", "0", "--json"]
    command += ["--runtime", "onnxruntime"]  # as Python does for one picture
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    ready = b"".join(iter(process.stdout.readline, b"}\n")) + b"}"
    return process, json.loads(ready)["url"].rstrip("/")


def ask(url: str, picture: bytes) -> tuple[dict[str, Any], float]:
    """The answer to one picture, and the seconds that it took."""
    began = time.perf_counter()
    with urllib.request.urlopen(f"{url}/predict", data=picture, timeout=30) as reply:
        answer = json.load(reply)
    return answer, time.perf_counter() - began


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Serve, ask, compare, stop; what came of it."""
    parser = argparse.ArgumentParser(description="a model over HTTP")
    parser.add_argument("--model", type=Path, help="a model folder; left out: one is trained")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures to ask about, with --model")
    parser.add_argument("--count", type=int, default=200, help="garments to ask about, without --model")
    options = parser.parse_args(arguments)
    if (options.model is None) != (options.pictures is None):
        parser.error("give --model and --pictures together, or neither")
    with tempfile.TemporaryDirectory() as folder:
        if options.model is None:
            model, pictures = made_up(Path(folder), options.count)
        else:
            files = sorted(path for path in options.pictures.rglob("*") if path.is_file())
            model, pictures = options.model, [path.read_bytes() for path in files]
        process, url = start(model)
        try:
            with ThreadPoolExecutor(8) as eight:
                asked = list(eight.map(lambda one: ask(url, one), pictures))
            with urllib.request.urlopen(f"{url}/metrics", timeout=30) as reply:
                metrics = reply.read().decode()
        finally:
            process.terminate()
            code = process.wait(timeout=30)
            process.stdout.close()
        here = [answer.to_dict() for answer in foveate.load(model).predictions(pictures)]
    return told(asked, here, metrics, code)


def told(
    asked: list[tuple[dict[str, Any], float]], here: list[Any], metrics: str, code: int
) -> dict[str, Any]:
    """Print and give the figures."""
    pairs = [(reply["predictions"][0], local) for (reply, _), local in zip(asked, here, strict=True)]
    same = sum(there["label"] == local["label"] for there, local in pairs)
    apart = max(abs(there["probability"] - local["probability"]) for there, local in pairs)
    seconds = sorted(taken for _, taken in asked)
    middle, late = seconds[len(seconds) // 2], seconds[int(0.95 * (len(seconds) - 1))]
    print(f"{len(asked)} pictures asked, {same} answers as in Python, probabilities within {apart:.0e}")
    print(f"seconds an answer, eight at once: median {middle:.4f}, 95 of 100 below {late:.4f}")
    print("\n".join(line for line in metrics.splitlines() if "requests_total{" in line))
    print(f"stopped with exit code {code}")
    return {"asked": len(asked), "same": same, "apart": apart, "code": code, "metrics": metrics}


if __name__ == "__main__":
    main()
