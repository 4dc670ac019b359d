"""`foveate predict --video`: what is said of a picture that moves, where it changes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from foveate.cli.console import emit_json
from foveate.errors import InputError
from foveate.words import printable

if TYPE_CHECKING:
    from foveate.images.preprocess import Taken
    from foveate.runtime.predictor import Predictor

AT_ONCE = 16  # moments that the network looks at together


class Said(NamedTuple):
    """An answer that was given from a moment on, as `Prediction.to_dict` has it, and its first cell."""

    seconds: float
    answer: str
    document: dict[str, Any]


def tell(model: str, predictor: Predictor, names: Sequence[str], fps: float | None, *, as_json: bool) -> None:
    """Tell what is said every second of an animation, or of frames in a folder, where it changes.

    names: one animation, or the frames in their order, of which there are ``fps`` a second.
    """
    if fps is None and len(names) != 1:
        raise InputError(
            f"--video: expected one animated picture, or --fps with frames in a folder, found {len(names)} "
            "pictures."
        )
    names = sorted(names, key=_texts_and_numbers)
    changes = []
    for said in changed(predictor, _moments(predictor, names, fps)):
        changes.append(said)
        if not as_json:
            click.echo(printable(f"{clock(said.seconds)}  {said.answer}"))
    if as_json:
        told = [{"seconds": round(said.seconds, 3), **said.document} for said in changes]
        emit_json({"model": model, "changes": told})


def changed(predictor: Predictor, moments: Iterator[tuple[float, Taken]]) -> Iterator[Said]:
    """The answers that differ from the one before, each with the moment at which it is first given."""
    before = None
    for seconds, answer, document in _answers(predictor, moments):
        if answer != before:
            yield Said(seconds, answer, document)
        before = answer


def _answers(
    predictor: Predictor, moments: Iterator[tuple[float, Taken]]
) -> Iterator[tuple[float, str, dict[str, Any]]]:
    waiting: list[tuple[float, Taken]] = []
    for moment in moments:
        waiting.append(moment)
        if len(waiting) == AT_ONCE:
            yield from _answered(predictor, waiting)
            waiting = []
    yield from _answered(predictor, waiting)


def _answered(
    predictor: Predictor, moments: Sequence[tuple[float, Taken]]
) -> Iterator[tuple[float, str, dict[str, Any]]]:
    if not moments:
        return
    told = predictor.task.predictions(predictor.answered([taken for _, taken in moments]))
    for (seconds, _), prediction in zip(moments, told, strict=True):
        yield seconds, prediction.cells()[0], dict(prediction.to_dict())


def _moments(predictor: Predictor, names: Sequence[str], fps: float | None) -> Iterator[tuple[float, Taken]]:
    """What is seen every second, as the network takes it."""
    from foveate.images.frames import frames_of
    from foveate.images.preprocess import Taken

    preprocessing = predictor.preprocessing
    if fps is None:
        for seconds, pixels in frames_of(Path(names[0])):
            yield seconds, Taken(preprocessing.apply(pixels), (pixels.shape[1], pixels.shape[0]))
        return
    second = 0
    while (number := round(second * fps)) < len(names):
        yield float(second), preprocessing.take(names[number])
        second += 1


def _texts_and_numbers(name: str) -> list[str | int]:
    """By which frame2 stands before frame10."""
    return [int(part) if place % 2 else part for place, part in enumerate(re.split(r"(\d+)", name))]


def clock(seconds: float) -> str:
    """``1:02:03`` or ``02:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"
