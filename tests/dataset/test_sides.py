"""On which side a picture stays: by content, by name where it changed, with its copies."""

from dataclasses import dataclass

import numpy as np
import pytest

from foveate.dataset.sides import LEFT_OUT, UNKNOWN, Changes, Sides
from foveate.errors import CheckpointError
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification

TRAIN, VAL, TEST = 0, 1, 2


@dataclass
class Split:
    names: list
    digests: np.ndarray
    targets: ClassTargets


def split(*pictures, label=0):
    """Pictures given as (name, content)."""
    names = [name for name, _ in pictures]
    return Split(names, digests(*(c for _, c in pictures)), ClassTargets(np.full(len(names), label)))


def digests(*contents):
    return np.array([[content, 7] for content in contents], np.uint64).reshape(-1, 2)


BEFORE = Sides.of(
    {"train": split(("a", 1), ("b", 2)), "val": split(("c", 3)), "test": split(("d", 4), ("e", 5))}
)


def find(*pictures, groups=None):
    names, contents = zip(*pictures, strict=True)
    numbers = np.arange(len(names)) if groups is None else np.array(groups)
    return BEFORE.find(digests(*contents), list(names), numbers).tolist()


def test_content_decides_whatever_the_name():
    assert find(("x", 4), ("d", 1), ("c", 3), ("new", 9)) == [TEST, TRAIN, VAL, UNKNOWN]


def test_what_changed_in_place_stays_and_a_name_that_was_handed_on_tells_nothing():
    assert find(("d", 40)) == [TEST]
    assert find(("d", 40), ("moved", 4)) == [UNKNOWN, TEST]


def test_copies_go_with_the_picture_that_stays_and_between_two_sides_nowhere():
    assert find(("new", 9), ("d", 4), groups=[1, 1]) == [TEST, TEST]
    assert find(("new", 9), ("newer", 10), groups=[1, 1]) == [UNKNOWN, UNKNOWN]
    assert find(("a", 1), ("new", 9), ("d", 4), groups=[1, 1, 1]) == [TRAIN, LEFT_OUT, TEST]


def test_a_picture_comes_only_nearer_to_training():
    contents = digests(1, 3, 4, 9)
    assert BEFORE.exposed(contents, "test").tolist() == [True, True, False, False]
    assert BEFORE.exposed(contents, "val").tolist() == [True, False, False, False]
    assert not BEFORE.exposed(contents, "train").any()


def test_what_stood_on_two_sides_from_the_beginning_may_stay_there():
    both = Sides.of({"train": split(("a", 1)), "test": split(("b", 1))})
    assert not both.exposed(digests(1), "test").any()


def test_what_is_gone_is_remembered_and_the_record_reads_back():
    after = Sides.of({"train": split(("a", 1)), "test": split(("d", 4))}, BEFORE)
    again = Sides.from_bytes(after.to_bytes())
    assert (again.rows == after.rows).all() and len(again.rows) == 5
    assert again.rows["here"].sum() == 2
    assert again.find(digests(2, 5), ["b", "e"], np.arange(2)).tolist() == [TRAIN, TEST]


def test_thirty_bytes_a_picture():
    many = Split([str(i) for i in range(1000)], digests(*range(1000)), ClassTargets(np.zeros(1000)))
    assert len(Sides.of({"train": many}).to_bytes()) < 31_000


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", Sides.of({"train": split(("a", 1))}).to_bytes()[:-1]])
def test_a_damaged_record_is_one_sentence(data):
    with pytest.raises(CheckpointError, match="damaged; start anew with overwrite=True"):
        Sides.from_bytes(data)


def test_what_changed_is_counted():
    now = {
        "train": split(("a", 1), ("n", 8), ("c", 3)),
        "val": split(("m", 9)),
        "test": split(("d", 4), label=1),
    }
    now["test"] = Split(["d", "e"], digests(4, 50), ClassTargets([1, 0]))
    found = Changes.between(BEFORE, Sides.of(now, BEFORE), left_out=2)
    assert found == Changes({"train": 1, "val": 1}, gone=1, edited=1, relabelled=1, moved=1, left_out=2)
    assert found.in_words().startswith(
        "Pictures: 2 new (1 to train and 1 to val), 1 gone, 1 changed in place, 1 with another label, "
        "1 now nearer to training; all others keep their side. Left out: 2, "
    )


def test_the_table_of_a_model_folder_tells_the_same():
    text = "file_name,label,split,content\n" + "".join(
        f"{name},{label},{side},{digests(content).tobytes().hex()}\n"
        for name, label, side, content in (("a", "x", "train", 1), ('"b,c"', "y", "test", 2))
    )
    sides = Sides.from_csv(text, Classification(("x", "y")))
    expected = Sides.of({"train": split(("a", 1)), "test": split(("b,c", 2), label=1)})
    assert (sides.rows == expected.rows).all()
