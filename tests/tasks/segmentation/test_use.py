"""A finished segmentation in use: Python, command line, HTTP and config.json say the same of a picture."""

import asyncio
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import asgi
import foveate
from foveate.cli.main import main
from foveate.errors import DatasetError, InputError
from foveate.http.settings import ServeSettings
from foveate.runtime.config import ModelConfig
from foveate.server.app import make_app
from foveate.tasks import read_task, written_task
from foveate.tasks.segmentation.masks import ArrayMask, Labelling
from foveate.tasks.segmentation.names import IGNORED
from foveate.tasks.segmentation.rle import decode, from_document
from foveate.tasks.segmentation.task import Segmentation
from strongest import COLOURS, SIDE, blocks, strongest


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return strongest(tmp_path_factory.mktemp("models"))


@pytest.fixture
def pictures(tmp_path):
    """Two pictures of different sizes; their true classes by name."""
    found = {}
    for seed, name in enumerate(("a/one.png", "two.jpg")):
        picture, mask = blocks(seed, across=4 + seed, down=4)
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, quality=100, subsampling=0)
        found[str(path)] = mask
    return found


def agreement(said, true):
    """The network sees 16 x 16: the borders of blocks of 40 pixels it meets to about 5."""
    assert said.shape == true.shape
    return (said == true).mean()


def test_python_gives_maps_of_each_pictures_own_size(model, pictures):
    loaded = foveate.load(model)
    answers = loaded.predict(list(pictures))
    for said, true in zip(answers, pictures.values(), strict=True):
        assert agreement(said, true) > 0.9
    (one,) = loaded.predictions(next(iter(pictures)))
    assert np.array_equal(one.mask, answers[0])
    assert sum(found.share for found in one.found) == pytest.approx(1)


def test_one_size_is_one_array(model):
    stack = np.stack([blocks(seed)[0] for seed in range(3)])
    assert foveate.load(model).predict(stack).shape == (3, 120, 160)


def test_the_command_line_writes_masks_that_are_the_classes(model, pictures, tmp_path, capsys):
    out = tmp_path / "masks"
    folder = str(tmp_path / "pictures")
    with pytest.raises(SystemExit) as done:
        main(["predict", model, folder, "--out", str(out), "--json"])
    assert done.value.code == 0
    document = json.loads(capsys.readouterr().out)
    for row in document["predictions"]:
        true = pictures[row["file"]]
        stem = row["file"].removeprefix(folder + "/").rsplit(".", 1)[0]
        written = Image.open(out / f"{stem}.png")
        assert written.mode == "P" and agreement(np.asarray(written), true) > 0.9
        assert written.getpalette()[:9] == [part for colour in COLOURS for part in colour]
        over = np.asarray(Image.open(out / f"{stem}_overlay.jpg"))
        assert over.shape == (*true.shape, 3)
        for found in row["classes"]:
            runs = decode(from_document(found["rle"]))
            number = ("red", "green", "blue").index(found["label"])
            assert np.array_equal(runs, np.asarray(written) == number)
            assert found["share"] == pytest.approx(runs.mean())
    assert (out / "classes.csv").read_text().splitlines()[:2] == ["name,r,g,b", "red,200,0,0"]


def test_masks_are_not_written_over_anything_else(model, pictures, tmp_path, capsys):
    out = tmp_path / "masks"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    arguments = ["predict", model, *pictures, "--out", str(out)]
    with pytest.raises(SystemExit) as done:
        main(arguments)
    assert done.value.code == 2 and "expected a new or empty folder" in capsys.readouterr().err
    (out / "thesis.txt").unlink()
    for flags, code in (([], 0), ([], 2), (["--overwrite", "--masks-only"], 0)):
        with pytest.raises(SystemExit) as done:
            main([*arguments, *flags])
        assert done.value.code == code


def test_two_pictures_of_one_name_are_told(model, tmp_path, capsys):
    for name in ("a.png", "a.jpg"):
        Image.fromarray(blocks(0)[0]).save(tmp_path / name)
    with pytest.raises(SystemExit) as done:
        main(["predict", model, str(tmp_path), "--out", str(tmp_path / "masks")])
    said = capsys.readouterr().err
    assert done.value.code == 2 and "would both be written as a.png" in said
    assert not (tmp_path / "masks").exists()


@pytest.fixture
def ask(model):
    app = make_app(foveate.load(model), "strongest", ServeSettings())

    def call(method, path, body=b"", **headers):
        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        return asyncio.run(asgi.ask(app.asgi, method, path, body, named))

    yield call
    app.engine.close()


def test_http_answers_with_a_png_and_with_run_lengths(model, pictures, ask):
    path, body = next((path, Path(path).read_bytes()) for path in pictures)
    (wanted,) = foveate.load(model).predictions([path])
    reply = ask("POST", "/predict", body, accept="image/png")
    assert reply.headers["content-type"] == "image/png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(reply.content))), wanted.mask)
    (told,) = json.loads(ask("POST", "/predict", body).content)["predictions"]
    assert told == json.loads(json.dumps(wanted.to_dict()))
    described = json.loads(ask("GET", "/openapi.json").content)["paths"]["/predict"]["post"]["responses"]
    assert "image/png" in described["200"]["content"]


def test_the_protocols_tensors_are_the_networks(model, ask):
    metadata = json.loads(ask("GET", "/v2/models/strongest").content)
    shapes = {one["name"]: (one["datatype"], one["shape"]) for one in metadata["outputs"]}
    assert shapes == {name: ("UINT8", [-1, SIDE, SIDE]) for name in ("classes", "confidence")}
    image = np.asarray(Image.fromarray(blocks(0)[0]).resize((SIDE, SIDE)))[None]
    tensor = {"name": "images", "datatype": "UINT8", "shape": list(image.shape)}
    question = json.dumps({"inputs": [{**tensor, "data": image.ravel().tolist()}]}).encode()
    reply = json.loads(ask("POST", "/v2/models/strongest/infer", question).content)
    values = foveate.load(model).run(image)
    assert [output["name"] for output in reply["outputs"]] == ["classes", "confidence"]
    for output in reply["outputs"]:
        assert output["datatype"] == "UINT8"
        assert output["data"] == values[output["name"]].ravel().tolist()


def test_a_picture_is_answered_for_one_picture_alone(ask):
    buffer = io.BytesIO()
    Image.fromarray(blocks(0)[0]).save(buffer, "PNG")
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    part = head + buffer.getvalue()
    body = part + b"\r\n" + part + b"\r\n--x--\r\n"
    reply = ask("POST", "/predict", body, accept="image/png", content_type="multipart/form-data; boundary=x")
    assert reply.status == 406 and "found 2" in json.loads(reply.content)["error"]


def test_the_task_is_written_down_whole(model):
    task = foveate.load(model).task
    assert read_task(written_task(task)) == task
    again = ModelConfig.from_json(foveate.load(model).config.to_json().encode())
    assert again.task == task
    changed = written_task(task) | {"colours": [[0, 0, 300]] * 3}
    with pytest.raises(InputError, match="red, green, blue from 0 to 255"):
        read_task(changed)


def test_classes_without_colours_get_vocs():
    assert Segmentation(("a", "b", "c")).colours == ((0, 0, 0), (128, 0, 0), (0, 128, 0))


def test_more_classes_than_a_byte_holds_are_refused():
    with pytest.raises(InputError, match="at most 255 names"):
        Segmentation(tuple(map(str, range(256))))


def test_what_the_model_ignored_is_ignored_where_it_is_measured():
    masks = [ArrayMask(np.array([[0, 1, 2]], np.uint8), Labelling(("road", "void", "sky")))]
    data = Segmentation(("road", "void", "sky"))
    model = Segmentation(("sky", "road"), ignored="void, 255")
    targets = data.same_labels(model, data.targets(masks))
    assert targets.mask(0).tolist() == [[1, IGNORED, 0]]
    with pytest.raises(DatasetError, match="masks of 'void', unknown"):
        data.same_labels(Segmentation(("sky", "road")), data.targets(masks))
