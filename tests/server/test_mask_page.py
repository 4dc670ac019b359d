"""The page of a model that answers each pixel, in a real browser: the mask over the picture, its legend."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

import foveate
from browser import accessibility_faults
from strongest import COLOURS, blocks, strongest

CLASSES = ("red", "green", "blue")
ANSWERED = ".verdict:not(:text-is('…'))"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return strongest(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def address(chromium, model):
    """What `foveate serve` of it answers at."""
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
    pixels, _ = blocks(7)
    path = tmp_path / "<b>blocks.png"
    Image.fromarray(pixels // 2 + 30).save(path)
    return path


def mask_on(page):
    """(H, W, 4): what the canvas over the picture holds."""
    found = page.evaluate(
        """() => {
          const canvas = document.querySelector('.card canvas');
          const {width, height} = canvas;
          return [height, width, [...canvas.getContext('2d').getImageData(0, 0, width, height).data]];
        }"""
    )
    height, width, data = found
    return np.array(data, np.uint8).reshape(height, width, 4)


def test_a_picture_is_answered_with_its_mask_over_it(page, model, picture):
    page.set_input_files("#files", picture)
    expect(page.locator(ANSWERED)).to_have_count(1)
    (wanted,) = foveate.load(model).predictions(picture)
    shown = mask_on(page)
    assert np.array_equal(shown[..., :3], np.array(COLOURS, np.uint8)[wanted.mask])
    assert (shown[..., 3] == 255).all()
    rows = page.locator(".legend li").all_text_contents()
    assert rows == [f"{one.label}{one.share:.1%}" for one in wanted.found]
    first = wanted.found[0]
    assert page.text_content(".verdict") == f"{first.label}  {first.share:.1%}"
    assert page.text_content(".card h2") == "<b>blocks.png"
    colours = page.evaluate(
        "[...document.querySelectorAll('.swatch')].map(s => getComputedStyle(s).backgroundColor)"
    )
    assert colours == [f"rgb({', '.join(map(str, COLOURS[one.number]))})" for one in wanted.found]


def pixel(page, tmp_path):
    """What is seen in the middle of the card's picture."""
    file = tmp_path / "seen.png"
    page.locator(".layers").screenshot(path=file)
    seen = np.asarray(Image.open(file).convert("RGB")).astype(int)
    return seen[seen.shape[0] // 8, seen.shape[1] // 8]


def test_the_slider_says_how_strong_the_mask_is(page, picture, tmp_path):
    page.set_input_files("#files", picture)
    expect(page.locator(".legend li").first).to_be_visible()
    own = np.asarray(Image.open(picture)).astype(int)[15, 20]
    mask = mask_on(page)[15, 20, :3].astype(int)
    for share in (0, 100, 40):
        page.locator(".opacity input").fill(str(share))
        np.testing.assert_allclose(pixel(page, tmp_path), own + (mask - own) * share / 100, atol=3)


def test_a_picture_that_only_the_server_reads_shows_its_mask(page, model, tmp_path):
    path = tmp_path / "blocks.tiff"
    Image.fromarray(blocks(3)[0]).save(path)
    page.set_input_files("#files", path)
    expect(page.locator(".legend li").first).to_be_visible()
    expect(page.locator(".card img")).to_have_count(0)
    box = page.locator(".card canvas").bounding_box()
    assert box["width"] > 100 and box["width"] / box["height"] == pytest.approx(160 / 120, rel=0.02)


def test_what_is_no_picture_is_said_and_no_barriers(address, browse, picture, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    for width, phone in ((1000, False), (360, True)):
        page = browse(f"{address}/", width=width, height=800, phone=phone)
        page.set_input_files("#files", picture)
        expect(page.locator(ANSWERED)).to_have_count(1)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert accessibility_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.set_input_files("#files", tmp_path / "bad.png")
        expect(page.locator(ANSWERED)).to_have_count(2)
        assert page.text_content(".verdict").startswith("Cannot read picture 'bad.png'")
        expect(page.locator(".opacity").first).to_be_hidden()
        assert accessibility_faults(page) == []


def test_the_answer_of_the_page_is_json(address, browse, picture):
    page = browse(f"{address}/", width=1000, height=900)
    with page.expect_response("**/predict") as asked:
        page.set_input_files("#files", picture)
    (told,) = asked.value.json()["predictions"]
    assert {one["label"] for one in told["classes"]} <= set(CLASSES)
    assert json.dumps(told["classes"][0]["rle"]["size"]) == "[120, 160]"
