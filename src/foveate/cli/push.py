"""`foveate push`: a model folder onto a hub."""

from __future__ import annotations

import click

from foveate.cli.command import Command
from foveate.cli.console import after_writing, emit_json, json_option, note


@click.command("push", cls=Command)
@click.argument("model", type=click.Path())
@click.argument("to", metavar="hf:OWNER/NAME")
@click.option("--private", is_flag=True, help="Of a repository that is made: only you see it.")
@click.option("--license", "licence", metavar="NAME", help="For the card, such as apache-2.0.")
@click.option("--overwrite", is_flag=True, help="Replace the files that the repository holds.")
@json_option
def command(
    *, model: str, to: str, private: bool, licence: str | None, overwrite: bool, as_json: bool
) -> None:
    """Put the model folder MODEL on the Hugging Face hub, in one commit, with a model card that it reads.

    \b
    foveate push runs/pets hf:someone/pets --license apache-2.0
    foveate predict hf:someone/pets cat.jpg --download

    Log in with `hf auth login`, or set HF_TOKEN. A network of timm is pushed so that timm loads it, too.
    """
    from foveate.api.push import push

    address = push(model, to, private=private, licence=licence, overwrite=overwrite, say=note)
    with after_writing():
        if as_json:
            emit_json({"model": model, "pushed_to": to, "url": address})
        else:
            click.echo(f"{address}\nTry: foveate predict {to} PICTURE --download")
