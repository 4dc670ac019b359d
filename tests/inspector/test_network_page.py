"""The network page in a real Chromium: looked at, pointed at, covered, edited, walked with keys alone."""

import json
import os
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from PIL import Image

READY = "document.querySelector('.verdict') !== null && document.querySelector('.map') !== null"
CONV1, POOL1, CONV2, DENSE = (f'.node[data-id="n{i}"]' for i in (1, 4, 5, 10))
BIG = ".big"


@pytest.fixture(scope="module")
def address(browser_port):
    """What `foveate inspect convnet1` answers at."""
    command = [
        sys.executable,
        "-m",
        "foveate.cli.main",
        "inspect",
        "convnet1",
        "--port",
        "0",
        "--no-open",
        "--json",
    ]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, **pipes) as process:
        try:
            said = "".join(iter(process.stdout.readline, "}\n")) + "}"
            yield json.loads(said)["url"].rstrip("/")
        finally:
            process.terminate()
        assert process.wait(timeout=20) == 0


@pytest.fixture
def page(address, browse):
    """The page with its picture answered; whatever is done to it, no error and no foreign address."""
    page = browse(f"{address}/", width=1280, height=900)
    page.until(READY)
    yield page
    assert page.problems == []
    assert {
        url.removeprefix("blob:").split("/api")[0].split("/assets")[0].rstrip("/") for url in page.addresses
    } == {address}


def bars(page):
    return page.value("[...document.querySelectorAll('.answer .bars li')].map(li => li.textContent)")


def results(page):
    return page.value("[...document.querySelectorAll('.result output')].map(o => o.textContent)")


def agreed(page):
    """Whether every step of the arithmetic stands beside the network's own number."""
    return page.count(".result") > 0 and page.count(".result") == page.count(".result .agree")


def last_run(page):
    """The answer to the newest POST of a run, asked for again."""
    posts = [
        event["request"]["postData"]
        for name, event in page.events
        if name == "Network.requestWillBeSent" and event["request"]["url"].endswith("/api/runs")
    ]
    return json.loads(posts[-1])


def network_has(address, asked, node, place):
    """The network's number at (channel, row, column), by way of the maps' own endpoint."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/api/runs", json.dumps(asked).encode(), headers)
    run = json.load(urllib.request.urlopen(request))["run"]
    with urllib.request.urlopen(f"{address}/api/runs/{run}/nodes/{node}/maps/{place[0]}") as reply:
        values = np.frombuffer(reply.read(), "<f4").reshape(int(reply.headers["X-Height"]), -1)
    return float(values[place[1:]])


def open_map(page, node, number):
    page.click(node)
    page.until("document.querySelectorAll('.map canvas').length > 0")
    page.click(f".map:nth-child({number + 1})")
    page.until("document.querySelectorAll('.result .agree').length > 0")


def test_three_layers_and_the_sum_of_a_pixel(address, page):
    titles = []
    for node in (CONV1, POOL1, CONV2):
        page.click(node)
        page.until(f"document.querySelector('{node}').getAttribute('aria-current')", "true")
        titles.append(page.text("#panel-title"))
    assert titles == [
        "conv 5×5 · batch norm · ReLUlayer1.0",
        "max pool 2×2 /2layer1.3",
        "conv 5×5 · batch norm · ReLUlayer2.0",
    ]
    assert page.count(".map") == 32

    open_map(page, CONV2, 3)
    x, y = page.middle(BIG)
    side = page.value(f"document.querySelector('{BIG}').clientWidth")
    page.mouse("mouseMoved", x - side / 2 + 4.5 * side / 14, y - side / 2 + 0.5 * side / 14)  # of 14 x 14
    page.until("document.querySelector('.where').textContent.startsWith('row 0, column 4')")
    page.until(
        "document.querySelectorAll('.padded').length", 2 * 2 * 5
    )  # rows -2 and -1: window and products
    assert agreed(page)
    steps = page.value("[...document.querySelectorAll('.step h3')].map(h => h.textContent)")
    assert steps == ["conv 5×5", "batch norm", "ReLU"]
    for node, shown in zip(("n5", "n6", "n7"), results(page), strict=True):
        text = shown.removeprefix("= ").replace("−", "-").replace("\u2009×\u200910", "e")
        assert float(text) == pytest.approx(
            network_has(address, last_run(page), node, (3, 0, 4)), rel=1e-4, abs=1e-6
        )

    page.click(DENSE)
    page.until("document.querySelectorAll('.shares tr').length", 12)
    assert agreed(page)
    assert page.count(".unit") == 10


def test_every_box_has_a_thumbnail(page):
    painted = "[...document.querySelectorAll('.node canvas')].map(c => new Set(c.getContext('2d')"
    painted += ".getImageData(0, 0, c.width, c.height).data).size > 3)"
    page.until(f"{painted}.every(Boolean)")
    page.click('[data-flow="fold"]')
    page.until("document.querySelectorAll('.kind-stage').length", 2)
    page.until(f"{painted}.every(Boolean)")


def test_what_is_covered_changes_every_layer_and_the_answer(page):
    before = bars(page)
    x, y = page.middle(".picture")
    page.drag((x - 70, y - 70), (x + 60, y + 60))
    page.until("document.querySelector('.clear').hidden", False)
    page.until("!document.documentElement.classList.contains('busy')")
    assert bars(page) != before
    (cover,) = last_run(page)["cover"]
    assert 10 <= cover["width"] <= 20
    page.click(".clear")
    page.until("document.querySelector('.clear').hidden")
    page.until(
        "[...document.querySelectorAll('.answer .bars li')].map(li => li.textContent).join()",
        ",".join(before),
    )


def test_a_kernel_edited_and_put_back(page):
    open_map(page, CONV1, 2)
    before, answers = results(page), bars(page)
    page.click(".editing summary")
    page.until("document.querySelectorAll('.editor option').length > 5")
    page.value(
        "(() => { const known = document.querySelector('.editor select'); known.value = 'sobel_x';"
        "known.dispatchEvent(new Event('change')); })()"
    )
    page.until("document.querySelector('.editor button').disabled", False)
    page.until("document.querySelector('.kernel').classList.contains('edited')")
    assert results(page) != before
    assert agreed(page)
    assert page.text("#edited") == "1 kernel changed: reset"
    assert last_run(page)["edits"][0]["kernel"][1] == [0, -1, 0, 1, 0]  # 3x3 in the middle of 5x5
    page.click(".editor button")
    page.until("document.querySelector('.kernel').classList.contains('edited')", False)
    assert (results(page), bars(page)) == (before, answers)


def test_a_dropped_picture_is_looked_at_and_compared(page, tmp_path):
    file = tmp_path / "cross.png"
    pixels = np.zeros((40, 60), np.uint8)
    pixels[18:22], pixels[:, 28:32] = 255, 255
    Image.fromarray(pixels).save(file)
    count = page.count("#samples button")
    page.drop(".picture", file)
    page.until("document.querySelectorAll('#samples button').length", count + 1)
    page.until("document.querySelector('#samples button:last-child').ariaPressed", "true")
    page.click("#compare")
    page.until("document.querySelectorAll('.side .verdict').length", 2)
    page.until("document.querySelectorAll('.map:first-child canvas').length", 2)
    assert page.faults() == []


def test_heat_over_the_picture(page):
    page.value(
        "(() => { const method = document.querySelector('#heat-method'); method.value = 'saliency';"
        "method.dispatchEvent(new Event('change')); })()"
    )
    page.until("document.querySelector('#heat-test').hidden", False)
    assert page.text("#heat-words") == ""
    page.click("#heat-test button")
    page.until("document.querySelector('#heat-words').textContent.includes('elsewhere, by')")


def test_another_network_of_the_zoo(page):
    page.until("[...document.querySelectorAll('#nets option')].some(o => o.value === 'new:lenet5')")
    page.value(
        "(() => { const nets = document.querySelector('#nets'); nets.value = 'new:lenet5';"
        "nets.dispatchEvent(new Event('change')); })()"
    )
    page.until("document.querySelector('#title').textContent", "lenet5")
    page.until("document.querySelector('#nets').selectedOptions[0]?.textContent", "lenet5")
    open_map(page, CONV1, 1)
    assert agreed(page)
    assert page.value("location.search").startswith("?net=")


def test_with_the_keyboard_alone(page):
    page.value("document.querySelector('.node[tabindex=\"0\"]').focus()")
    page.press("ArrowLeft", "ArrowLeft")
    page.press("ArrowRight", "ArrowRight", "ArrowRight")
    page.until("document.activeElement.dataset.id", "n5")
    page.press("Enter")
    page.until("document.querySelectorAll('.map').length", 32)
    page.value("document.querySelector('.map').focus()")
    page.press("ArrowRight", "ArrowRight", "Enter")
    page.until("document.querySelectorAll('.result .agree').length", 3)
    page.until("document.activeElement.className", "big")  # arrows move on it at once
    for _ in range(14):
        page.press("ArrowUp", "ArrowLeft")
    page.until("document.querySelector('.where').textContent.startsWith('row 0, column 0')")
    page.press("Escape")
    page.until("document.activeElement.ariaLabel", "Map 2")
    page.press("Escape")
    page.until("document.activeElement.dataset.id", "n5")


def test_no_barriers_in_light_dark_and_on_a_phone(page):
    open_map(page, CONV1, 0)
    assert page.faults() == []
    page.prefer(prefers_color_scheme="dark")
    assert page.faults() == []
    page.resize(360, 800, phone=True)
    page.until("document.documentElement.scrollWidth <= 360")
    assert page.value("document.querySelector('#world').dataset.way") == "down"
    page.click(DENSE)
    page.until("document.querySelectorAll('.unit').length", 10)
    assert page.value("document.documentElement.scrollWidth") <= 360
    assert page.faults() == []
