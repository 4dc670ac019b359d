"""The pictures the networks look at: those that were given, and samples to begin with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.dataset import open_dataset
from foveate.dataset.samples import EncodedImages, measured_splits
from foveate.errors import RequestError
from foveate.images.preprocess import Preprocessing
from foveate.images.read import read_bytes
from foveate.inspector.keys import alike
from foveate.inspector.newest import Shelf
from foveate.models.model import Model
from foveate.words import encodable

MOST_PICTURES = 32
MOST_BYTES = 256 << 20
KEPT_SIDE_PX = 2048  # larger pictures are shown smaller
MOST_SEEN = 4  # networks whose view of a picture is kept
SAMPLES = 8


@dataclass(frozen=True)
class Picture:
    """pixels: (H, W, 3) uint8 to look at, at most 2,048 px a side. width, height: as it was given.

    file: the bytes it was read from; empty for one that came as pixels.
    """

    name: str
    pixels: NDArray[np.uint8]
    width: int
    height: int
    file: bytes = b""
    _seen: dict[Preprocessing, NDArray[np.uint8]] = field(default_factory=dict, repr=False)

    @property
    def nbytes(self) -> int:
        seen = sum(view.nbytes for view in self._seen.values())
        return self.pixels.nbytes + len(self.file) + seen

    def seen_by(self, preprocessing: Preprocessing) -> NDArray[np.uint8]:
        """(height, width, channels) uint8: what a network is given of it, here as by `foveate predict`."""
        found = self._seen.get(preprocessing)
        if found is None:
            if self.file:
                found = preprocessing.read(self.file, max_pixels=self.width * self.height)
            else:
                found = preprocessing.apply(self.pixels)
            if len(self._seen) >= MOST_SEEN:
                self._seen.clear()
            self._seen[preprocessing] = found
        return found


class Pictures:
    """All pictures at hand, by short names."""

    def __init__(self) -> None:
        self._shelf: Shelf[Picture] = Shelf(
            "picture", MOST_PICTURES, most_bytes=MOST_BYTES, size=lambda p: p.nbytes
        )

    def add(self, name: str, pixels: NDArray[np.uint8], file: bytes = b"") -> str:
        """Keep a picture (H, W, 3) uint8, and the bytes of the file it is from; returns its id."""
        height, width = pixels.shape[:2]
        kept = pixels
        if max(height, width) > KEPT_SIDE_PX:
            image = Image.fromarray(pixels)
            image.thumbnail((KEPT_SIDE_PX, KEPT_SIDE_PX), Image.Resampling.BICUBIC)
            kept = np.asarray(image).copy()
        return self._shelf.put(Picture(name, kept, width, height, file))

    def read(self, body: bytes, name: str, preprocessing: Preprocessing, max_pixels: int) -> str:
        """Keep a picture from a file's bytes, as bright as a network sees it.

        Raises ImageError, RequestError.
        """
        if not body:
            raise RequestError(400, "Expected a picture as the request's body, found none.")
        return self.add(name, preprocessing.whole(body, name=name, max_pixels=max_pixels), body)

    def get(self, name: str) -> Picture:
        """Raises RequestError 404."""
        return self._shelf.get(name)

    def describe(self, name: str, net: str) -> dict[str, object]:
        """A picture as JSON; the url is of it as the network sees it."""
        picture = self.get(name)
        return {
            **alike(name, "picture", "id"),
            "name": encodable(picture.name),
            "width": picture.width,
            "height": picture.height,
            "url": f"/api/pictures/{name}.png?net={net}",
        }

    def list(self, net: str) -> list[dict[str, object]]:
        """All of them, in the order in which they came."""
        return [self.describe(name, net) for name, _ in self._shelf.items()]


def add_samples(pictures: Pictures, net: Model, image: Path | None, data: str | None) -> None:
    """Something to look at from the start: the given picture, some of a data set, else some of our own.

    Raises InputError where what was asked for cannot be read.
    """
    if image is not None:
        file = read_bytes(image)
        pictures.add(image.name, net.preprocessing.whole(file, name=str(image)), file)
    if data is not None:
        _some_of(pictures, data, net.preprocessing)
    elif image is None:
        if net.preprocessing.channels == 1:
            _some_of(pictures, "fashion-mnist-mini", net.preprocessing)
        else:
            pictures.add("shapes", drawn_sample())


def _some_of(pictures: Pictures, data: str, preprocessing: Preprocessing) -> None:
    """A few pictures of a data set, of different classes as far as possible."""
    dataset = open_dataset(data)
    split = dataset.splits[measured_splits(dataset.splits)[-1]]
    firsts = np.unique(split.targets.strata, return_index=True)[1].tolist()
    for number in firsts[:SAMPLES]:
        (label,) = dataset.task.cells(split.targets.take(np.array([number])))
        name, images = split.images.name(number), split.images
        file = images.data(number) if isinstance(images, EncodedImages) else b""
        pixels = preprocessing.whole(file, name=name) if file else images.read(number)
        pictures.add(f"{label}: {name}", pixels, file)


def drawn_sample(side: int = 256) -> NDArray[np.uint8]:
    """A picture with edges, colours and textures to look at where there is no photograph: (side, side, 3)."""
    y, x = np.mgrid[0:side, 0:side] / side
    sky = np.stack([0.55 + 0.3 * y, 0.72 + 0.15 * y, np.full_like(y, 0.95)], axis=-1)
    ground = np.stack([0.35 + 0.1 * x, 0.55 - 0.15 * (y - 0.65), np.full_like(y, 0.25)], axis=-1)
    ground *= (0.85 + 0.15 * (np.sin(90 * y**2) > 0))[..., None]
    picture = np.where((y > 0.65)[..., None], ground, sky)
    sun = (x - 0.78) ** 2 + (y - 0.2) ** 2 < 0.011
    picture[sun] = (0.99, 0.85, 0.3)
    wall = (x > 0.18) & (x < 0.58) & (y > 0.42) & (y < 0.8)
    bricks = (np.floor(y * 40) % 2 == 0) & (np.floor(x * 26) % 4 == 0)
    picture[wall] = (0.75, 0.4, 0.3)
    picture[wall & bricks] = (0.9, 0.75, 0.65)
    roof = (y < 0.42) & (y > 0.24) & (np.abs(x - 0.38) < (y - 0.24) * 1.4)
    picture[roof] = (0.35, 0.2, 0.2)
    door = (x > 0.33) & (x < 0.43) & (y > 0.58) & (y < 0.8)
    picture[door] = (0.2, 0.3, 0.55)
    checks = (np.floor(x * 32) + np.floor(y * 32)) % 2 == 0
    flag = (x > 0.66) & (x < 0.9) & (y > 0.45) & (y < 0.6)
    picture[flag] = np.where(checks[flag][:, None], 0.95, 0.1)
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
