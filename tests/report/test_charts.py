"""Charts put the numbers where they belong: positions are checked against the data by hand."""

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.report import charts
from foveate.tasks.classification.calibration import reliability
from foveate.tasks.classification.metrics import Confusion
from foveate.tasks.classification.sections import confusion_matrix, most_involved
from foveate.tasks.sections import Reliability

finite = st.floats(-1e6, 1e6)


def elements(svg, tag):
    return list(ElementTree.fromstring(svg).iter(tag))


def points(svg):
    return [
        [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]
        for line in elements(svg, "polyline")
    ]


def test_a_straight_line_is_drawn_straight_and_upwards():
    (line,) = points(charts.line_chart({"loss": [(1, 0.0), (2, 1.0), (3, 2.0)]}, title="t"))
    assert line[1][0] - line[0][0] == pytest.approx(line[2][0] - line[1][0], abs=0.11)
    assert line[0][1] - line[1][1] == pytest.approx(line[1][1] - line[2][1], abs=0.11)
    assert line[2][1] < line[0][1]


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(finite, min_size=1, max_size=80),
    others=st.lists(st.floats(0, 1), min_size=1, max_size=5),
    start=st.integers(0, 1000),
)
def test_every_point_lies_inside_the_frame(values, others, start):
    for series, unit in [
        ({"a": list(enumerate(values, start)), "b": list(enumerate(others, start))}, "number"),
        ({"b": list(enumerate(others, start))}, "percent"),
    ]:
        svg = charts.line_chart(series, title="t", unit=unit, mark=start)
        for x, y in (point for line in points(svg) for point in line):
            assert 54 <= x <= 412
            assert 13.9 <= y <= 248.1
        names = [float(t.get("y")) for t in elements(svg, "text") if "name" in t.get("class", "")]
        assert len(names) == len(series)
        assert len(names) == 1 or abs(names[0] - names[1]) >= 15.9


def test_axis_labels_are_distinct_round_numbers():
    svg = charts.line_chart({"a": [(1, 0.0), (9, 1.13)]}, title="t")
    texts = [t.text for t in elements(svg, "text")]
    assert texts[:6] == ["0.00", "0.25", "0.50", "0.75", "1.00", "1.25"]


def test_reliability_bars_stand_at_accuracy_and_gaps_reach_to_confidence():
    found = reliability([0.9] * 10, [True] * 6 + [False] * 4, bins=10)
    chart = charts.reliability_chart(Reliability("t", found.counts, found.confidence, found.accuracy))
    shapes = {r.get("class"): r for r in elements(chart, "rect")}
    assert float(shapes["bar"].get("height")) == pytest.approx(0.6 * 250, abs=0.1)
    assert float(shapes["gap"].get("height")) == pytest.approx(0.3 * 250, abs=0.1)
    assert "right 60.0\N{NO-BREAK SPACE}% of the time" in chart


def test_confusion_cells_hold_their_counts_and_titles():
    confusion = Confusion.of([0, 0, 0, 1, 1], [0, 0, 1, 1, 1], 2)
    svg = charts.matrix_chart(confusion_matrix(confusion, ["cat & <co>", "dog"]))
    titles = [t.text for r in elements(svg, "rect") for t in r]
    assert titles == [
        "cat & <co> called cat & <co>: 2 of 3",
        "cat & <co> called dog: 1 of 3",
        "dog called dog: 2 of 2",
    ]
    wrong = [r for r in elements(svg, "rect") if r.get("class") == "miss"]
    assert len(wrong) == 1
    right = [r for r in elements(svg, "rect") if r.get("class") == "hit"]
    assert wrong[0].get("y") == right[0].get("y")  # row: true class 0
    assert wrong[0].get("x") == right[1].get("x")  # column: predicted class 1


def test_of_many_classes_the_most_confused_are_shown():
    labels = np.arange(200)
    guess = labels.copy()
    guess[120:140] = 120  # classes 120..139 are all called 120
    chosen = most_involved(Confusion.of(labels, guess, 200))
    assert len(chosen) == 50
    assert set(range(120, 140)) <= set(chosen.tolist())
    assert chosen.tolist() == sorted(chosen.tolist())


def test_time_is_divided_in_proportion():
    widths = [float(r.get("width")) for r in elements(charts.stacked_bar({"a": 1, "b": 3}, "t"), "rect")]
    assert widths == pytest.approx([248.5, 748.5])
    assert elements(charts.stacked_bar({"a": 0.0}, "t"), "rect")[0].get("width") == "0.0"


def test_a_bar_never_leaves_its_cell():
    assert [r.get("width") for r in elements(charts.bar(1.7), "rect")] == ["100.0", "100.0"]
