"""A network that finds objects, in a real Chromium: its boxes, where it looked, and the sums behind one."""

import re

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

import foveate
from browser import accessibility_faults
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.write import Draft
from foveate.models.registry import create_model
from foveate.runtime.config import InputShape, ModelConfig
from foveate.tasks.detection.task import Detection
from inspecting import inspecting
from spreading import spread

SIDE, NAME = 64, "faster_rcnn_efficientnet_lite0"
OPTIONS = {"trunk_options": {"width": 0.5, "depth": 0.25}, "width": 24, "hidden": 32}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    module = spread(create_model(NAME, num_classes=2, **OPTIONS).eval(), torch.rand(2, 3, SIDE, SIDE))
    shape = Preprocessing(SIDE, SIDE, 3)
    facts = {
        "task": Detection(("cup", "cat")),
        "architecture": {"name": NAME, "options": OPTIONS},
    }
    pictures = np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8)
    with Draft(tmp_path_factory.mktemp("models") / "finder") as draft:
        draft.add_network(module, preprocessing=shape, sample_images=pictures, **facts)
        size = InputShape(SIDE, SIDE, 3)
        published = draft.publish(ModelConfig(input=size, preprocessing=shape.to_dict(), **facts))
    Image.fromarray(pictures[0]).save(published.parent / "noise.png")
    return published


@pytest.fixture(scope="module")
def address(folder):
    with inspecting(folder, folder.parent / "noise.png", OMP_NUM_THREADS="1") as found:
        yield found


def test_boxes_where_it_looked_and_why(folder, address, chromium, browse):
    page = browse(f"{address}/", width=1280, height=900)
    (told,) = foveate.load(folder).predictions([str(folder.parent / "noise.png")])
    buttons = page.locator("#objects-list button")
    expect(buttons.first).to_contain_text(told.names[told.labels[0]])
    regions = page.locator("#objects-regions")
    most = int(regions.get_attribute("max"))
    assert most > 3
    before = page.locator("canvas.picture").first.evaluate("(one) => one.toDataURL()")
    regions.fill(str(most))
    expect(page.locator("#objects-regions-words")).to_have_text(f"{most} of the {most} likeliest regions")
    assert page.locator("canvas.picture").first.evaluate("(one) => one.toDataURL()") != before
    page.locator("#objects-anchors").select_option("0")
    buttons.first.click()
    steps = page.locator("#object .step")
    expect(steps.first).to_be_visible()
    expect(page.locator("#object .result .agree")).to_have_count(steps.count())
    expect(page.locator("#object header")).to_contain_text(
        re.compile(r"at 196 points of the map of stride \d+")
    )
    page.locator("#object button", has_text="wider").click()
    expect(page.locator("#object h3").first).to_contain_text("what wider is made of")
    assert accessibility_faults(page) == []
    page.locator("#object button", has_text="Close").click()
    expect(page.locator("#object")).to_be_hidden()
    assert browse.problems == []
