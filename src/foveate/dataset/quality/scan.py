"""One pass over the pictures: read, hash, decode fully, and note what a person or a splitter may ask later.

Training hands in ``keep`` and stores there what it needs of each decoded picture, so no file is decoded
twice; the scan itself keeps a thumbnail of 304 bytes a picture and lets the rest go.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from foveate.dataset.quality.duplicates import COLOUR_SIDE, SIDE
from foveate.dataset.samples import ArrayImages, EncodedImages, Images
from foveate.errors import UnreadableImageError
from foveate.geometry import Box
from foveate.images.pixels import is_grey, to_grey
from foveate.images.preprocess import Preprocessing
from foveate.images.read import decode
from foveate.images.resample import resized

Keep = Callable[[int, NDArray[np.uint8]], None]
Progress = Callable[[int, int], None]
Fault = Callable[[int, tuple[int, int]], str | None]
Picture = tuple[int, NDArray[np.uint8], Box | None]  # its number, its pixels, where in them it lies

_CHUNK = 16  # pictures a worker takes at a time
FEW_SECONDS = 0.001  # a picture; below it threads do not pay
_ARRAY_CHUNK = 1024  # pictures of an array whose thumbnails are made at once
_AREA_SIDE_PX = 64  # up to this size thumbnails of files are made as those of arrays are
_PROGRESS_SECONDS = 0.1


@dataclass(frozen=True)
class ImageRecord:
    """What the scan learnt of one picture. An unreadable one has a ``reason`` and neither size nor mode.

    ``width`` and ``height`` (px) are those of the picture as it is seen, EXIF turned. ``mode`` is Pillow's
    name of the stored pixels. ``grey`` says that R = G = B everywhere, however it is stored. ``content`` is
    the BLAKE2b hash of the file's bytes (of the pixels, for pictures in an array).
    """

    name: str
    ok: bool
    reason: str | None
    format: str
    mode: str
    width: int
    height: int
    grey: bool
    content: str


@dataclass(frozen=True, eq=False)
class ScanResult:
    """What one pass over ``images`` found, in their order, as columns of N entries."""

    images: Images
    reasons: list[str | None]  # None: it was read
    formats: list[str]
    modes: list[str]
    sizes: NDArray[np.int64]  # (N, 2) width, height
    grey: NDArray[np.bool_]  # (N,)
    extents: NDArray[np.float64]  # (N, 2) lowest and highest sample of grey of more than 8 bits, else NaN
    digests: NDArray[np.uint64]  # (N, 2)
    thumbnails: NDArray[np.uint8]  # (N, 16, 16) grey
    colours: NDArray[np.uint8]  # (N, 4, 4, 3)

    def __len__(self) -> int:
        return len(self.reasons)

    @property
    def ok(self) -> NDArray[np.bool_]:
        """(N,) whether each picture can be used."""
        return np.array([reason is None for reason in self.reasons], dtype=bool)

    def record(self, index: int) -> ImageRecord:
        """All about one picture."""
        return ImageRecord(
            name=self.images.name(index),
            ok=self.reasons[index] is None,
            reason=self.reasons[index],
            format=self.formats[index],
            mode=self.modes[index],
            width=int(self.sizes[index, 0]),
            height=int(self.sizes[index, 1]),
            grey=bool(self.grey[index]),
            content=self.digests[index].tobytes().hex(),
        )

    @property
    def records(self) -> Iterator[ImageRecord]:
        """One record a picture, in order."""
        return (self.record(i) for i in range(len(self)))


def scan(
    images: Images,
    *,
    keep: Keep | None = None,
    preprocessing: Preprocessing | None = None,
    fault: Fault | None = None,
    workers: int = 2,
    progress: Progress | None = None,
) -> ScanResult:
    """Read every picture once.

    Args:
        images: where they come from; a picture that cannot be read becomes a reason, not an error.
        keep: called once for each readable picture with its number and its pixels (H, W, 3), which are its to
            keep. Calls come from ``workers`` threads at once, in no order. What it raises ends the scan.
        preprocessing: files are read for it, and ``keep`` is called with what it makes of them.
        fault: called for each readable picture with its number and its width and height, in the same threads:
            the reason why it cannot be used all the same, for its answer, or None.
        workers: threads. Pillow lets go of Python's lock while it decodes, so two cores are put to use.
        progress: called in this thread with the number of pictures done and the number of all.

    Returns:
        The same result whatever the threads do, in the order of ``images``.

    An interrupt (or any error) stops all threads after the few pictures they are at.
    """
    result = blank(images)
    if isinstance(images, ArrayImages):
        _scan_array(images, result, keep, preprocessing, progress)
        if fault is not None:
            for index in range(len(images)):
                _has_fault(fault, index, result)
        return result

    order = images.reading_order if isinstance(images, EncodedImages) else None
    used = partial(_use, keep, preprocessing)

    def some(stretch: range) -> None:
        small: list[Picture] = []
        thumbnails: list[tuple[int, NDArray[np.uint8]]] = []
        for index in stretch if order is None else order[stretch.start : stretch.stop].tolist():
            try:
                image, box = _scan_file(images, index, result, preprocessing)
            except UnreadableImageError as error:
                result.reasons[index] = error.reason
                continue
            if _has_fault(fault, index, result):
                continue
            if max(image.shape[:2]) <= _AREA_SIDE_PX:
                small.append((index, image, box))
            else:  # at once, while the processor still has its pixels at hand
                thumbnails.append((index, resized(image, (SIDE, SIDE), "box")))
                used((index, image, box))
        _fill(thumbnails, result)
        _average(small, result)
        for picture in small:
            used(picture)

    _in_threads(some, len(images), workers, progress)
    return result


def _use(keep: Keep | None, preprocessing: Preprocessing | None, picture: Picture) -> None:
    index, image, box = picture
    if keep is not None:
        keep(index, image if preprocessing is None else preprocessing.apply(image, box))


def _has_fault(fault: Fault | None, index: int, result: ScanResult) -> bool:
    """Whether its answer makes a picture unusable; the reason is put down."""
    if fault is None:
        return False
    width, height = result.sizes[index].tolist()
    result.reasons[index] = fault(index, (width, height))
    return result.reasons[index] is not None


def blank(images: Images) -> ScanResult:
    """A result of which nothing is known yet."""
    n = len(images)
    return ScanResult(
        images=images,
        reasons=[None] * n,
        formats=[""] * n,
        modes=[""] * n,
        sizes=np.zeros((n, 2), dtype=np.int64),
        grey=np.zeros(n, dtype=bool),
        extents=np.full((n, 2), np.nan),
        digests=np.zeros((n, 2), dtype=np.uint64),
        thumbnails=np.zeros((n, SIDE, SIDE), dtype=np.uint8),
        colours=np.zeros((n, COLOUR_SIDE, COLOUR_SIDE, 3), dtype=np.uint8),
    )


def _scan_file(
    images: Images, index: int, result: ScanResult, preprocessing: Preprocessing | None
) -> tuple[NDArray[np.uint8], Box | None]:
    """Fill one row of the result, but for the thumbnails; the hash even of a picture that cannot be read."""
    data = images.data(index)
    result.digests[index] = _digest(data)
    box = None
    if isinstance(images, EncodedImages):
        name = images.name(index)
        decoded = decode(data, name=name) if preprocessing is None else preprocessing.decode(data, name=name)
        image, info = decoded
        box = info.box
        if info.extent is not None:
            result.extents[index] = info.extent
        result.formats[index], result.modes[index] = info.format, info.mode
        result.sizes[index] = info.width, info.height
    else:
        image = images.read(index)
        result.formats[index], result.modes[index] = "array", "RGB"
        result.sizes[index] = image.shape[1], image.shape[0]
    result.grey[index] = is_grey(image)
    return image, box


def _average(pictures: list[Picture], result: ScanResult) -> None:
    """Fill the thumbnails of small pictures, of one size all at once, which is much faster.

    Scaling is fast with many pixels; with few it is far from the areas' means.
    """
    alike: dict[tuple[int, ...], list[Picture]] = {}
    for picture in pictures:
        alike.setdefault(picture[1].shape, []).append(picture)
    for group in alike.values():
        averages = _averaged(np.stack([image for _, image, _ in group]))
        _fill(list(zip([index for index, _, _ in group], averages, strict=True)), result)


def _fill(thumbnails: list[tuple[int, NDArray[np.uint8]]], result: ScanResult) -> None:
    """Keep thumbnails, (16, 16, 3), by the numbers of their pictures."""
    if thumbnails:
        rows, pixels = [row for row, _ in thumbnails], np.stack([image for _, image in thumbnails])
        result.thumbnails[rows] = to_grey(pixels)[..., 0]
        result.colours[rows] = _coarser(pixels)


def _digest(data: bytes) -> NDArray[np.uint64]:
    return np.frombuffer(hashlib.blake2b(data, digest_size=16).digest(), dtype=np.uint64)


def _coarser(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(..., 16, 16, C) -> (..., 4, 4, C), the mean of each 4 x 4 patch."""
    step = SIDE // COLOUR_SIDE
    patches = small.reshape(*small.shape[:-3], COLOUR_SIDE, step, COLOUR_SIDE, step, small.shape[-1])
    return (patches.mean(axis=(-4, -2), dtype=np.float32) + 0.5).astype(np.uint8)


def _in_threads(some: Callable[[range], None], count: int, workers: int, progress: Progress | None) -> None:
    """Call ``some`` with stretches of 0 .. count - 1 in several threads; the caller's own reports.

    The first stretch is timed: where a picture takes less than FEW_SECONDS, what takes the time is Python, of
    which only one thread runs at once, and two are slower than one (32 px JPEG files: by a factor of 1.8).
    """
    stretches = [range(start, min(start + _CHUNK, count)) for start in range(0, count, _CHUNK)]
    if not stretches:
        return
    began = time.perf_counter()
    some(stretches[0])
    if (time.perf_counter() - began) / len(stretches[0]) < FEW_SECONDS:
        workers = 1
    stop = threading.Event()
    rest = iter(stretches[1:])
    lock = threading.Lock()
    done = [len(stretches[0]), *[0] * max(workers, 1)]

    def work(worker: int) -> None:
        while not stop.is_set():
            with lock:
                stretch = next(rest, None)
            if stretch is None:
                return
            some(stretch)
            done[worker] += len(stretch)

    with ThreadPoolExecutor(len(done) - 1, thread_name_prefix="scan") as pool:
        try:
            waiting = {pool.submit(work, worker) for worker in range(1, len(done))}
            while waiting:
                finished, waiting = wait(waiting, _PROGRESS_SECONDS, return_when=FIRST_EXCEPTION)
                for future in finished:
                    future.result()
                if progress is not None:
                    progress(sum(done), count)
        finally:
            stop.set()


def _scan_array(
    images: ArrayImages,
    result: ScanResult,
    keep: Keep | None,
    preprocessing: Preprocessing | None,
    progress: Progress | None,
) -> None:
    """The same for pictures of one size in one array: many at once, for nothing here needs decoding."""
    count, height, width, channels = images.array.shape
    result.sizes[:] = width, height
    for column, entry in ((result.formats, "array"), (result.modes, "L" if channels == 1 else "RGB")):
        column[:] = [entry] * count
    for start in range(0, count, _ARRAY_CHUNK):
        chunk = np.ascontiguousarray(images.array[start : start + _ARRAY_CHUNK])
        rows = slice(start, start + len(chunk))
        result.digests[rows] = [_digest(picture.data.cast("B")) for picture in chunk]
        small = _averaged(chunk)
        grey = small if channels == 1 else to_grey(small)
        result.thumbnails[rows] = grey[..., 0]
        result.colours[rows] = _coarser(small)
        result.grey[rows] = (chunk == chunk[..., :1]).all(axis=(1, 2, 3))
        if keep is not None:
            for index in range(start, start + len(chunk)):
                picture = images.read(index)
                keep(index, picture if preprocessing is None else preprocessing.apply(picture))
        if progress is not None:
            progress(start + len(chunk), count)


def _averaged(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, H, W, C) -> (N, 16, 16, C), each pixel the mean of the area that it covers."""
    count, height, width, channels = pictures.shape
    down, across = _area_weights(height), _area_weights(width)
    x = down @ pictures.reshape(count, height, width * channels).astype(np.float32)  # (N, 16, W C)
    x = x.reshape(count * SIDE, width, channels)
    x = across @ x if channels > 1 else (x[..., 0] @ across.T)[..., None]  # (N 16, 16, C)
    return (x.reshape(count, SIDE, SIDE, channels) + 0.5).astype(np.uint8)


@lru_cache(maxsize=8)
def _area_weights(length: int) -> NDArray[np.float32]:
    """(16, length) the share of each input pixel in each of 16 equal stretches; rows add up to 1."""
    edges = np.arange(SIDE + 1) * (length / SIDE)
    pixel = np.arange(length)
    low = np.maximum(edges[:-1, None], pixel)
    high = np.minimum(edges[1:, None], pixel + 1)
    return (np.maximum(high - low, 0) * (SIDE / length)).astype(np.float32)
