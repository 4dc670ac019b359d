"""`foveate serve`: a model folder over HTTP. Starts without torch."""

from __future__ import annotations

import os
from typing import Any

import click

from foveate.cli.command import Command
from foveate.cli.console import beam_option, emit_json, json_option, note, runtime_option


@click.command("serve", cls=Command)
@click.argument("model", type=click.Path())
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free."
)
@click.option(
    "--api-key",
    envvar="FOVEATE_API_KEY",
    help="Required of every request that classifies; also read from FOVEATE_API_KEY, which no process list "
    "shows.",
)
@click.option(
    "--allow-host",
    "allow_host",
    multiple=True,
    metavar="NAME",
    help="A name clients use for this server, besides addresses; can be given again.",
)
@click.option("--name", help="The model's name in paths; by default the folder's.")
@click.option(
    "--queue", default=128, show_default=True, type=click.IntRange(1), help="Pictures that may wait."
)
@click.option(
    "--batch-size", "-b", default=32, show_default=True, type=click.IntRange(1), help="Pictures run at once."
)
@click.option(
    "--batch-wait-ms",
    default=2.0,
    show_default=True,
    type=click.FloatRange(0, 1000),
    help="Longest wait of a decoded picture for others that are being decoded.",
)
@click.option("--max-body-mb", default=16, show_default=True, type=click.IntRange(1, 1024), help="MiB.")
@click.option(
    "--max-megapixels",
    default=50,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Of one picture; decoding takes about 18 bytes a pixel at worst.",
)
@click.option(
    "--timeout",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0.1, 3600),
    help="Seconds a client has for its body, and the server for its answer.",
)
@click.option(
    "--drain-seconds",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 3600),
    help="After SIGTERM, how long new requests are still answered while /health says 503.",
)
@click.option(
    "--threads", type=click.IntRange(1, 1024), help="Of ONNX Runtime; by default the physical cores."
)
@beam_option
@runtime_option
@click.option("--log-json", is_flag=True, help="Log every request, as JSON, on standard error.")
@json_option
def command(model: str, *, as_json: bool, **settings: Any) -> None:
    """Answer over HTTP with MODEL: a model folder, or the name of a network that comes with weights.

    \b
    foveate serve runs/pets
    curl --data-binary @cat.jpg http://127.0.0.1:8000/predict
    FOVEATE_API_KEY=$(openssl rand -hex 16) foveate serve runs/pets --host 0.0.0.0

    Open the address in a browser to drop pictures on a page; /docs lists all that can be asked, /metrics is
    for Prometheus, /v2 is the Open Inference Protocol. Stop with Ctrl-C or SIGTERM: what was accepted is
    answered first, and the exit code is 0; a second signal ends the process at once (130).
    """
    from foveate.api.serve import serve

    def ready(url: str, name: str) -> None:
        if as_json:
            emit_json({"url": url, "model": name, "pid": os.getpid()})
        else:
            note(f"foveate: {name} answers at {url} (stop with Ctrl-C)")

    serve(model, on_ready=ready, say=note, **settings)
