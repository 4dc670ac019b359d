"""The network page in a real Chromium: looked at, pointed at, covered, edited, walked with keys alone."""

import json
import urllib.request

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from browser import accessibility_faults, drag, middle, press
from inspecting import inspecting

READY = "() => document.querySelector('.verdict') !== null && document.querySelector('.map') !== null"
CONV1, POOL1, CONV2, DENSE = (f'.node[data-id="n{i}"]' for i in (1, 4, 5, 10))
BIG = ".big"


@pytest.fixture(scope="module")
def address(chromium):
    """What `foveate inspect convnet1` answers at."""
    with inspecting("convnet1", OMP_NUM_THREADS="1") as found:
        yield found


@pytest.fixture
def page(address, browse):
    """The page with its picture answered; whatever is done to it, no error and no foreign address."""
    page = browse(f"{address}/", width=1280, height=900)
    page.wait_for_function(READY)
    yield page
    assert browse.problems == []
    assert browse.origins() == {address}


def bars(page):
    return page.evaluate("[...document.querySelectorAll('.answer .bars li')].map(li => li.textContent)")


def results(page):
    return page.evaluate("[...document.querySelectorAll('.result output')].map(o => o.textContent)")


def agreed(page):
    """Whether every step of the arithmetic stands beside the network's own number."""
    return (
        page.locator(".result").count() > 0
        and page.locator(".result").count() == page.locator(".result .agree").count()
    )


def last_run(browse):
    """What the newest POST of a run asked for."""
    return [request.post_data_json for request in browse.requests if request.url.endswith("/api/runs")][-1]


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
    page.wait_for_selector(".map canvas")
    page.click(f".map:nth-child({number + 1})")
    page.wait_for_selector(".result .agree")


def test_three_layers_and_the_sum_of_a_pixel(address, page, browse):
    titles = []
    for node in (CONV1, POOL1, CONV2):
        page.click(node)
        expect(page.locator(node)).to_have_attribute("aria-current", "true")
        titles.append(page.text_content("#panel-title"))
    assert titles == [
        "conv 5×5 · batch norm · ReLUlayer1.0",
        "max pool 2×2 /2layer1.3",
        "conv 5×5 · batch norm · ReLUlayer2.0",
    ]
    assert page.locator(".map").count() == 32

    open_map(page, CONV2, 3)
    x, y = middle(page, BIG)
    side = page.evaluate(f"document.querySelector('{BIG}').clientWidth")
    page.mouse.move(x - side / 2 + 4.5 * side / 14, y - side / 2 + 0.5 * side / 14)  # of 14 x 14
    page.wait_for_function("() => document.querySelector('.where').textContent.startsWith('row 0, column 4')")
    expect(page.locator(".padded")).to_have_count(2 * 2 * 5)  # rows -2 and -1: window and products
    assert agreed(page)
    steps = page.evaluate("[...document.querySelectorAll('.step h3')].map(h => h.textContent)")
    assert steps == ["conv 5×5", "batch norm", "ReLU"]
    for node, shown in zip(("n5", "n6", "n7"), results(page), strict=True):
        text = shown.removeprefix("= ").replace("−", "-").replace("\u2009×\u200910", "e")
        assert float(text) == pytest.approx(
            network_has(address, last_run(browse), node, (3, 0, 4)), rel=1e-4, abs=1e-6
        )

    page.click(DENSE)
    expect(page.locator(".shares tr")).to_have_count(12)
    assert agreed(page)
    assert page.locator(".unit").count() == 10


def test_every_box_has_a_thumbnail(page):
    painted = "[...document.querySelectorAll('.node canvas')].map(c => new Set(c.getContext('2d')"
    painted += ".getImageData(0, 0, c.width, c.height).data).size > 3)"
    page.wait_for_function(f"() => {painted}.every(Boolean)")
    page.click('[data-flow="fold"]')
    expect(page.locator(".kind-stage")).to_have_count(2)
    page.wait_for_function(f"() => {painted}.every(Boolean)")


def test_what_is_covered_changes_every_layer_and_the_answer(page, browse):
    before = bars(page)
    x, y = middle(page, ".picture")
    drag(page, (x - 70, y - 70), (x + 60, y + 60))
    expect(page.locator(".clear")).to_be_visible()
    page.wait_for_function("() => !document.documentElement.classList.contains('busy')")
    assert bars(page) != before
    (cover,) = last_run(browse)["cover"]
    assert 10 <= cover["width"] <= 20
    page.click(".clear")
    expect(page.locator(".clear")).to_be_hidden()
    expect(page.locator(".answer .bars li")).to_have_text(before)


def test_a_kernel_edited_and_put_back(page, browse):
    open_map(page, CONV1, 2)
    before, answers = results(page), bars(page)
    page.click(".editing summary")
    page.wait_for_function("() => document.querySelectorAll('.editor option').length > 5")
    page.select_option(".editor select", "sobel_x")
    expect(page.locator(".editor button")).to_be_enabled()
    expect(page.locator(".kernel").first).to_contain_class("edited")
    assert results(page) != before
    assert agreed(page)
    assert page.text_content("#edited") == "1 kernel changed: reset"
    assert last_run(browse)["edits"][0]["kernel"][1] == [0, -1, 0, 1, 0]  # 3x3 in the middle of 5x5
    page.click(".editor button")
    expect(page.locator(".kernel").first).not_to_contain_class("edited")
    assert (results(page), bars(page)) == (before, answers)


def test_a_dropped_picture_is_looked_at_and_compared(page, tmp_path):
    file = tmp_path / "cross.png"
    pixels = np.zeros((40, 60), np.uint8)
    pixels[18:22], pixels[:, 28:32] = 255, 255
    Image.fromarray(pixels).save(file)
    count = page.locator("#samples button").count()
    page.locator(".picture").drop({"files": file})
    expect(page.locator("#samples button")).to_have_count(count + 1)
    expect(page.locator("#samples button:last-child")).to_have_attribute("aria-pressed", "true")
    page.click("#compare")
    expect(page.locator(".side .verdict")).to_have_count(2)
    expect(page.locator(".map:first-child canvas")).to_have_count(2)
    assert accessibility_faults(page) == []


def test_heat_over_the_picture(page):
    page.select_option("#heat-method", "saliency")
    expect(page.locator("#heat-test")).to_be_visible()
    assert page.text_content("#heat-words") == ""
    page.click("#heat-test button")
    expect(page.locator("#heat-words")).to_contain_text("elsewhere, by")


def test_another_network_of_the_zoo(page):
    page.select_option("#nets", "new:lenet5")
    expect(page.locator("#title")).to_have_text("lenet5")
    expect(page.locator("#nets option:checked")).to_have_text("lenet5")
    open_map(page, CONV1, 1)
    assert agreed(page)
    assert page.evaluate("location.search").startswith("?net=")


def test_with_the_keyboard_alone(page):
    page.focus('.node[tabindex="0"]')
    press(page, "ArrowLeft", "ArrowLeft")
    press(page, "ArrowRight", "ArrowRight", "ArrowRight")
    expect(page.locator(CONV2)).to_be_focused()
    press(page, "Enter")
    expect(page.locator(".map")).to_have_count(32)
    page.focus(".map")
    press(page, "ArrowRight", "ArrowRight", "Enter")
    expect(page.locator(".result .agree")).to_have_count(3)
    expect(page.locator(BIG)).to_be_focused()  # arrows move on it at once
    for _ in range(14):
        press(page, "ArrowUp", "ArrowLeft")
    page.wait_for_function("() => document.querySelector('.where').textContent.startsWith('row 0, column 0')")
    press(page, "Escape")
    expect(page.locator(".map:nth-child(3)")).to_be_focused()
    press(page, "Escape")
    expect(page.locator(CONV2)).to_be_focused()


def test_no_barriers_in_light_dark_and_on_a_phone(page, address, browse):
    open_map(page, CONV1, 0)
    assert accessibility_faults(page) == []
    page.emulate_media(color_scheme="dark")
    assert accessibility_faults(page) == []
    page.set_viewport_size({"width": 360, "height": 800})
    expect(page.locator("#world")).to_have_attribute("data-way", "down")
    page.wait_for_function("() => document.documentElement.scrollWidth <= 360")
    phone = browse(f"{address}/", width=360, height=800, phone=True)
    phone.wait_for_function(READY)
    phone.click(DENSE)
    expect(phone.locator(".unit")).to_have_count(10)
    assert phone.get_attribute("#world", "data-way") == "down"
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    assert accessibility_faults(phone) == []
