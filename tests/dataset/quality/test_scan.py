"""One pass that survives anything, and says the same whatever the threads do."""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveate.dataset.quality.scan import ImageRecord, scan
from foveate.dataset.samples import ArrayImages, FileImages


def photograph(seed: int, height: int = 48, width: int = 64) -> np.ndarray:
    """Smooth random colours: like a photograph, it survives being saved as JPEG."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.fromarray(photograph(1)).save(tmp_path / "a.png")
    Image.fromarray(photograph(2)).convert("L").save(tmp_path / "grey.png")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "page.jpg").write_text("<!doctype html>")
    Image.fromarray(photograph(3)).save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:-300])
    return tmp_path


NAMES = ["a.png", "cut.jpg", "empty.jpg", "grey.png", "missing.png", "page.jpg"]


def test_each_file_is_read_or_has_its_reason(folder):
    result = scan(FileImages(NAMES, folder))
    assert result.ok.tolist() == [True, False, False, True, False, False]
    assert result.reasons[1].startswith("it is truncated")
    assert result.reasons[2] == "the file is empty"
    assert result.reasons[4] == "there is no such file"
    assert result.reasons[5].startswith("it is a web page")
    assert result.record(0) == ImageRecord(
        name="a.png",
        ok=True,
        reason=None,
        format="PNG",
        mode="RGB",
        width=64,
        height=48,
        grey=False,
        content=hashlib.blake2b((folder / "a.png").read_bytes(), digest_size=16).hexdigest(),
    )
    assert [record.grey for record in result.records] == [False, False, False, True, False, False]


def test_what_belongs_to_a_readable_picture_may_forbid_it(folder):
    asked, kept = {}, {}

    def fault(index, size):
        asked[index] = size
        return "its mask is gone" if index == 3 else None

    result = scan(FileImages(NAMES, folder), fault=fault, keep=kept.__setitem__)
    assert asked == {0: (64, 48), 3: (64, 48)}  # nobody asks of what cannot be read
    assert result.ok.tolist() == [True] + [False] * 5
    assert result.reasons[3] == "its mask is gone" and result.formats[3] == "PNG"
    assert list(kept) == [0]
    arrays = ArrayImages(np.zeros((4, 5, 7, 1), np.uint8))
    assert scan(arrays, fault=fault).reasons == [None, None, None, "its mask is gone"]
    assert asked[3] == (7, 5)


def test_keep_gets_every_readable_picture_once(folder):
    kept: dict[int, np.ndarray] = {}
    scan(FileImages(NAMES, folder), keep=kept.__setitem__)
    assert sorted(kept) == [0, 3]
    assert np.array_equal(kept[0], photograph(1))
    assert kept[3].shape == (48, 64, 3)


def test_the_result_does_not_depend_on_the_threads(tmp_path):
    for i in range(60):
        Image.fromarray(photograph(i, 20, 20)).save(tmp_path / f"{i:02}.png")
    images = FileImages([f"{i:02}.png" for i in range(60)], tmp_path)
    one, many = scan(images, workers=1), scan(images, workers=5)
    assert list(one.records) == list(many.records)
    assert np.array_equal(one.thumbnails, many.thumbnails)
    assert np.array_equal(one.colours, many.colours)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(28, 28), (32, 20), (7, 9), (16, 64)])
def test_pictures_in_an_array_get_the_same_fingerprint_as_in_files(tmp_path, channels, height, width):
    array = np.stack([photograph(i, height, width)[..., :channels] for i in range(5)])
    for i, picture in enumerate(array):
        Image.fromarray(np.broadcast_to(picture, (height, width, 3)).copy()).save(tmp_path / f"{i}.png")
    fast = scan(ArrayImages(array, "train"))
    slow = scan(FileImages([f"{i}.png" for i in range(5)], tmp_path))
    assert np.abs(fast.thumbnails.astype(int) - slow.thumbnails).max() <= 1
    assert np.abs(fast.colours.astype(int) - slow.colours).max() <= 1
    assert np.array_equal(fast.grey, slow.grey)
    assert np.array_equal(fast.sizes, slow.sizes)
    assert fast.record(3).name == "train[3]"
    assert fast.record(3).content == hashlib.blake2b(array[3].tobytes(), digest_size=16).hexdigest()


def test_a_large_picture_gets_nearly_the_same_fingerprint_from_pillow(tmp_path):
    array = photograph(0, 300, 200)[None]
    Image.fromarray(array[0]).save(tmp_path / "large.png")
    fast, slow = scan(ArrayImages(array)), scan(FileImages(["large.png"], tmp_path))
    assert np.abs(fast.thumbnails.astype(int) - slow.thumbnails).max() <= 4


def test_area_means_by_hand():
    array = np.zeros((1, 32, 16, 1), dtype=np.uint8)
    array[0, 0, 0] = 200  # one of the two pixels under the first thumbnail pixel
    result = scan(ArrayImages(array))
    assert result.thumbnails[0, 0, 0] == 100
    assert result.thumbnails.sum() == 100


def test_an_array_hands_out_colour_pictures_too():
    kept: dict[int, np.ndarray] = {}
    scan(ArrayImages(np.arange(2 * 9, dtype=np.uint8).reshape(2, 3, 3, 1)), keep=kept.__setitem__)
    assert kept[1].shape == (3, 3, 3)
    assert kept[1][0, 0].tolist() == [9, 9, 9]


def test_an_array_seen_through_a_stride_is_hashed_by_its_pixels():
    array = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    mirrored = np.ascontiguousarray(array[:, :, ::-1])
    assert np.array_equal(
        scan(ArrayImages(array[:, :, ::-1])).digests,
        scan(ArrayImages(mirrored)).digests,
    )


@pytest.mark.parametrize("of_array", [False, True])
def test_progress_ends_at_the_end(folder, of_array):
    images = ArrayImages(np.zeros((5, 4, 4, 1), np.uint8)) if of_array else FileImages(NAMES, folder)
    seen: list[tuple[int, int]] = []
    scan(images, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(images), len(images))
    assert seen == sorted(seen)


def test_no_pictures_are_no_trouble():
    assert len(scan(FileImages([], "."))) == 0
    assert len(scan(ArrayImages(np.zeros((0, 4, 4, 1), np.uint8)))) == 0


def test_what_keep_raises_ends_the_scan_and_its_threads(tmp_path):
    for i in range(40):
        Image.fromarray(photograph(i, 8, 8)).save(tmp_path / f"{i}.png")
    calls: list[int] = []

    def full(index, image):
        calls.append(index)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        scan(FileImages([f"{i}.png" for i in range(40)], tmp_path), keep=full)
    assert len(calls) <= 2
    assert not [t for t in threading.enumerate() if t.name.startswith("scan")]


def test_an_interrupt_stops_promptly(tmp_path):
    Image.fromarray(photograph(0, 8, 8)).save(tmp_path / "a.png")
    images = FileImages(["a.png"] * 2000, tmp_path)
    started = time.monotonic()

    def ctrl_c(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(images, keep=lambda index, image: time.sleep(0.01), progress=ctrl_c)
    assert time.monotonic() - started < 3  # all of it would take ten seconds
    assert not [t for t in threading.enumerate() if t.name.startswith("scan")]
