"""The Open Inference Protocol, asked by a client that nobody here wrote: Triton's, from PyPI."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.errors import RequestError
from foveate.http.settings import ServeSettings
from foveate.server.inference import parse_question
from foveate.tasks.classification.task import Classification

tritonclient = pytest.importorskip("tritonclient.http")
SHAPE = (8, 8, 3)
TASK = Classification(("red", "green", "blue"))


@pytest.fixture(scope="module")
def client(server):
    with tritonclient.InferenceServerClient(server.name) as client:
        yield client


def asked(pictures, *, binary):
    tensor = tritonclient.InferInput("images", list(pictures.shape), "UINT8")
    tensor.set_data_from_numpy(pictures, binary_data=binary)
    return [tensor]


def test_server_and_model_introduce_themselves(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("colours")
    assert client.is_model_ready("colours", "1")
    assert not client.is_model_ready("another")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data", "classification"]
    assert client.get_model_metadata("colours") == {
        "name": "colours",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, 8, 8, 3]}],
        "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]}],
    }


@pytest.mark.parametrize("binary_in", [False, True])
@pytest.mark.parametrize("binary_out", [None, False, True])
def test_probabilities_are_those_computed_by_hand(client, colours, pictures, binary_in, binary_out):
    outputs = None
    if binary_out is not None:
        outputs = [tritonclient.InferRequestedOutput("probabilities", binary_data=binary_out)]
    found = client.infer(
        "colours", asked(pictures[:4], binary=binary_in), outputs=outputs, request_id="number 7"
    )
    wanted = np.stack([colours.expected(picture) for picture in pictures[:4]])
    np.testing.assert_allclose(found.as_numpy("probabilities"), wanted, atol=1e-6)
    answer = found.get_response()
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("number 7", "colours", "1")


@pytest.mark.parametrize("binary", [False, True])
def test_classes_by_name_are_those_of_the_classification_extension(client, colours, pictures, binary):
    outputs = [tritonclient.InferRequestedOutput("probabilities", binary_data=binary, class_count=2)]
    found = client.infer("colours", asked(pictures[:1], binary=True), outputs=outputs)
    texts = found.as_numpy("probabilities")
    assert texts.shape == (1, 2)
    wanted = colours.expected(pictures[0])
    best = int(wanted.argmax())
    text = texts[0, 0].decode() if isinstance(texts[0, 0], bytes) else texts[0, 0]
    probability, number, label = text.split(":")
    assert (int(number), label) == (best, colours.classes[best])
    assert float(probability) == pytest.approx(wanted[best], abs=1e-6)


def test_the_clients_error_is_the_servers_sentence(client, pictures):
    with pytest.raises(
        tritonclient.InferenceServerException, match=r"inputs\[0\].shape: expected \[N, 8, 8, 3\]"
    ):
        client.infer("colours", asked(pictures[:1, :4], binary=True))
    with pytest.raises(tritonclient.InferenceServerException, match="has the model 'colours', version 1"):
        client.infer("another", asked(pictures[:1], binary=True))
    with pytest.raises(tritonclient.InferenceServerException, match="without Content-Encoding"):
        client.infer("colours", asked(pictures[:1], binary=True), request_compression_algorithm="gzip")


def question(**changes):
    one = {"name": "images", "datatype": "UINT8", "shape": [1, 8, 8, 3], "data": [0] * 192}
    return {"inputs": [{**one, **changes}]}


WRONG = {
    "no JSON": (b"{", "not valid JSON"),
    "not UTF-8": (b"\xff", "not valid JSON"),
    "deep": (b"[" * 100_000, "not valid JSON"),
    "a list": (b"[]", "the request: expected a JSON object, found []"),
    "NaN": (b'{"inputs": NaN}', "JSON: expected numbers, found NaN"),
    "no inputs": (b"{}", "inputs: expected a list of one object, found None"),
    "two inputs": (json.dumps({"inputs": [{}, {}]}).encode(), "inputs: expected a list of one"),
    "another name": (question(name="x"), "inputs[0].name: expected 'images', found 'x'"),
    "another type": (question(datatype="FP32"), "inputs[0].datatype: expected 'UINT8'"),
    "no shape": (question(shape=None), "inputs[0].shape: expected [N, 8, 8, 3], N from 1 to 32"),
    "another shape": (question(shape=[1, 8, 8]), "inputs[0].shape: expected"),
    "a huge shape": (question(shape=[10**30, 8, 8, 3]), "inputs[0].shape: expected"),
    "no pictures": (question(shape=[0, 8, 8, 3], data=[]), "inputs[0].shape: expected"),
    "truth as a size": (question(shape=[True, 8, 8, 3]), "inputs[0].shape: expected"),
    "too few": (question(data=[0] * 191), "inputs[0].data: expected 192 whole numbers"),
    "too large": (question(data=[256] * 192), "found 256 to 256"),
    "negative": (question(data=[-1] * 192), "found -1 to -1"),
    "fractions": (question(data=[0.5] * 192), "inputs[0].data: expected 192 whole numbers"),
    "texts": (question(data=["0"] * 192), "inputs[0].data: expected 192 whole numbers"),
    "truths": (question(data=[True] * 192), "inputs[0].data: expected 192 whole numbers"),
    "a truth among numbers": (question(data=[True, *[0] * 191]), "inputs[0].data: expected 192"),
    "a long text among short ones": (  # as long as it, all of them would take 640 GB
        question(data=["x" * 400_000, *[""] * 400_000]),
        "inputs[0].data: expected 192 whole numbers",
    ),
    "ragged": (question(data=[[0], [0, 1]]), "found a ragged list"),
    "enormous": (question(data=[10**400] * 192), "inputs[0].data: expected 192"),
    "no data": (question(data=None), "inputs[0].data: expected 192 whole numbers"),
    "binary size": (question(parameters={"binary_data_size": 192}), "binary_data_size: expected 192"),
    "parameters": (question(parameters=[]), "inputs[0].parameters: expected an object"),
    "an output": ({**question(), "outputs": [{"name": "x"}]}, "outputs[0].name: expected 'probabilities'"),
    "a number as id": ({**question(), "id": 7}, "id: expected a text"),
    "binary is a word": (
        {**question(), "parameters": {"binary_data_output": "yes"}},
        "binary_data: expected true",
    ),
}


@pytest.mark.parametrize(("body", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_question_is_answered_with_the_field(body, message):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(RequestError, match=re.escape(message)) as caught:
        parse_question(body, None, SHAPE, TASK, ServeSettings())
    assert caught.value.status == 400


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999999999", "", "9999"])
def test_a_lying_header_length_is_refused(length):
    with pytest.raises(RequestError, match="Inference-Header-Content-Length: expected"):
        parse_question(b"{}", length, SHAPE, TASK, ServeSettings())


def test_long_json_is_refused_before_it_is_parsed():
    with pytest.raises(RequestError, match="send the tensor in binary form") as caught:
        parse_question(b" " * 5_000_000, None, SHAPE, TASK, ServeSettings())
    assert caught.value.status == 413


def test_nested_data_is_taken_as_well():
    pixels = np.arange(192, dtype=np.uint8).reshape(1, 8, 8, 3)
    body = json.dumps(question(data=pixels.tolist())).encode()
    np.testing.assert_array_equal(parse_question(body, None, SHAPE, TASK, ServeSettings()).images, pixels)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(
    changes=st.dictionaries(st.sampled_from(["name", "datatype", "shape", "data", "parameters"]), values),
    more=st.dictionaries(st.sampled_from(["id", "outputs", "parameters", "inputs"]), values),
    length=st.none() | st.text(max_size=4) | st.integers(0, 3000).map(str),
)
def test_no_question_makes_the_parser_fall(changes, more, length):
    body = json.dumps({**question(**changes), **more}).encode()
    try:
        parse_question(body, length, SHAPE, TASK, ServeSettings())
    except RequestError as error:
        assert error.status in (400, 413)
        assert len(str(error)) < 400
