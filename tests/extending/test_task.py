"""A whole task in two files outside the package: `heading.py` and, to train, `heading_learner.py`."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image, ImageDraw

import foveate
import own_layer
from foveate.modelfolder.to_torch import rebuild
from foveate.tasks import _TASKS

HERE = Path(__file__).parent
BLUEPRINT = """
input: [1, 24, 24]
layers:
  - conv: {filters: 12, kernel: 5, stride: 2}
  - relu
  - conv: {filters: 24, kernel: 3}
  - relu
  - flatten
  - dense: classes
"""
PREDICT = f"""
import sys; sys.modules["torch"] = None
sys.path.insert(0, {str(HERE)!r})
import heading
from foveate.cli.main import main
main(sys.argv[1:])
"""


def arrow(angle, side=24):
    """An arrow (side, side), dark on light, ``angle`` degrees counterclockwise from the right."""
    scale, middle = 4, 2 * side  # drawn larger, and smoothed
    turn = np.radians(angle)
    ahead, beside = np.array([np.cos(turn), -np.sin(turn)]), np.array([np.sin(turn), np.cos(turn)])
    tip, tail = middle + 1.7 * side * ahead, middle - 1.5 * side * ahead
    picture = Image.new("L", (scale * side, scale * side), 230)
    draw = ImageDraw.Draw(picture)
    draw.line([*tail, *tip], fill=20, width=side // 3)
    neck = middle + 0.4 * side * ahead
    draw.polygon([tuple(tip), tuple(neck + side * beside), tuple(neck - side * beside)], fill=20)
    return picture.resize((side, side), Image.Resampling.BOX).convert("RGB")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    place = tmp_path_factory.mktemp("arrows")
    angles = np.random.default_rng(0).uniform(0, 360, 400).round(1)
    for i, angle in enumerate(angles):
        arrow(angle).save(place / f"{i}.png")
    rows = "\n".join(f"{i}.png,{angle}" for i, angle in enumerate(angles))
    (place / "arrows.csv").write_text(f"file_name,heading\n{rows}\n")
    (place / "net.yaml").write_text(BLUEPRINT)
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(HERE))
        import heading  # noqa: F401

        settings = {
            "model": str(place / "net.yaml"),
            "epochs": 20,
            "batch_size": 16,
        }
        done = foveate.train(place / "arrows.csv", task="heading", out=place / "model", **settings)
        picture = place / "0.png"
        yield SimpleNamespace(
            done=done, folder=done.folder, picture=picture, angle=angles[0], model=rebuild(done.folder)
        )
        del _TASKS["heading"]


def test_the_files_are_short():
    files = [HERE / "heading.py", HERE / "heading_learner.py"]
    assert sum(len(file.read_text().splitlines()) for file in files) <= 150


def test_it_learns_the_angle(made):
    found = made.done.evaluation
    assert found.headline.value < 12 < found.headline.constant
    rows = (made.folder / "history.csv").read_text().splitlines()
    assert "val_circular_error" in rows[0] and len(rows) == 21


def test_the_report_tells_of_degrees(made):
    report = (made.folder / "report.html").read_text()
    assert f"off by {made.done.evaluation.headline.value:.1f}°" in report
    assert "circular error" in report and "accuracy" not in report.lower()


def test_it_predicts_without_torch(made):
    command = [sys.executable, "-c", PREDICT, "predict", made.folder, made.picture, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (answer,) = json.loads(done.stdout)["predictions"]
    assert abs((answer["degrees"] - made.angle + 180) % 360 - 180) < 20
    assert answer["degrees"] == pytest.approx(foveate.load(made.folder).predict(made.picture)[0], abs=1e-3)


def test_the_exported_network_computes_what_torch_does(made):
    pixels = made.model.preprocessing.read(made.picture)[None]
    with torch.inference_mode():
        expected = made.model.module(torch.from_numpy(made.model.preprocessing.normalise(pixels))).numpy()
    session = onnxruntime.InferenceSession(made.folder / "model.onnx")
    (found,) = session.run(["direction"], {"images": np.repeat(pixels, 3, axis=3)})
    assert found == pytest.approx(expected, abs=1e-5)


def test_one_number_of_it_is_taken_apart(made):
    step, document = own_layer.inspected(made, "conv2d", 3, 2, 2)
    assert step.shape == (12, 10, 10)
    assert document["total"] == pytest.approx(document["value"], abs=1e-5)
