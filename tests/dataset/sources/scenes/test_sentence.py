"""Sentences are true: they are parsed and compared with the objects, by other means than they were made."""

import re

import numpy as np
import pytest

from foveate.dataset.sources.scenes.colours import COLOURS
from foveate.dataset.sources.scenes.garments import Garments
from foveate.dataset.sources.scenes.objects import Placed
from foveate.dataset.sources.scenes.scene import Rules, scene
from foveate.dataset.sources.scenes.sentence import sentences, vocabulary
from foveate.dataset.sources.scenes.shapes import Shapes
from foveate.tasks.captioning import scene as grammar
from foveate.tasks.captioning.scene import check, parse_sentence

ONE = r"(?:(a|an) )?(\w+) (\w+)"
FORM = re.compile(rf"{ONE} (in front of|behind|to the left of|to the right of|above|below|and) {ONE}")


def covered(front, back):
    """Pixels of ``back`` that ``front`` hides, counted one by one."""
    return sum(
        bool(front.visible[back.top + row, back.left + column])
        for row, column in np.argwhere(back.coverage >= 128).tolist()
    )


def middle(thing):
    y, x = np.nonzero(thing.visible)
    return (x.min() + x.max()) / 2, (y.min() + y.max()) / 2


def is_true(relation, first, other, drawn):
    (x1, y1), (x2, y2) = middle(first), middle(other)
    clearly_across, clearly_down = abs(x1 - x2) > abs(y1 - y2), abs(y1 - y2) > abs(x1 - x2)
    order = [id(thing) for thing in drawn.objects]
    is_before = order.index(id(first)) > order.index(id(other))
    return {
        "in front of": is_before and covered(first, other) > 0,
        "behind": not is_before and covered(other, first) > 0,
        "to the left of": clearly_across and x1 < x2,
        "to the right of": clearly_across and x1 > x2,
        "above": clearly_down and y1 < y2,
        "below": clearly_down and y1 > y2,
        "and": True,
    }[relation]


def test_every_sentence_is_true_and_speaks_of_one_pair_only(drawn):
    relations = set()
    for one in drawn:
        assert len(set(one.sentences)) == len(one.sentences) <= 5
        for place, said in enumerate(one.sentences):
            parts = FORM.fullmatch(said)
            assert parts, said
            told = []
            for article, colour, name in (parts.groups()[:3], parts.groups()[4:]):
                (thing,) = [thing for thing in one.objects if (thing.colour, thing.name) == (colour, name)]
                wanted = None if name == "trousers" else "an" if colour == "orange" else "a"
                assert article == wanted, said
                told.append(thing)
            first, other = told
            assert first is not other
            if place == 0:
                assert first.area == max(thing.area for thing in one.objects)
            assert is_true(parts[4], first, other, one), said
            relations.add(parts[4])
    assert len(relations) >= 6
    assert np.mean([len(one.sentences) for one in drawn]) > 3


def test_how_many_sentences_there_may_be_changes_neither_the_picture_nor_the_first(by_kind):
    kind = by_kind["shapes"]["train"]
    for i in range(10):
        few, many = (scene(np.random.default_rng([3, i]), kind, 64, Rules(most)) for most in (1, 20))
        assert np.array_equal(few.picture, many.picture)
        assert few.sentences == (few.sentence,) == many.sentences[:1]
        count = len(many.objects)
        assert len(many.sentences) <= count * (count - 1) + 1
        some = scene(np.random.default_rng([3, i]), kind, 64, Rules(3))
        assert some.sentences == many.sentences[:3]
    one, other = np.random.default_rng(3), np.random.default_rng(3)
    for most in (1, 20):
        few, many = scene(one, kind, 64, Rules(1)), scene(other, kind, 64, Rules(most))
        assert np.array_equal(few.picture, many.picture)


def test_sentences_keep_to_a_small_vocabulary(drawn):
    words = {word for one in drawn for said in one.sentences for word in said.split()}
    classes = Shapes.classes if "disc" in words else Garments.classes
    assert words <= set(vocabulary(classes, list(COLOURS)))
    assert len(vocabulary(classes, list(COLOURS))) <= 32


def first_sentence(objects):
    return sentences(objects, np.random.default_rng(0))[0]


def block(place, extent, words="red square", hidden=()):
    """An object of a picture of 20 x 20."""
    (left, top), (width, height), (colour, name) = place, extent, words.split()
    visible = np.zeros((20, 20), bool)
    visible[top : top + height, left : left + width] = True
    for other in hidden:
        visible &= ~other.visible
    return Placed(name, 1, colour, np.full((height, width), 255, np.uint8), left, top, visible, None)


@pytest.mark.parametrize(
    ("left", "top", "words"),
    [
        (14, 9, "a red square to the left of an orange disc"),
        (0, 9, "a red square to the right of an orange disc"),
        (8, 0, "a red square below an orange disc"),
        (8, 16, "a red square above an orange disc"),
        (15, 15, "a red square and an orange disc"),  # askew
    ],
)
def test_where_things_stand(left, top, words):
    assert first_sentence([block((7, 7), (6, 6)), block((left, top), (3, 3), "orange disc")]) == words


def test_what_hides_another_is_in_front_of_it_wherever_its_middle_is():
    front = block((8, 4), (4, 4), "orange disc")
    back = block((4, 4), (8, 8), hidden=[front])
    assert first_sentence([back, front]) == "a red square behind an orange disc"
    front = block((4, 4), (8, 8))
    back = block((10, 4), (6, 4), "orange disc", hidden=[front])
    assert first_sentence([back, front]) == "a red square in front of an orange disc"


def test_the_next_in_size_is_told_of_unless_another_stands_more_clearly():
    large, askew, clear = (
        block((0, 0), (6, 6)),
        block((14, 14), (5, 5), "blue star"),
        block((14, 1), (4, 4), "pink trousers"),
    )
    assert first_sentence([large, askew, clear]) == "a red square to the left of pink trousers"
    assert first_sentence([large, askew]) == "a red square and a blue star"


OPPOSITE = {
    "in front of": "behind", "behind": "in front of", "above": "below", "below": "above",
    "to the left of": "to the right of", "to the right of": "to the left of",
}  # fmt: skip


def test_the_facts_of_a_scene_make_its_sentence_true_and_its_opposite_false(drawn):
    for one in drawn:
        for text in one.sentences:
            said = parse_sentence(text)
            assert said is not None and check(said, one.facts).true
            if said.relation != "and":
                assert not check(said._replace(relation=OPPOSITE[said.relation]), one.facts).true, text
            assert not check(said._replace(things=said.things[::-1], number=1), one.facts).true


def test_facts_name_every_relation_that_holds(drawn):
    for one in drawn[:40]:
        for i, first in enumerate(one.objects):
            for j, other in enumerate(one.objects):
                if i == j:
                    continue
                for relation in OPPOSITE:
                    if is_true(relation, first, other, one) and relation not in ("in front of", "behind"):
                        assert (i, relation, j) in one.facts.relations
                share = covered(first, other) / np.count_nonzero(other.coverage >= 128)
                assert ((i, "in front of", j) in one.facts.relations) == (share >= 0.01)
                assert ((j, "behind", i) in one.facts.relations) == (share >= 0.01)


def test_the_grammar_has_the_words_that_scenes_are_told_in():
    assert tuple(COLOURS) == grammar.COLOURS
    assert Shapes.classes == grammar.SHAPES and Garments.classes == grammar.GARMENTS
