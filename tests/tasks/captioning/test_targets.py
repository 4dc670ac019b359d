"""The right sentences of pictures."""

import numpy as np
import pytest

from foveate.errors import InputError
from foveate.tasks.captioning.targets import WORDS, Captions
from foveate.tasks.captioning.vocabulary import END, PADDING, START, Vocabulary

CAPTIONS = Captions(
    (("a dog", "the dog runs"), ("a cat",), ("a dog", "the dog runs"), ()), ("1", "1", "", "2")
)


def test_pictures_are_taken_with_their_groups() -> None:
    taken = CAPTIONS.take([3, 1])
    assert list(taken) == [(), ("a cat",)] and taken.together == ("2", "1")
    assert len(taken) == 2 and taken[1] == ("a cat",)
    assert CAPTIONS.each() == ["a dog", "the dog runs", "a cat", "a dog", "the dog runs"]


def test_equal_answers_have_equal_keys_and_one_group_one_number() -> None:
    keys, groups = CAPTIONS.keys, CAPTIONS.groups
    assert keys[0] == keys[2] and len(np.unique(keys)) == 3
    assert groups[0] == groups[1] != groups[3] and groups[2] == -1
    assert (Captions((("a",), ("b",))).groups == -1).all()


def test_a_batch_has_the_numbers_of_each_sentence() -> None:
    assert not CAPTIONS.arrays
    vocabulary = Vocabulary.of(CAPTIONS.each(), min_count=1)
    words = CAPTIONS.encoded(vocabulary).take([1, 0, 3]).arrays[WORDS]
    assert words.shape == (3, 2, 5) and words.dtype == np.int32
    assert words[0, 0].tolist() == [START, *map(int, vocabulary.encode("a cat")[1:3]), END, PADDING]
    assert (words[0, 1] == PADDING).all() and (words[2] == PADDING).all()
    assert vocabulary.decode(words[1, 1]) == "the dog runs"


def test_no_pictures_are_no_fault() -> None:
    none = CAPTIONS.take([]).encoded(Vocabulary(("a",)))
    assert none.arrays[WORDS].shape == (0, 1, 1) and len(none.keys) == len(none.strata) == 0


def test_each_picture_needs_a_group_where_there_are_groups() -> None:
    with pytest.raises(InputError, match="together: expected one for each of 2 pictures, found 1"):
        Captions((("a",), ("b",)), ("x",))
