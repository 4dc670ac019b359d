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
from foveate.tasks.measures import Headline, Metric
from foveate.tasks.sections import Histogram, Lines, Reliability, Scatter

finite = st.floats(-1e6, 1e6)


def elements(svg, tag):
    return list(ElementTree.fromstring(svg).iter(tag))


def points(svg):
    return [
        [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]
        for line in elements(svg, "polyline")
    ]


def test_a_straight_line_is_drawn_straight_and_upwards():
    (line,) = points(charts.line_chart(Lines("t", {"loss": [(1, 0.0), (2, 1.0), (3, 2.0)]})))
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
        svg = charts.line_chart(Lines("t", series, unit, start))
        for x, y in (point for line in points(svg) for point in line):
            assert 54 <= x <= 412
            assert 13.9 <= y <= 248.1
        names = [float(t.get("y")) for t in elements(svg, "text") if "name" in t.get("class", "")]
        assert len(names) == len(series)
        assert len(names) == 1 or abs(names[0] - names[1]) >= 15.9


def test_axis_labels_are_distinct_round_numbers():
    svg = charts.line_chart(Lines("t", {"a": [(1, 0.0), (9, 1.13)]}))
    texts = [t.text for t in elements(svg, "text")]
    assert texts[:6] == ["0.00", "0.25", "0.50", "0.75", "1.00", "1.25"]


def test_shares_run_from_nothing_to_all():
    curve = [(0.1, 1.0), (0.9, 0.95)]
    svg = charts.line_chart(Lines("t", {"a": curve}, "percent", across="recall", across_unit="percent"))
    texts = [t.text for t in elements(svg, "text") if t.get("text-anchor") == "middle"]
    assert texts == ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %", "recall"]
    ((first, last),) = points(svg)
    assert last[0] - first[0] == pytest.approx(0.8 * (520 - 54 - 108), abs=0.11)


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


def test_what_was_said_lies_on_the_diagonal_where_it_is_true():
    numbers = np.array([3.0, 7.0, 11.0])
    svg = charts.scatter_chart(Scatter("t", "years", numbers, np.array([3.0, 7.0, 7.0])))
    dots = [(float(c.get("cx")), float(c.get("cy"))) for c in elements(svg, "circle")]
    (rule,) = (line for line in elements(svg, "line") if line.get("class") == "diagonal")
    (x1, y1), (x2, y2) = ((float(rule.get(f"x{i}")), float(rule.get(f"y{i}"))) for i in (1, 2))

    def level(x):
        return y1 + (x - x1) / (x2 - x1) * (y2 - y1)

    assert [abs(y - level(x)) < 0.2 for x, y in dots] == [True, True, False]
    assert dots[2][1] == dots[1][1] > level(dots[2][0])  # too low, at the height of 7


def test_of_many_points_some_are_drawn():
    numbers = np.linspace(0, 1, 50_000)
    assert len(elements(charts.scatter_chart(Scatter("t", "x", numbers, numbers)), "circle")) == 1000


def test_bars_of_a_histogram_are_as_high_as_their_counts():
    edges, counts = np.array([-2.0, -1.0, 0.0, 2.0]), np.array([10, 30, 0])
    bars = elements(charts.histogram_chart(Histogram("t", "error", edges, counts)), "rect")
    high = [float(bar.get("height")) for bar in bars]
    assert high[1] == pytest.approx(3 * high[0], abs=0.2)
    assert high[2] == 0
    wide = [float(bar.get("width")) + 1 for bar in bars]
    assert wide[2] == pytest.approx(2 * wide[0], abs=0.2)
    assert bars[1][0].text == "-1 to 0: 30"


def test_a_headline_that_is_no_share_has_a_rule_of_its_own():
    error = Metric("mae", higher_is_better=False, is_fraction=False, title="mean error")
    svg = charts.interval_chart(Headline(error, 4.0, (3.0, 5.0), 8.0))
    assert ElementTree.fromstring(svg).get("aria-label") == "Mean error 4, 95 % interval 3 to 5"
    bar, band = (next(r for r in elements(svg, "rect") if r.get("class") == c) for c in ("bar", "band"))
    assert float(band.get("width")) == pytest.approx(float(bar.get("width")) / 2, abs=0.2)
