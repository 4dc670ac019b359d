"""A finished detection in use: Python, command line, HTTP and config.json say the same of a picture."""

import asyncio
import contextlib
import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

import asgi
import boxed
import foveate
from colour_boxes import CLASSES, SCORES, colour_boxes, colour_task, patches
from foveate.cli.main import main
from foveate.dataset import open_dataset
from foveate.errors import InputError
from foveate.http.body import Held
from foveate.http.settings import ServeSettings
from foveate.images.preprocess import Preprocessing
from foveate.server.app import make_app
from foveate.tasks import read_task, written_task


@pytest.fixture(scope="module", params=["pad", "stretch"])
def model(request, tmp_path_factory):
    return colour_boxes(tmp_path_factory.mktemp("models"), request.param)


@pytest.fixture
def pictures(tmp_path):
    """Pictures of different shapes; their true boxes by class."""
    found = {}
    for seed, (name, size) in enumerate({"a/one.png": (128, 96), "two.png": (96, 128)}.items()):
        picture, boxes = patches(seed, *size)
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
        found[str(path)] = boxes
    return found


def test_boxes_come_back_in_pixels_of_the_picture(model, pictures):
    """Through padding and stretching alike; pictures are halved, or scaled by 2/3 and 1/2, on the way."""
    for told, boxes in zip(foveate.load(model).predictions(list(pictures)), pictures.values(), strict=True):
        assert told.told == 2 and told.to_text() in ("1 red, 1 green", "1 green, 1 red")
        assert [told.names[k] for k in told.labels] == list(CLASSES)
        np.testing.assert_allclose(told.boxes, [boxes[name] for name in CLASSES], atol=1.5)
        np.testing.assert_allclose(told.scores, SCORES, atol=1e-6)


def run(arguments, capsys):
    with pytest.raises(SystemExit) as done:
        main(arguments)
    out, err = capsys.readouterr()
    assert done.value.code == 0, err
    return out


def test_a_row_for_each_box_and_none_for_nothing(model, pictures, tmp_path, capsys):
    Image.new("RGB", (60, 40), (120, 120, 120)).save(tmp_path / "nothing.png")
    names = [*pictures, str(tmp_path / "nothing.png")]
    rows = list(csv.DictReader(io.StringIO(run(["predict", model, *names, "--csv"], capsys))))
    assert list(rows[0]) == ["file", "label", "score", "x1", "y1", "x2", "y2"]
    assert [(row["file"], row["label"]) for row in rows] == [
        (name, label) for name in pictures for label in ("red", "green")
    ]
    for row in rows:
        found = [float(row[side]) for side in ("x1", "y1", "x2", "y2")]
        np.testing.assert_allclose(found, pictures[row["file"]][row["label"]], atol=1.5)
    all_of_them = run(["predict", model, *names, "--csv", "--threshold", "0.1"], capsys)
    assert len(all_of_them.splitlines()) == 1 + 2 * 3
    assert run(["predict", model, names[2]], capsys) == "nothing above 50.0%\n"


def test_drawn_pictures_and_cocos_json(model, pictures, tmp_path, capsys):
    out, file = tmp_path / "out", tmp_path / "out.json"
    folder = str(tmp_path / "pictures")
    told = json.loads(
        run(["predict", model, folder, "--draw", str(out), "--coco", str(file), "--json"], capsys)
    )
    names = [row["file"] for row in told["predictions"]]
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*.jpg")) == ["a/one_boxes.jpg", "two_boxes.jpg"]
    for name in names:
        stem = name.removeprefix(folder + "/").rsplit(".", 1)[0]
        drawn, own = (np.asarray(Image.open(p)).astype(int) for p in (out / f"{stem}_boxes.jpg", name))
        x1, y1, x2, _ = pictures[name]["green"]
        changed = np.abs(drawn - own).sum(axis=2) > 150
        assert drawn.shape == own.shape and changed[y1 : y1 + 3, x1:x2].any(axis=0).mean() > 0.9
        bx1, by1, bx2, by2 = pictures[name]["blue"]  # its score is below the threshold
        assert not changed[(by1 + by2) // 2, bx1:bx2].all()
    truth = COCO(str(file))
    boxes = truth.loadAnns(truth.getAnnIds())
    assert {truth.cats[one["category_id"]]["name"] for one in boxes} == {"red", "green"}
    by_name = {entry["file_name"]: entry["id"] for entry in truth.dataset["images"]}
    for row in told["predictions"]:
        own = [one for one in boxes if one["image_id"] == by_name[row["file"]]]
        assert [one["bbox"] for one in own] == [one["bbox"] for one in row["boxes"]]
        assert [one["label"] for one in row["below"]] == ["blue"] and row["threshold"] == 0.5
    # and it is a data set that is read again
    again = open_dataset(file, task="detection") if Path(names[0]).is_relative_to(tmp_path) else None
    assert again is not None and set(again.task.classes) == {"red", "green"}


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.7, 0.95])
def test_a_threshold_is_chosen_in_python_as_by_the_flag(model, pictures, threshold):
    for told in foveate.load(model, threshold=threshold).predictions(list(pictures)):
        assert told.told == sum(score >= threshold for score in SCORES)


def test_what_has_no_boxes_has_no_threshold_and_no_coco(tmp_path, pictures, capsys):
    from strongest import strongest

    other = strongest(tmp_path)
    with pytest.raises(InputError, match=r"a model for segmentation has no threshold to choose\."):
        foveate.load(other, threshold=0.3)
    for flags, said in (
        (["--threshold", "0.3"], "a model for segmentation has no threshold to choose."),
        (["--coco", str(tmp_path / "x.json")], "finds no things that COCO's JSON could hold."),
    ):
        with pytest.raises(SystemExit) as done:
            main(["predict", other, *pictures, *flags])
        assert done.value.code == 2 and said in capsys.readouterr().err


@contextlib.contextmanager
def asking(model):
    app = make_app(foveate.load(model), "colours", ServeSettings())

    def call(method, path, body=b"", **headers):
        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        return asyncio.run(asgi.ask(app.asgi, method, path, body, named))

    yield call
    app.engine.close()


@pytest.fixture
def ask(model):
    with asking(model) as call:
        yield call


def test_http_answers_with_boxes_and_with_the_drawn_picture(model, pictures, ask):
    path, body = next((path, Path(path).read_bytes()) for path in pictures)
    (wanted,) = foveate.load(model).predictions([path])
    (told,) = json.loads(ask("POST", "/predict", body).content)["predictions"]
    assert told == json.loads(json.dumps(wanted.to_dict()))
    reply = ask("POST", "/predict", body, accept="image/png")
    assert reply.headers["content-type"] == "image/png"
    own = np.asarray(Image.open(path))
    drawn = np.asarray(Image.open(io.BytesIO(reply.content)).convert("RGB"))
    assert drawn.shape == own.shape and 0.001 < (drawn != own).any(axis=2).mean() < 0.3
    described = json.loads(ask("GET", "/openapi.json").content)
    schemas = json.dumps(described["components"]["schemas"])
    assert "bbox" in schemas and "threshold" in schemas
    assert "image/png" in described["paths"]["/predict"]["post"]["responses"]["200"]["content"]


def test_a_picture_that_is_drawn_on_counts_as_held(model, pictures, monkeypatch):
    happened, whole, release = [], Preprocessing.whole, Held.release
    monkeypatch.setattr(
        Preprocessing, "whole", lambda *given, **more: happened.append("read") or whole(*given, **more)
    )
    monkeypatch.setattr(Held, "release", lambda held: happened.append("let go") or release(held))
    with asking(model) as call:
        body = Path(next(iter(pictures))).read_bytes()
        assert call("POST", "/predict", body, accept="image/png").status == 200
    assert happened == ["read", "let go"]


def test_deep_grey_is_drawn_on_as_bright_as_the_network_sees_it(tmp_path, capsys):
    """32-bit samples that no picture alone could be judged by: the model knows what white is in them."""
    deep = colour_boxes(tmp_path, sample_range=(-1000.0, 131_071.0))
    samples = np.linspace(-1000, 131_071, 60 * 40).reshape(40, 60).astype(np.int32)
    level = np.floor((samples + 1000.0) * (255 / 132_071) + 0.5)
    path, out = tmp_path / "scan.tif", tmp_path / "out"
    Image.fromarray(samples).save(path)
    with asking(deep) as call:
        reply = call("POST", "/predict", path.read_bytes(), accept="image/png")
    assert reply.status == 200, reply.content
    drawn = np.asarray(Image.open(io.BytesIO(reply.content)).convert("RGB"))
    np.testing.assert_array_equal(drawn, np.repeat(level[..., None], 3, axis=2))
    assert run(["predict", deep, str(path), "--draw", str(out)], capsys) == "nothing above 50.0%\n"
    written = np.asarray(Image.open(out / "scan_boxes.jpg")).astype(float)
    assert np.abs(written - drawn).max() < 8  # it is a JPEG


def test_the_protocols_tensors_are_the_networks(pictures, ask):
    metadata = json.loads(ask("GET", "/v2/models/colours").content)
    shapes = {one["name"]: (one["datatype"], one["shape"]) for one in metadata["outputs"]}
    assert shapes == {
        "boxes": ("FP32", [-1, 5, 4]),
        "scores": ("FP32", [-1, 5]),
        "labels": ("INT64", [-1, 5]),
        "count": ("INT64", [-1]),
    }
    pixels = np.full((1, 64, 64, 3), 120, np.uint8)
    pixels[0, 8:20, 4:12] = (255, 0, 0)
    inputs = [
        {"name": "images", "shape": [1, 64, 64, 3], "datatype": "UINT8", "data": pixels.ravel().tolist()}
    ]
    reply = json.loads(
        ask("POST", "/v2/models/colours/infer", json.dumps({"inputs": inputs}).encode()).content
    )
    found = {one["name"]: one["data"] for one in reply["outputs"]}
    assert found["count"] == [1] and found["boxes"][:4] == [4, 8, 12, 20]


def test_evaluate_reads_any_form_and_tells_cocos_numbers(model, pictures, tmp_path, capsys):
    images, things = [], []
    for number, (path, boxes) in enumerate(pictures.items(), start=1):
        height, width = np.asarray(Image.open(path)).shape[:2]
        name = str(Path(path).relative_to(tmp_path / "pictures"))
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for label, (x1, y1, x2, y2) in boxes.items():
            entry = {"id": len(things) + 1, "image_id": number, "category_id": CLASSES.index(label)}
            things.append({**entry, "bbox": [x1, y1, x2 - x1, y2 - y1]})
    categories = [{"id": k, "name": name} for k, name in enumerate(CLASSES)]
    document = {"images": images, "annotations": things, "categories": categories}
    (tmp_path / "pictures" / "coco.json").write_text(json.dumps(document))
    told = json.loads(run(["evaluate", model, str(tmp_path / "pictures" / "coco.json"), "--json"], capsys))
    assert told["ap50"] == pytest.approx(1) and told["counts"] == {"found": 4, "missed": 2, "imagined": 0}
    assert [one["class"] for one in told["per_class"]] == list(CLASSES)
    assert {"ap", "ap75", "interval", "threshold"} <= told.keys()
    text = run(["evaluate", model, str(tmp_path / "pictures" / "coco.json")], capsys)
    assert "AP50 100.00%" in text and "4 boxes are found, 2 missed" in text


def test_scores_of_python_and_answers_as_programs_write_them(model, pictures):
    loaded = foveate.load(model)
    answers = [
        {"boxes": [boxes[name] for name in CLASSES], "labels": list(CLASSES)} for boxes in pictures.values()
    ]
    assert loaded.score(list(pictures), answers) == pytest.approx(1)
    with pytest.raises(InputError, match="expected a class among"):
        loaded.score(list(pictures), [{"boxes": [[0, 0, 1, 1]], "labels": ["cat"]}] * 2)
    found = loaded.predict(list(pictures))
    assert found.shape == (2,) and found[0].shape == (2, 6)


def test_the_task_is_written_and_read_again_and_damage_is_named():
    task = colour_task()
    assert read_task(json.loads(json.dumps(written_task(task)))) == task
    for change, said in (
        ({"most": 0}, "most"),
        ({"calibration": {"slope": -1.0, "offset": 0.0}}, "slope above 0"),
        ({"rule": {"threshold": 2.0, "f1": 0, "precision": 0, "recall": 0, "boxes": 1}}, "rule.threshold"),
        ({"classes": []}, "task.classes"),
        ({"more": 1}, "only the fields"),
    ):
        with pytest.raises(InputError, match=said):
            read_task({**written_task(task), **change})


def test_a_models_table_of_splits_gives_the_same_boxes_again(tmp_path):
    boxed.write_coco(tmp_path / "set", boxed.made(8))
    dataset = open_dataset(tmp_path / "set")
    lines = []
    for key, split in dataset.splits.items():
        (cells,) = dataset.task.table(split.targets).values()
        for row, cell in enumerate(cells):
            lines.append([split.images.name(row), key, cell])
    with (tmp_path / "set" / "splits.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file_name", "split", "boxes"], *lines])
    again = open_dataset(tmp_path / "set" / "splits.csv").with_task(dataset.task)
    for key, split in dataset.splits.items():
        np.testing.assert_array_equal(split.targets.keys, again.splits[key].targets.keys)
