"""A model whose answers can be worked out by hand: which of red, green and blue a picture has most of."""

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.write import Draft
from foveate.runtime.config import InputShape, ModelConfig
from foveate.tasks.classification.task import Classification

CLASSES = ("red", "green", "blue")
PREPROCESSING = Preprocessing(8, 8, 3)  # pixels become 0..1
TEMPERATURE = 2.0


def colour_network() -> nn.Module:
    """Logits are 10 times the mean of each channel."""
    linear = nn.Linear(3, 3)
    with torch.no_grad():
        linear.weight.copy_(10 * torch.eye(3))
        linear.bias.zero_()
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear)


def expected_probabilities(picture):
    """softmax(10 mean(x/255) / temperature), in float64."""
    logits = 10 * picture.reshape(-1, 3).astype(float).mean(0) / 255 / TEMPERATURE
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


@pytest.fixture(scope="session")
def pictures():
    return np.random.default_rng(5).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)


def make_config(**changes):
    values = {
        "architecture": {"custom": "colour_network"},
        "task": Classification(CLASSES, TEMPERATURE),
        "input": InputShape(8, 8, 3),
        "preprocessing": PREPROCESSING.to_dict(),
    }
    return ModelConfig(**{**values, **changes})


def write_model(out, pictures, **texts):
    with Draft(out) as draft:
        draft.add_network(
            colour_network(),
            preprocessing=PREPROCESSING,
            task=Classification(CLASSES, TEMPERATURE),
            sample_images=pictures,
            architecture={"custom": "colour_network"},
        )
        for name, text in texts.items():
            draft.add_text(name, text)
        return draft.publish(make_config())


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory, pictures):
    return write_model(tmp_path_factory.mktemp("models") / "colours", pictures)


@pytest.fixture(scope="session")
def colours():
    """What the tests need of this file; tests cannot import it."""

    class Colours:
        classes, preprocessing, temperature = CLASSES, PREPROCESSING, TEMPERATURE
        task = Classification(CLASSES, TEMPERATURE)
        network, expected, config, write = (
            staticmethod(f) for f in (colour_network, expected_probabilities, make_config, write_model)
        )

    return Colours


def slow_network(products, side=512):
    """A ``model.onnx`` that multiplies matrices so many times before it answers a third for each class."""
    numbers = {"shape": np.array([side, side]), "axes": np.array([1, 2]), "zero": np.zeros(1, np.float32)}
    fill = numpy_helper.from_array(np.array([1e-4], np.float32))
    nodes = [helper.make_node("ConstantOfShape", ["shape"], ["y0"], value=fill)]
    nodes += [helper.make_node("MatMul", [f"y{i}", "y0"], [f"y{i + 1}"]) for i in range(products)]
    nodes += [
        helper.make_node("ReduceSum", [f"y{products}"], ["sum"], keepdims=0),
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
        helper.make_node("Add", ["means", "sum"], ["both"]),
        helper.make_node("Mul", ["both", "zero"], ["nothing"]),
        helper.make_node("Softmax", ["nothing"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "slow",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 8, 8, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(value, name) for name, value in numbers.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return model.SerializeToString()


@pytest.fixture(scope="session", name="slow_network")
def _slow_network():
    return slow_network
