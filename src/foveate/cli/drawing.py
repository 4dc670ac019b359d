"""Answers that are pictures, written into a folder: for `foveate predict --out`."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from foveate.cli.console import STDIN
from foveate.errors import InputError
from foveate.files import write
from foveate.outputs import check_folder
from foveate.words import printable, setting

if TYPE_CHECKING:
    from foveate.images.preprocess import Preprocessing
    from foveate.runtime.predictor import Predictor
    from foveate.tasks.prediction import Drawn, Prediction

THREADS = 2
WAITING = 16  # pictures that are being written while the next are answered


@contextmanager
def drawing(
    predictor: Predictor, out: Path, names: list[str], *, masks_only: bool, overwrite: bool
) -> Iterator[Callable[[str, Prediction], None]]:
    """Gives the function that writes the answer to a picture, by its name, in threads.

    Each picture's files lie where it lies below the folder that all have in common. The folder also gets what
    the task says to people and programs that read its pictures.

    Raises InputError for a task without pictures, a folder of other things, and two pictures of one name;
    StorageError where a file could not be written.
    """
    task, seen = predictor.task, predictor.preprocessing
    if not task.draws:
        raise InputError(f"{setting('out', str(out))}: a model for {task.name} writes no pictures.")
    tables = task.beside()
    check_folder(out, next(iter(tables)), what="drawn answers", name="out", overwrite=overwrite)
    stems = stems_of(names)
    out.mkdir(parents=True, exist_ok=True)
    for name, text in tables.items():
        write(out / name, text.encode())
    with ThreadPoolExecutor(THREADS, thread_name_prefix="drawing") as pool:
        waiting: deque[Future[None]] = deque()

        def draw(name: str, prediction: Prediction) -> None:
            while len(waiting) >= WAITING:
                waiting.popleft().result()
            answer = cast("Drawn", prediction)
            waiting.append(pool.submit(_draw, answer, name, seen, out / stems[name], masks_only=masks_only))

        try:
            yield draw
            while waiting:
                waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _draw(answer: Drawn, name: str, seen: Preprocessing, stem: Path, *, masks_only: bool) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    if masks_only or name == STDIN:  # what came on standard input is gone
        write(stem.with_name(f"{stem.name}.png"), answer.png())
        return
    for ending, data in answer.files(partial(seen.whole, name)).items():
        write(stem.with_name(f"{stem.name}{ending}"), data)


def stems_of(names: list[str]) -> dict[str, str]:
    """What each picture's files are called: its path below what all have in common, without its suffix.

    Raises InputError where two pictures would have one.
    """
    files = [name for name in names if name != STDIN]
    paths = {name: os.path.abspath(name) for name in files}  # noqa: PTH100 -- links stay
    folders = [os.path.dirname(path) for path in paths.values()]  # noqa: PTH120
    above = os.path.commonpath(folders) if folders else ""
    stems = {name: os.path.splitext(os.path.relpath(path, above))[0] for name, path in paths.items()}  # noqa: PTH122
    seen: dict[str, str] = {}
    for name, stem in stems.items():
        if stem in seen:
            raise InputError(
                f"{setting('out')}: {printable(seen[stem])} and {printable(name)} would both be written as "
                f"{printable(stem)}.png; predict them into two folders."
            )
        seen[stem] = name
    return {**stems, **({STDIN: "standard-input"} if len(files) < len(names) else {})}
