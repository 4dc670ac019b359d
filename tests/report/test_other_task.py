"""The page and the card of a task that is no classification: sections are drawn, whatever they tell."""

from types import SimpleNamespace

import numpy as np
import pytest

from closed_page import assert_closed_to_the_world
from foveate.report.card import render_card
from foveate.report.data import ReportData
from foveate.report.page import render_report
from foveate.tasks.measures import Headline, Metric
from foveate.tasks.sections import (
    Column,
    Figure,
    Figures,
    Gallery,
    Histogram,
    Lines,
    Mark,
    Panel,
    Paragraph,
    Picture,
    Scatter,
    Section,
    Table,
)
from foveate.tasks.telling import TaskReport
from foveate.tasks.values import Output

ERROR = Metric("mae", higher_is_better=False, is_fraction=False, title="mean error")


@pytest.fixture
def data():
    """A regression of ages: every kind of block that tells of numbers and pictures."""
    true = np.array([20.0, 40.0, 60.0])
    charts = [
        Figure(Scatter("Said against true", "age in years", true, true + 2), "Said against true"),
        Figure(Histogram("Errors", "error in years", np.array([0.0, 2, 4]), np.array([1, 2])), "Errors"),
        Figure(Lines("Within", {"all": [(0.0, 0.0), (1.0, 1.0)]}, "percent"), "Within", "of the pictures"),
    ]
    picture = np.zeros((3, 5, 3), np.uint8)
    panels = [
        Panel(picture + i, text) for i, text in enumerate(("A picture", "Truth", "Answer", "Difference"))
    ]
    worst = Gallery([Picture(panels, [["said ", Mark("62 <years>", "wrong")], "is 20"], "old & grey.png")])
    columns = [Column("age", "name"), Column("error"), Column("share", "bar")]
    table = Table("By age", columns, [("<20>", "1.5", 0.5), ("old", None, None)], title="By age", wide=True)
    result = TaskReport(
        split="test",
        headline=Headline(ERROR, 3.25, (2.5, 4.0), 11.0),
        kind="A number of each picture",
        purpose="Tells the age of what a picture shows",
        labels_are="Numbers",
        verdict="The network is off by 3.25 years on average.",
        meaning="Always saying 40 would be off by 11.",
        warnings=["Nobody below 20 was measured."],
        facts=[("median error", "2.9")],
        scores=[("mean error", "3.25")],
        limits=[],
        always="It says a number whatever the picture shows.",
        in_report="All errors",
        inside="normalisation and scaling",
        sections=[
            Section("How far off", "Errors", "errors", [Paragraph("Look:"), Figures(charts), table]),
            Section("The worst", "Worst", "worst", [worst]),
        ],
        trust=[],
        pictures=Table("Pictures by split", [Column("", "name"), Column("test")], [("all", "3")]),
    )
    task = SimpleNamespace(labels=("age",), outputs=(Output("ages", (1,)),), metrics=(ERROR,), shown=ERROR)
    history = [
        {"epoch": i, "lr": 0.1, "train_loss": 3.0 / i, "val_loss": 4.0 / i, "val_mae": 9.0 / i, "seconds": i}
        for i in (1, 2)
    ]
    return ReportData("ages", "2026-11-14", task, result, history=history, best_epoch=2)


def test_the_page_draws_what_the_task_tells(data):
    page = assert_closed_to_the_world(render_report(data))
    words = " ".join("".join(page.text).split())
    for part in ("ages · 3.25 · foveate report", "How far off", "Mean error", "val mean error", "<years>"):
        assert part in words
    assert "gives ages; normalisation and scaling are inside" in words
    assert len(page.all("img")) == 4
    anchors = [a["href"] for a in page.all("a")]
    assert anchors[:3] == ["#errors", "#worst", "#learning"]


def test_no_word_of_another_task_is_said(data):
    for text in ("".join(assert_closed_to_the_world(render_report(data)).text), render_card(data)):
        for word in ("class", "accuracy", "confus", "temperature", "probabilit"):
            assert word not in text.lower()


def test_the_card_tells_the_same(data):
    card = render_card(data)
    assert card.startswith("# ages\n\nTells the age of what a picture shows. Made by foveate")
    assert "Numbers: age." in card
    assert "| mean error | 3.25 |" in card
    assert "gives `ages`; normalisation and scaling are inside" in card
