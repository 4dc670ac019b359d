"""What captioning knows of data: answers from people and tables, remarks, what is never divided."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.dataset.prepare import Preparation, prepare
from foveate.dataset.quality.findings import findings
from foveate.dataset.quality.scan import scan
from foveate.dataset.samples import FileImages, from_answers
from foveate.errors import DatasetError, InputError
from foveate.report.html import template
from foveate.tasks.captioning.reading import PictureSentences, described, parsed, written
from foveate.tasks.captioning.scene import SceneFacts, Thing
from foveate.tasks.captioning.sections import SentenceShown, sentences
from foveate.tasks.captioning.targets import Captions
from foveate.tasks.captioning.vocabulary import LONGEST
from foveate.tasks.telling import Measured
from told_captions import ToldCaptions


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> FileImages:
    """120 pictures of noise, no two alike."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    names = [f"{number:03d}.png" for number in range(120)]
    for name in names:
        Image.fromarray(random.integers(0, 255, (16, 16, 3), np.uint8)).save(Path(folder) / name)
    return FileImages(names, folder)


def data_set(images, answers, test=0):
    rows = {"train": (images.select(range(test, len(answers))), answers[test:])}
    if test:
        rows["test"] = (images.select(range(test)), answers[:test])
    return from_answers("set", rows, kind=ToldCaptions)


def found_in(images, answers, test=0):
    data = data_set(images, answers, test)
    return findings(
        data,
        {
            key: scan(
                split.images, fault=lambda row, size, split=split: data.task.fault(split.targets, row, size)
            )
            for key, split in data.splits.items()
        },
    )


def kinds(found) -> dict[str, str]:
    return {item.kind: item.message for item in found.items}


def test_answers_are_a_sentence_or_several() -> None:
    assert described("A  dog\n\x1b[31mruns\x00").sentences == ("A dog [31mruns",)
    assert described(["a", "?", " b "]).sentences == ("a", "b")
    assert described(()).sentences == ()
    assert described("\ud800 dog").sentences == ("? dog",)
    assert len(described("word " * 100_000).sentences[0]) <= 10_000
    for bad in (3, None, ["a", 3], {"a": "b"}):
        with pytest.raises(InputError, match="expected a sentence or a list of sentences"):
            described(bad)


def test_a_table_holds_what_it_was_written_from() -> None:
    facts = SceneFacts((Thing("red", "disc"),), frozenset())
    captions = Captions(
        (("a dog",), ("a, b", 'a "cat"'), ('["odd"]',), (), ("[a] bracket",)),
        ("x", "", "", "y", ""),
        (facts, None, None, None, None),
    )
    columns = written(captions)
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    again = [parsed(row) for row in rows]
    assert [one.sentences for one in again] == list(captions.sentences)
    assert tuple(one.together for one in again) == captions.together
    assert again[0].scene == facts and again[1].scene is None
    assert ToldCaptions.answer_columns({"caption": [], "group": []}) == ("caption", "group")
    assert ToldCaptions.answer_columns({"label": []}) == ()


def test_words_are_those_of_training_and_mirrors_go_by_them(pictures: FileImages) -> None:
    data = data_set(pictures, ["a dog", "a cat on the left", "a bird"], test=1)
    assert data.task.vocabulary.words[0] == "a" and "dog" not in data.task.vocabulary.words
    assert not data.task.mirror_safe
    assert data_set(pictures, ["a dog", "a cat"]).task.mirror_safe
    with pytest.raises(DatasetError, match="'set' has no sentence with a word in train"):
        data_set(pictures, [[], []])


def test_what_is_remarkable_is_told(pictures: FileImages) -> None:
    same = kinds(found_in(pictures, ["a dog runs"] * 20))
    assert (
        "All 20 pictures have one sentence, 'a dog runs': there is nothing to learn." in same["caption-same"]
    )
    most = kinds(found_in(pictures, ["a dog runs"] * 15 + ["a cat"] * 5))
    assert "15 of 20 pictures have the sentence" in most["caption-same"]
    odd = [f"thing {row} here" for row in range(110)]
    odd[3], odd[4], odd[5] = "<b>bold</b> dog", "see http://example.org", "word " * (LONGEST + 1)
    told = kinds(found_in(pictures, odd))
    assert "2 pictures with markup or an address" in told["caption-markup"]
    assert f"1 picture with a sentence of more than {LONGEST} words" in told["caption-long"]
    assert "caption-few" not in told and "caption-few" in same and "caption-doubled" not in told
    doubled = kinds(found_in(pictures, [[f"thing {row}"] * 2 for row in range(20)]))
    assert "20 pictures with the same sentence twice" in doubled["caption-doubled"]


def test_pictures_without_a_sentence_are_left_out(pictures: FileImages) -> None:
    found = found_in(pictures, [f"thing {row}" for row in range(99)] + [[]])
    assert found.splits["train"].usable == 99
    assert "(it has no sentence)" in kinds(found)["unreadable"]


def test_the_same_picture_may_have_other_sentences(pictures: FileImages) -> None:
    twice = FileImages([*pictures.paths[:10], *pictures.paths[:10]], pictures.root)
    found = kinds(found_in(twice, [f"thing {row}" for row in range(20)]))
    assert "exact-duplicates" in found and "exact-contradiction" not in found


def test_what_belongs_together_is_never_divided(pictures: FileImages) -> None:
    answers = [PictureSentences((f"thing {row // 6} here",), f"group {row // 6}") for row in range(120)]
    ready = prepare(data_set(pictures, answers), Preparation(val_fraction=0.2, test_fraction=0.2))
    sides = [set(split.targets.together) for split in ready.splits.values()]
    assert (
        len(sides) == 3
        and sum(map(len, sides)) == 20
        and set.union(*sides) == {f"group {n}" for n in range(20)}
    )
    leaked = kinds(found_in(pictures, answers, test=9))
    assert "1 group of pictures that belong together stand in several splits" in leaked["caption-group-leak"]


def test_an_evaluation_stands_beside_the_nearest_training_picture(pictures: FileImages) -> None:
    data = data_set(pictures, [f"thing {row} is here" for row in range(20)])
    task, targets = data.task, data.splits["train"].targets
    pixels = np.stack([pictures.read(row) for row in range(20)])
    compared = task.beside_training(targets, pixels, targets, pixels)
    assert compared.nearest == tuple(own[0] for own in targets)
    values = {"words": np.stack([task.vocabulary.encode(own[0]) for own in targets])}
    found = task.evaluate(values, compared)
    assert set(found.beaten) == {"constant", "nearest", "shuffled"} and not found.beaten["nearest"]
    assert found.beaten["shuffled"] and found.exact == 1
    assert found.judgement.endswith("training picture: looking up similar pictures does as well.")


def test_a_report_tells_first_what_is_not_beaten(pictures: FileImages) -> None:
    hostile = "<script>alert(1)</script> & a dog " + "x" * 100_000
    data = data_set(pictures, [hostile, *[f"thing {row} is here" for row in range(20)]])
    task, targets = data.task, data.splits["train"].targets
    constant = np.stack([task.vocabulary.encode("thing 1 is here")] * len(targets))
    found = task.evaluate({"words": constant}, targets)
    measured = Measured(
        "test", {"words": constant}, targets, found, np.zeros((21, 8, 8, 3), np.uint8), [""] * 21
    )
    told = task.report(measured)
    assert told.verdict.startswith("It is not surely better than one sentence for all pictures")
    assert "21 of 21 pictures got one and the same sentence" in told.warnings[0]
    one = SentenceShown(
        np.full((8, 8, 3), 200, np.uint8), "a.png", hostile, ["a", "dog"], np.array([0.9, 0.8]),
        np.array([[[1.0, 0], [0, 0]], [[0, 0], [0, 1.0]]]), [hostile], 0.5,
    )  # fmt: skip
    _, whole, _, words = sentences([one]).blocks
    assert whole.pictures[0].panels[0].pixels.shape == (8, 8, 3)
    assert [picture.caption[0][0].text for picture in words.pictures[1:]] == ["a", "dog"]
    first = words.pictures[1].panels[0].pixels
    assert (first[:48, :48] == 200).all() and (first[48:] == 50).all()
    lines = [part for line in whole.pictures[0].caption for part in line]
    assert max(len(part if isinstance(part, str) else part.text) for part in lines) <= 300
    blocks = template("blocks.html.j2").make_module()
    html = str(blocks.section(sentences([one])))
    assert "<script>" not in html and "&lt;script&gt;" in html
