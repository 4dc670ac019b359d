"""Files for annotation programs, with what a model or the other pictures suggest of each picture."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from foveate.files import write
from foveate.outputs import check_file

if TYPE_CHECKING:
    from foveate.dataset.sources.labelled import Labelled
    from foveate.tasks.base import Task
    from foveate.tasks.prediction import Prediction
    from foveate.transfer.label_report import LabelReport

To = tuple[str, Path]
SUFFIXES = {"label-studio": ".json", "cvat": ".xml", "fiftyone": ".json"}

to_option = click.option(
    "--to",
    type=(click.Choice(sorted(SUFFIXES)), click.Path(path_type=Path)),
    metavar="PROGRAM FILE",
    help="Write what is suggested for an annotation program: label-studio, cvat or fiftyone.",
)


def check_to(to: To, *, overwrite: bool) -> None:
    """Raises InputError where the file may not be written."""
    program, file = to
    check_file(file, (SUFFIXES[program],), name="to", overwrite=overwrite)


@contextlib.contextmanager
def labelled_file(
    task: Task, to: To | None, *, overwrite: bool
) -> Iterator[Callable[[str, Prediction], None]]:
    """Keeps what it is told of pictures and writes it at the end, where a file is wanted."""
    if to is None:
        yield lambda name, prediction: None
        return
    from foveate.dataset.sources.labelled import WRITERS, Labelled

    check_to(to, overwrite=overwrite)
    program, file = to
    told: list[Labelled] = []

    def keep(name: str, prediction: Prediction) -> None:
        label, score = task.suggested(prediction)
        told.append(Labelled(os.path.relpath(name, file.parent), None, label, score))

    yield keep
    write(file, WRITERS[program](told, task.labels).encode())


def write_doubts(to: To, report: LabelReport, classes: tuple[str, ...]) -> int:
    """Write the pictures whose labels are in doubt; how many there are."""
    from foveate.dataset.sources.labelled import WRITERS, Labelled

    program, file = to
    doubts = [
        Labelled(one.place.name, one.place.label, one.suggested, round(one.suggested_probability, 4))
        for one in report.ranking[: report.doubtful]
    ]
    write(file, WRITERS[program](doubts, classes).encode())
    return len(doubts)
