"""Hostile sentences go the whole way, from the file to the report, the card and the answer."""

import json

import numpy as np
import pytest
from PIL import Image

import foveate
from foveate.dataset import open_dataset
from foveate.tasks.captioning.vocabulary import LONGEST

HOSTILE = (
    '<script>alert(1)</script> "quoted", dog',
    "\x1b[2J\x00bell\x07 \u202egod dog",
    "word " * 100_000,
    "=cmd|calc!A1 [a](javascript:b) dog",
    "e" + "\u0301\u0323" * 50_000 + " dog",
    "\ud800 dog",
    "一只狗",
    "كلب يركض",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder, out = tmp_path_factory.mktemp("hostile"), tmp_path_factory.mktemp("runs") / "hostile"
    rows = []
    for number in range(16):
        pixels = np.random.default_rng(number).integers(0, 255, (24, 24, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        rows.append({"file_name": f"{number}.png", "caption": [HOSTILE[number % len(HOSTILE)], "a dog"]})
    (folder / "captions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    foveate.train(folder, out=out, epochs=1, model="show_and_tell_compact", image_size=32)
    return folder, out


def test_what_is_written_holds_no_markup_and_no_control_characters(run):
    _, out = run
    for name in ("report.html", "README.md", "splits.csv"):
        text = (out / name).read_text("utf-8")
        assert not {"\x1b", "\x00", "\x07"} & set(text), name
        if name != "splits.csv":  # which has the sentences themselves, for the next training
            assert "<script>alert" not in text and "](javascript" not in text, name
    assert (out / "splits.csv").stat().st_size < 1_000_000


def test_a_sentence_that_is_written_has_words_alone(run):
    folder, out = run
    model = foveate.load(out)
    (said,) = model.predict([folder / "0.png"])
    assert not set(said) & set("<>\"'=|[]()\x1b\x00") and len(said.split()) <= LONGEST
    assert foveate.evaluate(out, folder).evaluation.samples == 16


def test_the_record_of_the_splits_is_a_data_set_again(run):
    folder, out = run
    (folder / "splits.csv").write_bytes((out / "splits.csv").read_bytes())
    again = open_dataset(folder / "splits.csv")
    first = {
        name: own
        for split in open_dataset(folder / "captions.jsonl").splits.values()
        for name, own in zip(split.images.paths, split.targets, strict=True)
    }
    found = {
        name: own
        for split in again.splits.values()
        for name, own in zip(split.images.paths, split.targets, strict=True)
    }
    assert again.task.name == "captioning" and found == first
