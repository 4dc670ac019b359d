"""The page is complete, well-formed, closed to the world, and text stays text whatever the names are."""

import base64
import dataclasses
import io
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from closed_page import Page, assert_closed_to_the_world
from foveate.errors import ShapeError
from foveate.report.data import Augmented
from foveate.report.page import render_report
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.telling import Explained, Explanations, ToExplain

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'onmouseover='alert(1)",
    "</style><style>@import url(https://evil.example/x.css)",
    "</title></svg><svg onload=alert(1)>",
    "{{ 7*7 }}{% include '/etc/passwd' %}",
    "line\nbreak\r\ttab",
    "\x1b[31mred\x1b[0m \x00 \x07",
    "\u202egpj.exe \u2066isolate",
    "undecodable \udcff byte",
    "]]>--><!--",
    "javascript:alert(1)",
    "& &amp; &lt;b&gt;",
    "名前" * 100,
    "a" * 5000,
    "",
]
CLASSES = [name for name in HOSTILE if 0 < len(name) <= 1000]  # others no task lets in


def test_the_answer_comes_first_and_every_section_is_there(make_data):
    page = assert_closed_to_the_world(render_report(make_data()))
    words = " ".join("".join(page.text).split())
    percent = f"{100 * make_data().result.headline.value:.1f}"
    assert (
        f"The network is right about {percent} % of 300 test pictures, which it did not learn from." in words
    )
    assert words.index("95 % confidence interval") < words.index("Class by class")
    for heading in ("Class by class", "What it confuses", "Most confident mistakes", "How it learned"):
        assert heading in words
    for heading in ("Can its probabilities be believed?", "The pictures", "The network", "Use it"):
        assert heading in words
    assert "foveate predict runs/pets picture.jpg" in words
    assert "14 November 2026, 10:32 UTC" in words
    assert "8 × 32 × 32" in words
    assert page.all("meta")[1]["content"].startswith("default-src 'none'; img-src data:;")


def test_structure_that_assistive_technology_relies_on(make_data):
    page = Page(render_report(make_data()))
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert all(a["href"][1:] in ids for a in page.all("a"))
    assert all(a["aria-labelledby"] in ids for _, a in page.elements if "aria-labelledby" in a)
    assert page.all("html")[0]["lang"] == "en"
    assert [len(page.all(tag)) for tag in ("h1", "main", "header", "footer", "nav")] == [1, 1, 1, 1, 1]
    assert all(a["alt"] for a in page.all("img"))
    assert all("aria-label" in a or a.get("aria-hidden") == "true" for a in page.all("svg"))
    assert all(a["scope"] in {"row", "col"} for a in page.all("th"))
    scrolling = [a for a in page.all("div") if a.get("class") == "scroll"]
    assert all(a["tabindex"] == "0" and a["role"] == "region" and a["aria-label"] for a in scrolling)


def test_hostile_names_stay_text(make_data):
    name = "".join(HOSTILE)[:150]
    everywhere = dict.fromkeys(HOSTILE, "<b>")
    for extra in ("test", "<i>split</i>\x1b"):
        data = make_data(
            CLASSES,
            name=name,
            title=name,
            architecture=name,
            model_path="../<script>'\"\n$(reboot)",
            split=extra,
            created="<u>now</u>",
            preprocessing=name,
            settings=everywhere,
            versions=everywhere,
            seconds_by_phase=dict.fromkeys(HOSTILE, 1.0),
            layers=[{"name": name, "kind": name, "output_shape": name}],
        )
        page = assert_closed_to_the_world(render_report(data))
        assert "<script>alert(1)</script>" in page.text
        assert "{{ 7*7 }}{% include '/etc/passwd' %}" in page.text
        assert r"line\nbreak\r\ttab" in page.text
        assert r"\u202egpj.exe \u2066isolate" in page.text


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    classes=st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=4, unique=True),
    title=st.text(max_size=30),
)
def test_any_text_gives_a_closed_page(make_data, classes, title):
    assert_closed_to_the_world(render_report(make_data(classes, samples=20, name=title, title=title)))


def test_optional_parts_may_be_missing(make_result):
    p = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]])
    page = assert_closed_to_the_world(render_report(make_result(p, [0, 1, 1], ("a", "b"), "val")))
    words = "".join(page.text)
    assert "How it learned" not in words
    assert "There were no test pictures." in words
    assert "Only 3 validation pictures" in words


def test_no_mistakes_one_class_and_classes_without_samples(make_result):
    one = make_result([[1.0]] * 60, [0] * 60, ["only"])
    words = "".join(assert_closed_to_the_world(render_report(one)).text)
    assert "every picture was classified correctly" in words
    assert "Not one mistake in 60 pictures" in words

    p = np.full((60, 3), [0.8, 0.1, 0.1])
    lost = make_result(p, [0] * 55 + [1] * 5, ["much", "little", "none"])
    words = "".join(assert_closed_to_the_world(render_report(lost)).text)
    assert "1 class has no test picture, so nothing is known about: none." in words
    assert "Never recognised: little." in words
    assert "very unequal size (5 to 55 pictures)" in words
    assert "Not clearly better than always answering “much”" in words


def test_the_same_data_gives_the_same_page(make_data):
    assert render_report(make_data()) == render_report(make_data())


@pytest.mark.parametrize("num_classes", [1000, 10_000])
def test_many_classes_stay_small_and_quick(make_result, num_classes):
    rng = np.random.default_rng(0)
    samples = 4000
    guess = rng.integers(num_classes, size=samples)
    p = np.zeros((samples, num_classes), dtype=np.float32)
    p[np.arange(samples), guess] = 1
    labels = np.where(rng.random(samples) < 0.7, guess, rng.integers(num_classes, size=samples))
    classes = [f"class {i}" for i in range(num_classes)]
    train = {"train": ClassTargets(np.repeat(np.arange(num_classes), 5))}
    data = make_result(p, labels, classes, all_targets=train)
    start = time.process_time()
    text = render_report(data)
    assert time.process_time() - start < 2
    assert len(text) < 1_000_000
    words = "".join(assert_closed_to_the_world(text).text)
    assert "The 100 classes with the lowest F1" in words
    assert "The 50 classes most involved in mistakes" in words
    assert "largest class" in words


@pytest.mark.parametrize(
    ("settings", "changed"),
    [
        ({"views": "each picture as it is"}, False),
        ({"augmentation": "none"}, False),
        ({"augmentation": "flip random"}, True),
    ],
)
def test_training_pictures_are_said_to_be_changed_where_they_are(make_data, settings, changed):
    text = render_report(make_data(settings=settings))
    assert ("Changed at random each time" in text) is changed
    assert ("nothing in them is changed at random" in text) is not changed


def test_pictures_are_kept_small_and_true(make_data):
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
    large = rng.integers(0, 256, (1000, 500, 3), dtype=np.uint8)
    pixels = [small, large] * 150
    text = render_report(make_data(measured={"pixels": pixels}, augmented=()))
    sources = [a["src"] for a in Page(text).all("img")]
    assert len(sources) == 24
    pictures = [Image.open(io.BytesIO(base64.b64decode(s.partition(",")[2]))) for s in sources[:2]]
    assert np.array_equal(np.asarray(pictures[0]), small)
    assert pictures[1].size == (96, 192)


def test_a_picture_that_is_none_is_refused(make_data):
    bad = Augmented(np.zeros((4, 4, 3)))
    with pytest.raises(ShapeError, match=r"must be uint8 \(H, W, 3\) or \(H, W, 1\); got float64"):
        render_report(make_data(augmented=[bad]))


@pytest.mark.parametrize("name", HOSTILE)
def test_where_it_looked(make_data, name):
    picture = np.zeros((4, 6, 3), np.uint8)
    wrong, right = ToExplain(picture, name, (1, 0)), ToExplain(picture, "b.jpg", (2,))
    items = [Explained(wrong, [picture + 1, picture + 2]), Explained(right, [picture + 1])]
    shown = Explanations(items, "Grad-CAM", "layer4.1", 0.2, 0.415, -0.012)
    classes = ("cat", name[:1000] or "empty", "dog")
    page = assert_closed_to_the_world(render_report(make_data(classes, measured={"explanations": shown})))
    words = " ".join("".join(page.text).split())
    assert "Where it looked" in words
    assert "Hiding the brightest 20.0 % of these pictures" in words.replace("\u202f", " ").replace(
        "\xa0", " "
    )
    assert "by 41.5 percentage points on average; hiding as much elsewhere, by -1.2" in words
    assert "take them with care" not in words
    lower = dataclasses.replace(shown, drop=-0.02)
    doubtful = render_report(make_data(classes, measured={"explanations": lower}))
    assert "take them with care" in doubtful
    plain = render_report(make_data(classes))
    assert "Where it looked" not in plain
    # The picture and two maps of a mistake, the picture and one map of what it got right.
    assert len(page.all("img")) - len(Page(plain).all("img")) == 5
    assert all(a["alt"] for a in page.all("img"))
