"""A page that answers by itself, in a real browser: its answers are those of Python, also without a host."""

import base64
import functools
import http.server
import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from torch import nn

import foveate
from browser import accessibility_faults
from colour_boxes import colour_boxes
from foveate.errors import InputError
from foveate.images.preprocess import Preprocessing
from foveate.kept import cache_folder
from foveate.modelfolder.write import Draft
from foveate.runtime.config import InputShape, ModelConfig
from foveate.tasks.classification.task import Classification
from foveate.tasks.multilabel.task import Multilabel
from foveate.tasks.regression.task import Regression
from foveate.webpage.engine import BINARY, FOLDER, SCRIPT, VERSION
from squares import make_squares
from strongest import strongest

ROOT = Path(__file__).parents[2]
KEPT = [ROOT / FOLDER, cache_folder() / "engines" / f"onnxruntime-web-{VERSION}"]
needs_engine = pytest.mark.skipif(
    not any((folder / BINARY.name).is_file() for folder in KEPT), reason="needs `npm ci`"
)
ANSWERED = ".verdict:not(:text-is('…'))"


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A cache that holds the engine."""
    kept = tmp_path / "cache" / "engines" / f"onnxruntime-web-{VERSION}"
    kept.mkdir(parents=True)
    folder = next(folder for folder in KEPT if (folder / BINARY.name).is_file())
    for file in (SCRIPT, BINARY):
        shutil.copy(folder / file.name, kept / file.name)
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "cache"))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def host():
    """Serve a folder on loopback: the plainest web host there is."""
    servers = []

    def serve(folder):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def pictures(folder, count=6):
    """PNG files of colours that flow, of shapes of all kinds."""
    rng = np.random.default_rng(2)
    paths = []
    for number in range(count):
        height, width = rng.integers(5, 90, 2).tolist()
        small = Image.fromarray(rng.integers(0, 256, (3, 4, 3), dtype=np.uint8))
        path = folder / f"{number}.png"
        small.resize((width, height), Image.Resampling.BICUBIC).save(path)
        paths.append(path)
    return paths


class Slopes(nn.Module):
    """Three numbers of a picture that depend on its colours and on where they lie."""

    def forward(self, x):
        left, right = x[..., : x.shape[3] // 2], x[..., x.shape[3] // 2 :]
        return 2 * left.mean((2, 3)) - right.mean((2, 3))


def sloped(folder, task, fit):
    shape = Preprocessing(20, 24, 3, fit=fit, crop_fraction=0.9 if fit == "crop" else 1.0)
    samples = np.random.default_rng(0).integers(0, 256, (4, 20, 24, 3), dtype=np.uint8)
    facts = {"task": task, "architecture": {"custom": "slopes"}}
    with Draft(folder / "model") as draft:
        draft.add_network(Slopes(), preprocessing=shape, sample_images=samples, **facts)
        config = ModelConfig(input=InputShape(20, 24, 3), preprocessing=shape.to_dict(), **facts)
        return str(draft.publish(config))


def squares(folder):
    out = folder / "model"
    (folder / "squares").mkdir()
    foveate.train(make_squares(folder / "squares"), out=out, task="captioning", epochs=2)
    return str(out)


NAMES = ("a", "b", "<b>")
MODELS = {
    "classification": lambda folder: sloped(folder, Classification(NAMES), "crop"),
    "multilabel": lambda folder: sloped(folder, Multilabel(NAMES, thresholds=(0.5, 0.6, 0.4)), "pad"),
    "regression": lambda folder: sloped(folder, Regression(NAMES, (1.0, 2.0, 3.0), (1.0,) * 3), "stretch"),
    "segmentation": strongest,
    "detection": colour_boxes,
    "captioning": squares,
}
ASK = """async (pictures) => {
  const worker = new Worker("worker.js", {type: "module"});
  const told = [];
  for (const bytes of pictures) {
    const file = new File([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], "picture.png");
    told.push(await new Promise((resolve, reject) => {
      worker.onmessage = ({data: {ready, error, prediction}}) =>
        ready || (error ? reject(new Error(error)) : resolve(prediction));
      worker.postMessage({number: 1, file});
    }));
  }
  worker.terminate();
  return told;
}"""


def close(found, wanted):
    """Whether two documents are the same, but for the last digits of numbers."""
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(close(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list) and wanted and all(isinstance(side, float) for side in wanted):
        return found == pytest.approx(wanted, abs=1.1e-3)  # boxes and weights are rounded, and ties differ
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(close, found, wanted))
    if isinstance(wanted, float):
        return found == pytest.approx(wanted, rel=1e-5, abs=2e-6)
    return found == wanted


@needs_engine
@pytest.mark.parametrize("task", MODELS)
def test_the_page_answers_as_python_does(task, engine, host, browse, tmp_path):
    folder = MODELS[task](tmp_path)
    site = tmp_path / "site"
    assert foveate.export(folder, web=site).bytes == sum(
        path.stat().st_size for path in site.rglob("*") if path.is_file()
    )
    files = pictures(tmp_path)
    model = foveate.load(folder)
    address = host(site)
    page = browse(address, width=390, height=800)
    expect(page.locator("#state")).to_contain_text("Ready")
    told = page.evaluate(ASK, [base64.b64encode(file.read_bytes()).decode() for file in files])
    for found, wanted in zip(told, model.predictions(files), strict=True):
        assert close(found, json.loads(json.dumps(wanted.to_dict()))), (found, wanted)
    page.set_input_files("#files", files)
    expect(page.locator(ANSWERED)).to_have_count(len(files))
    assert page.locator(".error").count() == 0
    assert browse.problems == []
    assert browse.origins() == {address}
    assert accessibility_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@needs_engine
def test_the_page_works_when_its_host_is_gone(engine, host, browse, tmp_path):
    folder = MODELS["classification"](tmp_path)
    foveate.export(folder, web=tmp_path / "site")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    page = browse(host(tmp_path / "site"))
    page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    faults = page.context.new_cdp_session(page).send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert {fault["errorId"] for fault in faults} <= {"in-incognito"}  # as all pages of these tests are
    page.context.set_offline(True)
    try:
        page.reload()
        expect(page.locator("#state")).to_contain_text("Ready")
        page.set_input_files("#files", [*pictures(tmp_path, 1), tmp_path / "bad.png"])
        expect(page.locator(ANSWERED)).to_have_count(2)
        assert page.text_content(".verdict.error") == "This browser cannot read it as a picture."
    finally:
        page.context.set_offline(False)


@needs_engine
def test_a_picture_is_drawn_and_answered(engine, host, browse, tmp_path):
    foveate.export(MODELS["classification"](tmp_path), web=tmp_path / "site")
    page = browse(host(tmp_path / "site"))
    page.click("#draw")
    box = page.locator("#board canvas").bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 90, steps=5)
    page.mouse.up()
    assert accessibility_faults(page) == []
    page.click("#drawn")
    expect(page.locator(ANSWERED)).to_have_count(1)
    assert page.text_content(".card h2") == "drawing.png"
    assert browse.problems == []


def test_without_the_engine_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "empty"))
    monkeypatch.chdir(tmp_path)
    folder = MODELS["classification"](tmp_path)
    with pytest.raises(InputError, match=r"onnxruntime-web .* download=True to fetch it once"):
        foveate.export(folder, web=tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_other_folders_are_not_replaced(tmp_path):
    folder = MODELS["classification"](tmp_path)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="found other files"):
        foveate.export(folder, web=tmp_path / "site", overwrite=True)
