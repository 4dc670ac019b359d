"""`foveate shard`: a data set written as shards. Starts without torch."""

from __future__ import annotations

from typing import Any

import click

from foveate.cli.command import Command
from foveate.cli.console import emit_json, ignore_option, json_option, starting, unlabelled_option
from foveate.cli.predict import bar
from foveate.words import bytes_text, plural, printable


@click.command("shard", cls=Command)
@click.argument("data")
@click.argument("dest")
@click.option(
    "--shard-mb",
    default=256.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="The most that a shard takes, in MiB.",
)
@click.option("--val", metavar="DATA", help="A validation set that lies elsewhere.")
@click.option("--test", metavar="DATA", help="A test set that lies elsewhere.")
@click.option("--task", default="auto", show_default=True, metavar="NAME", help="As for `foveate train`.")
@ignore_option
@unlabelled_option
@json_option
def command(data: str, dest: str, *, as_json: bool, **settings: Any) -> None:
    """Write DATA as shards to DEST: tar files with pictures and answers, and an index.

    \b
    foveate shard photos/ photos-shards/
    foveate shard photos/ s3://bucket/photos --shard-mb 256
    foveate train photos-shards/

    DEST is a folder or the address of a place in an object store (s3://, gs://, az://: pip install
    'foveate[cloud]'; credentials are taken from where the stores' own tools keep them). It is then a data set
    like any other, for every task. The same data give the same bytes. The index is written last: what was
    stopped before is no data set, and the command can be run again.
    """
    with starting():
        from foveate.api.shard import shard

    with bar() as progress:
        found = shard(data, dest, progress=progress, **settings)
    if as_json:
        emit_json(found.to_dict())
        return
    counts = " and ".join(f"{count:,} {key}" for key, count in found.to_dict()["pictures"].items())
    click.echo(
        f"{printable(found.place)}: {plural(len(found.index), 'shard')}, {bytes_text(found.size)}, with "
        f"{counts} pictures for {found.index.task.name}."
    )
