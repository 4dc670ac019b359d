"""Features are what the last layer is given, whoever computes them."""

import numpy as np
import pytest
import torch

from foveate.errors import ParityError
from foveate.exporter import features
from foveate.exporter.features import Extractor
from foveate.images.preprocess import Preprocessing
from foveate.models.registry import create_model
from foveate.operators.onnx import NotInTable

GREY = Preprocessing(28, 28, channels=1, mean=(0.3,), std=(0.3,))
PICTURES = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), dtype=np.uint8)


@pytest.mark.parametrize("in_table", [True, False])
def test_features_are_what_the_last_layer_is_given(monkeypatch, in_table):
    def no(*args):
        raise NotInTable("nothing")

    torch.manual_seed(0)
    network = create_model("convnet1").eval()
    given = []
    handle = network.fc.register_forward_pre_hook(lambda layer, inputs: given.append(inputs[0]))
    with torch.no_grad():
        network(torch.from_numpy(GREY.normalise(PICTURES)))
    handle.remove()
    if not in_table:
        monkeypatch.setattr(features, "emit", no)
    extractor = Extractor(network, GREY)
    np.testing.assert_allclose(extractor(PICTURES), given[0].flatten(1).numpy(), atol=1e-5)
    extractor.check(PICTURES[:2])


def test_a_graph_that_computes_something_else_is_refused():
    extractor = Extractor(create_model("convnet1").eval(), GREY)
    other = Extractor(create_model("convnet1").eval(), GREY)
    extractor._session = other._session
    with pytest.raises(ParityError, match="differ from torch's"):
        extractor.check(PICTURES[:2])
