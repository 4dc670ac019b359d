"""Run lengths are those of the COCO API, whose own code is the oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco

from foveate.errors import InputError
from foveate.tasks.segmentation import rle

# pycocotools 2.0 hands out its arrays as NumPy 1 wanted them
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40))


def of_coco(mask):
    return coco.encode(np.asfortranarray(mask.astype(np.uint8)))


@settings(max_examples=300)
@given(MASKS)
def test_masks_are_encoded_and_decoded_as_the_coco_api_does(mask):
    runs, theirs = rle.encode(mask), of_coco(mask)
    assert runs.string.encode() == theirs["counts"]
    assert runs.area == coco.area(theirs) == mask.sum()
    for counts in (runs.string, runs.counts.tolist()):
        read = rle.from_document({"size": list(mask.shape), "counts": counts})
        assert np.array_equal(rle.decode(read), mask)
    packed = coco.frPyObjects({"size": list(mask.shape), "counts": runs.counts.tolist()}, *mask.shape)
    assert packed["counts"] == runs.string.encode()


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_masks_are_merged_as_the_coco_api_does(seed, count):
    random = np.random.default_rng(seed)
    height, width = random.integers(1, 30, 2)
    masks = [random.random((height, width)) < random.choice([0, 0.05, 0.5, 1]) for _ in range(count)]
    runs = rle.merged([rle.encode(mask) for mask in masks])
    assert runs.string.encode() == coco.merge([of_coco(mask) for mask in masks])["counts"]
    painted = np.zeros((width, height), np.uint8)
    rle.paint(painted, runs, 7)
    assert np.array_equal(painted.T, 7 * np.any(masks, axis=0))


@settings(max_examples=200)
@given(st.lists(st.integers(0, 2**31), max_size=30))
def test_any_counts_go_into_a_string_and_back(counts):
    counts = np.array(counts, np.int64)
    assert np.array_equal(rle.unpacked(rle.packed(counts)), counts)


def test_runs_of_length_zero_are_read_as_the_coco_api_reads_them():
    document = {"size": [3, 2], "counts": [0, 2, 0, 1, 3, 0]}
    theirs = coco.frPyObjects(document, 3, 2)
    assert np.array_equal(rle.decode(rle.from_document(document)), coco.decode(theirs))


@settings(max_examples=500)
@given(st.text(max_size=60))
def test_a_damaged_string_is_refused_or_is_a_mask_of_that_size(text):
    try:
        runs = rle.from_document({"size": [4, 5], "counts": text})
    except InputError as error:
        assert str(error).startswith("has ") and str(error).endswith(".")
    else:
        assert rle.decode(runs).shape == (4, 5)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([1, 2], "has a list of 2 where run lengths are expected: 'size' and 'counts'."),
        ({"size": [4, 5, 6], "counts": [20]}, "the size [4, 5, 6]; expected [height, width]"),
        ({"size": [4, True], "counts": [4]}, "the size [4, True]"),
        (
            {"size": [10**9, 10**9], "counts": []},
            "1000000000 x 1000000000 pixels; at most 89,478,485 are read",
        ),
        ({"size": [4, 5], "counts": [19]}, "run lengths of 19 pixels in all for 5 x 4"),
        ({"size": [4, 5], "counts": [21, -1]}, "no list of numbers from 0 to the count of pixels"),
        ({"size": [4, 5], "counts": [2.5]}, "no list of numbers from 0 to the count of pixels"),
        ({"size": [4, 5], "counts": {}}, "no list of numbers from 0 to the count of pixels"),
        ({"size": [4, 5], "counts": "`"}, "string is damaged: it is cut off, or of other characters"),
        ({"size": [4, 5], "counts": "/"}, "string is damaged: it is cut off, or of other characters"),
        ({"size": [4, 5], "counts": "oooooooooooooooo0"}, "string is damaged: a number in it has no end"),
        ({"size": [4, 5], "counts": "O"}, "a run length below 0: its string is damaged"),
    ],
)
def test_what_is_no_run_lengths_is_refused(document, says):
    with pytest.raises(InputError) as info:
        rle.from_document(document)
    assert says in str(info.value)
