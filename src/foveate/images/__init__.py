"""Pictures in, arrays out: safe decoding, and the one definition of resize, crop and normalise."""

from foveate.images.pixels import is_grey, to_grey
from foveate.images.preprocess import Preprocessing
from foveate.images.read import (
    DEFAULT_MAX_PIXELS,
    IMAGE_SUFFIXES,
    ImageInfo,
    decode,
    is_image_name,
    probe,
    read_bytes,
    read_image,
)

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "IMAGE_SUFFIXES",
    "ImageInfo",
    "Preprocessing",
    "decode",
    "is_grey",
    "is_image_name",
    "probe",
    "read_bytes",
    "read_image",
    "to_grey",
]
