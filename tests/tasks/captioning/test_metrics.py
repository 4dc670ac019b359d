"""The metrics, held to the figures that pycocoevalcap 1.2 gave (tools/caption_figures.py), and to reason."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from drawn_sentences import drawn_sentences
from foveate.errors import InputError
from foveate.tasks.captioning.bleu import bleu, bleu_counts
from foveate.tasks.captioning.learn import CaptioningLearner
from foveate.tasks.captioning.metrics import NAMES, evaluate, parts_of
from foveate.tasks.captioning.ngrams import compared
from foveate.tasks.captioning.rouge import rouge_l
from foveate.tasks.captioning.targets import Captions
from foveate.tasks.captioning.task import Captioning
from foveate.tasks.captioning.vocabulary import END, Vocabulary
from foveate.tasks.captioning.yardsticks import best_constant, nearest_rows, shuffled_rows

PUBLISHED = Path(__file__).parent / "published"
Pictures = tuple[list[list[str]], list[list[list[str]]]]


def drawn() -> tuple[Pictures, dict[str, Any]]:
    return drawn_sentences(), json.loads((PUBLISHED / "drawn.json").read_text("utf-8"))


def people() -> tuple[Pictures, dict[str, Any]]:
    """425 sentences of people about 85 photographs, each against the four others of its picture."""
    found = json.loads((PUBLISHED / "people.json").read_text("utf-8"))
    texts = [[[f"w{number}" for number in one] for one in own] for own in found["pictures"]]
    pairs = [(own[i], own[:i] + own[i + 1 :]) for own in texts for i in range(len(own))]
    return ([said for said, _ in pairs], [right for _, right in pairs]), found


@pytest.mark.parametrize(("sentences", "count"), [(drawn, 2000), (people, 425)])
def test_the_figures_are_those_of_pycocoevalcap(sentences: Any, count: int) -> None:
    (said, right), published = sentences()
    parts = parts_of(said, right)
    assert len(said) == count
    figures = parts.figures(np.ones((1, count)))[0]
    expected = [*published["bleu"], published["rouge_l"], published["cider"]]
    np.testing.assert_allclose(figures, expected, rtol=1e-11)
    np.testing.assert_allclose(parts.rouge, published["rouges"], atol=2e-12)
    np.testing.assert_allclose(parts.cider, published["ciders"], atol=2e-12)


def test_a_picture_that_counts_twice_is_there_twice() -> None:
    said, right = (part[:50] for part in drawn_sentences())
    weights = np.ones((1, 50))
    weights[0, :20] = 2
    twice = compared([*said, *said[:20]], [*right, *right[:20]])
    counts = bleu_counts(compared(said, right))
    np.testing.assert_allclose(bleu(counts, weights)[0], bleu(bleu_counts(twice)), rtol=1e-12)


def test_one_by_hand() -> None:
    # "the" stands in the right sentence twice, so it counts twice of seven times: the paper's own example.
    said, right = (
        ["the"] * 7,
        [["the", "cat", "is", "on", "the", "mat"], ["there", "is", "a", "cat", "on", "the", "mat"]],
    )
    counts = bleu_counts(compared([said], [right]))
    assert counts.met[0].tolist() == [2, 0, 0, 0] and counts.said[0].tolist() == [7, 6, 5, 4]
    assert bleu(counts)[0] == pytest.approx(2 / 7)
    # police killed the gunman: the longest common subsequences are 3 and 2 of 4 words (Lin 2004)
    gunman = [["police", "killed", "the", "gunman"]]
    said = [["police", "kill", "the", "gunman"], ["the", "gunman", "kill", "police"]]
    assert rouge_l(said, [gunman, gunman]) == pytest.approx([3 / 4, 2 / 4])


def test_nothing_said_and_endless_sentences_are_measured() -> None:
    right = [[["a", "dog"]], [["a", "cat"] * 50_000]]
    parts = parts_of([[], ["a", "cat"]], right)
    assert parts.rouge[0] == parts.cider[0] == 0
    assert np.isfinite(parts.figures(np.ones((1, 2)))).all()


CAPTIONS = Captions(
    tuple(
        (f"a {c} {s}", f"one {c} {s} alone")
        for c in ["red", "blue", "green", "pink"]
        for s in ["disc", "star", "cross", "ring"]
    )
    * 3
)


def test_a_model_that_says_one_sentence_is_told_so_first() -> None:
    longer = Captions(tuple((f"there is {own[0]} in the middle",) for own in CAPTIONS))
    constant = best_constant(longer)
    same = evaluate([constant] * len(longer), longer, constant)
    assert set(same.beaten) == {"constant", "shuffled"} and not any(same.beaten.values())
    assert same.different == 1 and same.most == len(longer)
    assert same.lines("pictures")[0].startswith(
        "It is not surely better than one sentence for all pictures or"
    )
    np.testing.assert_allclose(same.figures, same.yardsticks["constant"])
    right = evaluate([own[0] for own in longer], longer, constant)
    assert all(right.beaten.values()) and not right.judgement
    assert right.number("bleu4") == pytest.approx(1) and right.number("cider") > 9
    assert right.lines("pictures")[0].startswith("CIDEr-D")
    assert right.tables()[0].rows[0][0] == "the model"


FREQUENT = [NAMES.index("bleu1"), NAMES.index("rouge_l")]  # longer runs of drawn words hardly ever meet


def test_intervals_hold_the_figures_and_are_wider_for_pictures_that_belong_together() -> None:
    said, right = (part[:60] for part in drawn_sentences())
    sentences = tuple(tuple(map(" ".join, own)) for own in right)
    alone = evaluate(list(map(" ".join, said)), Captions(sentences))
    for name, (low, high), value in zip(NAMES, alone.intervals, alone.figures, strict=True):
        assert low <= value <= high, name
    times = 6  # the same pictures six times over tell no more than once
    together = tuple(str(row) for row in range(60)) * times
    many = evaluate(list(map(" ".join, said)) * times, Captions(sentences * times, together))
    width = np.diff(np.array(many.intervals), axis=1) / np.diff(np.array(alone.intervals), axis=1)
    assert (width[FREQUENT] > 0.85).all()
    as_if_alone = evaluate(list(map(" ".join, said)) * times, Captions(sentences * times))
    narrow = np.diff(np.array(as_if_alone.intervals), axis=1) / np.diff(np.array(alone.intervals), axis=1)
    assert (narrow[FREQUENT] < 0.6).all()


def test_pictures_without_a_sentence_are_left_out() -> None:
    found = evaluate(["a dog", "a cat"], Captions((("a dog",), ())))
    assert found.samples == 1 and not found.yardsticks
    with pytest.raises(InputError, match="none of the pictures has one"):
        evaluate(["a dog"], Captions(((),)))


def test_no_picture_keeps_its_own_sentence_when_they_are_shuffled() -> None:
    for count in (2, 3, 50):
        for rows in shuffled_rows(count):
            assert sorted(rows.tolist()) == list(range(count)) and (rows != np.arange(count)).all()
    assert shuffled_rows(1) == []


def test_the_nearest_picture_is_a_copy_of_it_brighter_larger_or_not() -> None:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 200, (40, 8, 8, 3), dtype=np.uint8)
    known = coarse.repeat(4, axis=1).repeat(4, axis=2)
    moved = coarse[::-1].repeat(5, axis=1).repeat(7, axis=2) + np.uint8(20)
    assert nearest_rows(moved, known).tolist() == list(range(39, -1, -1))


def test_the_best_constant_sentence_is_the_one_that_most_pictures_share() -> None:
    captions = Captions(
        (("a man rides a horse",),) * 30 + tuple((f"{i} odd things here",) for i in range(60))
    )
    assert best_constant(captions) == "a man rides a horse"
    assert best_constant(Captions(((),))) == ""


def test_training_selects_by_the_figures_that_the_report_tells_also_where_capitals_are_kept():
    """Of "In Paris a Red disc" the reference has other capitals: words are compared in small letters."""
    task = Captioning(Vocabulary(("Paris", "Red", "a", "disc", "In", "blue"), lower=False))
    ids = np.array([[8, 4, 6, 5, 7, END], [6, 9, 7, END, 0, 0]])
    targets = Captions((("in paris a red disc",), ("a blue disc",))).encoded(task.vocabulary)
    outputs = torch.zeros(2, 6, 3)
    outputs[..., 0] = torch.from_numpy(ids)
    told = evaluate([task.vocabulary.decode(row) for row in ids], targets)
    found = CaptioningLearner(task).scores(outputs, targets)
    assert told.number("bleu4") == pytest.approx(1.0)
    assert {name: found[name] for name in ("cider", "bleu4")} == {
        name: pytest.approx(told.number(name)) for name in ("cider", "bleu4")
    }
