"""The card shows names as they are when a CommonMark renderer (markdown-it, a test tool here) reads it."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveate import words
from foveate.report.card import markdown_text, render_card

markdown_it = pytest.importorskip("markdown_it")


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


@pytest.mark.parametrize(
    "name",
    [
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
    ],
)
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
