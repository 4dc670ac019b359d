"""A network that writes, in a real Chromium: its words, what stands beside them, and the sums behind one."""

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
from foveate.tasks.captioning.task import Captioning
from foveate.tasks.captioning.vocabulary import END, Vocabulary
from inspecting import inspecting

SIDE, LONGEST = 32, 5
NAME = "show_attend_and_tell_compact"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    vocabulary, options = Vocabulary(("a", "dog", "runs")), {"image_size": [SIDE, SIDE], "longest": LONGEST}
    module = create_model(NAME, num_classes=len(vocabulary), image_size=(SIDE, SIDE), longest=LONGEST).eval()
    with torch.no_grad():
        module.greedy.step.score.bias[END] -= 9  # unlearnt, it might end before the first word
    shape = Preprocessing(SIDE, SIDE, 3)
    facts = {
        "task": Captioning(vocabulary, "", LONGEST, module.grid(SIDE, SIDE)),
        "architecture": {"name": NAME, "options": options},
    }
    pictures = np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8)
    with Draft(tmp_path_factory.mktemp("models") / "writer") as draft:
        draft.add_network(module, preprocessing=shape, sample_images=pictures, **facts)
        size = InputShape(SIDE, SIDE, 3)
        published = draft.publish(ModelConfig(input=size, preprocessing=shape.to_dict(), **facts))
    Image.fromarray(pictures[0]).save(published.parent / "noise.png")
    return published


@pytest.fixture(scope="module")
def address(folder):
    with inspecting(folder, folder.parent / "noise.png", OMP_NUM_THREADS="1") as found:
        yield found


def test_words_what_else_it_might_have_said_and_why(folder, address, chromium, browse):
    page = browse(f"{address}/", width=1280, height=900)
    (told,) = foveate.load(folder).predictions([str(folder.parent / "noise.png")])
    words = page.locator("#words-list button")
    expect(words.first).to_be_visible()
    shown = [word for word in words.all_text_contents() if word != "<end>"]
    assert shown == list(told.words)
    words.first.hover()
    likely = page.locator("#words-likely button")
    expect(likely.first).to_contain_text(told.words[0])
    words.first.click()
    steps = page.locator("#word .step")
    expect(steps.first).to_be_visible()
    expect(page.locator("#word .result .agree")).to_have_count(steps.count())
    expect(page.locator("#word h3").last).to_contain_text(re.compile("LSTM|attention"))
    likely.nth(1).click()
    expect(page.locator("#word-title")).not_to_have_text(f"Why {told.words[0]}?")
    assert accessibility_faults(page) == []
    assert browse.problems == []
