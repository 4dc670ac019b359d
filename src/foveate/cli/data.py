"""`foveate data`: the data sets that have a name, and getting them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from foveate.cli.console import after_writing, emit_json, interactive, json_option, note
from foveate.words import bytes_text, printable, table


@click.group("data")
def command() -> None:
    """List and get known data sets.

    \b
    foveate data list
    foveate data get cifar10
    foveate train fashion-mnist

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
