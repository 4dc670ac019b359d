"""From pictures with sentences to a folder that describes others without torch; everywhere the same words."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.helpers.squares import make_squares, sentences, shown, square

import asgi
import foveate
from foveate.errors import DatasetError, InputError
from foveate.http.settings import ServeSettings
from foveate.layers import greedy
from foveate.layers.greedy import END
from foveate.modelfolder.to_torch import rebuild
from foveate.server.app import make_app
from foveate.tasks.captioning import vocabulary
from foveate.tasks.captioning.task import Captioning
from foveate.tasks.captioning.vocabulary import Vocabulary

FEW = 24
BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture(scope="module")
def squares(tmp_path_factory):
    return make_squares(tmp_path_factory.mktemp("squares"))


@pytest.fixture(scope="module")
def writer(squares, tmp_path_factory):
    """A network that attends, trained from chance."""
    out = tmp_path_factory.mktemp("runs") / "squares"
    foveate.train(squares, out=out, task="captioning", epochs=30)
    return out


@pytest.fixture(scope="module")
def unseen():
    rng = np.random.default_rng(9)
    return [square(rng, *shown(number)) for number in range(FEW)]


def test_sentences_are_true_of_pictures_that_were_never_seen(writer, unseen):
    said = foveate.load(writer).predict(unseen)
    right = [sentence in sentences(*shown(number)) for number, sentence in enumerate(said)]
    assert np.mean(right) >= 0.9


def test_onnx_its_pieces_and_torch_write_the_same_words(writer, unseen):
    loop, pieces = foveate.load(writer), foveate.load(writer, beam=1)
    found, driven = loop.values(unseen), pieces.values(unseen)
    assert np.array_equal(found["words"], driven["words"])
    assert np.abs(found["probabilities"] - driven["probabilities"]).max() < 1e-5
    assert np.abs(found["attention"] - driven["attention"]).max() < 1e-5
    model = rebuild(writer)
    seen = np.stack([model.preprocessing.apply(one) for one in unseen])
    pictures = model.preprocessing.normalise(seen)
    with torch.inference_mode():
        said = model.module(torch.from_numpy(pictures)).numpy()
    assert np.array_equal(found["words"], said[..., 0].astype(np.int64))


@pytest.mark.skipif(not BENCHMARKS.is_dir(), reason="needs a checkout")
@pytest.mark.parametrize("family", ["show_attend_and_tell", "show_and_tell"])
def test_every_form_writes_the_same_of_500_pictures(family, writer, squares, tmp_path, monkeypatch):
    """The loop in ONNX, its pieces, torch, and steps in plain NumPy in 64 bits."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from caption_words import compared

    folder = writer
    if family == "show_and_tell":
        folder = tmp_path / "told"
        foveate.train(squares, out=folder, task="captioning", epochs=3, model="show_and_tell_compact")
    rng = np.random.default_rng(10)
    found = compared(folder, [square(rng, *shown(number)) for number in range(500)])
    for form in found.values():
        assert form["pictures"] == form["same_words"] == 500
        assert form["probabilities_apart"] < 1e-4


def test_what_is_told_of_a_picture(writer, unseen):
    model = foveate.load(writer)
    (told,) = model.predictions([unseen[0]])
    document = told.to_dict()
    assert document["sentence"].split() == [one["word"] for one in document["words"]]
    rows, columns = model.task.grid
    for one in document["words"]:
        assert 0 < one["probability"] <= 1
        attention = np.array(one["attention"])
        assert attention.shape == (rows, columns)
        assert attention.sum() == pytest.approx(1, abs=0.01)
    each = np.prod([one["probability"] for one in document["words"]])
    assert document["probability"] <= each + 1e-6  # the end's is in it
    assert document["candidates"] == []
    json.dumps(document)


def test_a_search_tells_of_different_sentences(writer, unseen):
    model = foveate.load(writer, beam=4)
    for told in model.predictions(unseen[:6], top_k=3):
        candidates = told.candidates
        assert 2 <= len(candidates) <= 3
        assert candidates[0].sentence == told.sentence
        assert len({one.sentence for one in candidates}) == len(candidates)
        others = [one.score for one in candidates[1:]]
        assert others == sorted(others, reverse=True)


def test_the_command_line_describes_and_measures_without_torch(writer, squares):
    blocked = "import sys; sys.modules['torch'] = None; from foveate.__main__ import main; main()"

    def run(*words):
        command = [sys.executable, "-c", blocked, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    one = json.loads(run("predict", writer, squares.parent / "0.png", "--beam", 3, "--json"))["predictions"][
        0
    ]
    assert set(one) >= {"sentence", "words", "candidates", "probability"}
    rows = run("predict", writer, squares.parent / "0.png", squares.parent / "1.png", "--csv").splitlines()
    assert rows[0] == "file,caption,probability"
    assert len(rows) == 3
    measured = json.loads(run("evaluate", writer, squares, "--json"))
    assert measured["bleu4"] > 0.5
    assert measured["cider"] > 0


def test_the_server_answers_with_a_sentence(writer, squares):
    app = make_app(foveate.load(writer, beam=2), "squares", ServeSettings())
    body = (squares.parent / "0.png").read_bytes()
    try:
        answer = asyncio.run(asgi.ask(app.asgi, "POST", "/predict?top_k=2", body))
        described = asyncio.run(asgi.ask(app.asgi, "GET", "/openapi.json"))
    finally:
        app.engine.close()
    assert answer.status == 200, answer.content
    (found,) = json.loads(answer.content)["predictions"]
    assert found["sentence"] == found["candidates"][0]["sentence"]
    assert len(found["candidates"]) == 2
    assert {"sentence", "words", "candidates"} <= set(fields_in(json.loads(described.content)))


def fields_in(schema):
    """The names of all properties in a description, at any depth."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else []:
        yield from fields_in(part)


def test_a_run_repeats_to_the_byte(squares, tmp_path):
    weights = []
    for name in ("one", "two"):
        out = tmp_path / name
        foveate.train(squares, out=out, task="captioning", epochs=2, model="show_and_tell_compact")
        weights.append((out / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_words_are_learnt_as_they_are_asked_for(tmp_path):
    told = ["Paris at night", "paris by day", "Paris by night", "a dog"] * 4
    rows = [{"file_name": f"{number}.png", "caption": one} for number, one in enumerate(told)]
    (tmp_path / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for number in range(len(told)):
        pixels = np.random.default_rng(number).integers(0, 255, (24, 24, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    asked = {"epochs": 1, "model": "show_and_tell_compact", "image_size": 32, "val_fraction": 0}
    words = []
    for more in ({}, {"min_count": 8}, {"min_count": 8, "capitals": "keep"}):
        done = foveate.train(tmp_path, out=tmp_path / "run", overwrite=True, **asked, **more)
        words.append(set(foveate.load(done.folder).task.vocabulary.words))
    assert words[0] == {"paris", "at", "night", "by", "day", "a", "dog"}
    assert words[1] == {"paris", "night", "by"}
    assert words[2] == {"Paris", "night", "by"}
    with pytest.raises(DatasetError, match=r"has no words to learn.*a smaller min_count"):
        foveate.train(tmp_path, out=tmp_path / "run", overwrite=True, min_count=99, **asked)
    with pytest.raises(InputError, match="capitals is one of lower, keep"):
        foveate.train(tmp_path, capitals="upper")


def test_the_task_comes_back_from_its_document():
    task = Captioning(Vocabulary(("a", "dog")), "a dog", longest=5, grid=(2, 3))
    assert Captioning.from_dict(json.loads(json.dumps(task.to_dict()))) == task
    assert [output.name for output in task.with_beam(3).searched] == ["candidates", "candidate_scores"]
    words = np.array([[4, 5, END, 0, 0]])
    values = {"words": words, "probabilities": np.array([[0.5, 0.8, 0.9, 0, 0]], np.float32)}
    (told,) = task.predictions(values)
    assert told.to_text() == "a dog (36%)"


def test_layers_and_sentences_number_what_is_no_word_alike():
    numbers = {name: getattr(vocabulary, name) for name in ("PADDING", "START", "END", "UNKNOWN")}
    assert numbers == {name: getattr(greedy, name) for name in numbers}
