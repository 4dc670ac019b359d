"""Running a model folder: NumPy, Pillow and ONNX Runtime, no torch.

    predictor = load("runs/demo")
    predictor.predict(["cat.jpg"])[0].label

The same class measures a model before it is published, so what is measured is what ships.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from foveate.errors import ImageError, InputError, ModelFolderError, show_path
from foveate.images.preprocess import Preprocessing
from foveate.runtime.config import ONNX_NAME, ModelConfig
from foveate.runtime.onnx_check import check_onnx
from foveate.runtime.session import Session, TookTooLong, physical_cores
from foveate.tasks.classification.answers import Answer, Answers, PathPrediction, Prediction, in_words
from foveate.tasks.classification.labels import class_numbers
from foveate.words import first_line

INPUT_NAME, OUTPUT_NAME, UNLIKENESS_NAME = "images", "probabilities", "unlikeness"
BATCH_SIZE = 32
# A run is ended after this, and the time that a very slow machine takes (multiply-adds a second).
LEAST_SECONDS, LEAST_SPEED = 60.0, 1e9
TASK_SIZE = 4  # pictures that a thread decodes at a time: handing one over takes a tenth of decoding it

Item = TypeVar("Item")
Picture = str | Path | bytes | np.ndarray  # a file's name, a file's bytes, or (H, W, 3) uint8


class Predictor:
    """A classifier in use. ``classes_`` are its labels in order, as scikit-learn names them.

    Several threads may use one, and so may a child process that is forked: a fork waits until nothing is
    being predicted, and the child goes on with fewer threads.

    model: the bytes of ``model.onnx``. source: what errors call it. Raises ModelFolderError when the graph
    is not what the classes and the preprocessing ask for, or holds what no model of this program holds.
    """

    def __init__(
        self,
        model: bytes,
        classes: Sequence[str],
        preprocessing: Preprocessing,
        *,
        config: ModelConfig | None = None,
        threads: int | None = None,
        source: str = ONNX_NAME,
    ) -> None:
        self.classes_ = tuple(classes)
        self.preprocessing = preprocessing
        self.config = config
        confidence = config.confidence if config is not None else None
        self.unsure_below = 0.0 if confidence is None else float(confidence["unsure_below"])
        self._source = show_path(source)
        self._session = self._open(model, threads)

    @property
    def measures_unlikeness(self) -> bool:
        """Whether answers come with how unlike the training pictures a picture is."""
        return UNLIKENESS_NAME in self._outputs

    def run(self, batch: np.ndarray) -> np.ndarray:
        """Probabilities (N, classes) float32 of pictures that `Preprocessing.apply` made already.

        batch: (N, height, width, 1 or 3) uint8. Raises InputError for another shape or type.
        """
        return self.answers(batch).probabilities

    def answers(self, batch: np.ndarray) -> Answers:
        """All that the network gives for such pictures; takes and raises what `run` does."""
        height, width = self.preprocessing.height, self.preprocessing.width
        if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1:3] != (height, width):
            raise InputError(
                f"expected uint8 pictures (N, {height}, {width}, 3), found {batch.dtype} {batch.shape}; "
                "`predict_proba` takes pictures of any size."
            )
        if batch.shape[3] == 1:
            batch = np.repeat(batch, 3, axis=3)  # the graph takes RGB; its luma of R = G = B is exactly that
        if len(batch) == 0:
            return self._none()
        try:
            seconds = LEAST_SECONDS + len(batch) * self._operations / LEAST_SPEED
            found = self._session.run(self._outputs, {INPUT_NAME: np.ascontiguousarray(batch)}, seconds)
        except TookTooLong as error:
            raise ModelFolderError(
                f"{self._source}: expected an answer within {seconds:.0f} seconds, found none and stopped "
                "waiting; it is no model that `foveate train` wrote, or the machine is overloaded."
            ) from error
        except Exception as error:  # ONNX Runtime's errors have no common class of their own
            raise ModelFolderError(
                f"{self._source}: cannot be run on {batch.shape}: {first_line(error)}"
            ) from error
        return self._checked(Answers(*found), len(batch))

    def predict_proba(
        self, pictures: Picture | Iterable[Picture], *, batch_size: int = BATCH_SIZE
    ) -> np.ndarray:
        """Probabilities (N, classes) float32 of pictures of any size.

        pictures: names of files, their bytes, (H, W, 3) uint8 arrays, or one (N, H, W, 3) array; also a
        single picture. Raises ImageError for the first that cannot be read.
        """
        chunks = [found.probabilities for found in self._in_batches(pictures, batch_size)]
        return np.concatenate(chunks) if chunks else self._none().probabilities

    def predict(
        self, pictures: Picture | Iterable[Picture], *, top_k: int = 5, batch_size: int = BATCH_SIZE
    ) -> list[Prediction]:
        """The likeliest classes of each picture; takes what `predict_proba` takes, in the same order."""
        return [
            self.in_words(found.row(number), top_k)
            for found in self._in_batches(pictures, batch_size)
            for number in range(len(found.probabilities))
        ]

    def predict_paths(
        self, paths: Iterable[str | Path], *, top_k: int = 5, batch_size: int = BATCH_SIZE
    ) -> Iterator[PathPrediction]:
        """Predict files one batch after the other, in order, however many; unreadable ones are reported.

        The next batch is decoded in threads while this one is computed; memory holds two batches.
        """
        for path, found in self.stream(paths, self.preprocessing.read, batch_size=batch_size):
            if isinstance(found, ImageError):
                yield PathPrediction(path, None, found)
            else:
                yield PathPrediction(path, self.in_words(found, top_k))

    def stream(
        self, items: Iterable[Item], read: Callable[[Item], np.ndarray], *, batch_size: int = BATCH_SIZE
    ) -> Iterator[tuple[Item, Answer | ImageError]]:
        """Each item with the network's answer, or with the ImageError that reading it raised.

        read: item -> (height, width, channels) uint8, as `Preprocessing.read` gives it; called in several
        threads.
        """

        def prepared(item: Item) -> np.ndarray | ImageError:
            try:
                return read(item)
            except ImageError as error:
                return error

        def some(items: list[Item]) -> list[np.ndarray | ImageError]:
            return [prepared(item) for item in items]

        batches = _batches(items, batch_size)
        first = next(batches, [])
        if len(first) < 2:  # one picture: no threads, and no 10 ms to import them
            yield from self._finish(first, some(first))
            return
        from concurrent.futures import Future, ThreadPoolExecutor

        with ThreadPoolExecutor(max_workers=max(2, physical_cores())) as pool:
            waiting: deque[tuple[list[Item], list[Future[list[np.ndarray | ImageError]]]]] = deque()
            try:
                for batch in chain([first], batches):
                    waiting.append((batch, [pool.submit(some, part) for part in _batches(batch, TASK_SIZE)]))
                    if len(waiting) > 1:
                        ready, futures = waiting.popleft()
                        yield from self._finish(ready, [p for future in futures for p in future.result()])
                while waiting:
                    ready, futures = waiting.popleft()
                    yield from self._finish(ready, [p for future in futures for p in future.result()])
            finally:
                for future in chain.from_iterable(futures for _, futures in waiting):
                    future.cancel()

    def score(self, pictures: Iterable[Picture], labels: Sequence[str] | Sequence[int] | np.ndarray) -> float:
        """The fraction of pictures whose likeliest class is the label, as `class_numbers` takes labels."""
        numbers = self.class_numbers(labels)
        found = self.predict_proba(pictures).argmax(axis=1)
        if len(found) != len(numbers):
            raise InputError(
                f"expected a label for each of {len(found)} pictures, found {len(numbers)} labels."
            )
        return float((found == numbers).mean())

    def class_numbers(self, labels: Sequence[str] | Sequence[int] | np.ndarray) -> np.ndarray:
        """Labels, names or numbers, as int64 places in ``classes_``.

        A whole number is the class of that name, where one is called so (labels 1, 2, 3 give classes '1',
        '2', '3'); else it counts the classes from 0, unless all of them are named by numbers. Raises
        InputError for a label that the model does not know.
        """
        values = np.ravel(labels).tolist() if isinstance(labels, np.ndarray) else list(labels)
        numbers = class_numbers(values, self.classes_)
        for value, number in zip(values, numbers, strict=True):
            if number is None:
                raise InputError(
                    f"label {value!r}: expected one of the model's {len(self.classes_)} classes, such as "
                    f"{self.classes_[0]!r}."
                )
        return np.array(numbers, dtype=np.int64)

    def in_words(self, answer: Answer, top_k: int = 5) -> Prediction:
        """An answer as a `Prediction`; of equally likely classes the earlier is first."""
        return in_words(answer, self.classes_, top_k, self.unsure_below)

    # --- inside ------------------------------------------------------------------------------------------

    def _in_batches(self, pictures: Picture | Iterable[Picture], batch_size: int) -> Iterator[Answers]:
        if isinstance(pictures, np.ndarray) and pictures.ndim == 4:
            for at in range(0, len(pictures), _checked_size(batch_size)):
                yield self.answers(self._prepare_array(pictures[at : at + batch_size]))
        else:
            for batch in _batches(_each(pictures), batch_size):
                yield self.answers(np.stack([self._prepare(picture) for picture in batch]))

    def _none(self) -> Answers:
        """The answers for no pictures."""
        empty = np.zeros(0, np.float32) if self.measures_unlikeness else None
        return Answers(np.zeros((0, len(self.classes_)), np.float32), empty)

    def _prepare(self, picture: Picture) -> np.ndarray:
        """(H, W, 3) of any size, or a file -> (height, width, channels) uint8."""
        if not isinstance(picture, np.ndarray):
            return self.preprocessing.read(picture)
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] not in (1, 3):
            raise ImageError(f"expected a picture (H, W, 3) uint8, found {picture.dtype} {picture.shape}.")
        return self.preprocessing.apply(picture)

    def _prepare_array(self, pictures: np.ndarray) -> np.ndarray:
        if pictures.dtype != np.uint8 or pictures.shape[3] not in (1, 3):
            raise ImageError(
                f"expected pictures (N, H, W, 3) uint8, found {pictures.dtype} {pictures.shape}."
            )
        return self.preprocessing.apply_batch(pictures)

    def _finish(
        self, items: list[Item], prepared: list[np.ndarray | ImageError]
    ) -> Iterator[tuple[Item, Answer | ImageError]]:
        pictures = [picture for picture in prepared if isinstance(picture, np.ndarray)]
        found = self.answers(np.stack(pictures)) if pictures else self._none()
        rows = iter(range(len(pictures)))
        for item, picture in zip(items, prepared, strict=True):
            yield item, picture if isinstance(picture, ImageError) else found.row(next(rows))

    def _open(self, model: bytes, threads: int | None) -> Session:
        try:
            self._operations = check_onnx(model)  # multiply-adds a picture
        except InputError as error:
            raise ModelFolderError(f"{self._source}: {error}") from error
        try:
            session = Session(model, threads)
            found = [_describe(value) for value in (*session.inputs, *session.outputs)]
        except Exception as error:  # ONNX Runtime's errors have no common class of their own
            raise ModelFolderError(f"{self._source}: cannot be opened: {first_line(error)}") from error
        height, width = self.preprocessing.height, self.preprocessing.width
        expected = [
            f"{INPUT_NAME} tensor(uint8) (N, {height}, {width}, 3)",
            f"{OUTPUT_NAME} tensor(float) (N, {len(self.classes_)})",
        ]
        self._outputs = [OUTPUT_NAME]
        if found[2:]:
            expected.append(f"{UNLIKENESS_NAME} tensor(float) (N)")
            self._outputs.append(UNLIKENESS_NAME)
        if found != expected:
            raise ModelFolderError(
                f"{self._source}: expected {' -> '.join(expected)}, found {' -> '.join(found)[:300]}; "
                "the model does not belong to this config.json."
            )
        return session

    def _checked(self, found: Answers, count: int) -> Answers:
        """A graph may lie about its outputs: their shapes and ranges are looked at each time."""
        probabilities, unlikeness = found
        ok = isinstance(probabilities, np.ndarray) and probabilities.shape == (count, len(self.classes_))
        if not ok or not (probabilities.min() >= 0 and probabilities.max() <= 1.001):  # NaN compares false
            raise ModelFolderError(
                f"{self._source}: expected probabilities ({count}, {len(self.classes_)}) between 0 and 1, "
                "and the network gave something else; train or export it again."
            )
        if unlikeness is not None and not (unlikeness.shape == (count,) and unlikeness.min() >= 0):
            raise ModelFolderError(
                f"{self._source}: expected unlikeness ({count},) of at least 0, and the network gave "
                "something else; train or export it again."
            )
        return found


def _describe(value: Any) -> str:
    sides = [str(side) if isinstance(side, int) else "N" for side in value.shape or ()]
    return f"{value.name} {value.type} ({', '.join(sides)})"


def _each(pictures: Picture | Iterable[Picture]) -> Iterable[Picture]:
    single = isinstance(pictures, str | Path | bytes)
    if single or (isinstance(pictures, np.ndarray) and pictures.ndim == 3):
        return [pictures]  # type: ignore[list-item]
    return pictures  # type: ignore[return-value]


def _checked_size(size: int) -> int:
    if size < 1:
        raise InputError(f"batch_size: expected at least 1, found {size}.")
    return size


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _checked_size(size))):
        yield batch
