"""`foveate doctor`: what this machine and this installation have, what is missing, and how to get it."""

from __future__ import annotations

import click

from foveate.cli.command import Command
from foveate.cli.console import emit_json, json_option
from foveate.words import printable


@click.command("doctor", cls=Command)
@json_option
def command(as_json: bool) -> None:
    """Tell what this machine and this installation have, what is missing, and how to get it.

    Nothing is changed or fetched. The exit code is 1 where even predicting lacks something.
    """
    from foveate.api.doctor import doctor

    found = doctor()
    if as_json:
        emit_json(found.to_dict())
    else:
        for line in found.lines():
            click.echo(printable(line))
    if not found.well:
        raise SystemExit(1)
