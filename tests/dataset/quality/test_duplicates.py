"""Copies are found, lookalikes are not. The oracle is how the pictures were made."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from foveate.dataset.quality.duplicates import exact_groups, joined, near_pairs
from foveate.dataset.quality.scan import scan
from foveate.dataset.samples import ArrayImages


def photograph(rng: np.random.Generator) -> Image.Image:
    """Soft colours at several scales, as in photographs."""
    layers = [
        Image.fromarray(rng.integers(0, 256, (n, n, 3), dtype=np.uint8)).resize(
            (96, 96), Image.Resampling.BICUBIC
        )
        for n in (3, 6, 12)
    ]
    return Image.blend(Image.blend(layers[0], layers[1], 0.5), layers[2], 0.3)


def as_jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def pairs_of(pictures: list[Image.Image]) -> list[list[int]]:
    result = scan(ArrayImages(np.stack([np.asarray(p.resize((96, 96))) for p in pictures])))
    return near_pairs(result.thumbnails, result.colours).tolist()


COPIES: list[Callable[[Image.Image], Image.Image]] = [
    lambda p: p.copy(),
    lambda p: as_jpeg(p, 75),
    lambda p: as_jpeg(p, 30),
    lambda p: p.resize((48, 48), Image.Resampling.BICUBIC),
    lambda p: p.resize((200, 200), Image.Resampling.BICUBIC),
    lambda p: ImageEnhance.Brightness(p).enhance(1.1),
    lambda p: ImageEnhance.Contrast(p).enhance(0.9),
]


@pytest.mark.parametrize("count", [2, 12, 300])
@pytest.mark.parametrize("copy", COPIES)
def test_a_picture_saved_again_is_found_and_nothing_else(count, copy):
    rng = np.random.default_rng(count)
    pictures = [photograph(rng) for _ in range(count)]
    assert pairs_of([*pictures, copy(pictures[1])]) == [[1, count]]


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.transpose(Image.Transpose.ROTATE_90),
        lambda p: Image.merge("RGB", p.split()[::-1]),  # red turned blue: the colour may be the class
        lambda p: Image.eval(p, lambda v: 255 - v),
    ],
)
def test_a_changed_picture_is_another_picture(change):
    rng = np.random.default_rng(0)
    pictures = [photograph(rng) for _ in range(30)]
    assert pairs_of([*pictures, change(pictures[1])]) == []


def test_what_all_pictures_have_in_common_makes_no_copies():
    """One coat on black, cut a little differently each time: raw correlations of most pairs above 0.85."""
    rng = np.random.default_rng(0)
    row, column = np.mgrid[0:28, 0:28]
    coats = []
    for _ in range(200):
        top, bottom, left, right = np.array([4, 24, 8, 20]) + rng.uniform(-2, 2, 4)
        inside = (np.clip(row + 1 - top, 0, 1) * np.clip(bottom - row, 0, 1)) * (
            np.clip(column + 1 - left, 0, 1) * np.clip(right - column, 0, 1)
        )
        coats.append(inside * 180 + (inside > 0) * rng.normal(0, 10, (28, 28)))
    array = np.clip(np.stack([*coats, coats[7]]), 0, 255).astype(np.uint8)[..., None]
    result = scan(ArrayImages(array))
    raw = np.corrcoef(result.thumbnails.reshape(201, -1))
    assert np.median(raw) > 0.85
    assert near_pairs(result.thumbnails, result.colours).tolist() == [[7, 200]]


def test_flat_pictures_are_left_alone():
    levels = np.arange(200, dtype=np.uint8)[:, None, None, None]
    flat = np.broadcast_to(levels, (200, 16, 16, 1)).copy()
    flat[:, 3, 3] += 1
    result = scan(ArrayImages(flat))
    assert near_pairs(result.thumbnails, result.colours).tolist() == []


@pytest.mark.parametrize("others", [40, 1500])
def test_a_film_of_equal_frames_stays_cheap_and_ends_in_one_group(others):
    rng = np.random.default_rng(0)
    frame = np.asarray(photograph(rng).convert("L"), dtype=np.int16)
    film = np.clip(frame + rng.integers(-2, 3, (400, 96, 96)), 0, 255).astype(np.uint8)[..., None]
    rest = [np.asarray(photograph(rng).convert("L"))[None, ..., None] for _ in range(others)]
    result = scan(ArrayImages(np.concatenate([film, *rest])))
    pairs = near_pairs(result.thumbnails, result.colours)
    assert len(pairs) < 400 * 32 * 16
    group = joined(np.arange(400 + others), pairs)
    assert np.bincount(group)[0] == 400
    assert np.array_equal(group[400:], np.arange(400, 400 + others))


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_compare(count):
    assert near_pairs(np.zeros((count, 16, 16), np.uint8), np.zeros((count, 4, 4, 3), np.uint8)).shape == (
        0,
        2,
    )


def test_exact_groups_by_hand():
    digests = np.array([[1, 2], [1, 3], [1, 2], [1, 2], [9, 9]], dtype=np.uint64)
    usable = np.array([True, True, True, False, True])
    assert exact_groups(digests, usable).tolist() == [0, 1, 0, 3, 4]


def test_joined_by_hand():
    groups = np.array([0, 1, 0, 3, 4, 5])
    assert joined(groups, np.array([[2, 4], [4, 5]])).tolist() == [0, 1, 0, 3, 0, 0]
    assert joined(groups, np.empty((0, 2), np.int64)).tolist() == groups.tolist()
