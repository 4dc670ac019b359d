"""Grey of more than 8 bits: NumPy's numbers, written by hand into TIFF (TIFF 6.0, section 2)."""

import struct

import numpy as np
import pytest
from PIL import Image

from foveate.dataset.prepare import Preparation, prepare
from foveate.dataset.quality.findings import findings
from foveate.dataset.quality.scan import scan
from foveate.dataset.samples import FileImages, from_answers
from foveate.errors import ImageError
from foveate.images import Preprocessing, decode, read_image
from foveate.images.deep import fitted_range
from foveate.tasks.classification.task import Classification

UNSIGNED, SIGNED, FLOAT = 1, 2, 3
KINDS = {"u": UNSIGNED, "i": SIGNED, "f": FLOAT}


def tiff(values, order="<", photometric=1, bits=None, packed=None):
    """One uncompressed strip of grey samples, of the array's own type, in either byte order."""
    stored = values.astype(values.dtype.newbyteorder(order))
    strip = stored.tobytes() if packed is None else packed
    height, width = values.shape
    bits = bits or 8 * values.dtype.itemsize
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 8, 277: 1, 278: height}
    tags |= {279: len(strip), 339: KINDS[values.dtype.kind]}
    entries = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(strip))
    return head + strip + struct.pack(order + "H", len(tags)) + entries + bytes(4)


ramp = np.linspace(0, 1, 12).reshape(2, 6)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "white"), [("u2", 65535), ("i2", 32767), ("f4", 1.0), ("i4", 65535)])
def test_white_is_zero_is_inverted(order, kind, white):
    values = (ramp * white).astype(kind)
    plain = read_image(tiff(values, order), sample_range=(0, white))[..., 0]
    inverted = read_image(tiff(values, order, photometric=0), sample_range=(0, white))[..., 0]
    np.testing.assert_array_equal(plain, np.floor(ramp * 255 + 0.5), strict=False)
    np.testing.assert_array_equal(inverted, 255 - plain)
    assert decode(tiff(values, order, 0), sample_range=(0, white))[1].extent == (0, white)


@pytest.mark.parametrize("order", ["<", ">"])
def test_white_is_zero_alone(order):
    values = (ramp * 65535).astype("u2")
    assert read_image(tiff(values, order, photometric=0))[0, 0, 0] == 255
    floats = ramp.astype("f4")
    assert read_image(tiff(floats, order, photometric=0))[-1, -1, 0] == 0


def test_compressed_white_is_zero(encoded):
    values = (ramp * 65535).astype("u2")
    plain = encoded(Image.fromarray(values), "TIFF", compression="tiff_lzw")
    place = plain.index(struct.pack("<HHI", 262, 3, 1))
    data = plain[: place + 8] + struct.pack("<HH", 0, 0) + plain[place + 12 :]
    np.testing.assert_array_equal(read_image(data), 255 - read_image(plain))


@pytest.mark.parametrize("photometric", [0, 1])
def test_twelve_bits_are_as_bright_as_sixteen(photometric):
    values = (ramp * 4095).astype("u2")
    first, second = values.ravel()[::2].astype(int), values.ravel()[1::2].astype(int)
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], -1).astype("u1").tobytes()
    shown = read_image(tiff(values, bits=12, packed=packed, photometric=photometric))[..., 0]
    expected = np.floor(values * (255 / 4095) + 0.5)
    np.testing.assert_array_equal(shown, expected if photometric else 255 - expected)


def test_what_pillow_does_not_know_is_not_called_damaged():
    with pytest.raises(ImageError, match="its pixels are of a kind that is not read: save it as PNG"):
        read_image(tiff(ramp.astype("f8")))


@pytest.mark.parametrize(
    ("extents", "expected"),
    [
        ([], None),
        ([[np.nan, np.nan]], None),
        ([[5, 65535]], (0, 65535)),
        ([[0, 40000], [np.nan, np.nan]], (0, 65535)),
        ([[0, 4095], [3, 2000]], (0, 4095)),
        ([[0, 200], [0, 400]], (0, 511)),
        ([[0, 255]], (0, 255)),
        ([[0, 0]], (0, 1)),
        ([[0, 0.3]], (0, 1)),
        ([[-0.01, 1.02]], (0, 1)),  # what rounding leaves
        ([[-1, 1]], (-1, 1)),
        ([[-1024, 3071]], (-1024, 4095)),
        ([[-900, -5]], (-1024, 1)),
        ([[0, 1e9]], (0, 2**30 - 1)),
    ],
)
def test_the_rule_of_a_data_set(extents, expected):
    assert fitted_range(np.array(extents)) == expected


def test_what_lies_beyond_the_range_is_cut_off():
    values = np.array([[-50, 0, 100, 511, 9000]], "i2")
    shown = read_image(tiff(values), sample_range=(0, 511))[0, :, 0]
    assert shown.tolist() == [0, 0, 50, 255, 255]
    with pytest.raises(ImageError, match="grey values that are not numbers"):
        read_image(tiff(np.array([[np.nan, 1]], "f4")), sample_range=(0, 1))


def dataset_of(folder, **classes):
    """A data set of 16-bit and other deep files: by class, (file name, bytes) pairs."""
    names, labels = [], []
    for label, files in classes.items():
        for i, (suffix, data) in enumerate(files):
            names.append(f"{label}{i}.{suffix}")
            labels.append(label)
            (folder / names[-1]).write_bytes(data)
    return from_answers("deep", {"train": (FileImages(names, folder), labels)}, kind=Classification)


def grain(low, high, kind, count):
    """Pictures whose samples run from about low to high."""
    rng = np.random.default_rng(high)
    return [np.sort(rng.uniform(low, high, (8, 8))).astype(kind) for _ in range(count)]


def test_one_rule_for_all_pictures_of_a_set(tmp_path):
    """Each alone, 200 of 32,767 came out brighter than 400: one was taken as 8 bits, the other as 16."""
    low, high = grain(0, 200, "i2", 12), grain(0, 400, "i2", 12)
    dataset = dataset_of(tmp_path, low=[("tif", tiff(a)) for a in low], high=[("tif", tiff(a)) for a in high])
    prepared = prepare(dataset, Preparation(val_fraction=0, test_fraction=0))
    assert prepared.preprocessing.sample_range == (0, 511)
    split = prepared.splits["train"]
    means = [split.pixels[split.targets.labels == label].mean() for label in (0, 1)]
    assert prepared.task.labels == ("high", "low")
    assert means[0] > 1.7 * means[1] > 0
    # the same file, alone, as predict and serve read it
    alone = prepared.preprocessing.read(tmp_path / split.names[0])
    np.testing.assert_array_equal(alone, split.pixels[0])
    assert any("0 is black and 511 white" in remark for remark in prepared.remarks)


def test_twelve_bits_in_sixteen(encoded, tmp_path):
    """A camera's 12 bits in a 16-bit PNG are as bright to the network as 16 bits are."""
    means = []
    for name, white in (("full", 65535), ("bits12", 4095)):
        pictures = grain(0, white, "u2", 24)
        (tmp_path / name).mkdir()
        files = [("png", encoded(Image.fromarray(picture), "PNG")) for picture in pictures]
        prepared = prepare(
            dataset_of(tmp_path / name, a=files[:12], b=files[12:]), Preparation(val_fraction=0)
        )
        assert prepared.preprocessing.sample_range == (0, white)
        means.append(np.mean([split.pixels.mean() for split in prepared.splits.values()]))
    assert abs(means[0] - means[1]) < 8


def test_the_brightest_that_the_look_missed_still_counts(tmp_path, monkeypatch):
    monkeypatch.setattr("foveate.dataset.look.SURVEY_COUNT", 2)
    dark, bright = grain(0, 400, "i2", 8), grain(0, 3000, "i2", 8)
    order = [*dark[:4], *bright, *dark[4:]]
    files = [("tif", tiff(picture)) for picture in order]
    prepared = prepare(
        dataset_of(tmp_path, a=files[:8], b=files[8:]), Preparation(val_fraction=0, test_fraction=0)
    )
    assert prepared.preprocessing.sample_range == (0, 4095)


def test_pictures_of_8_bits_have_no_range(encoded, tmp_path):
    files = [("png", encoded(Image.fromarray(a), "PNG")) for a in grain(0, 250, "u1", 24)]
    dataset = dataset_of(tmp_path, a=files[:12], b=files[12:])
    assert prepare(dataset, Preparation(val_fraction=0)).preprocessing.sample_range is None
    assert np.isnan(scan(dataset.splits["train"].images).extents).all()


def test_the_check_says_what_is_black_and_white(tmp_path):
    files = [("tif", tiff(a)) for a in grain(-900, 3000, "f4", 24)]
    dataset = dataset_of(tmp_path, a=files[:12], b=files[12:])
    results = {
        "train": scan(dataset.splits["train"].images, preprocessing=Preprocessing(8, 8, sample_range=(0, 1)))
    }
    (note,) = [item for item in findings(dataset, results).items if item.kind == "deep-grey"]
    assert "24 pictures of grey with more than 8 bits" in note.message
    assert "-1024 is black and 4095 white" in note.message
