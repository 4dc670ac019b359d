"""A look at some of the pictures: to what size and in how many channels they are best taken."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from foveate.dataset.samples import EncodedImages, Images, evenly
from foveate.errors import DatasetError, ImageError, InputError
from foveate.images.deep import Range, fitted_range
from foveate.images.preprocess import Fit, Preprocessing
from foveate.images.read import is_grey
from foveate.words import setting

SURVEY_COUNT = 200
LARGEST_AUTO_SIZE_PX = 96  # pictures that all have one size up to this keep it
PHOTOGRAPH_SIZE_PX = 64
# Of pictures each place of which is answered: about 480 x 360, what a processor trains on in minutes.
MOST_PIXELS = 172_800
ALIKE = 1.05  # shapes that differ by less are stretched to one; of others the rest is filled


@dataclass(frozen=True)
class Look:
    """What some pictures are like. sizes: (height, width) px. grey: whether all are."""

    sizes: tuple[tuple[int, int], ...]
    grey: bool
    sample_range: Range | None


def survey(images: Images) -> Look:
    """Look at up to 200 pictures. Raises DatasetError where none of them can be read."""
    sizes: list[tuple[int, int]] = []
    extents: list[Range] = []
    grey, first_error = True, None
    for index in evenly(len(images), SURVEY_COUNT):
        try:
            if isinstance(images, EncodedImages):
                picture, info = images.decode(int(index))
                extents += [] if info.extent is None else [info.extent]
            else:
                picture = images.read(int(index))
        except ImageError as error:
            first_error = first_error or error  # the scan will name it
            continue
        sizes.append((picture.shape[0], picture.shape[1]))
        grey = grey and is_grey(picture)
    if not sizes:
        raise DatasetError(
            f"None of the pictures that were looked at can be read; the first: {first_error} "
            "`foveate check` lists them all."
        )
    return Look(tuple(sizes), grey, fitted_range(extents))


def choose_preprocessing(
    look: Look,
    image_size: tuple[int, int] | None = None,
    *,
    default_size: int | None = None,
    fit: Fit | None = None,
) -> Preprocessing:
    """Pictures that all have the same size, up to 96 pixels, keep it; others become squares of
    ``default_size`` (64 if not given), and all come to ``image_size`` (height, width) where it is given.
    """
    sizes = set(look.sizes)
    if image_size is not None:
        height, width = image_size
    elif len(sizes) == 1 and max(next(iter(sizes))) <= LARGEST_AUTO_SIZE_PX:
        height, width = next(iter(sizes))
    else:
        height = width = default_size or PHOTOGRAPH_SIZE_PX
    return _sized(look, height, width, fit or "crop")


def choose_whole(
    look: Look,
    image_size: tuple[int, int] | None = None,
    *,
    fit: Fit | None = None,
    most_pixels: int | None = None,
) -> Preprocessing:
    """For answers that have a place in the picture: all of it, in the shape that most have.

    Larger ones come to ``most_pixels``, MOST_PIXELS by default, or to the shorter side that ``image_size``
    gives. Pictures of about one shape are stretched to it, of different ones the rest is filled, so that no
    place is cut off.

    Raises InputError for a ``fit`` that cuts.
    """
    heights, widths = np.array(look.sizes, np.float64).T
    if fit == "crop":
        raise InputError(
            f"{setting('fit', 'crop')} leaves out parts of a picture, and every place of it has an answer; "
            "use pad or stretch."
        )
    shape = float(np.median(widths / heights))
    area = min(float(np.median(widths * heights)), most_pixels or MOST_PIXELS)
    height, width = math.sqrt(area / shape), math.sqrt(area * shape)
    if image_size is not None:
        scale = min(image_size) / min(height, width)
        height, width = height * scale, width * scale
    if fit is None:
        apart = np.maximum(widths / heights / shape, shape * heights / widths)
        fit = "stretch" if float(apart.max()) < ALIKE else "pad"
    return _sized(look, max(round(height), 1), max(round(width), 1), fit)


def _sized(look: Look, height: int, width: int, fit: Fit) -> Preprocessing:
    channels = 1 if look.grey else 3
    return Preprocessing(height, width, channels=channels, fit=fit, sample_range=look.sample_range)
