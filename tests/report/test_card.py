"""The card shows names as they are when a CommonMark renderer (markdown-it, a test tool here) reads it."""

from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate import words
from foveate.report.card import markdown_text, render_card
from foveate.report.data import ReportData
from foveate.tasks.regression.targets import NumberTargets
from foveate.tasks.regression.task import Regression
from foveate.tasks.telling import Measured

markdown_it = pytest.importorskip("markdown_it")


HOSTILE = [
    "<script>alert(1)</script>",
    "![x](http://evil.example/p.png)",
    "[a](javascript:b)",
    "a|b",
    "`code`",
    "# x",
    "*b* _i_ ~~s~~",
    "&lt;b&gt;",
    "new\n\n# heading",
    "www.evil.example",
    "me@evil.example",
    "<!-- -->",
]


class Text(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def rendered(markdown):
    return Text(markdown_it.MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(markdown))


@given(st.text(max_size=60))
def test_any_name_is_shown_as_it_is(name):
    result = rendered(f"x {markdown_text(name)} y\n")
    assert result.tags == ["p"]
    assert result.text.strip() == f"x {words.shown(name).strip()} y"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(make_data, name):
    plain = rendered(render_card(make_data()))
    hostile = rendered(
        render_card(make_data(("cat", name, "bird"), name=name, title=name, preprocessing=name, licence=name))
    )
    assert hostile.tags == [*plain.tags]
    assert words.shown(name) in hostile.text
    raw = render_card(make_data(("cat", name, "bird"), name=name, title=name))
    assert "://" not in raw
    assert "www." not in raw


def card_of_number(name):
    task = Regression((name,), (0.0,), (1.0,))
    values, targets = {"values": np.zeros((4, 1), np.float32)}, NumberTargets(np.arange(4.0)[:, None])
    pixels = np.zeros((4, 2, 2, 3), np.uint8)
    found = Measured("test", values, targets, task.evaluate(values, targets), pixels, ["1.png"] * 4)
    return render_card(ReportData("x", "", task, task.report(found)))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_of_numbers(name):
    """They stand in the sentence of what the model does, and in the table of its errors."""
    raw = card_of_number(name)
    hostile = rendered(raw)
    assert hostile.tags == rendered(card_of_number("age")).tags
    assert hostile.text.count(words.shown(name)) >= 3
    assert "://" not in raw and "www." not in raw


def test_card_says_what_how_good_on_what_and_how(make_data):
    text = render_card(make_data(licence="CC BY 4.0", split="val"))
    for part in (
        "# Pets",
        "3 classes",
        "| accuracy |",
        "300",
        "90 training",
        "runs/pets",
        "Resized to 32 × 32",
    ):
        assert part in text
    assert "no test pictures" in text
    assert "CC BY 4.0" in text
    assert "none was stated" in render_card(make_data())
    assert text.endswith("\n")
