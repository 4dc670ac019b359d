"""The folder of a page that answers by itself: written whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import json
from importlib import resources
from importlib.metadata import version
from pathlib import Path

import numpy as np

from foveate.dataset.sources.fetch import Progress, Say
from foveate.errors import InputError
from foveate.folders import replacing_folder
from foveate.http.about import about, templates
from foveate.modelfolder.read import read_runnable
from foveate.outputs import check_folder
from foveate.runtime.predictor import Predictor
from foveate.tasks import written_task
from foveate.webpage.engine import VERSION, engine
from foveate.words import encodable

MARK = "manifest.webmanifest"  # which every such folder holds
_SHARED = ("page.css", "icon.svg", "page.js", "answers.js", "boxes.js", "masks.js")
_OWN = (
    "local.js",
    "worker.js",
    "decode.js",
    "preprocess.js",
    "resample.js",
    "unpack.js",
    "camera.js",
    "drawing.js",
    "offline.js",
)


def write_page(
    folder: Path,
    out: Path,
    *,
    name: str,
    download: bool = False,
    overwrite: bool = False,
    say: Say | None = None,
    progress: Progress | None = None,
) -> int:
    """Write the page of a model folder to ``out``; how many bytes it takes.

    name: of the model, as the page says it. download: let the engine be fetched. Raises InputError for a task
    that has no answers in a browser, or a folder of other things; ModelFolderError, DownloadError.
    """
    check_folder(out, MARK, what="a page", name="web", overwrite=overwrite)
    found = read_runnable(folder)
    predictor = Predictor(
        found.model, found.config.task, found.preprocessing, config=found.config, source=str(folder)
    )
    files = _scripts(predictor.task.name)
    script, binary = engine(download=download, say=say, progress=progress)
    files["ort.wasm.bundle.min.mjs"] = script
    files["ort.wasm.gz"] = _packed(binary)
    files["model.onnx.planes.gz"] = _packed(_planes(found.model))
    document = {"task": written_task(predictor.task), "preprocessing": predictor.preprocessing.to_dict()}
    files["model.json"] = _json(document)
    files |= _page(predictor, name)
    files["files.js"] = _list_of(files)
    with replacing_folder(out) as part:
        for file, content in files.items():
            (part / file).parent.mkdir(exist_ok=True)
            (part / file).write_bytes(content)
    return sum(map(len, files.values()))


def _scripts(task: str) -> dict[str, bytes]:
    web = resources.files("foveate.webpage") / "web"
    shared = resources.files("foveate.http") / "web"
    if not (web / "tasks" / f"{task}.js").is_file():
        raise InputError(f"A model for {task} has no page of its own yet; `foveate serve` answers for it.")
    files = {file: (shared / file).read_bytes() for file in _SHARED}
    files |= {file: (web / file).read_bytes() for file in _OWN}
    for file in ("ranking.js", f"{task}.js"):
        files[f"tasks/{file}"] = (web / "tasks" / file).read_bytes()
    return files


def _page(predictor: Predictor, name: str) -> dict[str, bytes]:
    called = encodable(name)
    page = templates("foveate.webpage").get_template("index.html.j2")
    facts = {"version": version("foveate"), "runtime_version": VERSION}
    dark = bool(np.mean(predictor.preprocessing.mean) < 0.5)  # most of what was learnt is dark: draw in light
    index = page.render(name=called, dark=dark, **facts, **about(predictor))
    manifest = {
        "name": called,
        "short_name": called[:12],
        "start_url": "index.html",
        "display": "standalone",
        "background_color": "#fbfbf9",
        "theme_color": "#1d68a7",
        "icons": [{"src": "icon.svg", "sizes": "any", "type": "image/svg+xml"}],
    }
    return {"index.html": index.encode(), MARK: _json(manifest)}


def _list_of(files: dict[str, bytes]) -> bytes:
    """What the page keeps to work offline, and a version that changes with any of it."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)} ".encode() + content)
    names = ["./", *sorted(files)]
    return (
        f"self.VERSION = {json.dumps(digest.hexdigest()[:16])};\nself.FILES = {json.dumps(names)};\n".encode()
    )


def _planes(content: bytes) -> bytes:
    """First bytes of each four, then second, third and fourth ones.

    Exponents of a network's numbers are much alike, so they are packed smaller side by side:
    EfficientNet-Lite0 takes 15.9 MB so, and 17.4 MB as it is.
    """
    return b"".join(content[first::4] for first in range(4))


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=9, mtime=0)


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
