"""The library that scales pictures gives Pillow's bytes, whatever the sizes, filters and parts."""

import random
import threading

import numpy as np
import pytest
from PIL import Image

from foveate.images import resample
from foveate.images.preprocess import Preprocessing
from foveate.images.resample import resized

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


@pytest.fixture
def library():
    if not resample.is_fast():
        pytest.skip("no library was compiled -> apt install gcc libc6-dev, then pip install --editable .")


def by_pillow(picture, size, how, box=None):
    source = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
    return np.asarray(source.resize(size, FILTERS[how], box=box)).reshape(size[1], size[0], -1)


def noise(rng, height, width, channels, *, extreme):
    """Levels at random; black and white alone make sums leave 0..255, which are to be cut."""
    levels = np.random.default_rng(rng.getrandbits(32)).integers(0, 256, (height, width, channels), np.uint8)
    return np.where(levels > 127, 255, 0).astype(np.uint8) if extreme else levels


def part(rng, length):
    return sorted(rng.uniform(0, length) for _ in range(2)) if rng.random() < 0.6 else [0, length]


@pytest.mark.parametrize("most", [7, 40, 260])
def test_the_bytes_are_pillows(library, most):
    rng = random.Random(most)
    for _ in range(250):
        height, width, rows, columns = (rng.randint(1, most) for _ in range(4))
        picture = noise(rng, height, width, rng.choice([1, 3, 3]), extreme=rng.random() < 0.3)
        size = (columns, rows) if rng.random() < 0.8 else (width, height)
        (left, right), (top, bottom) = part(rng, width), part(rng, height)
        how, box = rng.choice(list(FILTERS)), (left, top, right, bottom)
        expected = by_pillow(picture, size, how, box)
        assert np.array_equal(resized(picture, size, how, box), expected), (picture.shape, size, how, box)


@pytest.mark.parametrize("size", [(3, 3000), (3000, 3), (1, 1)])
def test_columns_come_first_where_pillow_takes_them_first(library, size):
    picture = noise(random.Random(1), 3000, 30, 3, extreme=False)
    for shown in (picture, np.ascontiguousarray(picture.transpose(1, 0, 2))):
        assert np.array_equal(resized(shown, size, "bilinear"), by_pillow(shown, size, "bilinear"))


def test_a_view_and_a_whole_picture_are_the_same(library):
    picture = noise(random.Random(2), 60, 80, 3, extreme=False)
    view = picture[::-1, 5:70:2]
    assert np.array_equal(resized(view, (20, 30), "bicubic"), by_pillow(view.copy(), (20, 30), "bicubic"))
    same = resized(picture, (80, 60), "bilinear")
    assert np.array_equal(same, picture)
    assert not np.shares_memory(same, picture)


def test_a_part_outside_is_pillows_to_refuse():
    with pytest.raises(ValueError, match="exceed"):
        resized(np.zeros((4, 4, 3), np.uint8), (2, 2), "bilinear", (0, 0, 5, 4))


def test_threads_do_not_share_memory(library):
    pictures = [noise(random.Random(i), 90 + i, 120, 3, extreme=False) for i in range(8)]
    expected = [by_pillow(one, (40, 50), "bilinear") for one in pictures]
    wrong = []

    def work(number):
        for _ in range(50):
            if not np.array_equal(resized(pictures[number], (40, 50), "bilinear"), expected[number]):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_without_the_library_a_network_gets_the_same(library, monkeypatch):
    picture = noise(random.Random(3), 150, 201, 3, extreme=False)
    ways = [
        Preprocessing(64, 48, fit=fit, crop_fraction=0.875, interpolation=interpolation, channels=channels)
        for fit in ("crop", "pad", "stretch")
        for interpolation in ("nearest", "bilinear", "bicubic")
        for channels in (1, 3)
    ]
    fast = [way.apply(picture) for way in ways]
    monkeypatch.setattr(resample, "_library", lambda: None)
    assert all(np.array_equal(way.apply(picture), one) for way, one in zip(ways, fast, strict=True))
