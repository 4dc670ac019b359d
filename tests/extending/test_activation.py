"""An activation in one file outside the package: `snake.py` beside this one, and nothing else."""

import math
from pathlib import Path

import onnx
import pytest

import own_layer

FILE = Path(__file__).with_name("snake.py")
BLUEPRINT = """
input: [3, 12, 12]
layers:
  - conv: {filters: 4, kernel: 3, padding: 1}
  - snake: {a: 2.0}
  - global_avg_pool
  - dense: classes
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with own_layer.loaded(FILE):
        yield own_layer.trained(tmp_path_factory.mktemp("snake"), BLUEPRINT)


def test_the_file_is_short():
    assert len(FILE.read_text().splitlines()) <= 40


def test_the_model_folder_answers_without_torch(made):
    kinds = [node.op_type for node in onnx.load(made.folder / "model.onnx").graph.node]
    assert kinds.count("Sin") == 1
    answer = own_layer.predicted_without_torch(made)
    assert answer["label"] == "bright"
    assert answer["probability"] == pytest.approx(own_layer.probability(made, "bright"), abs=1e-4)


def test_one_number_is_taken_apart(made):
    step, document = own_layer.inspected(made, "snake", 1, 5, 7)
    x = document["x"]
    assert step.label == "Snake" and step.shape == (4, 12, 12)
    assert document["total"] == pytest.approx(x + math.sin(2 * x) ** 2 / 2)
    assert document["total"] == pytest.approx(document["value"], abs=1e-5)
    assert "sin²(2 · " in document["steps"][0]["text"]
