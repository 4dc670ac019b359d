"""Running a model folder: NumPy, Pillow and ONNX Runtime, no torch.

    predictor = load("runs/demo")
    predictor.predict(["cat.jpg"])[0]

What an answer is, the model's task says. The same class measures a model before it is published, so what is
measured is what ships.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import ImageError, InputError, ModelFolderError, UnknownNameError, show_path
from foveate.images.pixels import to_grey
from foveate.images.preprocess import Preprocessing, Seen, Taken
from foveate.runtime.config import ONNX_NAME, ModelConfig
from foveate.runtime.names import AUTO, ONNX_RUNTIME, RUNTIMES
from foveate.runtime.onnx_check import check_onnx
from foveate.runtime.reading import Item, batches_of, checked_size, read_ahead
from foveate.runtime.session import Session, TookTooLong
from foveate.tasks.base import Runs, Task
from foveate.tasks.notebooks import Predictions
from foveate.tasks.values import MODEL_INPUT, UNLIKENESS, Answered, Output, Values, joined, row
from foveate.words import first_line, setting

if TYPE_CHECKING:
    from foveate.runtime.choice import Choice, Engine

BATCH_SIZE = 32
# A run is ended after this, and the time that a very slow machine takes (multiply-adds a second).
LEAST_SECONDS, LEAST_SPEED = 60.0, 1e9
BATCH_PIXELS = (
    800_000  # of a batch: larger ones are no faster, and take memory; of large pictures fewer are run
)

PROPOSALS = "proposals"  # an input beside the pictures: (N, R, 4) boxes in pixels, 0 of what fills up
MOST_PROPOSALS = 10_000

Picture = str | Path | bytes | np.ndarray  # a file's name, a file's bytes, or (H, W, 3) uint8


class Predictor:
    """A model in use, with scikit-learn's ``predict``, ``predict_proba``, ``score`` and ``classes_``.

    Several threads may use one, and so may a child process that is forked: a fork waits until nothing is
    being predicted, and the child goes on with fewer threads.

    model: the bytes of ``model.onnx``. source: what errors call it. parts: the bytes of the files that a
    search drives (`Task.driven`), by name; then what they give is told. wanted: of `RUNTIMES`; "auto" is ONNX
    Runtime until `settle` or many pictures at once show what is faster here. Raises ModelFolderError when the
    graph is not what the task and the preprocessing ask for, or holds what no model of this program holds;
    InputError for a runtime that does not compute it as ONNX Runtime does.

    Attributes:
        task: what an answer is, with its labels.
        proposals: how many boxes the model is to be told of a picture, where it is told where to look: they
            are found by selective search. 0 of a model that is given pictures alone.
        outputs: what `run` gives, in order: the task's outputs and, where the model measures it, how unlike
            the training pictures a picture is.
        runtime: what computes the network.
        choice: what a trial of several found, once there was one.
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
        wanted: str = ONNX_RUNTIME,
    ) -> None:
        if wanted not in RUNTIMES:
            raise UnknownNameError("runtime", wanted, RUNTIMES)
        self.task = task
        self.preprocessing = preprocessing
        self.config = config
        self._source = show_path(source)
        self.runtime = ONNX_RUNTIME
        self.choice: Choice | None = None
        self._wanted, self._graph, self._threads = wanted, model, threads
        self._fast: Engine | None = None
        self._session = self._open(model, threads)
        self._driven: Runs | None = task.driven(self._opened(parts, threads)) if parts else None
        if self._driven is not None:
            self.outputs = (*self.outputs, *task.searched)
        if wanted not in (AUTO, ONNX_RUNTIME):
            self.settle()

    @property
    def classes_(self) -> tuple[str, ...]:
        """The labels of the task, in order, as scikit-learn names them."""
        return self.task.labels

    @property
    def runtime_told(self) -> str:
        """What computes it and why, in a sentence; nothing where that is the usual one."""
        if self.choice is None or self.runtime == ONNX_RUNTIME:
            return ""
        chosen = next(one for one in self.choice.tried if one.runtime == self.runtime)
        return (
            f"Computed by {self.choice.to_text(chosen)} ({setting('runtime', ONNX_RUNTIME)} for the other)."
        )

    @property
    def measures_unlikeness(self) -> bool:
        """Whether answers come with how unlike the training pictures a picture is."""
        return UNLIKENESS in self.outputs

    def settle(self, batches: Sequence[np.ndarray] | None = None) -> None:
        """Find out which runtime computes this model, of "auto" the fastest: see `foveate.runtime.choice`.

        batches: of pictures as for `run`, of the sizes that it will be used with; by default made up. Once
        per machine: what is found is kept. A search over sentences always runs on ONNX Runtime.
        """
        if not self._open_question:
            return
        from foveate.images.made_up import made_up_pictures  # what one picture does not wait for
        from foveate.runtime.choice import Model, contenders, settle

        if self._wanted == AUTO and not contenders():
            self._wanted = ONNX_RUNTIME  # nothing else is here: the question is closed
            return
        if batches is None:
            pictures = made_up_pictures(self.preprocessing.height, self.preprocessing.width)
            batches = pictures[:1], pictures
        names = tuple(output.name for output in self.outputs)
        limit = self._most_seconds(max(map(len, batches)))
        model = Model(self._graph, names, self.task.apart, limit, self._threads)
        feeds = [self.feeds(batch) for batch in batches]
        self.choice, opened = settle(
            model, self._session, feeds, None if self._wanted == AUTO else (self._wanted,)
        )
        chosen = self.choice.best if self._wanted == AUTO else self.choice.fit(self._wanted)
        if chosen.runtime != ONNX_RUNTIME:
            self._fast = opened.get(chosen.runtime) or model.opened(chosen.runtime)
            self.runtime = chosen.runtime

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
        batch = self.coloured(batch)
        names = [output.name for output in self.outputs]
        if len(batch) == 0:
            return {output.name: output.none() for output in self.outputs}
        try:
            seconds = self._most_seconds(len(batch))
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

    @staticmethod
    def coloured(batch: np.ndarray) -> np.ndarray:
        """(N, height, width, 1 or 3) as the graph takes them, in RGB: its luma of R = G = B is just that."""
        return np.repeat(batch, 3, axis=3) if batch.shape[3] == 1 else batch

    def feeds(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """What ``model.onnx`` is given for pictures (N, height, width, 3): them, and where it is to look."""
        feeds: dict[str, np.ndarray] = {MODEL_INPUT: np.ascontiguousarray(batch)}
        if self.proposals:
            from foveate.images.selective_search import Kind, kept_proposals

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
        batches = batches_of(items, at_once(self.preprocessing, batch_size))
        early = list(islice(batches, 2))
        for batch, prepared in read_ahead(chain(early, batches), read):
            pictures = [taken for taken in prepared if isinstance(taken, Taken)]
            if self._open_question and len(early) == 2 and len(pictures) == len(early[1]):
                self.settle([self._batch(pictures)])  # before the first answer
            found = self.answered(pictures)
            numbers = count()
            for item, taken in zip(batch, prepared, strict=True):
                yield item, taken if isinstance(taken, ImageError) else row(found, next(numbers))

    def answered(self, pictures: Sequence[Taken]) -> Answered:
        """What `run` gives for pictures that were read, with how it saw them."""
        seen = Seen(self.preprocessing, [taken.size for taken in pictures])
        if not pictures:
            return Answered({output.name: output.none() for output in self.outputs}, seen)
        return Answered(self.run(self._batch(pictures)), seen)

    def values(self, pictures: Picture | Iterable[Picture], *, batch_size: int = BATCH_SIZE) -> Answered:
        """What `run` gives for pictures of any size.

        pictures: names of files, their bytes, (H, W, 3) uint8 arrays, or one (N, H, W, 3) array; also a
        single picture. Raises ImageError for the first that cannot be read.
        """
        parts: list[Values] = []
        if isinstance(pictures, np.ndarray) and pictures.ndim == 4:
            size = pictures.shape[2], pictures.shape[1]
            step = at_once(self.preprocessing, batch_size)
            for at in range(0, len(pictures), step):
                some = self._prepare_array(pictures[at : at + step])
                if self._open_question and len(pictures) >= 2 * step:
                    self.settle([self.coloured(some)])
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

    def _runs(self, outputs: Sequence[str], feeds: Mapping[str, Any], seconds: float) -> list[Any]:
        if self._driven is not None:
            return self._driven(outputs, feeds, seconds)
        engine: Engine = self._session
        if self._fast is not None and self._fast.usable:
            engine = self._fast
        return engine.run(outputs, feeds, seconds)

    @property
    def _open_question(self) -> bool:
        """Whether a trial may still find a faster runtime: asked of each batch, before it is made ready."""
        return self.choice is None and self._wanted != ONNX_RUNTIME and self._driven is None

    def _most_seconds(self, pictures: int) -> float:
        return LEAST_SECONDS + pictures * self._operations / LEAST_SPEED

    def _batch(self, pictures: Sequence[Taken]) -> np.ndarray:
        return self.coloured(np.stack([taken.pixels for taken in pictures]))

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


def at_once(preprocessing: Preprocessing, batch_size: int) -> int:
    """How many pictures are run at once, so that their feature maps fit into the memory."""
    pixels = preprocessing.height * preprocessing.width
    return min(checked_size(batch_size), max(BATCH_PIXELS // pixels, 1))


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


def _each(pictures: Picture | Iterable[Picture]) -> Iterable[Picture]:
    single = isinstance(pictures, str | Path | bytes)
    if single or (isinstance(pictures, np.ndarray) and pictures.ndim == 3):
        return [pictures]  # type: ignore[list-item]
    return pictures  # type: ignore[return-value]
