"""The page is one well-formed file that nothing in a data set can turn against its reader."""

from __future__ import annotations

import base64
import io
import os
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from PIL import Image

from foveate.dataset.quality.findings import Findings, findings, refusals
from foveate.dataset.quality.scan import scan
from foveate.dataset.samples import ArrayImages, DataSet, Split
from foveate.dataset.sources.open import open_dataset
from foveate.report.check_page import render_check_page
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}",
    "\u202eevil",
    "\x1b[31mred",
    "a\nb",
]


class Page(HTMLParser):
    """Collects what a browser would see, and checks that tags close in order."""

    VOID = frozenset({"meta", "img", "rect", "br", "link", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def look(dataset: DataSet) -> Findings:
    return findings(dataset, {key: scan(split.images) for key, split in dataset.splits.items()})


def hostile_dataset(copies: int = 2) -> DataSet:
    """Pictures with copies, under hostile class names."""
    rng = np.random.default_rng(0)
    pictures = np.repeat(rng.integers(0, 256, (len(HOSTILE), 12, 12, 3), dtype=np.uint8), copies, axis=0)
    labels = np.repeat(np.arange(len(HOSTILE)), copies)
    split = Split(ArrayImages(pictures, "<b>train</b>"), ClassTargets(labels))
    return DataSet("<i>set</i>", Classification(tuple(HOSTILE)), {"train": split})


def test_hostile_names_stay_text():
    dataset = hostile_dataset()
    text = render_check_page(dataset, look(dataset))
    page = Page(text)
    assert not page.all("script")
    assert not page.all("i")
    assert all(set(img) <= {"src", "width", "height", "alt", "class"} for img in page.all("img"))
    shown = "".join(page.text)
    assert "<script>alert(1)</script>" in shown
    assert "{{ 7 * 7 }}" in shown
    assert "\\u202eevil" in shown
    assert "\\x1b[31mred" in shown
    assert not set(text) & {"\u202e", "\x1b"}


def test_nothing_is_fetched_or_run():
    dataset = hostile_dataset()
    page = Page(render_check_page(dataset, look(dataset)))
    (policy,) = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none'")
    assert all(img["src"].startswith("data:image/") for img in page.all("img"))
    assert not page.all("link")
    assert not [
        attributes for _, attributes in page.tags if any(name.startswith("on") for name in attributes)
    ]
    assert not [attributes for _, attributes in page.tags if "href" in attributes]


def test_thumbnails_are_the_pictures():
    dataset = hostile_dataset()
    page = Page(render_check_page(dataset, look(dataset)))
    first = page.all("img")[0]["src"].partition(",")[2]
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(first))))
    assert np.array_equal(picture, dataset.splits["train"].images.read(0))


def test_what_is_left_out_is_counted():
    dataset = hostile_dataset(copies=9)
    text = "".join(Page(render_check_page(dataset, look(dataset))).text)
    assert "and 3 more copies" in text


def test_files_of_any_name_and_state(tmp_path: Path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        noise = np.random.default_rng(len(name) + ord(name[0])).integers(
            0, 256, (300, 200, 3), dtype=np.uint8
        )
        Image.fromarray(noise).save(tmp_path / name / "a.png")
        Image.fromarray(noise).save(tmp_path / name / "b.png")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/cat/bad\xff.jpg")).write_bytes(b"")
    dataset = open_dataset(tmp_path)
    found = look(dataset)
    text = render_check_page(dataset, found, refusals(found))
    text.encode("utf-8")  # lone surrogates would not pass
    page = Page(text)
    shown = " ".join("".join(page.text).split())
    assert "Training would refuse this data set: 1 error" in shown
    assert "cat/bad\\udcff.jpg" in shown
    assert "the file is empty" in shown
    assert "cannot be read and will be left out" not in shown  # the error has said it
    assert max(int(img["width"]) for img in page.all("img")) <= 128


def test_a_clean_set_and_ten_thousand_classes():
    rng = np.random.default_rng(0)
    array = rng.integers(0, 256, (500, 8, 8, 1), dtype=np.uint8)
    classes = tuple(f"class {i}" for i in range(500))
    dataset = DataSet(
        "many", Classification(classes), {"train": Split(ArrayImages(array), ClassTargets(np.arange(500)))}
    )
    text = "".join(Page(render_check_page(dataset, look(dataset))).text)
    assert "And 300 more classes." in text
    two = DataSet(
        "two",
        Classification(("a", "b")),
        {"train": Split(ArrayImages(array), ClassTargets(np.arange(500) % 2))},
    )
    assert "Nothing is wrong" in "".join(Page(render_check_page(two, look(two))).text)
