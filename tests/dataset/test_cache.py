"""The decoded cache: the same pixels in memory or on disk, and a clear word when neither holds them."""

import numpy as np
import pytest
from PIL import Image

from foveate.dataset import cache
from foveate.dataset.cache import decode
from foveate.dataset.samples import ArrayImages, FileImages
from foveate.errors import StorageError
from foveate.images.preprocess import Preprocessing
from foveate.images.read import read_image

PREPROCESSING = Preprocessing(6, 8)


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(5):
        Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).save(tmp_path / f"{i}.png")
    (tmp_path / "3.png").write_bytes(b"broken")
    return FileImages([f"{i}.png" for i in range(5)], tmp_path)


def test_pixels_are_those_of_preprocessing_and_broken_files_are_told(files):
    pixels, result = decode(files, PREPROCESSING)
    assert pixels.shape == (5, 6, 8, 3)
    assert result.ok.tolist() == [True, True, True, False, True]
    for i in (0, 1, 2, 4):
        np.testing.assert_array_equal(pixels[i], PREPROCESSING.apply(read_image(files.path(i))))
    assert not pixels[3].any()


def test_what_does_not_fit_into_memory_lies_in_a_file_that_is_already_unlinked(files, tmp_path, monkeypatch):
    in_memory, _ = decode(files, PREPROCESSING)
    monkeypatch.setattr(cache, "MEMORY_FRACTION", 0.0)
    monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path))
    on_disk, _ = decode(files, PREPROCESSING)
    assert isinstance(on_disk, np.memmap)
    np.testing.assert_array_equal(on_disk, in_memory)
    assert not list(tmp_path.glob("foveate-pixels*"))


def test_an_array_of_the_right_size_is_used_without_a_copy():
    array = np.random.default_rng(0).integers(0, 256, (4, 6, 8, 3), dtype=np.uint8)
    pixels, result = decode(ArrayImages(array), PREPROCESSING)
    assert np.shares_memory(pixels, array)
    assert result.ok.all()


def test_an_array_of_the_right_size_loses_its_border_as_a_finished_model_has_it():
    """The network would else learn other pictures than it is given afterwards."""
    array = np.random.default_rng(0).integers(0, 256, (3, 6, 8, 3), dtype=np.uint8)
    cropped = Preprocessing(6, 8, crop_fraction=0.75)
    pixels, _ = decode(ArrayImages(array), cropped)
    np.testing.assert_array_equal(pixels, cropped.apply_batch(array))
    assert not np.array_equal(pixels, array)


def test_an_array_of_another_size_is_preprocessed():
    array = np.random.default_rng(0).integers(0, 256, (3, 9, 12, 1), dtype=np.uint8)
    pixels, _ = decode(ArrayImages(array), PREPROCESSING)
    for i in range(3):
        np.testing.assert_array_equal(pixels[i], PREPROCESSING.apply(array[i]))


def test_a_full_disk_is_one_sentence(files, monkeypatch):
    def full(*unused):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "posix_fallocate", full)
    monkeypatch.setattr(cache, "MEMORY_FRACTION", 0.0)
    with pytest.raises(
        StorageError, match=r"need 720 B, more than 0% of the free memory, .*No space left on device"
    ):
        decode(files, PREPROCESSING)
