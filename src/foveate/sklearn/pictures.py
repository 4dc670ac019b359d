"""What scikit-learn calls X, as pictures: names of files, arrays of pictures, or rows of numbers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from foveate.dataset.samples import ArrayImages, FileImages
from foveate.errors import InputError
from foveate.modelfolder.read import Runnable, read_runnable
from foveate.runtime.config import CONFIG_NAME, ONNX_NAME
from foveate.runtime.predictor import Predictor

Pictures = Sequence[str | Path] | ArrayLike
Read = list[str] | NDArray[np.uint8]

LEAST_SIDE = 8  # pixels: the smallest pictures that networks take
_BYTES = (0.0, 255.0)


class TakesPictures(BaseEstimator):
    """What all estimators here are: X is read alike, and what was learnt is kept as a model folder's bytes.

    X: names of files; (N, H, W), (N, H, W, 1) or (N, H, W, 3); or (N, D), rows that are grey pictures as wide
    as high, as ``load_digits().data`` has them, whose missing corner is black. Numbers other than uint8 are
    brought to 0 to 255 by their range in ``fit``, which is kept; what lies beyond it is black or white. After
    files it is 0 to 255.

    Attributes:
        folder_: the files of the model folder by name; pickles hold them, and no object of a network.
        predictor_: the model in use.
        range_: what is black and what is white in X.
        n_features_in_: D, where X are rows.
    """

    folder_: Mapping[str, bytes]
    predictor_: Predictor
    range_: tuple[float, float]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "predictor_"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        super().__setstate__(dict(state))
        if "folder_" in state:
            self._open()

    def save(self, out: str | Path) -> Path:
        """Write the model folder that was learnt, for `foveate.load` and the command line.

        Raises InputError where there is something already.
        """
        folder = Path(out)
        if folder.exists():
            raise InputError(f"{folder}: expected a new folder, found one; give another name.")
        folder.mkdir(parents=True)
        for name, content in self.folder_.items():
            (folder / name).write_bytes(content)
        return folder

    def _keep(self, folder: Path) -> Self:
        """Take over what stands in a model folder."""
        self.folder_ = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
        self._open()
        return self

    def _open(self) -> None:
        with tempfile.TemporaryDirectory(prefix="foveate-open-") as folder:
            for name in (CONFIG_NAME, ONNX_NAME):
                (Path(folder) / name).write_bytes(self.folder_[name])
            self.predictor_ = self._opened(read_runnable(folder))

    def _opened(self, found: Runnable) -> Predictor:
        return Predictor(found.model, found.config.task, found.preprocessing, config=found.config)

    def _read(self, X: Pictures, *, first: bool = False) -> Read:
        """What stands in X; first: in ``fit``, where its kind is learnt. Raises ValueError."""
        if are_names(X):
            if first:
                self.range_ = _BYTES  # as files hold them
            return [os.fspath(name) for name in cast(Sequence[str | Path], X)]
        if np.asarray(X).ndim > 2:
            found = check_array(X, allow_nd=True)
        else:
            found = validate_data(self, X, reset=first)
        if first:
            self.range_ = _BYTES if found.dtype == np.uint8 else (float(found.min()), float(found.max()))
        found = to_bytes(found, self.range_)
        return rows_as_pictures(found) if found.ndim == 2 else _with_channels(found)


def are_names(X: object) -> bool:
    """Whether these are names of files."""
    if isinstance(X, str | Path) or (not isinstance(X, Sequence) and getattr(X, "ndim", 0) != 1):
        return False
    return len(X) > 0 and all(isinstance(one, str | Path) for one in X)  # type: ignore[arg-type, attr-defined]


def to_bytes(array: NDArray[Any], black_and_white: tuple[float, float]) -> NDArray[np.uint8]:
    """Numbers of this range as 0 to 255; those beyond it are clipped, and bytes stay as they are."""
    low, high = black_and_white
    if array.dtype == np.uint8 and black_and_white == _BYTES:
        return array
    share = (array.astype(np.float64) - low) / ((high - low) or 1.0)
    return np.rint(255 * share.clip(0, 1)).astype(np.uint8)


def rows_as_pictures(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, D) -> (N, S, S, 1): S * S >= D; below 8 pixels each number is a block of some."""
    count, width = rows.shape
    side = int(np.ceil(np.sqrt(width)))
    square = np.zeros((count, side * side), np.uint8)
    square[:, :width] = rows
    block = -(-LEAST_SIDE // side)
    return square.reshape(count, side, side, 1).repeat(block, axis=1).repeat(block, axis=2)


def _with_channels(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    found = array[..., None] if array.ndim == 3 else array
    if found.ndim != 4 or found.shape[3] not in (1, 3):
        raise InputError(
            f"expected pictures (N, H, W), (N, H, W, 1) or (N, H, W, 3), or names of files, found "
            f"{array.shape}."
        )
    return found


def images_of(read: Read) -> FileImages | ArrayImages:
    """What was read, as a data set has its pictures."""
    if not isinstance(read, list):
        return ArrayImages(read, "X")
    root = os.path.commonpath([Path(name).absolute().parent for name in read])
    return FileImages((os.path.relpath(name, root) for name in read), root)
