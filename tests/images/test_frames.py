"""Animations: which frame is seen at a moment, by the frames' own durations."""

import numpy as np
import pytest
from PIL import Image

from foveate.errors import ImageError
from foveate.images.frames import frames_of
from foveate.images.read import read_image

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def animation(path, durations_ms):
    frames = [Image.new("RGB", (6, 4), colour) for colour in COLOURS]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations_ms, loop=0)
    return path


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_the_frame_of_each_second(tmp_path, suffix):
    """Red for 1.5 s, green for 0.4 s, which no whole second meets, blue for 2 s."""
    lossless = {"lossless": True} if suffix == "webp" else {}
    frames = [Image.new("RGB", (6, 4), colour) for colour in COLOURS]
    path = tmp_path / f"film.{suffix}"
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=[1500, 400, 2000], loop=0, **lossless
    )
    found = list(frames_of(path))
    assert [frame.seconds for frame in found] == [0.0, 1.0, 2.0, 3.0]
    seen = [tuple(int(part) for part in frame.pixels[2, 3]) for frame in found]
    assert seen == [COLOURS[0], COLOURS[0], COLOURS[2], COLOURS[2]]


def test_more_often_than_once_a_second(tmp_path):
    path = animation(tmp_path / "film.gif", [1500, 400, 2000])
    assert [frame.seconds for frame in frames_of(path, 0.8)] == pytest.approx([0, 0.8, 1.6, 2.4, 3.2])
    assert tuple(list(frames_of(path, 0.8))[2].pixels[0, 0]) == COLOURS[1]


def test_frames_without_a_duration_take_a_tenth_of_a_second(tmp_path):
    path = animation(tmp_path / "film.gif", 0)
    assert len(list(frames_of(path, 0.1))) == 3


def test_a_single_picture_is_a_film_of_one_frame(tmp_path):
    Image.new("RGB", (6, 4), (9, 8, 7)).save(tmp_path / "one.png")
    (frame,) = frames_of(tmp_path / "one.png")
    assert np.array_equal(frame.pixels, read_image(tmp_path / "one.png"))


def test_a_film_that_breaks_off_says_so(tmp_path):
    path = animation(tmp_path / "film.gif", [1500, 400, 2000])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError):
        list(frames_of(path))
