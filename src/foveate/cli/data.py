"""`foveate data`: the data sets that have a name, getting them, making one, and other forms of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from foveate.cli.command import Group
from foveate.cli.console import (
    after_writing,
    emit_json,
    interactive,
    json_option,
    note,
    overwrite_option,
    typed,
    unlabelled_option,
)
from foveate.outputs import numbered
from foveate.words import bytes_text, plural, printable, table


@click.group("data", cls=Group)
def command() -> None:
    """List and get known data sets, make one of drawn scenes, and write boxes in another form.

    \b
    foveate data list
    foveate data get cifar10
    foveate train fashion-mnist
    foveate data make scenes
    foveate data convert cells/ --to coco cells-coco

    A data set is fetched when you name it, never before, and kept in $FOVEATE_CACHE (or ~/.cache/foveate).
    """


@command.command("list")
@json_option
def list_command(*, as_json: bool) -> None:
    """List the data sets that can be used by name.

    \b
    foveate data list --json
    """
    from foveate.dataset.sources.known import KNOWN

    if as_json:
        emit_json([known.to_dict() for known in KNOWN])
        return
    rows = [
        [
            known.name,
            bytes_text(known.download_bytes) if known.download_bytes else "none",
            known.licence,
            known.summary,
        ]
        for known in KNOWN
    ]
    click.echo(table(["name", "download", "licence", "what"], rows, right=(1,)))


@command.command("get", short_help="Fetch a data set into the cache, checked by its hash.")
@click.argument("name")
@json_option
def get_command(name: str, *, as_json: bool) -> None:
    """Get the data set NAME, unless it is here already, and check it by its hash.

    \b
    foveate data get fashion-mnist
    """
    from foveate.dataset.sources import known

    with _download_bar() as progress:
        dataset = known.load(name, say=lambda sentence: note(printable(sentence)), progress=progress)
    splits = {key: len(split) for key, split in dataset.splits.items()}
    counts = " and ".join(f"{count:,} {key}" for key, count in splits.items())
    with after_writing():
        if as_json:
            emit_json({**known.describe(name).to_dict(), "splits": splits})
        else:
            click.echo(
                f"{name} is here: {counts} pictures in {len(dataset.task.labels)} {dataset.task.called}."
            )
            click.echo(f"Train on it with `foveate train {name}`.")


@command.command("make", short_help="Draw a data set with exact masks, boxes and sentences.")
@click.argument("name")
@click.option("--out", "-o", metavar="DIR", help="The folder to make.  [default: scenes, or scenes-2, ...]")
@overwrite_option
@click.option("--count", type=int, default=2000, show_default=True, help="Scenes, of all splits together.")
@click.option("--size", type=int, default=128, show_default=True, help="Pixels of a side, 48 to 512.")
@click.option(
    "--kind",
    metavar="garments|shapes",
    help="What the objects are.  [default: garments, where Fashion-MNIST is on this machine; else shapes]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="What all chance begins with.")
@click.option(
    "--sentences", type=int, default=5, show_default=True, help="Sentences of a picture, at most, 1 to 20."
)
@click.option("--number", is_flag=True, help="Sentences begin with how many objects there are.")
@click.option("--hold-out", type=int, default=0, help="Pairs of colour and class that only test scenes have.")
@json_option
def make_command(
    name: str,
    *,
    out: str | None,
    overwrite: bool,
    kind: str | None,
    as_json: bool,
    **scenes: Any,
) -> None:
    """Make the data set NAME; there is one, `scenes`.

    Scenes are drawn pictures of garments or coloured shapes, some behind others, each with its exact truth:
    the class of every pixel, a box and the visible pixels of every object (COCO's JSON), and sentences. The
    same settings give the same files.

    \b
    foveate data make scenes
    foveate data make scenes --kind shapes --count 500 --size 96 --seed 1 --out shapes
    foveate data make scenes --kind shapes --number --hold-out 8 --out composed
    """
    from foveate.cli.predict import bar
    from foveate.dataset.sources.scenes import SceneSettings, check_place, kinds, make_scenes
    from foveate.errors import UnknownNameError

    if name != "scenes":
        raise UnknownNameError("data set to make", name, ["scenes"])
    settings = SceneSettings(**scenes)
    base = Path(out or "scenes")
    folder = check_place(base if out or overwrite else numbered(base)[-1], overwrite=overwrite)
    with _download_bar() as progress:
        objects = kinds(kind, say=lambda sentence: note(printable(sentence)), progress=progress)
    with bar() as progress:
        made = make_scenes(folder, objects, settings, overwrite=overwrite, progress=progress)
    with after_writing():
        if as_json:
            emit_json(made.to_dict())
        else:
            splits = ", ".join(f"{number:,} {split}" for split, number in settings.counts().items())
            click.echo(f"{typed(folder)} holds {plural(settings.count, 'scene')} of {made.kind}: {splits}.")
            click.echo(f"{typed(folder / 'README.md')} says what lies where.")


@command.command("convert", short_help="Write a data set of boxes in another form.")
@click.argument("data")
@click.option("--to", type=click.Choice(["coco", "yolo", "voc"]), required=True, help="The form to write.")
@click.argument("out", type=click.Path(path_type=Path))
@unlabelled_option
@json_option
def convert_command(data: str, out: Path, *, to: str, unlabelled: Any, as_json: bool) -> None:
    """Write DATA, pictures with boxes in any form that is read, into the new folder OUT.

    \b
    foveate data convert cells/ --to coco cells-coco
    foveate data convert boxes.csv --to yolo boxes-yolo

    Pictures are copied. Classes keep their names, whatever numbers the forms give them. Faulty boxes are
    mended as training mends them; `foveate check DATA` tells of each.
    """
    from foveate.dataset import open_dataset
    from foveate.dataset.convert.forms import convert

    dataset = open_dataset(data, task="detection", unlabelled=unlabelled)
    notes = convert(dataset, to, out)
    splits = {key: len(split) for key, split in dataset.splits.items()}
    with after_writing():
        if as_json:
            emit_json({"out": str(out), "form": to, "splits": splits, "notes": list(notes)})
            return
        for sentence in notes:
            note(printable(sentence))
        counts = ", ".join(f"{count:,} {key}" for key, count in splits.items())
        click.echo(f"{typed(out)} holds {counts} pictures with boxes of {len(dataset.task.labels)} classes.")


@contextmanager
def _download_bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error where that is a terminal; gives the function to tell (bytes, of bytes)."""
    if not interactive():
        yield lambda have, expected: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None, visible=False)  # nothing may need fetching
        yield lambda have, expected: progress.update(task, completed=have, total=expected, visible=True)
