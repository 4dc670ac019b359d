import gzip
import struct
import subprocess
import sys

import numpy as np
import pytest

from foveate.dataset.sources.idx import has_idx, is_idx_name, open_idx, read_idx
from foveate.errors import DatasetError

CODES = {"u1": 8, "i1": 9, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(array: np.ndarray) -> bytes:
    """The bytes of an IDX file, written from the format's description."""
    kind = array.dtype.str[1:]
    head = bytes([0, 0, CODES[kind], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 5), np.uint8)
LABELS = np.array([3, 1, 3, 7, 1, 1], np.uint8)


def mnist(folder, prefix="train-", dot="-", suffix="", *, pixels=PIXELS, labels=LABELS):
    pack = gzip.compress if suffix else bytes
    (folder / f"{prefix}images{dot}idx{pixels.ndim}-ubyte{suffix}").write_bytes(pack(idx(pixels)))
    (folder / f"{prefix}labels{dot}idx1-ubyte{suffix}").write_bytes(pack(idx(labels)))
    return folder


@pytest.mark.parametrize("kind", sorted(CODES))
def test_every_type_and_both_packings(tmp_path, kind):
    array = (np.arange(24).reshape(2, 3, 4) - 5).astype(kind)
    for name, pack in (("plain", bytes), ("zipped", gzip.compress)):
        (tmp_path / name).write_bytes(pack(idx(array)))
        read = read_idx(tmp_path / name)
        np.testing.assert_array_equal(read, array)
        assert read.dtype == array.dtype and read.dtype.isnative and read.flags.writeable


def test_a_file_written_down_by_hand(tmp_path):
    (tmp_path / "x").write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]))
    np.testing.assert_array_equal(read_idx(tmp_path / "x"), [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize(("dot", "suffix"), [("-", ".gz"), ("-", ""), (".", ".gz"), (".", "")])
def test_a_folder(tmp_path, dot, suffix):
    mnist(tmp_path, "train-", dot, suffix)
    mnist(tmp_path, "t10k-", dot, suffix, pixels=PIXELS[:2], labels=LABELS[:2])
    data = open_idx(tmp_path)
    assert data.task.labels == ("1", "3", "7") and list(data.splits) == ["train", "test"]
    assert data.splits["train"].targets.labels.tolist() == [1, 0, 1, 2, 0, 0]
    assert data.splits["test"].targets.labels.tolist() == [1, 0]
    images = data.splits["train"].images
    np.testing.assert_array_equal(images.array[..., 0], PIXELS)
    assert images.name(2) == "train[2]" and data.splits["test"].images.name(0) == "test[0]"
    np.testing.assert_array_equal(images.read(5), PIXELS[5][..., None].repeat(3, axis=2))


def test_one_file_with_its_labels_beside_it(tmp_path):
    mnist(tmp_path, "t10k-", suffix=".gz")
    data = open_idx(tmp_path / "t10k-images-idx3-ubyte.gz", classes=[f"c{i}" for i in range(8)], name="mine")
    assert list(data.splits) == ["train"] and data.name == "mine" and len(data.task.labels) == 8
    assert data.splits["train"].targets.labels.tolist() == LABELS.tolist()


def test_classes_are_in_the_order_of_their_numbers(tmp_path):
    mnist(tmp_path, labels=np.array([10, 9, 2, 100, 2, 9], np.uint8))
    assert open_idx(tmp_path).task.labels == ("2", "9", "10", "100")


def test_colour_pictures(tmp_path):
    mnist(tmp_path, pixels=np.zeros((6, 4, 5, 3), np.uint8))
    assert open_idx(tmp_path).splits["train"].images.array.shape == (6, 4, 5, 3)


def test_names():
    good = ["train-images-idx3-ubyte.gz", "t10k-images.idx3-ubyte", "emnist-letters-test-images-idx3-ubyte"]
    assert all(is_idx_name(name) for name in good)
    assert not any(is_idx_name(n) for n in ("train-labels-idx1-ubyte", "images.png", "images-idx3-ubyte.zip"))


def test_has_idx(tmp_path):
    assert not has_idx(tmp_path)
    assert has_idx(mnist(tmp_path))


def test_every_truncation_is_noticed(tmp_path):
    whole = idx(PIXELS)
    for pack in (bytes, gzip.compress):
        packed = pack(whole)
        for length in range(len(packed)):
            (tmp_path / "cut").write_bytes(packed[:length])
            with pytest.raises(DatasetError):
                read_idx(tmp_path / "cut")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no IDX file"),
        (b"\x89PNG\r\n\x1a\n", "is no IDX file"),
        (b"\0\0\x07\1\0\0\0\1a", "is no IDX file"),
        (b"\0\0\x08\0", "is no IDX file"),
        (b"\0\0\x08\3\0\0\0\1", "ends inside its header"),
        (b"\0\0\x08\1\0\0\0\5abcd", "promises 5 bytes of values, shape .5,., and holds 4"),
        (b"\0\0\x08\1\0\0\0\3abcd", "promises 3 bytes .* holds more"),
        (b"\0\0\x0e\3" + b"\xff" * 12, "GiB in memory, more than half of this machine's"),
        (b"\x1f\x8bnot gzip", "Cannot read"),
        (gzip.compress(b"\0\0\x08\1\0\0\0\5abcde", mtime=0)[:-8] + bytes(8), "Cannot read .*CRC"),
    ],
)
def test_damaged_files(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_idx(tmp_path / "x")


BOUNDED = """
import resource, sys
from foveate.dataset.sources.idx import read_idx
from foveate.errors import DatasetError
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 32 * 2**20, used + 32 * 2**20))
try:
    read_idx(sys.argv[1])
except DatasetError as error:
    print(error)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"),
    reason="this machine is no Linux",
)
def test_a_lying_header_takes_no_memory(tmp_path):
    lying = b"\0\0\x08\1" + struct.pack(">I", 500_000_000) + b"only this"
    (tmp_path / "x").write_bytes(gzip.compress(lying, mtime=0))
    command = [sys.executable, "-c", BOUNDED, tmp_path / "x"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "promises 500,000,000 bytes of values, shape (500000000,), and holds 9" in done.stdout


def test_partners_that_do_not_fit(tmp_path):
    mnist(tmp_path, labels=LABELS[:5])
    with pytest.raises(DatasetError, match=r"holds 6 pictures and .* 5 labels"):
        open_idx(tmp_path)
    mnist(tmp_path, labels=LABELS.astype(np.float32))
    with pytest.raises(DatasetError, match=r"holds float32 .6,.; labels are whole numbers"):
        open_idx(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(PIXELS.astype(np.int16)))
    with pytest.raises(DatasetError, match=r"holds int16 .6, 4, 5.; pictures are uint8"):
        open_idx(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DatasetError, match="there is no file of labels 'train-labels-idx1-ubyte'"):
        open_idx(tmp_path)


def test_folders_that_leave_a_choice(tmp_path):
    mnist(tmp_path, "t10k-")
    with pytest.raises(DatasetError, match="and no training pictures; name the file"):
        open_idx(tmp_path)
    mnist(tmp_path, "emnist-letters-train-")
    mnist(tmp_path, "emnist-digits-train-")
    with pytest.raises(DatasetError, match="several files of train pictures"):
        open_idx(tmp_path)


def test_the_unzipped_file_is_preferred_to_its_zipped_copy(tmp_path):
    mnist(tmp_path, suffix=".gz", pixels=255 - PIXELS)
    mnist(tmp_path)
    np.testing.assert_array_equal(open_idx(tmp_path).splits["train"].images.array[..., 0], PIXELS)


def test_what_is_no_file(tmp_path):
    with pytest.raises(DatasetError, match="There is no file"):
        read_idx(tmp_path / "gone")
    (tmp_path / "other").write_bytes(idx(PIXELS))
    with pytest.raises(DatasetError, match="'other' is no name of IDX pictures"):
        open_idx(tmp_path / "other")


def test_a_split_is_told_by_a_word_of_the_name_not_by_letters_in_it(tmp_path):
    mnist(tmp_path, "carnival-", pixels=PIXELS[:5], labels=LABELS[:5])
    assert {key: len(split) for key, split in open_idx(tmp_path).splits.items()} == {"train": 5}
    mnist(tmp_path, "carnival-dev-", pixels=PIXELS[:3], labels=LABELS[:3])
    mnist(tmp_path, "latest_t10k-", pixels=PIXELS[:4], labels=LABELS[:4])
    assert {key: len(split) for key, split in open_idx(tmp_path).splits.items()} == {
        "train": 5,
        "val": 3,
        "test": 4,
    }


def test_masks_of_0_and_1_are_refused(tmp_path):
    mnist(tmp_path, pixels=PIXELS % 2)
    with pytest.raises(DatasetError, match=r"whole numbers 0 and 1 only.* multiply them by 255"):
        open_idx(tmp_path)
