"""Running a model folder: NumPy, Pillow and ONNX Runtime, no torch.

    predictor = load("runs/demo")
    predictor.predict(["cat.jpg"])[0]

What an answer is, the model's task says. The same class measures a model before it is published, so what is
measured is what ships.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from foveate.errors import ImageError, InputError, ModelFolderError, show_path
from foveate.images.pixels import to_grey
from foveate.images.preprocess import Preprocessing, Seen, Taken
from foveate.images.selective_search import Kind, kept_proposals
from foveate.runtime.config import ONNX_NAME, ModelConfig
from foveate.runtime.onnx_check import check_onnx
from foveate.runtime.session import Session, TookTooLong, physical_cores
from foveate.tasks.base import Runs, Task
from foveate.tasks.notebooks import Predictions
from foveate.tasks.values import MODEL_INPUT, UNLIKENESS, Answered, Output, Values, joined, row
from foveate.words import first_line

if TYPE_CHECKING:
    from concurrent.futures import Future

BATCH_SIZE = 32
# A run is ended after this, and the time that a very slow machine takes (multiply-adds a second).
LEAST_SECONDS, LEAST_SPEED = 60.0, 1e9
BATCH_PIXELS = (
    800_000  # of a batch: larger ones are no faster, and take memory; of large pictures fewer are run
)
CHUNK = 4  # pictures that a thread decodes at a time: handing one over takes a tenth of decoding it

PROPOSALS = "proposals"  # an input beside the pictures: (N, R, 4) boxes in pixels, 0 of what fills up
MOST_PROPOSALS = 10_000

Item = TypeVar("Item")
Picture = str | Path | bytes | np.ndarray  # a file's name, a file's bytes, or (H, W, 3) uint8
Read = Taken | ImageError  # a picture as the network takes it, or why not


class Predictor:
    """A model in use, with scikit-learn's ``predict``, ``predict_proba``, ``score`` and ``classes_``.

    Several threads may use one, and so may a child process that is forked: a fork waits until nothing is
    being predicted, and the child goes on with fewer threads.

    model: the bytes of ``model.onnx``. source: what errors call it. parts: the bytes of the files that a
    search drives (`Task.driven`), by name; then what they give is told. Raises ModelFolderError when the
    graph is not what the task and the preprocessing ask for, or holds what no model of this program holds.

    Attributes:
        task: what an answer is, with its labels.
        proposals: how many boxes the model is to be told of a picture, where it is told where to look: they
            are found by selective search. 0 of a model that is given pictures alone.
        outputs: what `run` gives, in order: the task's outputs and, where the model measures it, how unlike
            the training pictures a picture is.
    """

    outputs: tuple[Output, ...]

    def __init__(
        self,
        model: bytes,
        task: Task,
        preprocessing: Preprocessing,
        *,
        config: ModelConfig | None = None,
        threads: int | None = None,
        source: str = ONNX_NAME,
        parts: Mapping[str, bytes] | None = None,
    ) -> None:
        self.task = task
        self.preprocessing = preprocessing
        self.config = config
        self._source = show_path(source)
        self._session = self._open(model, threads)
        self._runs: Runs = self._session.run
        if parts and (driven := task.driven(self._opened(parts, threads))) is not None:
            self._runs, self.outputs = driven, (*self.outputs, *task.searched)

    @property
    def classes_(self) -> tuple[str, ...]:
        """The labels of the task, in order, as scikit-learn names them."""
        return self.task.labels

    @property
    def measures_unlikeness(self) -> bool:
        """Whether answers come with how unlike the training pictures a picture is."""
        return UNLIKENESS in self.outputs

    def run(self, batch: np.ndarray) -> Values:
        """What the network gives for pictures that `Preprocessing.apply` made already, by output.

        batch: (N, height, width, 1 or 3) uint8. Raises InputError for another shape or type.
        """
        height, width = self.preprocessing.height, self.preprocessing.width
        if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1:3] != (height, width):
            raise InputError(
                f"expected uint8 pictures (N, {height}, {width}, 3), found {batch.dtype} {batch.shape}; "
                "`predict` takes pictures of any size."
            )
        if batch.shape[3] == 1:
            batch = np.repeat(batch, 3, axis=3)  # the graph takes RGB; its luma of R = G = B is exactly that
        names = [output.name for output in self.outputs]
        if len(batch) == 0:
            return {output.name: output.none() for output in self.outputs}
        try:
            seconds = LEAST_SECONDS + len(batch) * self._operations / LEAST_SPEED
            found = self._runs(names, self.feeds(batch), seconds)
        except TookTooLong as error:
            raise ModelFolderError(
                f"{self._source}: expected an answer within {seconds:.0f} seconds, found none and stopped "
                "waiting; it is no model that `foveate train` wrote, or the machine is overloaded."
            ) from error
        except Exception as error:  # ONNX Runtime's errors have no common class of their own
            raise ModelFolderError(
                f"{self._source}: cannot be run on {batch.shape}: {first_line(error)}"
            ) from error
        for output, value in zip(self.outputs, found, strict=True):
            if not output.holds(value, len(batch)):
                raise ModelFolderError(
                    f"{self._source}: expected {output.expected(len(batch))}, and the network gave something "
                    "else; train or export it again."
                )
        return dict(zip(names, found, strict=True))

    def feeds(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """What ``model.onnx`` is given for pictures (N, height, width, 3): them, and where it is to look."""
        feeds: dict[str, np.ndarray] = {MODEL_INPUT: np.ascontiguousarray(batch)}
        if self.proposals:
            seen = np.stack([to_grey(one) for one in batch]) if self.preprocessing.channels == 1 else batch
            feeds[PROPOSALS] = kept_proposals(seen, Kind(self.proposals))
        return feeds

    def stream(
        self, items: Iterable[Item], read: Callable[[Item], Taken], *, batch_size: int = BATCH_SIZE
    ) -> Iterator[tuple[Item, Answered | ImageError]]:
        """Each item with what `run` gives for its picture alone, or with the ImageError of reading it.

        In order, however many: the next batch is read in threads while this one is computed, and memory
        holds two batches. read: item -> its picture as `Preprocessing.take` gives it.
        """
        for batch, prepared in _read_ahead(_batches(items, self._at_once(batch_size)), read):
            found = self.answered([taken for taken in prepared if isinstance(taken, Taken)])
            numbers = count()
            for item, taken in zip(batch, prepared, strict=True):
                yield item, taken if isinstance(taken, ImageError) else row(found, next(numbers))

    def _at_once(self, batch_size: int) -> int:
        """How many pictures are run at once, so that their feature maps fit into the memory."""
        pixels = self.preprocessing.height * self.preprocessing.width
        return min(_checked_size(batch_size), max(BATCH_PIXELS // pixels, 1))

    def answered(self, pictures: Sequence[Taken]) -> Answered:
        """What `run` gives for pictures that were read, with how it saw them."""
        seen = Seen(self.preprocessing, [taken.size for taken in pictures])
        if not pictures:
            return Answered({output.name: output.none() for output in self.outputs}, seen)
        return Answered(self.run(np.stack([taken.pixels for taken in pictures])), seen)

    def values(self, pictures: Picture | Iterable[Picture], *, batch_size: int = BATCH_SIZE) -> Answered:
        """What `run` gives for pictures of any size.

        pictures: names of files, their bytes, (H, W, 3) uint8 arrays, or one (N, H, W, 3) array; also a
        single picture. Raises ImageError for the first that cannot be read.
        """
        parts: list[Values] = []
        if isinstance(pictures, np.ndarray) and pictures.ndim == 4:
            size = pictures.shape[2], pictures.shape[1]
            step = self._at_once(batch_size)
            for at in range(0, len(pictures), step):
                some = self._prepare_array(pictures[at : at + step])
                parts.append(Answered(self.run(some), Seen(self.preprocessing, [size] * len(some))))
        else:
            for _, found in self.stream(_each(pictures), self._take, batch_size=batch_size):
                if isinstance(found, ImageError):
                    raise found
                parts.append(found)
        return joined(parts) if parts else self.answered([])

    def predict(self, pictures: Picture | Iterable[Picture], *, batch_size: int = BATCH_SIZE) -> NDArray[Any]:
        """The answers alone, (N, ...): of a classification the labels (N,). Takes what `values` takes."""
        return self.task.answers(self.values(pictures, batch_size=batch_size))

    def predictions(
        self, pictures: Picture | Iterable[Picture], *, top_k: int = 5, batch_size: int = BATCH_SIZE
    ) -> Predictions:
        """All that is said of each picture, such as how sure it is; takes what `values` takes.

        top_k: how many labels are told of those that there are. Notebooks show the list as a table; its
        `columns` are what pandas, polars and Arrow take.
        """
        told = self.task.predictions(self.values(pictures, batch_size=batch_size), top_k)
        return Predictions(self.task, told, top_k)

    def predict_proba(
        self, pictures: Picture | Iterable[Picture], *, batch_size: int = BATCH_SIZE
    ) -> NDArray[np.float32]:
        """(N, labels) how sure each label is; takes what `values` takes.

        Raises InputError for a task whose answers are more than that.
        """
        if self.task.label_scores is None:
            raise InputError(
                f"a model for {self.task.name} has no probability for each label of a picture: it gives "
                f"{', '.join(output.name for output in self.outputs)}; use `predict` or `values`."
            )
        return self.values(pictures, batch_size=batch_size)[self.task.label_scores]

    def score(self, pictures: Iterable[Picture], answers: Iterable[object]) -> float:
        """`Task.score`: of a classification the fraction of pictures whose label is right.

        answers: the right one of each picture, as the task reads them: for a class its name, or its number
        where no class is called so. Raises InputError for one that the model does not know.
        """
        targets = self.task.targets(answers)
        values = self.values(pictures)
        found = len(next(iter(values.values())))
        if found != len(targets):
            raise InputError(f"expected a label for each of {found} pictures, found {len(targets)} labels.")
        return self.task.score(values, targets)

    # --- inside ------------------------------------------------------------------------------------------

    def _take(self, picture: Picture) -> Taken:
        """(H, W, 3) of any size, or a file, as the network takes it."""
        if not isinstance(picture, np.ndarray):
            return self.preprocessing.take(picture)
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] not in (1, 3):
            raise ImageError(f"expected a picture (H, W, 3) uint8, found {picture.dtype} {picture.shape}.")
        return Taken(self.preprocessing.apply(picture), (picture.shape[1], picture.shape[0]))

    def _prepare_array(self, pictures: np.ndarray) -> np.ndarray:
        if pictures.dtype != np.uint8 or pictures.shape[3] not in (1, 3):
            raise ImageError(
                f"expected pictures (N, H, W, 3) uint8, found {pictures.dtype} {pictures.shape}."
            )
        return self.preprocessing.apply_batch(pictures)

    def _opened(self, parts: Mapping[str, bytes], threads: int | None) -> dict[str, Runs]:
        """What runs the files of the network's pieces, each looked at as any model is."""
        found: dict[str, Runs] = {}
        for name, part in parts.items():
            try:
                self._operations += check_onnx(part)
                found[name] = Session(part, threads).run
            except Exception as error:  # ONNX Runtime's errors have no common class of their own
                raise ModelFolderError(f"{show_path(name)}: cannot be opened: {first_line(error)}") from error
        return found

    def _open(self, model: bytes, threads: int | None) -> Session:
        try:
            self._operations = check_onnx(model)  # multiply-adds a picture
        except InputError as error:
            raise ModelFolderError(f"{self._source}: {error}") from error
        try:
            session = Session(model, threads)
            inputs, *found = [_described(session.inputs), *map(_describe, session.outputs)]
            self.proposals = _proposals(session.inputs)
        except Exception as error:  # ONNX Runtime's errors have no common class of their own
            raise ModelFolderError(f"{self._source}: cannot be opened: {first_line(error)}") from error
        height, width = self.preprocessing.height, self.preprocessing.width
        self.outputs = tuple(output.on(height, width) for output in self.task.outputs)
        if len(found) > len(self.outputs):
            self.outputs = (*self.outputs, UNLIKENESS)
        expected = [f"{MODEL_INPUT} tensor(uint8) (N, {height}, {width}, 3)"]
        if self.proposals:
            expected[0] += f", {PROPOSALS} tensor(float) (N, {self.proposals}, 4)"
        expected += [output.describe() for output in self.outputs]
        found = [inputs, *found]
        if found != expected:
            raise ModelFolderError(
                f"{self._source}: expected {' -> '.join(expected)}, found {' -> '.join(found)[:300]}; "
                "the model does not belong to this config.json."
            )
        return session


def _described(values: list[Any]) -> str:
    return ", ".join(map(_describe, values))


def _proposals(inputs: list[Any]) -> int:
    """How many boxes of a picture a graph with such inputs is to be told; 0 of one that is not told any."""
    shape = [one.shape for one in inputs if one.name == PROPOSALS]
    count = shape[0][1] if shape and len(shape[0]) == 3 else 0
    return count if isinstance(count, int) and 0 < count <= MOST_PROPOSALS else 0


def _describe(value: Any) -> str:
    """An input or output of ONNX Runtime, as `Output.describe` has it."""
    sides = [str(side) if isinstance(side, int) else "?" for side in value.shape or ()]
    if sides and sides[0] == "?":
        sides[0] = "N"
    return f"{value.name} {value.type} ({', '.join(sides)})"


def _read_ahead(
    batches: Iterator[list[Item]], read: Callable[[Item], Taken]
) -> Iterator[tuple[list[Item], list[Read]]]:
    """Each batch with its pictures; the next is read in threads while whoever asks works on this one."""
    early = list(islice(batches, 2))
    if sum(map(len, early)) < 2:  # one picture: no threads, and no 10 ms to import them
        for batch in early:
            yield batch, _read_all(read, batch)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=max(2, physical_cores())) as pool:
        waiting: deque[tuple[list[Item], list[Future[list[Read]]]]] = deque()
        try:
            for batch in chain(early, batches):
                parts = [pool.submit(_read_all, read, part) for part in _batches(batch, CHUNK)]
                waiting.append((batch, parts))
                if len(waiting) > 1:
                    yield _waited_for(*waiting.popleft())
            while waiting:
                yield _waited_for(*waiting.popleft())
        finally:
            for future in chain.from_iterable(parts for _, parts in waiting):
                future.cancel()


def _waited_for(batch: list[Item], parts: list[Future[list[Read]]]) -> tuple[list[Item], list[Read]]:
    return batch, [taken for part in parts for taken in part.result()]


def _read_all(read: Callable[[Item], Taken], items: list[Item]) -> list[Read]:
    found: list[Read] = []
    for item in items:
        try:
            found.append(read(item))
        except ImageError as error:
            found.append(error)
    return found


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
