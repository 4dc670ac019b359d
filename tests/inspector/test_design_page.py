"""The design page in a real Chromium: a network built with mouse, keys and text, and trained; the sandbox."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from foveate.models.blueprint import load_blueprint

ALT, CTRL = 1, 2
ANSWERED = "document.querySelector('#verdict').textContent !== ''"
FITS = "document.querySelector('#verdict').textContent === '✓ fits together'"
KINDS = "[...document.querySelectorAll('#layers button.name b')].map(b => b.textContent)"
YAML = "document.querySelector('#yaml').value"


@pytest.fixture(scope="module")
def address(browser_port, tmp_path_factory):
    """An inspector with a data set of stripes to train on: 120 grey pictures of 12x12."""
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 2
    images = rng.integers(0, 110, (120, 12, 12))
    images[labels == 0, ::2] += 140
    images[labels == 1, :, ::2] += 140
    data = tmp_path_factory.mktemp("data") / "stripes.npz"
    np.savez(data, images=images.astype(np.uint8), labels=labels)
    command = [sys.executable, "-m", "foveate.cli.main", "inspect", "convnet1", "--data", str(data)]
    command += ["--port", "0", "--no-open", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            said = "".join(iter(process.stdout.readline, "}\n")) + "}"
            yield json.loads(said)["url"].rstrip("/")
        finally:
            process.terminate()
        assert process.wait(timeout=20) == 0


@pytest.fixture
def open_page(address, browse):
    """A function that opens the page; whatever is done there, no error and no foreign address."""
    opened = []

    def one(place="", **size):
        page = browse(f"{address}/design{place}", **size)
        opened.append(page)
        page.until("document.querySelector('#shown-size') !== null" if "sandbox" in place else ANSWERED)
        return page

    yield one
    for page in opened:
        assert page.problems == []
        asked = {url.removeprefix("blob:") for url in page.addresses}
        assert all(url == address or url.startswith(f"{address}/") for url in asked)


@pytest.fixture
def page(open_page):
    page = open_page(width=1400, height=1000)
    begin(page, "convnet1")
    return page


def begin(page, example):
    page.value("localStorage.clear()")
    page.value(
        f"(() => {{ const s = document.querySelector('#example'); s.value = '{example}';"
        "s.dispatchEvent(new Event('change')); })()"
    )
    page.until(f"{YAML}.includes('name: {load_name(example)}')")
    page.until(FITS)


def load_name(example):
    return {"small_residual": "small-residual"}.get(example, example)


def write(page, selector, text):
    """Put a text into a field as if it had been typed."""
    page.value(
        f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.focus();"
        f"e.value = {json.dumps(text)}; e.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"
    )


def choose(page, selector, value):
    page.value(
        f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.value = {json.dumps(value)};"
        "e.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


def tell(page, row, *wanted):
    """Wait until this stands beside a layer: what it leaves, parameters, MACs, what it sees."""
    cells = (
        f"document.querySelectorAll('#layers .layer')[{row}].querySelectorAll(':scope > .line .facts > span')"
    )
    page.until(
        f"[...{cells}].slice(1, {len(wanted) + 1}).map(cell => cell.lastChild?.textContent ?? '').join('; ')"
        ".replaceAll('\u2009', '')",
        "; ".join(wanted),
    )


def kinds(page):
    return page.value(KINDS)


def test_the_articles_network_as_it_stands_in_the_article(page):
    tell(page, 0, "16×28×28", "416", "314 k", "5×5")
    tell(page, 3, "16×14×14", "", "", "6×6")
    tell(page, 9, "10", "15,690", "15.7 k", "all")
    assert page.value("document.querySelector('#sums dd').textContent") == "29,034"


def test_a_network_is_built_with_the_mouse_and_trained_for_a_moment(page, address):
    page.click("#clear")
    page.until("document.querySelector('#whole-error').hidden", False)
    for kind in ("conv", "batch_norm", "relu", "global_avg_pool", "dense"):
        page.click(f'#palette [data-kind="{kind}"]')
    page.until("document.querySelectorAll('#layers .layer').length", 5)
    assert kinds(page) == ["conv", "batch norm", "relu", "global avg pool", "dense"]
    page.click("#layers .layer:last-child .options .field button:not([tabindex])")  # one per class
    page.click("#data-words button")
    page.until(FITS)
    assert page.text("#input-row").replace("\u2009", "") == "picture 1×12×12"
    tell(page, 4, "2", "34", "32", "all")
    choose(page, "#length", "epochs:5")
    page.click("#train")
    page.until("document.querySelector('#look').hidden", False, seconds=60)
    assert page.text("#run-words").startswith("Trained")
    assert page.count("#numbers tbody tr") >= 2
    label = page.value("document.querySelector('#curves canvas').getAttribute('aria-label')")
    assert "training" in label and "validation" in label
    assert page.faults() == []
    page.click("#look")
    page.until("location.pathname", "/")
    page.until("document.querySelector('.verdict') !== null && document.querySelector('.map') !== null")
    assert "trained" in page.text("#facts")


def test_a_training_for_a_time_is_stopped_and_kept(page):
    begin(page, "small")
    choose(page, "#length", "seconds:300")
    page.click("#train")
    page.until("document.querySelector('#run-words').textContent.includes('tep')", seconds=60)
    assert page.text("#stop") == "Stop and keep"
    page.click("#stop")
    page.until("document.querySelector('#train').disabled", False, seconds=60)
    assert page.text("#run-words").startswith("Trained; look into it.")
    assert page.value("document.querySelector('#look').hidden") is False


def test_layers_are_moved_by_dragging_and_by_keys(page):
    grip = page.middle("#layers .layer:nth-child(4) .grip")
    x, y = page.middle("#layers .layer:nth-child(1) .grip")
    page.drag(grip, (x + 30, y - 14))
    page.until(f"{KINDS}[0]", "max pool")
    tell(page, 0, "1×14×14")
    page.value("document.querySelector('#layers .layer:nth-child(1) button.name').focus()")
    page.press("ArrowDown", modifiers=ALT)
    assert kinds(page)[:2] == ["conv", "max pool"]
    page.press("ArrowUp", modifiers=ALT)
    page.press("Delete")
    assert kinds(page)[:3] == ["conv", "batch norm", "relu"]
    page.press("+")
    page.until("document.querySelector('#adder').open")
    page.click('#adder [data-kind="tanh"]')
    assert kinds(page)[:2] == ["conv", "tanh"]
    assert page.value("document.activeElement.textContent").endswith("tanh ")
    page.press("z", modifiers=CTRL)
    assert kinds(page)[:2] == ["conv", "batch norm"]


def test_layers_are_dragged_out_of_the_palette_and_into_blocks(page):
    begin(page, "small_residual")
    repeated = "#layers > .holder > ol > .layer:nth-child(4) > .part > .holder > ol > .layer"

    def box(selector):
        return page.value(
            f"(() => {{ const b = document.querySelector('{selector}').getBoundingClientRect();"
            "return [b.x, b.y, b.width, b.height]; })()"
        )

    def repeat():
        layers = load_blueprint(page.value(YAML)).to_dict()["layers"]
        return next(layer["repeat"]["layers"] for layer in layers if "repeat" in layer)

    page.resize(1400, 1800)
    left, top, *_ = box("#palette [data-kind=tanh]")
    x, y, _, height = box(f"{repeated}:nth-child(2) > .line")
    page.drag((left + 9, top + 9), (x + 12, y + height + 2))
    page.until(f"{YAML}.includes('tanh')")
    assert repeat()[1:] == ["relu", "tanh"]
    x, y, *_ = box("#layers > .holder > ol > .layer:nth-child(2)")
    page.drag(page.middle(f"{repeated}:nth-child(3) > .line .grip"), (x + 12, y - 2))
    page.until(f"{KINDS}[1]", "tanh")
    page.until(f"{YAML}.indexOf('tanh') < {YAML}.indexOf('repeat')")
    assert repeat()[1:] == ["relu"]


def test_options_and_text_change_the_same_network(page):
    page.click("#layers .layer:nth-child(5) button.name")
    write(page, '#layers .chosen input[name="kernel"]', "3x5")
    page.until(f"{YAML}.includes('kernel: [3, 5]')")
    write(page, '#layers .chosen input[name="kernel"]', "31")
    page.until("document.querySelectorAll('#layers .faulty').length", 1)
    assert page.text("#verdict") == "Layer 5 does not fit."
    assert "A window of 31 does not fit into a padded height of 18" in page.text("#layers .faulty > .error")
    assert page.value("document.querySelector('#train').disabled")
    tell(page, 5, "", "", "", "")
    page.press("ArrowDown")  # in the field: one less
    page.until(f"{YAML}.includes('kernel: 30')")
    text = page.value(YAML).replace("kernel: 30", "kernel: 5, stride: 2")
    write(page, "#yaml", text)
    page.until(FITS)
    tell(page, 4, "32×7×7")
    assert page.value("document.querySelector('#layers .chosen input[name=stride]').value") == "2"
    write(page, "#yaml", text + "  - what: {\n")
    page.until("document.querySelector('#yaml-error').textContent.startsWith('This is no YAML in line 1')")
    assert page.text("#verdict") == "The text is no blueprint."
    assert kinds(page)[-1] == "dense"  # the layers stay while the text is none
    write(page, "#yaml", text)
    page.until(FITS)
    page.click("#undo")
    page.until(f"{YAML}.includes('kernel: 30')")
    page.click("#redo")
    page.until(FITS)


def test_another_visit_finds_the_design_again(page, open_page):
    write(page, "#name", "mine")
    page.until(f"{YAML}.startsWith('name: mine')")
    again = open_page()
    assert again.value("document.querySelector('#name').value") == "mine"
    again.value("localStorage.clear()")


def sandbox_state(page):
    """What the sandbox is set to, and the map that the page's own modules make of it."""
    return page.value(
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
        write(page, f"#slide-{name}", str(value))


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
    choose(page, "#source", "stripes")
    choose(page, "#filter", "emboss")
    slide(page, **settings)
    found = sandbox_state(page)
    assert found["settings"] == {key: settings[key] for key in ("stride", "padding", "dilation")}
    picture = torch.tensor(found["picture"], dtype=torch.float64).view(1, 1, found["side"], found["side"])
    kernel = torch.tensor(found["kernel"], dtype=torch.float64)[None, None]
    wanted = F.conv2d(picture, kernel, **found["settings"])[0, 0]
    assert page.text("#out-size") == f"{wanted.shape[0]}×{wanted.shape[1]}"
    np.testing.assert_allclose(found["map"], wanted.numpy().ravel(), atol=1e-5)
    assert found["total"] == pytest.approx(wanted[1, 2].item(), abs=1e-6)
    numbers = page.value("document.querySelector('#formula-lines .result').textContent")
    assert numbers.endswith(f"={wanted.shape[0]}")


def test_the_sandbox_by_hand_and_with_keys(open_page):
    page = open_page("#sandbox")
    choose(page, "#source", "ramp")
    choose(page, "#filter", "sobel_x")
    slide(page, size=8, padding=0)
    # Brightness grows by 1/8 a pixel: (1 + 2 + 1) times the 2/8 between left and right.
    assert ": 1.000, the sum of 9 products" in page.text("#value")
    page.value("document.querySelector('#out').focus()")
    page.press("ArrowLeft", "ArrowUp")
    first = page.text("#value")
    page.press("ArrowRight")
    assert page.text("#value") != first and ": 1.000" in page.text("#value")
    write(page, "#kernel input:nth-child(6)", "4")  # row 2, column 3
    assert (
        ": 1.000" not in page.text("#value") and page.value("document.querySelector('#filter').value") == ""
    )
    slide(page, kernel=5, dilation=2)
    assert page.value("document.querySelector('#misfit').hidden") is False
    assert page.text("#misfit").startswith(
        "The window does not fit: it reaches over 9 pixels (2 · (5 − 1) + 1), and the picture has 8."
    )
    slide(page, stride=2, padding=1)
    assert "out=⌊8+2·1−2·(5−1)−12⌋+1" in page.text("#formula-lines .numbers").replace(" ", "")
    assert page.text("#out-size") == "1×1"
    assert page.faults() == []


def test_the_sandbox_takes_a_picture_of_ones_own(open_page, tmp_path):
    picture = tmp_path / "<i>own.png"
    Image.fromarray(np.full((9, 9), 51, np.uint8)).save(picture)
    page = open_page("#sandbox")
    choose(page, "#filter", "box_blur")
    page.choose("#own", picture)
    page.until("document.querySelector('#source').selectedOptions[0].textContent", "<i>own.png")
    assert ": 0.200, the sum of 9 products" in page.text("#value")  # 51 of 255


def test_a_point_gives_the_kernel_turned_and_the_window_slides(open_page):
    page = open_page("#sandbox")
    choose(page, "#source", "point")
    choose(page, "#filter", "emboss")
    slide(page, size=5, padding=1)
    found = np.reshape(sandbox_state(page)["map"], (5, 5))
    np.testing.assert_allclose(found[1:4, 1:4], [[2, 1, 0], [1, 1, -1], [0, -1, -2]])
    before = page.text("#value")
    page.click("#play")
    page.until(f"document.querySelector('#value').textContent !== {json.dumps(before)}")
    page.click("#play")
    assert page.value("document.querySelector('#play').getAttribute('aria-pressed')") == "false"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_faults_on_a_narrow_screen(open_page, scheme):
    page = open_page(width=360, height=740, phone=True)
    page.prefer(prefers_color_scheme=scheme)
    begin(page, "small_residual")
    page.click("#layers .layer:nth-child(5) button.name")
    assert page.value("document.documentElement.scrollWidth <= innerWidth")
    assert page.faults() == []
    page.click("#layers > .holder > .add")
    assert page.faults() == []
    page.click("#adder-close")
    page.click("#tab-sandbox")
    page.until("document.querySelector('#shown-size') !== null")
    assert page.value("document.documentElement.scrollWidth <= innerWidth")
    assert page.faults() == []
