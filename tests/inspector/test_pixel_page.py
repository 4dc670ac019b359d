"""A class for each pixel in a real Chromium: the mask over the picture, and why one pixel got its class."""

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from browser import accessibility_faults, drag, middle, press
from foveate.modelfolder.to_torch import rebuild
from inspecting import inspecting
from pixelwise import CLASSES, SIDE, pixelwise_folder
from strongest import COLOURS, blocks


class Opened:
    """The page's address, and what torch says of the picture on it."""

    def __init__(self, folder):
        self.folder = pixelwise_folder(folder)
        self.file = folder / "blocks.png"
        pixels, _ = blocks(4, across=4, down=4)
        Image.fromarray(pixels // 2 + 30).save(self.file)  # paler than the classes' colours
        model = rebuild(self.folder)
        self.seen = model.preprocessing.read(self.file)
        x = torch.from_numpy(model.preprocessing.normalise(self.seen[None]))
        with torch.no_grad():
            self.scores = model.module(x)[0].numpy()  # (K, h, w)
        self.mask = self.scores.argmax(axis=0)


@pytest.fixture(scope="module")
def opened(chromium, tmp_path_factory):
    found = Opened(tmp_path_factory.mktemp("pixels"))
    with inspecting(found.folder, found.file, OMP_NUM_THREADS="1") as found.address:
        yield found


def ready(page):
    expect(page.locator(".legend-list li")).not_to_have_count(0)
    expect(page.locator(".map canvas").first).to_be_visible()


@pytest.fixture
def page(opened, browse):
    page = browse(f"{opened.address}/", width=1280, height=900)
    ready(page)
    yield page
    assert browse.problems == []
    assert browse.origins() == {opened.address}


def colour_at(page, row, column):
    """What the canvas shows in the middle of a pixel of the network's picture."""
    return page.evaluate(
        """([row, column, side]) => {
          const canvas = document.querySelector('.picture'), pen = canvas.getContext('2d');
          const at = (place, length) => Math.floor(((place + 0.5) / side) * length);
          const [x, y] = [at(column, canvas.width), at(row, canvas.height)];
          return [...pen.getImageData(x, y, 1, 1).data].slice(0, 3);
        }""",
        [row, column, SIDE],
    )


def click(page, row, column):
    box = page.locator(".picture").bounding_box()
    page.mouse.click(
        box["x"] + (column + 0.5) / SIDE * box["width"], box["y"] + (row + 0.5) / SIDE * box["height"]
    )
    expect(page.locator("#pixel-words")).to_contain_text(f"Row {row}, column {column}: ")
    expect(page.locator("#pixel .panel-head")).to_contain_text(f"row {row}, column {column};")


def number(text):
    return float(text.removeprefix("= ").replace("−", "-").replace("\u2009×\u200910", "e"))


def set_opacity(page, value):
    page.locator("#drawn-opacity").fill(str(value))


def test_the_mask_lies_over_the_picture_as_strong_as_one_likes(page, opened):
    places = [(4, 4), (12, 20), (20, 12), (28, 28)]
    for share in (100, 0, 50):
        set_opacity(page, share)
        for place in places:
            own, colour = opened.seen[place].astype(float), np.array(COLOURS[opened.mask[place]], float)
            wanted = own + (colour - own) * share / 100
            np.testing.assert_allclose(colour_at(page, *place), wanted, atol=2)
    shares = np.bincount(opened.mask.ravel(), minlength=3) / opened.mask.size
    told = page.locator(".legend-list li").all_text_contents()
    order = [k for k in np.argsort(-shares, kind="stable") if shares[k]]
    assert told == [f"{CLASSES[k]}{shares[k]:.1%}" for k in order]


def test_a_click_says_why_a_pixel_got_its_class(page, opened):
    for row, column in ((4, 4), (13, 9), (31, 0)):
        click(page, row, column)
        scores = opened.scores[:, row, column]
        order = np.argsort(-scores)
        assert page.text_content("#pixel-title bdi") == CLASSES[order[0]]
        rows = page.locator(".pixel-class").all()
        assert [one.locator(".label").text_content() for one in rows] == [CLASSES[k] for k in order]
        for one, k in zip(rows, order, strict=True):
            assert number(one.locator(".mono").text_content()) == pytest.approx(float(scores[k]), rel=1e-3)
        results = page.locator("#pixel .result output").all_text_contents()
        assert number(results[0]) == pytest.approx(float(scores[order[0]]), rel=1e-4)
        expect(page.locator("#pixel .result .agree")).to_have_count(2)  # the enlarging, and the scores' layer
        steps = page.locator("#pixel .step h3").all_text_contents()
        assert steps[0].startswith("bilinear to 32×32") and steps[1].startswith("conv 1×1")


def test_the_shares_shown_add_up_to_the_score(page, opened):
    click(page, 13, 9)
    grids = page.locator("#pixel .step").first.locator("table.grid")
    window, shares = (
        np.array([number(cell.get_attribute("title")) for cell in grids.nth(i).locator("td").all()])
        for i in (0, 1)
    )
    assert shares.sum() == pytest.approx(1)
    wanted = opened.scores[:, 13, 9].max()
    assert float(window @ shares) == pytest.approx(float(wanted), rel=1e-5)


def test_another_class_of_the_pixel_and_the_layer_behind_it(page, opened):
    click(page, 20, 12)
    other = int(np.argsort(-opened.scores[:, 20, 12])[1])
    page.click(f'.pixel-class[data-class="{other}"]')
    expect(page.locator(f'.pixel-class[data-class="{other}"]')).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#pixel .step h3").first).to_contain_text(f"the score of {CLASSES[other]}")
    shown = number(page.locator("#pixel .result output").first.text_content())
    assert shown == pytest.approx(float(opened.scores[other, 20, 12]), rel=1e-4)
    page.locator("#pixel .step button").first.click()
    expect(page.locator(".where")).to_contain_text("row 20, column 12")
    expect(page.locator("#panel .result .agree")).to_have_count(1)
    page.click("#pixel .panel-head button")
    expect(page.locator("#pixel")).to_be_hidden()
    assert page.text_content("#pixel-words") == ""


def test_covering_changes_the_mask_and_the_pixel_follows(page):
    click(page, 16, 16)
    before = page.locator(".pixel-class .mono").all_text_contents()
    x, y = middle(page, ".picture")
    drag(page, (x - 60, y - 60), (x + 60, y + 60))
    expect(page.locator(".clear")).to_be_visible()
    expect(page.locator(".pixel-class .mono").first).not_to_have_text(before[0])
    page.click(".clear")
    expect(page.locator(".pixel-class .mono").first).to_have_text(before[0])


def test_heat_of_a_class(page):
    page.select_option("#heat-method", "grad-cam")
    expect(page.locator("#heat-test")).to_be_visible()
    page.click("#heat-test button")
    expect(page.locator("#heat-words")).to_contain_text("elsewhere, by")


def test_heat_of_the_chosen_pixel(page, opened, browse):
    expect(page.locator("#heat-class option", has_text="the chosen pixel")).to_have_count(0)
    click(page, 20, 12)
    page.select_option("#heat-method", "occlusion")
    page.select_option("#heat-class", "pixel")
    expect(page.locator("#heat-test")).to_be_visible()
    page.click("#heat-test button")
    expect(page.locator("#heat-words")).to_contain_text(f"{CLASSES[opened.mask[20, 12]]}: with the hottest")
    asked = [one.post_data_json for one in browse.requests if one.url.endswith("/api/explain")]
    assert asked[-1]["pixel"] == {"row": 20, "column": 12} and asked[-1]["class"] is None
    page.click("#pixel .panel-head button")
    expect(page.locator("#heat-class")).to_have_value("")


def test_with_the_keyboard_alone(page, opened):
    page.focus(".picture")
    press(page, "ArrowRight")
    expect(page.locator("#pixel-words")).to_contain_text("Row 16, column 16: ")
    press(page, "ArrowRight", "ArrowUp")
    expect(page.locator("#pixel-words")).to_contain_text("Row 15, column 17: ")
    press(page, "Shift+ArrowDown")
    expect(page.locator("#pixel-words")).to_contain_text("Row 23, column 17: ")
    expect(page.locator("#pixel-title bdi")).to_have_text(CLASSES[opened.mask[23, 17]])
    page.focus(".pixel-class")
    press(page, "Escape")
    expect(page.locator("#pixel")).to_be_hidden()
    expect(page.locator(".picture")).to_be_focused()


def test_another_network_answers_about_the_whole_again(page):
    click(page, 4, 4)
    page.select_option("#nets", "new:compact_s")
    expect(page.locator("#title")).to_have_text("compact_s")
    expect(page.locator("#pixel")).to_be_hidden()
    expect(page.locator("#drawn-opacity-field")).to_be_hidden()
    expect(page.locator(".verdict")).to_be_visible()


def test_no_barriers_in_light_dark_and_on_a_phone(page, opened, browse):
    click(page, 13, 9)
    assert accessibility_faults(page) == []
    page.emulate_media(color_scheme="dark")
    assert accessibility_faults(page) == []
    phone = browse(f"{opened.address}/", width=360, height=800, phone=True)
    ready(phone)
    phone.locator(".picture").tap(position={"x": 40, "y": 40})
    expect(phone.locator("#pixel .result")).to_have_count(2)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    assert accessibility_faults(phone) == []
