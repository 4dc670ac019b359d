"""`foveate predict` and `foveate check` on shards: the engines' flags, and what is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import click

from foveate.cli.console import emit_json, note
from foveate.errors import InputError
from foveate.words import plural, printable

Command = TypeVar("Command", bound=Callable[..., Any])


def engine_options(command: Command) -> Command:
    """The flags of what works shard by shard."""
    for option in (
        click.option("--address", metavar="ADDRESS", help="With --engine ray: of a cluster that is there."),
        click.option(
            "--workers", type=click.IntRange(min=1), help="With --engine: processes.  [default: cores]"
        ),
        click.option(
            "--engine",
            type=click.Choice(["local", "ray"]),
            help="Work shard by shard, in processes of this machine or by Ray.",
        ),
    ):
        command = option(command)
    return command


class Engine(NamedTuple):
    """What was said of an engine."""

    engine: str | None
    workers: int | None
    address: str | None
    form: str = "auto"

    def refuse_alone(self) -> None:
        """Raises InputError where something is said of an engine and none is named."""
        asked = (("--workers", self.workers), ("--address", self.address))
        found = [flag for flag, value in asked if value is not None]
        if self.form != "auto":
            found.append("--format")
        if found:
            raise InputError(f"{found[0]}: expected --engine as well, which it belongs to.")


def predict_by_engine(
    model: str, places: tuple[str, ...], out: str | None, how: Engine, *, as_json: bool, **asked: Any
) -> None:
    """Predict all pictures of shards and tell what was done. Leaves with 1 where some could not be read."""
    from foveate.api.predict_shards import predict_shards
    from foveate.cli.predict import bar

    if len(places) != 1 or out is None:
        raise InputError(
            f"--engine {how.engine}: expected one folder or address of shards, and --out for the answers; "
            f"found {plural(len(places), 'name')} and {'no --out' if out is None else '--out'}."
        )
    with bar() as progress:
        found = predict_shards(
            model, places[0], out, progress=progress, say=note, **{**how._asdict(), **asked}
        )
    if as_json:
        emit_json(found.to_dict())
    else:
        click.echo(
            f"{printable(found.out)}: {plural(found.new, 'object')} written for "
            f"{plural(found.pictures, 'picture')}; {found.shards - found.new:,} "
            f"of {plural(found.shards, 'shard')} were there."
        )
    if found.unreadable:
        note(f"foveate: {plural(found.unreadable, 'picture')} could not be read; their rows say why.")
        sys.exit(1)
