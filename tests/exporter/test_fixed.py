"""A network whose number of pictures is fixed: onnx says the sizes, ONNX Runtime computes the same."""

import numpy as np
import onnx
import onnxruntime
import pytest

from foveate.errors import InputError
from foveate.exporter.fixed import fixed_batch
from pixelwise import pixelwise_folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fixed")
    pixelwise_folder(folder, "streets", ("bicyclist", "car", "road"))
    return (folder / "streets" / "model.onnx").read_bytes()


def test_every_size_is_known_and_the_answers_are_the_same(model):
    fixed = fixed_batch(model, 3)
    graph = onnx.load_model_from_string(fixed).graph
    values = [*graph.input, *graph.output, *graph.value_info]
    assert values and all(dim.dim_value for value in values for dim in value.type.tensor_type.shape.dim)
    before, after = (onnxruntime.InferenceSession(content) for content in (model, fixed))
    (images,) = after.get_inputs()
    pixels = np.random.default_rng(1).integers(0, 256, images.shape, dtype=np.uint8)
    for ours, theirs in zip(*(one.run(None, {"images": pixels}) for one in (before, after)), strict=True):
        assert np.array_equal(ours, theirs)
    with pytest.raises(Exception, match="dimensions"):
        after.run(None, {"images": pixels[:2]})


@pytest.mark.parametrize("count", [0, 4096])
def test_no_batch_is_refused(model, count):
    with pytest.raises(InputError, match="a batch has 1 to"):
        fixed_batch(model, count)
