"""A file or its bytes -> an ``(H, W, 3)`` uint8 RGB array, for any picture that people have.

The content decides the format, never the file's extension. What is done to each kind of pixel:

- EXIF orientation 1-8 is applied. A damaged EXIF block is ignored, as browsers do.
- Transparency (an alpha channel, a transparent palette entry or colour) is laid on ``background``, white
  unless told otherwise.
- Grey of more than 8 bits is scaled from ``sample_range``, what is black and white in it, to 0..255; see
  ``deep.py``. Without one a picture is judged alone: 16 bits without a sign are ``round(value / 257)``, where
  Pillow's own conversion clips to white; other integers are taken as 8-bit when all of them are within
  0..255, as 16-bit when within 0..65535; floats as 0..1, 0..255 or 0..65535, the narrowest range that holds
  them all. Others are refused then. WhiteIsZero is inverted; 12-bit samples are stretched to 16.
- 16-bit colour keeps its high byte, which is what Pillow decodes.
- CMYK is converted without colour management (Adobe's inverted JPEGs included), CIE L*a*b* to sRGB; embedded
  colour profiles are not applied.
- Of an animation or a file of several pages, the first frame is used.

A JPEG file that will be scaled down far can be decoded smaller at once (``divisor_for``): its inverse cosine
transform gives 1/2, 1/4 or 1/8 of the side for a fraction of the work.

A picture is refused from its header, before any pixel is decoded, when it has too many pixels; it is always
decoded to its end, so a truncated file is an error and never a half-grey picture.
"""

from __future__ import annotations

import importlib
import io
import logging
import os
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.images import deep, jpeg, png, tiff, turbo
from foveate.images.deep import Range
from foveate.images.formats import RefusedError, sniff
from foveate.images.orientation import orientation_of, seen_size, turn, turned
from foveate.images.pixels import is_grey, to_grey, to_rgb
from foveate.images.refusals import quiet, refusals_as_image_errors

if TYPE_CHECKING:
    from foveate.geometry import Box

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "IMAGE_SUFFIXES",
    "DivisorFor",
    "ImageInfo",
    "decode",
    "is_grey",
    "is_image_name",
    "probe",
    "read_bytes",
    "read_image",
    "to_grey",
]

DEFAULT_MAX_PIXELS = 89_478_485  # Pillow's own warning limit: 256 MiB of RGB
MAX_SIDE_PX = 65_535  # JPEG's own limit; no camera comes near it
MAX_FILE_BYTES = 512 * 2**20
MAX_RLE_PIXELS = 10_000_000  # of a run-length encoded BMP, which Pillow decodes in Python
MAX_JPEG_SCANS = 100  # encoders write about ten; each scan more costs a pass over all pixels
MIN_DECODED_PX = 8  # a JPEG picture is not decoded to less than this
WHITE = (255, 255, 255)

# fmt: off
IMAGE_SUFFIXES = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".dib", ".webp", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".avif",
))
# fmt: on

# Format -> the Pillow module and the callable that opens it. Asking for the one plugin by name keeps the
# forty others (EPS would start Ghostscript) out of reach, and the start of a program fast.
_OPENERS = {
    "JPEG": ("JpegImagePlugin", "jpeg_factory"),
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "GIF": ("GifImagePlugin", "GifImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
    "WEBP": ("WebPImagePlugin", "WebPImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "PPM": ("PpmImagePlugin", "PpmImageFile"),
    "AVIF": ("AvifImagePlugin", "AvifImageFile"),
}
_KINDS = (
    (stat.S_ISDIR, "it is a folder"),
    (stat.S_ISFIFO, "it is a pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
    (stat.S_ISCHR, "it is a device, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
)

# Pillow reports odd metadata through a logger; without a handler Python would print that on standard error.
logging.getLogger("PIL").addHandler(logging.NullHandler())

# (height, width) of a picture as people see it -> 1, 2, 4 or 8, see `Preprocessing.jpeg_divisor`.
DivisorFor = Callable[[int, int], int]


@dataclass(frozen=True)
class ImageInfo:
    """What a picture's header says.

    ``width`` and ``height`` (pixels) are those of the picture as people see it and as ``read_image`` returns
    it: after the turn that ``orientation`` (EXIF, 1-8) asks for. ``mode`` is Pillow's name for how the pixels
    are stored; ``animated`` says that more frames or pages follow the first.

    Of decoded pixels: ``extent`` is the lowest and the highest sample of grey of more than 8 bits; ``box`` is
    where the picture lies (left, top, right, bottom) in pixels that were decoded smaller: the last of them
    may cover less of it than the others.
    """

    format: str
    mode: str
    width: int
    height: int
    animated: bool
    orientation: int
    extent: Range | None = field(default=None, compare=False)
    box: Box | None = field(default=None, compare=False)


def is_image_name(name: str) -> bool:
    """Whether a file name ends as pictures' names do (``.jpg``, ``.PNG`` ...); says nothing of the content.

    >>> is_image_name("cat.JPG"), is_image_name("notes.txt")
    (True, False)
    """
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 (for every file; Path is slow)


def read_image(
    source: str | Path | bytes,
    *,
    name: str | None = None,
    background: tuple[int, int, int] = WHITE,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    divisor_for: DivisorFor | None = None,
    sample_range: Range | None = None,
) -> NDArray[np.uint8]:
    """Decode a picture: ``(H, W, 3)`` uint8 RGB, writable and C-contiguous.

    ``source`` is a path, or the bytes of a file; ``name`` is what errors call it, if not by its path. Memory
    stays below about 18 bytes a pixel besides the file itself. ``divisor_for`` says by which of 1, 2, 4, 8
    the sides of a JPEG picture may be divided, rounded up; without it pictures come in full.
    ``sample_range``: what is black and white in grey of more than 8 bits.

    Raises ``ImageError`` (an ``UnreadableImageError``) with the file's name and the reason.
    """
    if isinstance(source, bytes):
        data, called = source, name or "bytes"
    else:
        data, called = read_bytes(source, name=name), name or os.fspath(source)
    return decode(
        data,
        name=called,
        background=background,
        max_pixels=max_pixels,
        divisor_for=divisor_for,
        sample_range=sample_range,
    )[0]


def probe(
    source: str | Path | bytes, *, name: str | None = None, max_pixels: int = DEFAULT_MAX_PIXELS
) -> ImageInfo:
    """Read a picture's header only. A good header does not promise good pixels: ``decode`` does.

    Raises ``ImageError`` as ``read_image`` does.
    """
    data = source if isinstance(source, bytes) else read_bytes(source, name=name)
    label = name or ("bytes" if isinstance(source, bytes) else os.fspath(source))
    with refusals_as_image_errors(label), quiet():
        form = sniff(data)
        with open_picture(data, form, max_pixels) as picture:
            orientation = orientation_of(picture)
            to_do = 1 if form == "TIFF" else orientation  # Pillow gives a TIFF's size as turned already
            height, width = seen_size(picture.size, to_do)
            return ImageInfo(form, picture.mode, width, height, _animated(picture), orientation)


def decode(
    data: bytes,
    *,
    name: str = "bytes",
    background: tuple[int, int, int] = WHITE,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    divisor_for: DivisorFor | None = None,
    sample_range: Range | None = None,
) -> tuple[NDArray[np.uint8], ImageInfo]:
    """Decode the bytes of a picture file: the pixels as ``read_image`` gives them, and what the header said.

    One call for whoever needs both, so that 60,000 files are each read and opened once.

    Raises ``ImageError`` as ``read_image`` does.
    """
    with refusals_as_image_errors(name):
        form = sniff(data)
        if form == "JPEG" and (found := _plain_jpeg(data, max_pixels, divisor_for)):
            return found
        with quiet(), open_picture(data, form, max_pixels) as picture:
            if form == "JPEG":
                return _jpeg(picture, data, background, divisor_for)
            return _any(picture, data, form, background, max_pixels=max_pixels, sample_range=sample_range)


def _plain_jpeg(
    data: bytes, max_pixels: int, divisor_for: DivisorFor | None
) -> tuple[NDArray[np.uint8], ImageInfo] | None:
    """A JPEG with nothing unusual about it, without Pillow; None for any other."""
    if (plain := turbo.plain_header(data)) is None:
        return None
    mode, width, height, orientation = plain
    _require_size(max_pixels, width, height)
    _require_few_scans(data)
    divisor = _divisor(divisor_for, *seen_size((width, height), orientation))
    pixels = turbo.pixels(data, mode, width, height, divisor)
    if pixels is None:
        return None
    return _seen(
        pixels, ImageInfo("JPEG", mode, width, height, animated=False, orientation=orientation), divisor
    )


def _jpeg(
    picture: Any, data: bytes, background: tuple[int, int, int], divisor_for: DivisorFor | None
) -> tuple[NDArray[np.uint8], ImageInfo]:
    mode, (width, height) = picture.mode, picture.size
    orientation = orientation_of(picture)
    jpeg.require_all_scans(data)
    divisor = _divisor(divisor_for, *seen_size((width, height), orientation))
    pixels = turbo.pixels(data, mode, width, height, divisor)
    if pixels is None:
        if divisor > 1:
            picture.draft(mode, (width // divisor, height // divisor))
        jpeg.load(picture, data)
        pixels = to_rgb(picture, background)
    return _seen(pixels, ImageInfo("JPEG", mode, width, height, _animated(picture), orientation), divisor)


def _seen(pixels: NDArray[np.uint8], stored: ImageInfo, divisor: int) -> tuple[NDArray[np.uint8], ImageInfo]:
    """Stored pixels, ``divisor`` times smaller, as people see them; stored: with the size in full."""
    size, orientation = (stored.width, stored.height), stored.orientation
    box = None
    if divisor > 1:
        box = (0.0, 0.0, size[0] / divisor, size[1] / divisor)
        if orientation > 1:
            left, top, right, bottom = turn((pixels.shape[1], pixels.shape[0]), orientation).boxes(box)
            box = float(left), float(top), float(right), float(bottom)
    height, width = seen_size(size, orientation)
    return turned(pixels, orientation), replace(stored, width=width, height=height, box=box)


def _any(
    picture: Any,
    data: bytes,
    form: str,
    background: tuple[int, int, int],
    *,
    max_pixels: int,
    sample_range: Range | None,
) -> tuple[NDArray[np.uint8], ImageInfo]:
    before = orientation_of(picture) if form == "TIFF" else 1
    mode, hidden, extent = picture.mode, None, None
    frame = picture.tile[0][1] if form == "GIF" and picture.tile else None
    if form == "TIFF":
        tiff.load(picture, data, max_pixels)
    elif form == "PNG":
        hidden = png.load(picture, data, lambda: open_picture(data, form, max_pixels))
    else:
        picture.load()
    if deep.is_deep(picture):
        extent = deep.extent(picture)
        sample_range = sample_range or deep.own_range(picture, extent)
    pixels = to_rgb(picture, background, None if extent is None else sample_range)
    if frame is not None:
        pixels = _framed(pixels, frame, background)
    if hidden is not None:
        pixels[hidden] = background
    after = orientation_of(picture)  # a PNG may hold it behind the pixels; a TIFF is turned by now
    pixels = turned(pixels, after)
    height, width = pixels.shape[:2]
    info = ImageInfo(form, mode, width, height, _animated(picture), max(before, after), extent)
    return pixels, info


def _framed(
    pixels: NDArray[np.uint8], frame: tuple[int, int, int, int], background: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """A GIF whose first frame is smaller than its canvas: around it is nothing, as in browsers."""
    left, top, right, bottom = frame
    framed = np.empty_like(pixels)
    framed[:] = background
    framed[top:bottom, left:right] = pixels[top:bottom, left:right]
    return framed


def read_bytes(path: str | Path, *, name: str | None = None) -> bytes:
    """The whole content of a regular file of at most ``MAX_FILE_BYTES``.

    Never waits on a pipe and never opens a device. Raises ``ImageError`` with the reason.
    """
    label = name or os.fspath(path)
    with refusals_as_image_errors(label):
        _require_regular(os.stat(path))  # noqa: PTH116 (before opening: opening a device can act on it)
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags)
        with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 (a descriptor is no path)
            status = os.fstat(descriptor)  # again: the path may have come to name something else
            _require_regular(status)
            if status.st_size > MAX_FILE_BYTES:
                raise RefusedError(f"the file has {status.st_size:,} bytes; the limit is {MAX_FILE_BYTES:,}")
            return file.read()


def _require_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        reasons = (reason for is_kind, reason in _KINDS if is_kind(status.st_mode))
        raise RefusedError(next(reasons, "it is not a regular file"))


def open_picture(data: bytes, form: str, max_pixels: int) -> Any:
    """Pillow's picture, header read and found harmless, pixels not yet decoded."""
    module_name, opener = _OPENERS[form]
    module = importlib.import_module(f"PIL.{module_name}")
    if not getattr(module, "SUPPORTED", True):
        raise RefusedError(f"this Pillow was built without {form}")
    if form == "WEBP":
        _require_size(max_pixels, *_webp_size(data))  # its decoder sets memory aside while opening
    # Image.open() would do the same, after trying other plugins, and with warnings of its own about size.
    picture = tiff.opened(data) if form == "TIFF" else getattr(module, opener)(io.BytesIO(data), "")
    try:
        _require_size(max_pixels, *picture.size)
        if form == "JPEG":
            _require_few_scans(data)
        if form == "BMP" and picture.tile[0][0] == "bmp_rle":
            _require_size(min(max_pixels, MAX_RLE_PIXELS), *picture.size)
        if form == "TIFF":
            tile = [picture.tag_v2.get(tag, 1) for tag in (322, 323)]  # TileWidth, TileLength
            _require_size(max_pixels, int(tile[0]), int(tile[1]))
    except BaseException:
        picture.close()
        raise
    return picture


def _require_size(max_pixels: int, width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise RefusedError(f"its size is {width} x {height} pixels")
    if max(width, height) > MAX_SIDE_PX:
        raise RefusedError(
            f"it is {width:,} x {height:,} pixels; the longest side allowed is {MAX_SIDE_PX:,}"
        )
    if width * height > max_pixels:
        raise RefusedError(f"it is {width:,} x {height:,} pixels; at most {max_pixels:,} in all are allowed")


def _require_few_scans(data: bytes) -> None:
    levels = np.frombuffer(data, np.uint8)  # bytes.count would take a twentieth of decoding it
    scans = np.count_nonzero((levels[:-1] == 0xFF) & (levels[1:] == 0xDA))
    if scans > MAX_JPEG_SCANS:
        raise RefusedError(f"it has {scans:,} scans; the limit is {MAX_JPEG_SCANS}")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height from the header of a WebP file (RFC 9649)."""
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _animated(picture: Image.Image) -> bool:
    try:
        return bool(getattr(picture, "is_animated", False))
    except Exception:  # a damaged second frame: the first one is all that is used
        return False


def _divisor(divisor_for: DivisorFor | None, height: int, width: int) -> int:
    """What is asked for, but 1 for a sliver: Pillow finds its scale from rounded sides."""
    divisor = 1 if divisor_for is None else divisor_for(height, width)
    return divisor if min(height, width) >= MIN_DECODED_PX * divisor else 1
