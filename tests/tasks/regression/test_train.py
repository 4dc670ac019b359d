"""The whole way: a table of numbers is learnt, measured, told, served, explained and looked into."""

import asyncio
import csv
import io
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import r2_score

import asgi
import foveate
from closed_page import assert_closed_to_the_world
from foveate import TrainRequest, train
from foveate.cli.main import main
from foveate.dataset import from_arrays
from foveate.errors import InputError, InterruptedRunError
from foveate.exporter.quantise import Comparison, divide
from foveate.http.settings import ServeSettings
from foveate.modelfolder.read import load
from foveate.server.app import make_app
from foveate.training.events import EpochDone, StepDone, StoppedEarly

QUICK = {"model": "tinyvgg", "recipe": "article", "epochs": 8, "batch_size": 16, "lr": 3e-3, "threads": 1}


def bars(count, seed=0):
    """Pictures of a bright bar: (N, 16, 16, 3), its length and its brightness, which is not whole."""
    random = np.random.default_rng(seed)
    length, bright = random.integers(1, 15, count), random.uniform(0.3, 1, count)
    pixels = random.integers(0, 40, (count, 16, 16, 3))
    for picture, long, light in zip(pixels, length, bright, strict=True):
        picture[6:10, :long] = 255 * light
    return pixels.astype(np.uint8), np.stack([length, np.round(bright, 3)], axis=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A table of 240 pictures with their two numbers, its pictures beside it."""
    folder = tmp_path_factory.mktemp("bars")
    pixels, numbers = bars(240)
    rows = [("file_name", "length", "brightness")]
    for i, (picture, row) in enumerate(zip(pixels, numbers, strict=True)):
        Image.fromarray(picture).save(folder / f"{i}.png")
        rows.append((f"{i}.png", int(row[0]), row[1]))
    with (folder / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder / "table.csv"


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    return train(data, TrainRequest(**QUICK), out=tmp_path_factory.mktemp("models") / "bars")


def run(capsysbinary, *arguments):
    with pytest.raises(SystemExit, match="0"):
        main(list(map(str, arguments)))
    return capsysbinary.readouterr().out.decode()


def test_it_learns_and_python_takes_it_as_a_regressor(finished):
    assert finished.evaluation.r2 > 0.6
    model = foveate.load(finished.folder)
    pixels, numbers = bars(50, seed=1)
    said = model.predict(pixels)
    assert said.shape == (50, 2)
    assert model.score(pixels, numbers) == pytest.approx(r2_score(numbers, said), abs=1e-6)
    assert model.score(pixels, numbers) > 0.6
    with pytest.raises(
        InputError, match=r"regression has no probability .* it gives values, unlikeness; use"
    ):
        model.predict_proba(pixels)


def test_one_number_is_one_dimensional(tmp_path):
    pixels, numbers = bars(60)
    made = train((pixels, numbers[:, 1]), TrainRequest(**QUICK | {"epochs": 1}), out=tmp_path / "one")
    model = foveate.load(made.folder)
    said = model.predict(pixels)
    assert said.shape == (60,)
    assert model.score(pixels, numbers[:, 1]) == pytest.approx(r2_score(numbers[:, 1], said), abs=1e-6)


def test_intervals_hold_on_new_pictures(finished):
    model = foveate.load(finished.folder)
    pixels, numbers = bars(300, seed=2)
    said = model.predictions(pixels)
    inside = [
        [one.interval[0] <= true <= one.interval[1] for one, true in zip(found.said, row, strict=True)]
        for found, row in zip(said, numbers, strict=True)
    ]
    assert (np.mean(inside, axis=0) > 0.75).all()  # from 24 held-out pictures, which chose the epoch, too


def test_the_command_line_tells_numbers(finished, data, capsysbinary):
    picture = data.parent / "0.png"
    first, second = run(capsysbinary, "predict", finished.folder, picture).splitlines()
    assert first.startswith("length ")
    assert second.startswith("brightness 0.")
    table = list(csv.DictReader(io.StringIO(run(capsysbinary, "predict", finished.folder, picture, "--csv"))))
    assert float(table[0]["length_low"]) < float(table[0]["length"]) < float(table[0]["length_high"])
    (found,) = json.loads(run(capsysbinary, "predict", finished.folder, picture, "--json"))["predictions"]
    assert [one["name"] for one in found["numbers"]] == ["length", "brightness"]
    told = run(capsysbinary, "evaluate", finished.folder, data)
    assert told.startswith("R² 0.")
    assert "always the median" in told
    assert json.loads(run(capsysbinary, "evaluate", finished.folder, data, "--json"))["samples"] == 240


def test_splits_are_a_table_that_can_be_measured_again(finished, data, capsysbinary):
    table = data.parent / "splits.csv"
    table.write_bytes((finished.folder / "splits.csv").read_bytes())
    again = json.loads(run(capsysbinary, "evaluate", finished.folder, table, "--json"))
    assert again["split"] == "test"
    assert again["r2"] == pytest.approx(finished.evaluation.r2)


def test_a_table_of_other_names_is_refused(finished, data, tmp_path, capsysbinary):
    other = data.parent / "other.csv"
    other.write_text("file_name,length\n0.png,5.5\n")
    with pytest.raises(SystemExit, match="2"):
        main(["evaluate", str(finished.folder), str(other)])
    assert b"has the numbers 'length', and not 'brightness'" in capsysbinary.readouterr().err


def test_the_report_and_the_card_tell_of_numbers(finished):
    page = assert_closed_to_the_world((finished.folder / "report.html").read_text())
    words = " ".join("".join(page.text).split())
    for part in (
        "Number by number",
        "Said and true",
        "Furthest off",
        "Where it looked",
    ):
        assert part in words
    card = (finished.folder / "README.md").read_text()
    assert "Tells length and brightness of a picture" in card
    assert "mean absolute error of length" in card
    for text in (words, card):
        for word in ("class", "accuracy", "probabilit", "temperature"):
            assert word not in text.lower(), word


def test_an_interrupted_run_goes_on_to_the_byte(finished, data, tmp_path):
    steps = []

    def listen(event):
        steps.append(isinstance(event, StepDone))

    out = tmp_path / "again"
    with pytest.raises(InterruptedRunError):
        train(data, TrainRequest(**QUICK), out=out, listener=listen, should_stop=lambda: sum(steps) >= 17)
    train(data, TrainRequest(**QUICK), out=out, resume=True)
    for name in ("model.safetensors", "model.onnx"):
        assert (out / name).read_bytes() == (finished.folder / name).read_bytes()


def test_a_run_that_goes_on_with_more_pictures_keeps_what_its_network_has_learnt_to_mean(tmp_path):
    """Longer bars would move mean and deviation, by which the network's outputs are numbers."""
    pixels, numbers = bars(120)
    steps = []
    out, before = tmp_path / "m", from_arrays(pixels, numbers)
    with pytest.raises(InterruptedRunError):
        train(
            before,
            TrainRequest(**QUICK),
            out=out,
            listener=lambda event: steps.append(isinstance(event, StepDone)),
            should_stop=lambda: sum(steps) >= 10,
        )
    more, larger = bars(60, seed=3)
    after = from_arrays(np.concatenate([pixels, more]), np.concatenate([numbers, larger * [3, 1]]))
    assert after.task.means != before.task.means
    train(after, TrainRequest(**QUICK), out=out, resume=True, allow_changed_data=True)
    assert load(out).task.means == before.task.means


def test_integers_are_compared_by_what_is_alike(finished, data):
    predictor = load(finished.folder, threads=1)
    pictures, measured = divide(predictor, data)
    assert measured.task.names == ("length", "brightness")
    values = predictor.run(pictures)
    for off, alike in ((0.04, True), (0.06, False)):
        others = {"values": values["values"] + off * np.array(predictor.task.deviations, np.float32)}
        assert (predictor.task.agree(values, others) == alike).all()
    metric = finished.evaluation.headline.metric
    told = Comparison(100, metric, 0.91234, 0.90987, 0.95, {1: (2.0, 1.0)}, 10, 5).describe()
    assert told.startswith("R² 0.9123 -> 0.9099 on 100 pictures (+0.25 points lost, 95.0% of the answers")


@pytest.mark.parametrize(
    ("select", "column", "best"),
    [(None, "val_r2", max), ("val_mae", "val_mae", min), ("val_rmse", "val_rmse", min)],
)
def test_what_selects_goes_its_own_way(data, tmp_path, select, column, best):
    """A rate that shakes: later epochs are often worse. The kept one is the best by its column."""
    events = []
    request = TrainRequest(**QUICK | {"lr": 0.03, "epochs": 6}, select=select)
    train(data, request, out=tmp_path / "m", listener=events.append)
    rows = [event.row for event in events if isinstance(event, EpochDone)]
    kept = [event.row for event in events if isinstance(event, EpochDone) and event.is_best][-1]
    assert kept[column] == best(row[column] for row in rows)


def test_patience_waits_for_a_smaller_error(data, tmp_path):
    events = []
    request = TrainRequest(**QUICK | {"lr": 1e-8, "epochs": 8}, select="val_mae", patience=2)
    train(data, request, out=tmp_path / "m", listener=events.append)
    rows = [event.row for event in events if isinstance(event, EpochDone)]
    best = min(range(len(rows)), key=lambda i: rows[i]["val_mae"])
    stopped = any(isinstance(event, StoppedEarly) for event in events)
    assert stopped == (len(rows) < 8)
    assert len(rows) == min(best + 3, 8)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"class_weights": "balanced"}, "class_weights has no effect here: a number has no classes"),
        ({"label_smoothing": 0.1}, "label_smoothing has no effect here: a number has no classes"),
        ({"unsure_precision": 0.9}, "unsure_precision has no effect here: a number is not right or wrong"),
        ({"select": "val_accuracy"}, "Select by val_r2, val_mae, val_rmse, val_loss or last"),
    ],
)
def test_settings_of_classes_are_refused(data, tmp_path, settings, reason):
    with pytest.raises(InputError, match=reason):
        train(data, TrainRequest(**QUICK, **settings), out=tmp_path / "m")


def test_the_server_describes_and_gives_numbers(finished, data):
    predictor = load(finished.folder, threads=1)
    app = make_app(predictor, "bars", ServeSettings())

    def ask(method, path, body=b""):
        return json.loads(asyncio.run(asgi.ask(app.asgi, method, path, body)).content)

    (found,) = ask("POST", "/predict", (data.parent / "0.png").read_bytes())["predictions"]
    assert [one["name"] for one in found["numbers"]] == ["length", "brightness"]
    assert ask("GET", "/v2/models/bars")["outputs"] == [
        {"name": "values", "datatype": "FP32", "shape": [-1, 2]}
    ]
    described = ask("GET", "/openapi.json")
    items = described["components"]["schemas"]["Predictions"]["properties"]["predictions"]["items"]
    assert items["properties"]["numbers"]["items"]["properties"]["value"] == {"type": "number"}
    app.engine.close()
