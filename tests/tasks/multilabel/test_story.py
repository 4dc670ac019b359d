"""From a table with several labels in a cell to a model that is served: the commands as people type them."""

import asyncio
import csv
import io
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, average_precision_score, f1_score

import asgi
from foveate import TrainRequest, train
from foveate.cli.main import main
from foveate.errors import DatasetError, InputError, InterruptedRunError
from foveate.http.settings import ServeSettings
from foveate.modelfolder.read import load
from foveate.server.app import make_app
from foveate.training.events import StepDone

NAMES = ("lying", "standing", "Bright")
REQUEST = TrainRequest(model="tinyvgg", recipe="article", epochs=4, batch_size=16, lr=3e-3)


def picture(row, rng):
    """Noise with lying stripes, standing stripes, a bright corner, or none of them."""
    image = rng.integers(0, 60, (16, 16, 3))
    image[::2] += 80 * row[0]
    image[:, ::2] += 80 * row[1]
    image[:5, :5, 0] += 100 * row[2]
    return image.astype(np.uint8)


def drawn(count, seed):
    rng = np.random.default_rng(seed)
    present = (rng.random((count, 3)) < [0.5, 0.4, 0.3]).astype(int)
    return present, [picture(row, rng) for row in present]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures with two tables of the same: several labels in a cell, and a column of 0 and 1 for each."""
    root = tmp_path_factory.mktemp("patterns")
    present, pictures = drawn(160, 0)
    cells, flags = [("file_name", "labels")], [("file_name", *NAMES)]
    for number, (row, pixels) in enumerate(zip(present, pictures, strict=True)):
        name = f"{number:03}.png"
        Image.fromarray(pixels).save(root / name)
        cells.append((name, "; ".join(np.array(NAMES)[row > 0])))
        flags.append((name, *row))
    for table, rows in (("labels.csv", cells), ("flags.csv", flags)):
        with (root / table).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return root


@pytest.fixture(scope="module")
def model(folder, tmp_path_factory):
    return train(folder / "labels.csv", REQUEST, out=tmp_path_factory.mktemp("runs") / "model").folder


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return left.value.code, capsys.readouterr()


def test_what_is_evaluated_is_scikit_learns(model, folder, capsys):
    code, said = call(capsys, "evaluate", model, folder / "flags.csv", "--json")
    assert code == 0
    found = json.loads(said.out)
    predictor = load(model)
    present, pictures = drawn(160, 0)
    order = [NAMES.index(name) for name in predictor.task.labels]  # sorted, as cells have them
    present, probabilities = present[:, order], predictor.predict_proba(pictures)
    given = predictor.predict(pictures)
    assert given.tolist() == (probabilities >= np.array(predictor.task.thresholds)).astype(int).tolist()
    assert found["mean_average_precision"] == pytest.approx(average_precision_score(present, probabilities))
    assert found["macro_f1"] == pytest.approx(f1_score(present, given, average="macro"))
    assert found["exact_match"] == pytest.approx(accuracy_score(present, given))
    assert predictor.score(pictures, present) == pytest.approx(found["exact_match"])
    assert found["mean_average_precision"] > 0.6  # by chance it would be 0.4
    code, said = call(capsys, "evaluate", model, folder / "labels.csv")
    assert code == 0
    assert "mean average precision" in said.out
    assert "threshold" in said.out


def test_predictions_are_told_as_text_table_and_json(model, folder, capsys):
    files = [folder / "000.png", folder / "001.png"]
    _, said = call(capsys, "predict", model, *files, "--json")
    predictions = json.loads(said.out)["predictions"]
    _, said = call(capsys, "predict", model, *files, "--csv", "--top-k", "2")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    for row, prediction in zip(rows, predictions, strict=True):
        assert row["labels"].split(";") == (prediction["labels"] or [""])
        assert row["label_1"] == prediction["top"][0]["label"]
        assert "label_3" not in row
        likely = {one["label"] for one in prediction["top"] if one["probability"] >= one["threshold"]}
        assert likely == set(prediction["labels"])
    _, said = call(capsys, "predict", model, files[0])
    assert predictions[0]["top"][0]["label"] in said.out.splitlines()[0 if predictions[0]["labels"] else 1]


def test_it_is_served(model, folder):
    app = make_app(load(model), "patterns", ServeSettings())

    def ask(method, path, body=b""):
        return json.loads(asyncio.run(asgi.ask(app.asgi, method, path, body)).content)

    body = (folder / "000.png").read_bytes()
    answer = ask("POST", "/predict", body)
    wanted = load(model).predictions([folder / "000.png"])[0].to_dict()
    (found,) = answer["predictions"]
    assert found["labels"] == wanted["labels"]
    assert [one["threshold"] for one in found["top"]] == [one["threshold"] for one in wanted["top"]]
    described = ask("GET", "/openapi.json")
    schema = described["components"]["schemas"]["Predictions"]["properties"]["predictions"]["items"]
    assert set(found) <= set(schema["properties"])
    assert {"labels", "top"} <= set(schema["required"])
    pixels = np.zeros((1, 16, 16, 3), np.uint8)
    tensor = {"name": "images", "datatype": "UINT8", "shape": [1, 16, 16, 3], "data": pixels.ravel().tolist()}
    question = json.dumps({"inputs": [tensor]}).encode()
    answer = ask("POST", "/v2/models/patterns/infer", question)
    app.engine.close()
    assert answer["outputs"][0]["data"] == pytest.approx(
        load(model).predict_proba(pixels)[0].tolist(), abs=1e-6
    )


def test_report_card_and_tables_tell_of_labels(model):
    page = (model / "report.html").read_text()
    for words in ("Label by label", "Mean average precision", "average precision", "threshold", "standing"):
        assert words in page
    card = (model / "README.md").read_text()
    assert "Says which of 3 labels a picture has" in card
    assert "temperature and sigmoid are inside" in card
    history = (model / "history.csv").read_text().splitlines()[0]
    assert "train_exact_match" in history and "val_mean_average_precision" in history
    config = json.loads((model / "config.json").read_text())
    assert config["task"]["name"] == "multilabel"
    assert len(config["task"]["thresholds"]) == 3
    assert config["task"]["labels"] == sorted(NAMES)


def test_its_splits_are_a_table_to_train_on_again(model, folder, tmp_path):
    copy = folder / "again.csv"
    copy.write_text((model / "splits.csv").read_text())
    again = train(copy, REQUEST, out=tmp_path / "again").folder
    assert (again / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()


def test_an_interrupted_run_goes_on_to_the_byte(model, folder, tmp_path):
    steps = []
    with pytest.raises(InterruptedRunError):
        train(
            folder / "labels.csv",
            REQUEST,
            out=tmp_path / "run",
            listener=lambda event: steps.append(event) if isinstance(event, StepDone) else None,
            should_stop=lambda: len(steps) >= 11,
        )
    train(folder / "labels.csv", REQUEST, out=tmp_path / "run", resume=True)
    for name in ("model.safetensors", "model.onnx"):
        assert (tmp_path / "run" / name).read_bytes() == (model / name).read_bytes()


def test_what_means_nothing_here_is_refused(folder, tmp_path, capsys):
    for request, message in (
        (TrainRequest(unsure_precision=0.9), "each label has a threshold of its own"),
        (TrainRequest(select="val_accuracy"), "Select by val_mean_average_precision"),
    ):
        with pytest.raises(InputError, match=message):
            train(folder / "labels.csv", request, out=tmp_path / "run")
    with pytest.raises(DatasetError, match="a column 'label'"):
        train(folder / "labels.csv", TrainRequest(task="classification"), out=tmp_path / "run")
    code, said = call(capsys, "check", folder / "labels.csv", "--labels")
    assert code == 2
    assert "no single class a picture" in said.err


def test_check_counts_labels_and_pictures_without(folder, capsys):
    code, said = call(capsys, "check", folder / "flags.csv", "--json")
    assert code == 0
    found, (present, _) = json.loads(said.out), drawn(160, 0)
    assert found["splits"]["train"]["per_class"] == dict(
        zip(NAMES, present.sum(axis=0).tolist(), strict=True)
    )
    without = int((present.sum(axis=1) == 0).sum())
    assert f"{without} pictures of 160 without a label." in [one["message"] for one in found["findings"]]
