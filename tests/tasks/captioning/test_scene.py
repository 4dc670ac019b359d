"""Sentences of drawn scenes, checked against what is true of them."""

import pytest

from foveate.errors import InputError
from foveate.tasks.captioning.metrics import evaluate
from foveate.tasks.captioning.scene import (
    SceneFacts,
    Thing,
    check,
    facts_cell,
    facts_of_cell,
    parse_sentence,
)
from foveate.tasks.captioning.targets import Captions

FACTS = SceneFacts(
    (Thing("red", "disc"), Thing("blue", "star", new=True), Thing("green", "trousers")),
    frozenset({(0, "above", 1), (1, "below", 0), (0, "in front of", 2), (2, "behind", 0)}),
)


@pytest.mark.parametrize(
    ("sentence", "true"),
    [
        ("a red disc above a blue star", True),
        ("A blue star BELOW a red disc.", True),
        ("a red disc in front of green trousers", True),
        ("green trousers and a red disc", True),
        ("a red disc", True),
        ("three objects, a red disc and a blue star", True),
        ("two objects, a red disc and a blue star", False),
        ("a red disc below a blue star", False),
        ("a red star above a blue disc", False),
        ("a red disc and a red disc", False),
        ("a white disc", False),
    ],
)
def test_what_a_sentence_says_holds_or_not(sentence: str, true: bool) -> None:
    said = parse_sentence(sentence)
    assert said is not None and check(said, FACTS).true == true


@pytest.mark.parametrize(
    "sentence",
    [
        "",
        "a disc",
        "red",
        "a red",
        "a red disc above",
        "a red disc above a",
        "a red disc near a blue star",
        "a red disc above a blue star and a green disc",
        "six objects, a red disc",
        "a big red disc",
        "<script>",
        "a red disc a blue star",
    ],
)
def test_what_does_not_follow_the_grammar(sentence: str) -> None:
    assert parse_sentence(sentence) is None


def test_slots_are_counted_one_by_one() -> None:
    said = parse_sentence("two objects, a red star above a white disc")
    assert said is not None
    assert check(said, FACTS).slots == {
        "colour": (1, 2),
        "shape": (2, 2),
        "pair": (0, 2),
        "number": (0, 1),
        "place": (0, 1),
    }


def test_facts_come_back_from_a_cell() -> None:
    assert facts_of_cell(facts_cell(FACTS)) == FACTS
    assert facts_of_cell("") is None
    for bad in (
        "x",
        "[]",
        '{"things":[["red"]],"relations":[]}',
        '{"things":[],"relations":[[0,"above",1]]}',
        3,
    ):
        with pytest.raises(InputError, match="the facts of a scene"):
            facts_of_cell(bad)


def test_an_evaluation_tells_how_many_are_true_by_slot_and_by_new_pairs() -> None:
    right = (
        ("a red disc above a blue star",),
        ("a red disc in front of green trousers",),
        ("a red disc",),
        ("a",),
    )
    captions = Captions(right, scenes=(FACTS, FACTS, FACTS, None))
    found = evaluate(["a red disc above a blue disc", "a red disc", "nonsense", "nonsense"], captions)
    assert found.truth is not None and found.truth.samples == 3
    document = found.to_dict()
    assert document["true"] == pytest.approx(1 / 3) and document["unparsable"] == pytest.approx(1 / 3)
    assert document["slots"]["pair"] == {"right": 2, "of": 3} and document["slots"]["place"] == {
        "right": 0,
        "of": 1,
    }
    assert document["pairs"] == {"new": {"true": 0, "of": 1}, "known": {"true": 1, "of": 2}}
    assert {"bleu4", "cider"} <= document.keys()
    assert len(found.tables()) == 2 and "33.3% of the sentences are true" in found.lines("pictures")[-1]
