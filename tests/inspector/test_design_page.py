"""The design page in a real Chromium: a network built with mouse, keys and text, and trained; the sandbox."""

import json
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from playwright.sync_api import expect

from browser import accessibility_faults, drag, middle, press
from foveate.models.blueprint import load_blueprint
from inspecting import inspecting

ANSWERED = "() => document.querySelector('#verdict').textContent !== ''"
FITS = "() => document.querySelector('#verdict').textContent === '✓ fits together'"
KINDS = "[...document.querySelectorAll('#layers button.name b')].map(b => b.textContent)"
SANDBOX = "() => document.querySelector('#shown-size') !== null"
YAML = "document.querySelector('#yaml').value"


@pytest.fixture(scope="module")
def address(chromium, tmp_path_factory):
    """An inspector with a data set of stripes to train on: 120 grey pictures of 12x12."""
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 2
    images = rng.integers(0, 110, (120, 12, 12))
    images[labels == 0, ::2] += 140
    images[labels == 1, :, ::2] += 140
    data = tmp_path_factory.mktemp("data") / "stripes.npz"
    np.savez(data, images=images.astype(np.uint8), labels=labels)
    with inspecting("convnet1", "--data", data) as found:
        yield found


@pytest.fixture
def open_page(address, browse):
    """A function that opens the page; whatever is done there, no error and no foreign address."""

    def one(place="", **size):
        page = browse(f"{address}/design{place}", **size)
        page.wait_for_function(SANDBOX if "sandbox" in place else ANSWERED)
        return page

    yield one
    assert browse.problems == []
    assert browse.origins() == {address}


@pytest.fixture
def page(open_page):
    page = open_page(width=1400, height=1000)
    begin(page, "convnet1")
    return page


def begin(page, example):
    page.select_option("#example", example)
    page.wait_for_function(f"() => {YAML}.includes('name: {load_name(example)}')")
    page.wait_for_function(FITS)


def load_name(example):
    return {"small_residual": "small-residual", "small_u": "small-u"}.get(example, example)


def tell(page, row, *wanted):
    """Wait until this stands beside a layer: what it leaves, parameters, MACs, what it sees."""
    cells = (
        f"document.querySelectorAll('#layers .layer')[{row}].querySelectorAll(':scope > .line .facts > span')"
    )
    found = (
        f"[...{cells}].slice(1, {len(wanted) + 1}).map(cell => cell.lastChild?.textContent ?? '')"
        ".join('; ').replaceAll('\u2009', '')"
    )
    page.wait_for_function(f"() => {found} === {json.dumps('; '.join(wanted))}")


def kinds(page):
    return page.evaluate(KINDS)


def test_the_articles_network_as_it_stands_in_the_article(page):
    tell(page, 0, "16×28×28", "416", "314 k", "5×5")
    tell(page, 3, "16×14×14", "", "", "6×6")
    tell(page, 9, "10", "15,690", "15.7 k", "all")
    assert page.text_content("#sums dd") == "29,034"


def test_a_network_is_built_with_the_mouse_and_trained_for_a_moment(page, address):
    page.click("#clear")
    expect(page.locator("#whole-error")).to_be_visible()
    for kind in ("conv", "batch_norm", "relu", "global_avg_pool", "dense"):
        page.click(f'#palette [data-kind="{kind}"]')
    expect(page.locator("#layers .layer")).to_have_count(5)
    assert kinds(page) == ["conv", "batch norm", "relu", "global avg pool", "dense"]
    page.click("#layers .layer:last-child .options .field button:not([tabindex])")  # one per class
    page.click("#data-words button")
    page.wait_for_function(FITS)
    assert page.text_content("#input-row").replace("\u2009", "") == "picture 1×12×12"
    tell(page, 4, "2", "34", "32", "all")
    page.select_option("#length", "epochs:5")
    page.click("#train")
    expect(page.locator("#look")).to_be_visible()
    assert page.text_content("#run-words").startswith("Trained")
    assert page.locator("#numbers tbody tr").count() >= 2
    label = page.get_attribute("#curves canvas", "aria-label")
    assert "training" in label and "validation" in label
    assert accessibility_faults(page) == []
    page.click("#look")
    page.wait_for_url(f"{address}/?net=*")
    page.wait_for_selector(".verdict")
    page.wait_for_selector(".map")
    assert "trained" in page.text_content("#facts")


def test_a_training_for_a_time_is_stopped_and_kept(page):
    begin(page, "small")
    page.select_option("#length", "seconds:300")
    page.click("#train")
    expect(page.locator("#run-words")).to_contain_text("tep")
    assert page.text_content("#stop") == "Stop and keep"
    page.click("#stop")
    expect(page.locator("#train")).to_be_enabled()
    assert page.text_content("#run-words").startswith("Trained; look into it.")
    assert page.is_visible("#look")


def test_a_network_that_scores_pixels_is_not_trained_on_answers_about_whole_pictures(page, browse):
    begin(page, "small_u")
    page.click("#train")
    expect(page.locator(".banner")).to_contain_text("This network scores each pixel, and ")
    expect(page.locator(".banner")).to_contain_text("train it on pictures with masks")
    expect(page.locator("#train")).to_be_enabled()
    assert accessibility_faults(page) == []
    (problem,) = browse.problems  # the browser's own word of the refusal
    assert "422" in problem
    browse.problems.clear()


def test_layers_are_moved_by_dragging_and_by_keys(page):
    grip = middle(page, "#layers .layer:nth-child(4) .grip")
    x, y = middle(page, "#layers .layer:nth-child(1) .grip")
    drag(page, grip, (x + 30, y - 14))
    page.wait_for_function(f"() => {KINDS}[0] === 'max pool'")
    tell(page, 0, "1×14×14")
    page.focus("#layers .layer:nth-child(1) button.name")
    press(page, "Alt+ArrowDown")
    assert kinds(page)[:2] == ["conv", "max pool"]
    press(page, "Alt+ArrowUp")
    press(page, "Delete")
    assert kinds(page)[:3] == ["conv", "batch norm", "relu"]
    press(page, "+")
    expect(page.locator("#adder")).to_be_visible()
    page.click('#adder [data-kind="tanh"]')
    assert kinds(page)[:2] == ["conv", "tanh"]
    assert page.evaluate("document.activeElement.textContent").endswith("tanh ")
    press(page, "Control+z")
    assert kinds(page)[:2] == ["conv", "batch norm"]


def test_layers_are_dragged_out_of_the_palette_and_into_blocks(page):
    begin(page, "small_residual")
    repeated = "#layers > .holder > ol > .layer:nth-child(4) > .part > .holder > ol > .layer"

    def box(selector):
        found = page.locator(selector).bounding_box()
        return found["x"], found["y"], found["width"], found["height"]

    def repeat():
        layers = load_blueprint(page.evaluate(YAML)).to_dict()["layers"]
        return next(layer["repeat"]["layers"] for layer in layers if "repeat" in layer)

    page.set_viewport_size({"width": 1400, "height": 1800})
    left, top, *_ = box("#palette [data-kind=tanh]")
    x, y, _, height = box(f"{repeated}:nth-child(2) > .line")
    drag(page, (left + 9, top + 9), (x + 12, y + height + 2))
    page.wait_for_function(f"() => {YAML}.includes('tanh')")
    assert repeat()[1:] == ["relu", "tanh"]
    x, y, *_ = box("#layers > .holder > ol > .layer:nth-child(2)")
    drag(page, middle(page, f"{repeated}:nth-child(3) > .line .grip"), (x + 12, y - 2))
    page.wait_for_function(f"() => {KINDS}[1] === 'tanh'")
    page.wait_for_function(f"() => {YAML}.indexOf('tanh') < {YAML}.indexOf('repeat')")
    assert repeat()[1:] == ["relu"]


def test_options_and_text_change_the_same_network(page):
    page.click("#layers .layer:nth-child(5) button.name")
    page.fill('#layers .chosen input[name="kernel"]', "3x5")
    page.wait_for_function(f"() => {YAML}.includes('kernel: [3, 5]')")
    page.fill('#layers .chosen input[name="kernel"]', "31")
    expect(page.locator("#layers .faulty")).to_have_count(1)
    assert page.text_content("#verdict") == "Layer 5 does not fit."
    error = page.text_content("#layers .faulty > .error")
    assert "A window of 31 does not fit into a padded height of 18" in error
    assert page.is_disabled("#train")
    tell(page, 5, "", "", "", "")
    press(page, "ArrowDown")  # in the field: one less
    page.wait_for_function(f"() => {YAML}.includes('kernel: 30')")
    text = page.evaluate(YAML).replace("kernel: 30", "kernel: 5, stride: 2")
    page.fill("#yaml", text)
    page.wait_for_function(FITS)
    tell(page, 4, "32×7×7")
    assert page.input_value("#layers .chosen input[name=stride]") == "2"
    page.fill("#yaml", text + "  - what: {\n")
    expect(page.locator("#yaml-error")).to_contain_text(re.compile(r"^This is no YAML in line 1"))
    assert page.text_content("#verdict") == "The text is no blueprint."
    assert kinds(page)[-1] == "dense"  # the layers stay while the text is none
    page.fill("#yaml", text)
    page.wait_for_function(FITS)
    page.click("#undo")
    page.wait_for_function(f"() => {YAML}.includes('kernel: 30')")
    page.click("#redo")
    page.wait_for_function(FITS)


def test_another_visit_finds_the_design_again(page, open_page):
    page.fill("#name", "mine")
    page.wait_for_function(f"() => {YAML}.startsWith('name: mine')")
    again = open_page()
    assert again.input_value("#name") == "mine"


def sandbox_state(page):
    """What the sandbox is set to, and the map that the page's own modules make of it."""
    return page.evaluate(
        """(async () => {
          const { convolve, terms } = await import('/assets/sandbox_math.js');
          const { patternOf } = await import('/assets/sandbox_pictures.js');
          const value = (name) => Number(document.querySelector(`#slide-${name}`).value);
          const numbers = [...document.querySelectorAll('#kernel input')].map((i) => Number(i.value));
          const side = Math.sqrt(numbers.length);
          const kernel = Array.from({ length: side }, (_, i) => numbers.slice(i * side, (i + 1) * side));
          const picture = patternOf(document.querySelector('#source').value)(value('size'));
          const [stride, padding, dilation] = ['stride', 'padding', 'dilation'].map(value);
          const settings = { stride, padding, dilation };
          const map = [...convolve(picture, kernel, settings).data];
          const products = terms(picture, kernel, settings, 1, 2).map((term) => term.weight * term.value);
          const total = products.reduce((sum, product) => sum + product, 0);
          return { picture: [...picture.data], kernel, settings, side: value('size'), map, total };
        })()"""
    )


def slide(page, **values):
    for name, value in values.items():
        page.fill(f"#slide-{name}", str(value))


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel": 3, "stride": 1, "padding": 1, "dilation": 1, "size": 16},
        {"kernel": 5, "stride": 3, "padding": 0, "dilation": 2, "size": 20},
        {"kernel": 2, "stride": 2, "padding": 3, "dilation": 4, "size": 11},
    ],
)
def test_the_sandbox_computes_what_torch_does(open_page, settings):
    page = open_page("#sandbox")
    page.select_option("#source", "stripes")
    page.select_option("#filter", "emboss")
    slide(page, **settings)
    found = sandbox_state(page)
    assert found["settings"] == {key: settings[key] for key in ("stride", "padding", "dilation")}
    picture = torch.tensor(found["picture"], dtype=torch.float64).view(1, 1, found["side"], found["side"])
    kernel = torch.tensor(found["kernel"], dtype=torch.float64)[None, None]
    wanted = F.conv2d(picture, kernel, **found["settings"])[0, 0]
    assert page.text_content("#out-size") == f"{wanted.shape[0]}×{wanted.shape[1]}"
    np.testing.assert_allclose(found["map"], wanted.numpy().ravel(), atol=1e-5)
    assert found["total"] == pytest.approx(wanted[1, 2].item(), abs=1e-6)
    numbers = page.text_content("#formula-lines .result")
    assert numbers.endswith(f"={wanted.shape[0]}")


def test_the_sandbox_by_hand_and_with_keys(open_page):
    page = open_page("#sandbox")
    page.select_option("#source", "ramp")
    page.select_option("#filter", "sobel_x")
    slide(page, size=8, padding=0)
    # Brightness grows by 1/8 a pixel: (1 + 2 + 1) times the 2/8 between left and right.
    assert ": 1.000, the sum of 9 products" in page.text_content("#value")
    page.focus("#out")
    press(page, "ArrowLeft", "ArrowUp")
    first = page.text_content("#value")
    press(page, "ArrowRight")
    assert page.text_content("#value") != first and ": 1.000" in page.text_content("#value")
    page.fill("#kernel input:nth-child(6)", "4")  # row 2, column 3
    assert ": 1.000" not in page.text_content("#value") and page.input_value("#filter") == ""
    slide(page, kernel=5, dilation=2)
    assert page.is_visible("#misfit")
    assert page.text_content("#misfit").startswith(
        "The window does not fit: it reaches over 9 pixels (2 · (5 − 1) + 1), and the picture has 8."
    )
    slide(page, stride=2, padding=1)
    assert "out=⌊8+2·1−2·(5−1)−12⌋+1" in page.text_content("#formula-lines .numbers").replace(" ", "")
    assert page.text_content("#out-size") == "1×1"
    assert accessibility_faults(page) == []


def test_the_sandbox_takes_a_picture_of_ones_own(open_page, tmp_path):
    picture = tmp_path / "<i>own.png"
    Image.fromarray(np.full((9, 9), 51, np.uint8)).save(picture)
    page = open_page("#sandbox")
    page.select_option("#filter", "box_blur")
    page.set_input_files("#own", picture)
    expect(page.locator("#source option:checked")).to_have_text("<i>own.png")
    assert ": 0.200, the sum of 9 products" in page.text_content("#value")  # 51 of 255


def test_a_point_gives_the_kernel_turned_and_the_window_slides(open_page):
    page = open_page("#sandbox")
    page.select_option("#source", "point")
    page.select_option("#filter", "emboss")
    slide(page, size=5, padding=1)
    found = np.reshape(sandbox_state(page)["map"], (5, 5))
    np.testing.assert_allclose(found[1:4, 1:4], [[2, 1, 0], [1, 1, -1], [0, -1, -2]])
    before = page.text_content("#value")
    page.click("#play")
    expect(page.locator("#value")).not_to_have_text(before)
    page.click("#play")
    assert page.get_attribute("#play", "aria-pressed") == "false"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_faults_on_a_narrow_screen(open_page, scheme):
    page = open_page(width=360, height=740, phone=True)
    page.emulate_media(color_scheme=scheme)
    begin(page, "small_residual")
    page.click("#layers .layer:nth-child(5) button.name")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert accessibility_faults(page) == []
    page.click("#layers > .holder > .add")
    assert accessibility_faults(page) == []
    page.click("#adder-close")
    page.click("#tab-sandbox")
    page.wait_for_function(SANDBOX)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert accessibility_faults(page) == []
