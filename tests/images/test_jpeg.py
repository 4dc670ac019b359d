"""Half a JPEG is refused whatever its end says, by simplejpeg's strict decoder and by Pillow alone."""

import io

import numpy as np
import pytest
from PIL import Image

from foveate.dataset.quality.findings import findings
from foveate.dataset.quality.scan import scan
from foveate.dataset.samples import FileImages, from_answers
from foveate.errors import ImageError
from foveate.images import jpeg, read_image, turbo
from foveate.tasks.classification.task import Classification

END = b"\xff\xd9"


@pytest.fixture(params=["simplejpeg", "Pillow alone"])
def decoder(request, monkeypatch):
    if request.param == "Pillow alone":
        monkeypatch.setattr(turbo, "_simplejpeg", lambda: None)
    else:
        pytest.importorskip("simplejpeg")
    return request.param


def photograph(mode="RGB", size=(320, 240)):
    rng = np.random.default_rng(3)
    rough = Image.fromarray(rng.integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8))
    return rough.resize(size, Image.Resampling.BICUBIC).convert(mode)


KINDS = {
    "baseline": ("RGB", {}),
    "coarse": ("RGB", {"quality": 30, "optimize": True}),
    "progressive": ("RGB", {"progressive": True}),
    "restarts": ("RGB", {"restart_marker_blocks": 7}),
    "grey": ("L", {}),
    "grey, progressive": ("L", {"progressive": True}),
    "CMYK": ("CMYK", {}),
    "RGB as it is": ("RGB", {"keep_rgb": True}),
    "with EXIF": (
        "RGB",
        {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"},
    ),
    "with a comment": ("RGB", {"comment": b"\xff\xd9\xff\xda" * 9}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("divisor", [1, 4])
def test_cut_and_closed_with_an_end_marker(encoded, decoder, kind, divisor):
    mode, options = KINDS[kind]
    data = encoded(photograph(mode), "JPEG", **options)
    read_image(data, divisor_for=lambda height, width: divisor)
    start = data.rindex(b"\xff\xda") + 14 if "comment" not in kind else len(data) // 3
    for cut in np.linspace(start, len(data) - 40, 9).astype(int):
        half = data[:cut].rstrip(b"\xff") + END
        with pytest.raises(ImageError, match=r"truncated|damaged"):
            read_image(half, divisor_for=lambda height, width: divisor)


@pytest.mark.parametrize("kind", KINDS)
def test_whole_files_are_pillows_own_pixels(encoded, decoder, kind):
    mode, options = KINDS[kind]
    for size in ((320, 240), (1, 1), (9, 16), (33, 7)):
        for picture in (photograph(mode, (320, 240)).resize(size), Image.new(mode, size)):
            data = encoded(picture, "JPEG", **options)
            wanted = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
            if kind == "with EXIF":
                wanted = np.rot90(wanted, -1)
            np.testing.assert_array_equal(read_image(data), wanted)


def test_what_costs_no_pixel_costs_no_picture(encoded, decoder):
    data = encoded(photograph(), "JPEG")
    whole = read_image(data)
    tables = data.index(b"\xff\xdb")
    for odd in (
        data + b"anything",
        data + bytes(5000),
        data + data,
        data[:-2] + bytes(200) + END,
        data[:-2] + b"abc" + END,
        data[:tables] + b"\0\0" + data[tables:],
        data.replace(b"JFIF\0\1", b"JFIF\0\3"),
    ):
        np.testing.assert_array_equal(read_image(odd), whole)


def test_odd_words_in_the_header_do_not_hide_a_cut(encoded, decoder):
    data = encoded(photograph(), "JPEG").replace(b"JFIF\0\1", b"JFIF\0\3")
    with pytest.raises(ImageError, match="truncated"):
        read_image(data[: len(data) // 2] + END)


def test_a_progressive_file_without_its_last_scans(encoded, decoder):
    """Each scan that is there is whole, so libjpeg has nothing to complain of; the picture is coarse."""
    data = encoded(photograph(), "JPEG", progressive=True)
    ends = [at for at in range(len(data)) if data[at : at + 2] == b"\xff\xda"][1:]
    assert len(ends) == 9
    for end in ends:
        table = data.rindex(b"\xff\xc4", 0, end)  # each scan has its own
        for cut in (end, table):
            with pytest.raises(ImageError, match="truncated"):
                read_image(data[:cut] + END)


def test_zeros_in_the_middle(encoded, decoder):
    """Zeros are codes as well: the decoder comes out with too few pixels, or with data left over."""
    data = bytearray(encoded(photograph(size=(640, 480)), "JPEG", quality=92))
    data[len(data) // 2 : len(data) // 2 + 4096] = bytes(4096)
    with pytest.raises(ImageError, match=r"truncated|damaged"):
        read_image(bytes(data))


def test_bad_codes_are_seen_with_simplejpeg(encoded):
    pytest.importorskip("simplejpeg")
    data = bytearray(encoded(photograph("CMYK"), "JPEG", progressive=True))
    middle = len(data) // 2
    data[middle : middle + 64] = b"\xff\0" * 32  # sixteen ones and more begin no code
    with pytest.raises(ImageError, match=r"damaged .*bad Huffman code"):
        read_image(bytes(data))


def test_the_check_names_half_a_photograph(encoded, decoder, tmp_path):
    data = encoded(photograph(), "JPEG")
    for name in ("cat", "dog"):
        for i in range(12):
            (tmp_path / f"{name}{i}.jpg").write_bytes(data[:-2] + bytes([i]) + END)
    (tmp_path / "cat7.jpg").write_bytes(data[: len(data) // 2] + END)
    names = [f"{name}{i}" for name in ("cat", "dog") for i in range(12)]
    images = FileImages([f"{name}.jpg" for name in names], tmp_path)
    dataset = from_answers("pets", {"train": (images, [name[:3] for name in names])}, kind=Classification)
    found = [i for i in findings(dataset, {"train": scan(images)}).items if i.kind == "unreadable"]
    assert len(found) == 1
    assert "'cat7.jpg'" in found[0].message and "truncated" in found[0].message


def test_padding():
    assert jpeg.is_padding(b"") and jpeg.is_padding(bytes(500)) and jpeg.is_padding(b"few bytes")
    assert not jpeg.is_padding(b"many bytes of two kinds and more")
