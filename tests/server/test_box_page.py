"""The page of a model that finds boxes, in a real browser: boxes over the picture, the slider, the counts."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from browser import accessibility_faults
from colour_boxes import CLASSES, colour_boxes, colour_task, patches

ANSWERED = ".verdict:not(:text-is('…'))"


@pytest.fixture(scope="module")
def address(chromium, tmp_path_factory):
    """What `foveate serve` of it answers at."""
    model = colour_boxes(tmp_path_factory.mktemp("served"))
    command = [sys.executable, "-m", "foveate.cli.main", "serve", model, "--port", "0"]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, **pipes) as process:
        try:
            line = next(line for line in process.stderr if "http://" in line)
            yield "http://" + line.split("http://")[1].split()[0].rstrip("/)")
        finally:
            process.terminate()
            process.stderr.read()


@pytest.fixture
def page(address, browse):
    page = browse(f"{address}/", width=1000, height=900)
    yield page
    assert browse.problems == []
    assert browse.origins() == {address}


@pytest.fixture
def picture(tmp_path):
    pixels, boxes = patches(7, 256, 192)
    path = tmp_path / "<b>patches.png"
    Image.fromarray(pixels).save(path)
    return path, boxes


def drawn_on(page):
    """(H, W, 4): what the canvas over the picture holds."""
    height, width, data = page.evaluate(
        """() => {
          const canvas = document.querySelector('.card canvas');
          const {width, height} = canvas;
          return [height, width, [...canvas.getContext('2d').getImageData(0, 0, width, height).data]];
        }"""
    )
    return np.array(data, np.uint8).reshape(height, width, 4)


def is_drawn(shown, boxes, name):
    """Whether the lower edge of a box has its class's colour."""
    x1, _, x2, y2 = boxes[name]
    colour = colour_task().palette[CLASSES.index(name)]
    apart = np.abs(shown[y2 - 1 : y2 + 1, x1:x2, :3].astype(int) - colour).max(axis=2)
    return bool(((apart < 40) & (shown[y2 - 1 : y2 + 1, x1:x2, 3] > 100)).any(axis=0).mean() > 0.8)


def test_boxes_lie_over_the_picture_from_the_models_threshold_on(page, picture):
    path, boxes = picture
    page.set_input_files("#files", path)
    expect(page.locator(ANSWERED)).to_have_count(1)
    assert page.text_content(".verdict") == "1 red, 1 green"
    shown = drawn_on(page)
    assert shown.shape[:2] == (192, 256)
    assert [is_drawn(shown, boxes, name) for name in CLASSES] == [True, True, False]
    colours = page.evaluate(
        "[...document.querySelectorAll('.swatch')].map(s => getComputedStyle(s).backgroundColor)"
    )
    assert colours == [f"rgb({', '.join(map(str, colour))})" for colour in colour_task().palette[:2]]
    assert page.text_content(".card h2") == "<b>patches.png"


def test_the_slider_says_from_which_score_on(page, picture):
    path, boxes = picture
    page.set_input_files("#files", path)
    expect(page.locator(".legend li").first).to_be_visible()
    for score, names in ((10, "1 red, 1 green, 1 blue"), (70, "1 red"), (95, "Nothing.")):
        page.locator(".opacity input").fill(str(score))
        assert page.text_content(".verdict") == names
        assert page.text_content(".opacity span") == f"From a score of {score} %"
        shown = drawn_on(page)
        assert [is_drawn(shown, boxes, name) for name in CLASSES] == [name in names for name in CLASSES]


def test_no_barriers(address, browse, picture, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    for width, phone in ((1000, False), (360, True)):
        page = browse(f"{address}/", width=width, height=800, phone=phone)
        page.set_input_files("#files", picture[0])
        expect(page.locator(ANSWERED)).to_have_count(1)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert accessibility_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.set_input_files("#files", tmp_path / "bad.png")
        expect(page.locator(ANSWERED)).to_have_count(2)
        expect(page.locator(".opacity").first).to_be_hidden()
