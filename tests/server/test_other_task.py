"""A model whose task is no classification goes the whole way from the network to the answer over HTTP."""

import asyncio
import io
import json

import numpy as np
import pytest
from PIL import Image
from torch import nn

import asgi
from foveate import tasks
from foveate.cli.main import main
from foveate.errors import InputError, ModelFolderError, ParityError
from foveate.exporter.to_onnx import check_parity
from foveate.http.settings import ServeSettings
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.read import load
from foveate.modelfolder.write import Draft
from foveate.runtime.config import InputShape, ModelConfig
from foveate.server.app import make_app
from two_output_task import BrightnessTask

SHAPE = Preprocessing(4, 4, 3)
PICTURES = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3), dtype=np.uint8)
PAIRS = PICTURES.reshape(5, 16, 3).mean(1)[:, :2] / 255


class Means(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))[:, :2]


@pytest.fixture(scope="module", autouse=True)
def known():
    tasks.register_task(BrightnessTask)
    yield
    del tasks._TASKS["brightness"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, known):
    facts = {"task": BrightnessTask(), "architecture": {"custom": "means"}}
    with Draft(tmp_path_factory.mktemp("models") / "bright") as draft:
        draft.add_network(Means(), preprocessing=SHAPE, sample_images=PICTURES, **facts)
        return draft.publish(ModelConfig(input=InputShape(4, 4, 3), preprocessing=SHAPE.to_dict(), **facts))


@pytest.fixture(scope="module")
def predictor(folder):
    return load(folder, threads=1)


def test_its_outputs_come_by_name(predictor):
    found = predictor.run(PICTURES)
    assert list(found) == ["pair", "total"]
    np.testing.assert_allclose(found["pair"], PAIRS, atol=1e-5)
    np.testing.assert_allclose(predictor.predict(PICTURES), PAIRS.sum(1), atol=1e-5)
    assert predictor.predictions(list(PICTURES))[2].total == pytest.approx(PAIRS[2].sum(), abs=1e-5)
    assert predictor.score(PICTURES, PAIRS.sum(1) + 0.5) == pytest.approx(0.5, abs=1e-5)
    assert predictor.values([]) == {"pair": pytest.approx(np.zeros((0, 2))), "total": pytest.approx([])}
    with pytest.raises(InputError, match=r"brightness has no probability for each label .* pair, total; use"):
        predictor.predict_proba(PICTURES)


def test_a_folder_of_another_task_is_refused(folder, tmp_path):
    from foveate.runtime.predictor import Predictor
    from foveate.tasks.classification.task import Classification

    with pytest.raises(ModelFolderError, match=r"expected images .* probabilities .*, found images .* pair"):
        Predictor((folder / "model.onnx").read_bytes(), Classification(("a", "b")), SHAPE)
    del tasks._TASKS["brightness"]
    with pytest.raises(ModelFolderError, match="Unknown task 'brightness'"):
        load(folder)
    tasks.register_task(BrightnessTask)


def test_a_wrong_output_is_named(folder, predictor):
    from foveate.exporter.to_onnx import Deployed

    class Doubled(Means):
        def forward(self, x):
            return 2 * super().forward(x)

    check_parity(Deployed(Means(), SHAPE, BrightnessTask()), predictor, PICTURES)
    with pytest.raises(ParityError, match="pair differs by"):
        check_parity(Deployed(Doubled(), SHAPE, BrightnessTask()), predictor, PICTURES)


def test_the_command_line_tells_what_the_task_tells(folder, tmp_path, monkeypatch, capsysbinary):
    monkeypatch.chdir(tmp_path)
    for number in range(2):
        Image.fromarray(PICTURES[number]).save(f"{number}.png")

    def run(*arguments):
        with pytest.raises(SystemExit, match="0"):
            main(["predict", str(folder), *arguments])
        return capsysbinary.readouterr().out.decode()

    totals = [f"{pair.sum():.3f}" for pair in PAIRS[:2]]
    assert run("0.png") == f"total {totals[0]}\n"
    assert run("0.png", "1.png") == f"0.png: total {totals[0]}\n1.png: total {totals[1]}\n"
    assert run("0.png", "1.png", "--csv") == f"file,total\n0.png,{totals[0]}\n1.png,{totals[1]}\n"
    (found,) = json.loads(run("0.png", "--json"))["predictions"]
    assert found == {"file": "0.png", "row": 0, "total": pytest.approx(PAIRS[0].sum(), abs=1e-5)}


@pytest.fixture
def ask(predictor):
    """A function that asks the server: (status, headers, body)."""
    app = make_app(predictor, "bright", ServeSettings())

    def ask(method, path, body=b"", as_json=True):
        found = asyncio.run(asgi.ask(app.asgi, method, path, body))
        return json.loads(found.content) if as_json else found

    yield ask
    app.engine.close()


def question(*outputs):
    tensor = {"name": "images", "datatype": "UINT8", "shape": [5, 4, 4, 3], "data": PICTURES.ravel().tolist()}
    return json.dumps({"inputs": [tensor], "outputs": outputs}).encode()


INFER = "/v2/models/bright/infer"


@pytest.fixture(params=[20_000, 3])
def piece(request, monkeypatch):
    """How many numbers are written at once: all, or in pieces in a thread, as those of large answers are."""
    monkeypatch.setattr("foveate.server.inference.AT_ONCE", request.param)


@pytest.mark.usefixtures("piece")
def test_the_server_describes_and_gives_its_outputs(ask):
    assert ask("GET", "/v2")["extensions"] == ["binary_tensor_data"]
    assert ask("GET", "/v2/models/bright")["outputs"] == [
        {"name": "pair", "datatype": "FP32", "shape": [-1, 2]},
        {"name": "total", "datatype": "FP32", "shape": [-1]},
    ]
    pair, total = ask("POST", INFER, question())["outputs"]
    assert (pair["shape"], total["shape"]) == ([5, 2], [5])
    np.testing.assert_allclose(pair["data"], PAIRS.ravel(), atol=1e-5)
    np.testing.assert_allclose(total["data"], PAIRS.sum(1), atol=1e-5)


@pytest.mark.usefixtures("piece")
def test_outputs_are_chosen_each_in_its_form(ask):
    asked = question({"name": "total"}, {"name": "pair", "parameters": {"binary_data": True}})
    reply = ask("POST", INFER, asked, as_json=False)
    size = int(
        {name.lower(): value for name, value in reply.headers.items()}["inference-header-content-length"]
    )
    total, pair = json.loads(reply.content[:size])["outputs"]
    np.testing.assert_allclose(total["data"], PAIRS.sum(1), atol=1e-5)
    assert pair["parameters"] == {"binary_data_size": 40}
    assert "data" not in pair
    np.testing.assert_allclose(np.frombuffer(reply.content[size:], "<f4"), PAIRS.ravel(), atol=1e-5)


WRONG = {
    "twice": ([{"name": "total"}, {"name": "total"}], "outputs: expected each output once"),
    "labels of none": (
        [{"name": "total", "parameters": {"classification": 3}}],
        "classification: expected an output that has a number for each label, found total",
    ),
    "another": ([{"name": "x"}], "outputs[0].name: expected 'pair' or 'total', found 'x'"),
}


@pytest.mark.parametrize(("outputs", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_choice_of_outputs_is_named(ask, outputs, message):
    assert ask("POST", INFER, question(*outputs))["error"].startswith(message)


def test_predictions_and_their_description_are_the_tasks(ask):
    file = io.BytesIO()
    Image.fromarray(PICTURES[0]).save(file, "PNG")
    found = ask("POST", "/predict", file.getvalue())
    assert found == {"model": "bright", "predictions": [{"total": pytest.approx(PAIRS[0].sum(), abs=1e-5)}]}
    described = ask("GET", "/openapi.json")
    items = described["components"]["schemas"]["Predictions"]["properties"]["predictions"]["items"]
    assert items["properties"]["total"] == {"type": "number"}
    assert items["required"] == ["total"]
    assert described["info"]["description"].startswith("Tells how bright pictures are. ")
    assert described["paths"]["/predict"]["post"]["parameters"] == []
    page = ask("GET", "/", as_json=False).content.decode()
    assert "Tells how bright pictures are" in page
    assert 'id="top"' not in page
