"""A vision transformer in a real Chromium: patches, where each looks, the sum behind a weight."""

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from browser import accessibility_faults, press
from foveate.explanation import attention_of
from foveate.modelfolder.to_torch import rebuild
from inspecting import inspecting
from small_transformer import BLOCKS, GRID, HEADS, PATCH, SIDE, small_transformer_folder
from strongest import blocks


class Opened:
    """The page's address, and the attention weights that torch computes of the picture on it."""

    def __init__(self, folder):
        self.folder = small_transformer_folder(folder)
        self.file = folder / "blocks.png"
        Image.fromarray(blocks(4, across=4, down=4)[0]).save(self.file)
        model = rebuild(self.folder)
        x = torch.from_numpy(model.preprocessing.normalise(model.preprocessing.read(self.file)[None]))
        self.weights = [w[0].numpy() for w in attention_of(model.module, x)]  # a block: (heads, T, T)


@pytest.fixture(scope="module")
def opened(chromium, tmp_path_factory):
    found = Opened(tmp_path_factory.mktemp("tokens"))
    with inspecting(found.folder, found.file, OMP_NUM_THREADS="1") as found.address:
        yield found


@pytest.fixture
def page(opened, browse):
    page = browse(f"{opened.address}/", width=1280, height=900)
    expect(page.locator("#attention .map")).to_have_count(HEADS)
    yield page
    assert browse.problems == []
    assert browse.origins() == {opened.address}


def number(text):
    return float(text.removeprefix("= ").replace("−", "-").replace("\u2009×\u200910", "e"))


def click(page, row, column):
    """In the middle of a patch."""
    box = page.locator(".picture").bounding_box()
    place = [(n + 0.5) / GRID for n in (column, row)]
    page.mouse.click(box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"])
    expect(page.locator("#attention-title")).to_contain_text(f"row {row}, column {column}")


def results(page):
    expect(page.locator("#attention .result .agree")).to_have_count(3)
    return [number(text) for text in page.locator("#attention .result output").all_text_contents()]


def shares(page, head):
    """How strong each patch is coloured in the map of a head: the sum of its three colours, row by row."""
    return page.evaluate(
        """(head) => {
          const canvas = document.querySelectorAll('#attention .map canvas')[head];
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          const sums = [];
          for (let i = 0; i < data.length; i += 4) sums.push(data[i] + data[i + 1] + data[i + 2]);
          return { sums, width: canvas.width, height: canvas.height };
        }""",
        head,
    )


def test_the_class_token_looks_first_and_each_head_has_a_map(page, opened):
    assert page.text_content("#attention-title") == "Where does the class token look?"
    for head in range(HEADS):
        found = shares(page, head)
        assert (found["width"], found["height"]) == (GRID, GRID)
        weights = opened.weights[-1][head, 0, 1:]
        assert int(np.argmax(found["sums"])) in np.flatnonzero(weights >= 0.98 * weights.max())


def test_a_clicked_patch_says_where_it_looks_and_the_sum_is_the_networks_number(page, opened):
    page.select_option("#tokens-head", "1")
    for block in range(BLOCKS):
        page.select_option("#tokens-block", str(block))
        for row, column in ((0, 0), (2, 3)):
            click(page, row, column)
            weights = opened.weights[block][1, 1 + GRID * row + column]
            looked = 1 + int(np.argmax(weights[1:]))
            expect(page.locator("#tokens-words")).to_contain_text(
                f"to the patch in row {(looked - 1) // GRID}, column {(looked - 1) % GRID}."
            )
            product, scaled, weight = results(page)
            assert weight == pytest.approx(float(weights[looked]), rel=1e-4)
            assert scaled == pytest.approx(product / np.sqrt(24 / HEADS), rel=1e-4)
    headings = page.locator("#attention .step h3").all_text_contents()
    assert "query of the token that looks" in headings[0] and "divided by √d" in headings[1]


def test_another_weight_is_spelled_out(page, opened):
    page.select_option("#tokens-head", "2")
    click(page, 1, 1)
    page.select_option("#attention-target", "0")
    expect(page.locator("#tokens-words")).to_contain_text("to the class token.")
    wanted = float(opened.weights[-1][2, 1 + GRID + 1, 0])
    assert results(page)[-1] == pytest.approx(wanted, rel=1e-4)
    assert page.locator("#attention .step").last.locator("tr.chosen th").text_content() == "token 0"


def picture_at(page, row, column):
    return page.evaluate(
        """([row, column, side]) => {
          const canvas = document.querySelector('.picture'), pen = canvas.getContext('2d');
          const at = (place, length) => Math.floor(((place + 0.5) / side) * length);
          const [x, y] = [at(column, canvas.width), at(row, canvas.height)];
          return [...pen.getImageData(x, y, 1, 1).data].slice(0, 3);
        }""",
        [row, column, SIDE],
    )


def test_a_head_lies_over_the_picture_and_the_patches_are_ruled(page):
    inside = (PATCH // 2, PATCH // 2)
    plain = picture_at(page, *inside)
    page.locator("#attention .map").first.click()
    expect(page.locator("#attention .map").first).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#tokens-head")).to_have_value("0")
    assert picture_at(page, *inside) != plain
    page.select_option("#tokens-head", "")
    expect(page.locator('#attention .map[aria-pressed="true"]')).to_have_count(0)
    assert picture_at(page, *inside) == plain
    ruled = page.evaluate("() => document.querySelector('.picture').toDataURL()")
    page.uncheck("#tokens-grid")
    assert page.evaluate("() => document.querySelector('.picture').toDataURL()") != ruled


def test_roll_out_stands_beside_grad_cam(page, browse):
    assert page.locator("#heat-method option").all_text_contents()[-1] == "attention roll-out"
    page.select_option("#heat-method", "rollout")
    expect(page.locator("#heat-words")).to_contain_text("the same for every class")
    page.click("#heat-test button")
    expect(page.locator("#heat-words")).to_contain_text("elsewhere, by")
    asked = [one.post_data_json for one in browse.requests if one.url.endswith("/api/explain")]
    assert asked[-1]["method"] == "rollout"


def test_with_the_keyboard_alone(page):
    page.focus(".picture")
    press(page, "ArrowRight")
    expect(page.locator("#attention-title")).to_contain_text("row 2, column 3")
    press(page, "ArrowUp")
    expect(page.locator("#attention-title")).to_contain_text("row 1, column 3")
    page.focus("#tokens-own")
    press(page, "Enter")
    expect(page.locator("#attention-title")).to_have_text("Where does the class token look?")


def test_a_network_without_tokens_has_nothing_of_it(page):
    page.select_option("#nets", "new:compact_s")
    expect(page.locator("#title")).to_have_text("compact_s")
    expect(page.locator("#tokens")).to_be_hidden()
    expect(page.locator("#attention")).to_be_hidden()
    assert "attention roll-out" not in page.locator("#heat-method option").all_text_contents()


def test_no_barriers_in_light_dark_and_on_a_phone(page, opened, browse):
    page.select_option("#tokens-head", "1")
    click(page, 1, 2)
    assert accessibility_faults(page) == []
    page.emulate_media(color_scheme="dark")
    assert accessibility_faults(page) == []
    phone = browse(f"{opened.address}/", width=360, height=800, phone=True)
    expect(phone.locator("#attention .result")).to_have_count(3)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 360
    assert accessibility_faults(phone) == []
