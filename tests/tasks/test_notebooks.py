"""What notebooks show, read as a browser would; and columns that other libraries' tables are made of."""

from html.parser import HTMLParser

import numpy as np
import pytest

import foveate
from colour_boxes import colour_boxes, patches
from foveate.tasks.classification.metrics import evaluate
from foveate.tasks.classification.task import Classification
from foveate.tasks.multilabel.task import Multilabel
from foveate.tasks.notebooks import Predictions
from foveate.tasks.regression.intervals import Margins
from foveate.tasks.regression.task import Regression
from strongest import blocks, strongest

HOSTILE = "<script>alert(1)</script>"


class Read(HTMLParser):
    """The texts of cells and lines, and which elements there are."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.texts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def of_classes():
    task = Classification(("cat", HOSTILE))
    return Predictions(task, task.predictions({"probabilities": np.float32([[0.75, 0.25], [0.5, 0.5]])}))


def test_predictions_are_a_list_and_a_table():
    found = of_classes()
    assert [one.label for one in found] == ["cat", "cat"]
    read = Read(found._repr_html_())
    assert read.elements.count("tr") == 3
    assert "script" not in read.elements and HOSTILE in read.texts


def test_columns_have_the_types_of_what_they_hold():
    columns = of_classes().columns()
    assert columns["picture"].tolist() == [0, 1]
    names = list(columns)
    assert columns[names[1]].tolist() == ["cat", "cat"]
    assert columns[names[2]].dtype == np.float64 and columns[names[2]].tolist() == [0.75, 0.5]
    assert len({len(column) for column in columns.values()}) == 1


@pytest.mark.parametrize("labels", [("7", "3"), ("007", "1_000"), ("nan", "inf"), ("true", "false")])
def test_labels_are_texts_whatever_they_look_like(labels):
    probabilities = np.float32([[0.75, 0.25], [0.25, 0.75]])
    classes, several = Classification(labels), Multilabel(labels)
    for task, column in ((classes, "label"), (several, "labels"), (several, "label_1")):
        columns = Predictions(task, task.predictions({"probabilities": probabilities})).columns()
        assert columns[column].tolist() == list(labels)


def test_a_number_that_is_called_label_is_a_number():
    task = Regression(("label",), (0.0,), (1.0,))
    columns = Predictions(task, task.predictions({"values": np.float32([[2.5]])})).columns()
    assert columns["label"].tolist() == [2.5]


def test_columns_of_numbers_and_their_intervals():
    task = Regression(("age", "height"), (0.0, 0.0), (1.0, 1.0), Margins((2.0, 3.0), 0.9, 50))
    values = {"values": np.float32([[30, 180], [31, 170]])}
    columns = Predictions(task, task.predictions(values)).columns()
    assert columns["height_low"].tolist() == [177, 167]
    assert all(column.dtype == np.float64 for name, column in columns.items() if name != "picture")


def test_a_picture_with_several_boxes_has_several_rows(tmp_path):
    model = foveate.load(colour_boxes(tmp_path))
    pixels, _ = patches(3)
    found = model.predictions([pixels, pixels])
    columns = found.columns()
    told = len(found[0].to_dict()["boxes"])
    assert told > 1
    assert columns["picture"].tolist() == [0] * told + [1] * told
    assert columns["score"].dtype == np.float64
    assert "img" in Read(found[0]._repr_html_()).elements


def test_no_pictures_are_columns_without_rows():
    columns = Predictions(Classification(("a", "b")), []).columns()
    assert all(len(column) == 0 for column in columns.values())


def test_a_mask_is_shown(tmp_path):
    model = foveate.load(strongest(tmp_path))
    pixels, _ = blocks(1)
    read = Read(model.predictions(pixels)[0]._repr_html_())
    assert "img" in read.elements and any("red" in text for text in read.texts)
    assert (
        "Tells" in Read(model._repr_html_()).texts[3] or model.task.purpose in Read(model._repr_html_()).texts
    )


def test_an_evaluation_is_its_lines_and_tables():
    probabilities = np.float32([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    found = evaluate(probabilities, np.array([0, 1, 1]), ("cat", HOSTILE))
    read = Read(found._repr_html_())
    assert any("66.7%" in text or "66.67%" in text for text in read.texts)
    assert "script" not in read.elements and "table" in read.elements


def test_data_sets_and_networks_are_shown(tmp_path):
    pictures = np.zeros((6, 8, 8, 3), np.uint8)
    np.savez(
        tmp_path / "small.npz",
        x_train=pictures,
        y_train=[0, 0, 0, 1, 1, 1],
        x_test=pictures[:2],
        y_test=[0, 1],
    )
    read = Read(foveate.open_dataset(tmp_path / "small.npz")._repr_html_())
    assert read.texts[read.texts.index("all") : read.texts.index("all") + 3] == ["all", "6", "2"]
    summary = Read(foveate.summary("lenet5")._repr_html_())
    assert "Conv2d" in summary.texts and any("61,706" in text for text in summary.texts)


@pytest.mark.parametrize("count", [1, 3])
def test_pandas_and_others_take_the_columns(count):
    """What they ask of a dict: arrays of one length, of types that NumPy names."""
    task = Classification(("a", "b"))
    values = {"probabilities": np.full((count, 2), 0.5, np.float32)}
    for column in Predictions(task, task.predictions(values)).columns().values():
        assert column.shape == (count,) and column.dtype.kind in "ifUb"
