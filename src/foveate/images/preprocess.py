"""From any picture to what the network takes: the one definition, used in training, evaluation and serving.

Geometry and grey work on uint8 (``apply``); the scaling to floats (``normalise``) is one multiplication and
one addition a channel, the same two that the exported network holds inside.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.errors import InputError
from foveate.images.deep import Range
from foveate.images.pixels import to_grey
from foveate.images.read import DEFAULT_MAX_PIXELS, ImageInfo, decode, read_bytes, read_image
from foveate.images.resample import resized

if TYPE_CHECKING:
    from foveate.geometry import Affine, Box

Fit = Literal["crop", "pad", "stretch"]
Interpolation = Literal["nearest", "bilinear", "bicubic"]

FITS = ("crop", "pad", "stretch")
MAX_SIDE_PX = 8192
INTERPOLATIONS = ("nearest", "bilinear", "bicubic")


class Taken(NamedTuple):
    """A picture as the network takes it, (height, width, channels) uint8, and its own (width, height)."""

    pixels: NDArray[np.uint8]
    size: tuple[int, int]


class Seen(NamedTuple):
    """How N pictures came to the network: by which preprocessing, and their own sizes, (width, height)."""

    preprocessing: Preprocessing
    sizes: Sequence[tuple[int, int]]

    def place(self, row: int) -> Affine:
        """The map from a picture's own pixels to those of the network's input."""
        return self.preprocessing.place(*self.sizes[row])


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes the network's input. Frozen, checked when made, and saved with every model.

    - ``height``, ``width`` (pixels) and ``channels`` (1 grey, 3 RGB) are the network's.
    - ``fit="crop"``: the picture is scaled, its shape kept, to cover the target divided by ``crop_fraction``,
      and the centre is cut out; ``"pad"``: scaled, its shape kept, to lie inside the target, the rest is
      ``fill`` (RGB); ``"stretch"``: scaled to the target, its shape lost.
    - ``interpolation``: ``bilinear`` and ``bicubic`` are antialiased when they shrink; ``nearest`` is not.
    - ``mean``, ``std``: one a channel, in units of 0..1, as torchvision's. Without them pixels become 0..1.
    - ``sample_range``: what is black and what is white in grey of more than 8 bits a sample, fitted to the
      training pictures; None: each such picture is judged alone, see ``images.read``.

    Raises ``InputError`` for a value that cannot be.
    """

    height: int
    width: int
    channels: int = 3
    fit: Fit = "crop"
    crop_fraction: float = 1.0
    interpolation: Interpolation = "bilinear"
    fill: tuple[int, int, int] = (128, 128, 128)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    sample_range: Range | None = None

    def __post_init__(self) -> None:
        for name in ("height", "width"):
            _require(_is_int(getattr(self, name), 1, MAX_SIDE_PX), name, f"1 to {MAX_SIDE_PX}", self)
        _require(_is_int(self.channels, 1, 3) and self.channels != 2, "channels", "1 (grey) or 3 (RGB)", self)
        _require(self.fit in FITS, "fit", "crop, pad or stretch", self)
        _require(self.interpolation in INTERPOLATIONS, "interpolation", "nearest, bilinear or bicubic", self)
        fraction = self.crop_fraction
        _require(_is_number(fraction) and 0 < fraction <= 1, "crop_fraction", "above 0, at most 1", self)
        _require(
            isinstance(self.fill, tuple | list)
            and len(self.fill) == 3
            and all(_is_int(v, 0, 255) for v in self.fill),
            "fill",
            "three whole numbers from 0 to 255",
            self,
        )
        self._settle_sample_range()
        for name in ("height", "width", "channels"):
            object.__setattr__(self, name, int(getattr(self, name)))  # NumPy's integers are no JSON
        object.__setattr__(self, "crop_fraction", float(fraction))
        object.__setattr__(self, "fill", tuple(int(v) for v in self.fill))
        self._settle_channel_values("mean", 0.0)
        self._settle_channel_values("std", 1.0)
        _require(min(self.std) >= 1e-6, "std", "above 0 for every channel", self)

    def _settle_channel_values(self, name: str, default: float) -> None:
        values = getattr(self, name)
        right = isinstance(values, tuple | list) and len(values) in (0, self.channels)
        _require(
            right and all(_is_number(v) for v in values),
            name,
            f"{self.channels} numbers, one a channel",
            self,
        )
        settled = tuple(float(v) for v in values) or (default,) * self.channels
        object.__setattr__(self, name, settled)

    def _settle_sample_range(self) -> None:
        if (found := self.sample_range) is None:
            return
        right = (
            isinstance(found, tuple | list) and len(found) == 2 and all(_is_number(v, 1e39) for v in found)
        )
        _require(right and found[0] < found[1], "sample_range", "None or two numbers, black < white", self)
        object.__setattr__(self, "sample_range", tuple(float(v) for v in found))

    @property
    def scale(self) -> NDArray[np.float32]:
        """``1 / (255 std)``, float32 ``(C,)``."""
        return (1.0 / (255.0 * np.asarray(self.std, np.float64))).astype(np.float32)

    @property
    def shift(self) -> NDArray[np.float32]:
        """``-mean / std``, float32 ``(C,)``."""
        return (-np.asarray(self.mean, np.float64) / np.asarray(self.std, np.float64)).astype(np.float32)

    def keeps(self, height: int, width: int) -> bool:
        """Whether ``apply`` leaves the pixels of a picture of this size where they are."""
        same = (height, width) == (self.height, self.width)
        return same and (self.fit != "crop" or self.crop_fraction == 1.0)

    def place(self, width: float, height: float) -> Affine:
        """The map from a picture of this size, as people see it (`ImageInfo`), to the network's input.

        In pixels of both; its ``inverse()`` brings places on the input back to the picture. It is the same
        however small the file was decoded.
        """
        from foveate.geometry import Affine  # not needed to read a picture

        return Affine.between(*self._placed((0, 0, width, height)))

    def jpeg_divisor(self, height: int, width: int) -> int:
        """By which of 1, 2, 4, 8 a JPEG picture of this size (pixels) may be divided while it is decoded.

        The decoded picture stays at least twice as large as the network's, so that most of the filtering is
        still `apply`'s: on photographs of 12 megapixels the result differs by a quarter of a grey level on
        average, and takes a fifth of the time.
        """
        shrink = self._shrink(height, width)
        return next(d for d in (8, 4, 2, 1) if d == 1 or shrink >= 2 * d)

    def _shrink(self, height: int, width: int) -> float:
        """How many of the picture's pixels become one, along the side that shrinks least."""
        if self.interpolation == "nearest":
            return 1.0  # it picks pixels, which are not those of a smaller picture
        ratios = height / self.height, width / self.width
        if self.fit == "pad":
            return max(ratios)
        return min(ratios) * (self.crop_fraction if self.fit == "crop" else 1.0)

    def decode(
        self, source: str | Path | bytes, *, name: str | None = None, max_pixels: int = DEFAULT_MAX_PIXELS
    ) -> tuple[NDArray[np.uint8], ImageInfo]:
        """A file or its bytes, decoded no larger than the network needs: ``(H, W, 3)`` uint8 for ``apply``.

        Arguments and errors are those of ``read_image``.
        """
        data = source if isinstance(source, bytes) else read_bytes(source, name=name)
        called = name or ("bytes" if isinstance(source, bytes) else os.fspath(source))
        return decode(
            data,
            name=called,
            max_pixels=max_pixels,
            divisor_for=self.jpeg_divisor,
            sample_range=self.sample_range,
        )

    def read(
        self, source: str | Path | bytes, *, name: str | None = None, max_pixels: int = DEFAULT_MAX_PIXELS
    ) -> NDArray[np.uint8]:
        """A file or its bytes -> ``(height, width, channels)`` uint8, as the network takes it.

        ``decode``, then ``apply``. Arguments and errors are those of ``read_image``.
        """
        return self.take(source, name=name, max_pixels=max_pixels).pixels

    def take(
        self, source: str | Path | bytes, *, name: str | None = None, max_pixels: int = DEFAULT_MAX_PIXELS
    ) -> Taken:
        """The same with the size of the picture. Arguments and errors are those of ``read_image``."""
        pixels, info = self.decode(source, name=name, max_pixels=max_pixels)
        return Taken(self.apply(pixels, info.box), (info.width, info.height))

    def whole(
        self, source: str | Path | bytes, *, name: str | None = None, max_pixels: int = DEFAULT_MAX_PIXELS
    ) -> NDArray[np.uint8]:
        """A file or its bytes at its own size, to look at: ``(H, W, 3)`` uint8, as bright as `read` sees it.

        Arguments and errors are those of ``read_image``.
        """
        return read_image(source, name=name, max_pixels=max_pixels, sample_range=self.sample_range)

    def apply(self, image: NDArray[np.uint8], box: Box | None = None) -> NDArray[np.uint8]:
        """``(H, W, 3)`` or ``(H, W, 1)`` uint8 -> ``(height, width, channels)`` uint8, C-contiguous.

        Geometry and grey only. Where nothing is to be done the result may share the picture's memory.
        box: where in it the picture lies, see ``ImageInfo``; all of it unless told otherwise.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3) or image.size == 0:
            raise InputError(f"A picture is uint8 (H, W, 3) or (H, W, 1), not {image.dtype} {image.shape}.")
        if image.shape[2] != self.channels:
            image = to_grey(image) if self.channels == 1 else np.repeat(image, 3, axis=2)
        if box is not None or not self.keeps(*image.shape[:2]):
            image = self._resampled(image, box or (0, 0, image.shape[1], image.shape[0]))
        return np.ascontiguousarray(image)

    def apply_batch(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """``(N, H, W, C)`` uint8 of one size -> ``(N, height, width, channels)``: ``apply`` to each."""
        if images.ndim == 4 and len(images) and self.keeps(*images.shape[1:3]) and images.dtype == np.uint8:
            # Nothing moves, so pictures may lie under one another: one call instead of N.
            flat = images.reshape(-1, *images.shape[2:])
            if flat.shape[2] == self.channels:
                return np.ascontiguousarray(images)
            grey = to_grey(flat) if self.channels == 1 else np.repeat(flat, 3, axis=2)
            return grey.reshape(*images.shape[:3], self.channels)
        out = np.empty((len(images), self.height, self.width, self.channels), np.uint8)
        for i, image in enumerate(images):
            out[i] = self.apply(image)
        return out

    def normalise(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """``(N, H, W, C)`` uint8 -> ``(N, C, H, W)`` float32, ``x * scale + shift``, C-contiguous."""
        if batch.ndim != 4 or batch.shape[3] != self.channels or batch.dtype != np.uint8:
            raise InputError(f"A batch is uint8 (N, H, W, {self.channels}), not {batch.dtype} {batch.shape}.")
        out = np.ascontiguousarray(batch.transpose(0, 3, 1, 2)).astype(np.float32)  # (N, C, H, W)
        out *= self.scale[:, None, None]
        out += self.shift[:, None, None]
        return out

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; ``from_dict`` gives an equal object back."""
        plain = asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Preprocessing:
        """The inverse of ``to_dict``; an unknown or missing key, or a wrong value, is an ``InputError``."""
        if not isinstance(data, Mapping):
            raise InputError(f"Preprocessing must be a mapping of its settings, not {type(data).__name__}.")
        known = {field.name for field in fields(cls)}
        if unknown := sorted(str(key) for key in data.keys() - known):
            raise InputError(
                f"Preprocessing has no setting {unknown[0]!r}; it has {', '.join(sorted(known))}."
            )
        if missing := sorted(known - data.keys() - {"sample_range"}):  # models made before it have none
            raise InputError(f"Preprocessing lacks the setting {missing[0]!r}.")
        settings: dict[str, Any] = dict(data)
        return cls(**settings)

    def describe(self) -> str:
        """One sentence for people."""
        size = f"{self.height} x {self.width} pixels"
        if self.fit == "crop":
            part = f"{self.crop_fraction:.1%} of " if self.crop_fraction < 1 else ""
            how = f"cut to {part}the largest centred part of that shape and scaled to {size}"
        elif self.fit == "pad":
            how = f"scaled to fit inside {size} and padded with RGB {self.fill}"
        else:
            how = f"stretched to {size}"
        colour = "grey" if self.channels == 1 else "RGB"
        mean, std = ([round(v, 4) for v in values] for values in (self.mean, self.std))
        deep = ""
        if self.sample_range is not None:
            black, white = self.sample_range
            deep = f" In grey of more than 8 bits {black:g} is black and {white:g} white."
        numbers = f"(pixel/255 - {mean}) / {std}"
        return f"Each picture is {how} ({self.interpolation}), {colour}, then {numbers}.{deep}"

    def _placed(self, box: Box) -> tuple[Box, tuple[int, int, int, int]]:
        """The part of a picture, lying in ``box``, that is scaled, and the pixels of the input it goes to."""
        if self.fit == "stretch":
            return box, (0, 0, self.width, self.height)
        left, top, right, bottom = box
        width, height = right - left, bottom - top
        if self.fit == "pad":
            scale = min(self.height / height, self.width / width)
            inner_h = min(self.height, max(1, math.floor(height * scale + 0.5)))
            inner_w = min(self.width, max(1, math.floor(width * scale + 0.5)))
            down, across = (self.height - inner_h) // 2, (self.width - inner_w) // 2
            return box, (across, down, across + inner_w, down + inner_h)
        # Only the part that remains is ever scaled: a 1 x 5000 strip never becomes a million pixels wide.
        scale = max(self.height / height, self.width / width) / self.crop_fraction
        half_w = min(width, self.width / scale) / 2
        half_h = min(height, self.height / scale) / 2
        x, y = (left + right) / 2, (top + bottom) / 2
        return (x - half_w, y - half_h, x + half_w, y + half_h), (0, 0, self.width, self.height)

    def _resampled(self, image: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
        part, (left, top, right, bottom) = self._placed(box)
        inner = self._resize(image, right - left, bottom - top, part)
        if inner.shape[:2] == (self.height, self.width):
            return inner
        fill = np.array(self.fill, np.uint8)
        canvas = np.empty((self.height, self.width, self.channels), np.uint8)
        canvas[:] = fill if self.channels == 3 else to_grey(fill)
        canvas[top:bottom, left:right] = inner
        return canvas

    def _resize(self, image: NDArray[np.uint8], width: int, height: int, box: Box) -> NDArray[np.uint8]:
        if box == (0, 0, width, height) == (0, 0, image.shape[1], image.shape[0]):
            return image
        return resized(image, (width, height), self.interpolation, box)


def _is_int(value: object, low: int, high: int) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(low <= value <= high)


def _is_number(value: Any, most: float = 1e9) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    return bool(-most <= value <= most)  # false of NaN, and safe for whole numbers too large for a float


def _require(condition: bool, name: str, expected: str, found: Preprocessing) -> None:
    if not condition:
        raise InputError(f"Preprocessing: {name} must be {expected}, not {getattr(found, name)!r}.")
