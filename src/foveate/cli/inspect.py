"""`foveate inspect`: a network at work, looked at from inside, in the browser."""

from __future__ import annotations

import os
import tempfile
import webbrowser
from pathlib import Path
from typing import Any

import click

from foveate.cli.command import Command
from foveate.cli.console import download_option, emit_json, interactive, json_option, note
from foveate.cli.designs import train_design
from foveate.errors import MissingExtraError
from foveate.pipeline.request import SHORTEST_BUDGET_SECONDS
from foveate.words import printable


@click.command("inspect", cls=Command)
@click.argument("model")
@click.argument("image", type=click.Path(path_type=Path), required=False)
@click.option(
    "--data", help="A data set: some of its pictures to look at, and to train designed networks on."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address of this machine to listen at.")
@click.option(
    "--port", default=8001, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free."
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where networks that the design page trains are kept [nowhere: they are gone at the end].",
)
@click.option("--open/--no-open", "open_page", default=None, help="Open the page [where a browser is found].")
@click.option("--framed", is_flag=True, help="Let notebooks of this machine show the page in a frame.")
@download_option
@json_option
def command(
    model: str,
    image: Path | None,
    *,
    data: str | None,
    keep: Path | None,
    open_page: bool | None,
    download: bool,
    as_json: bool,
    **address: Any,
) -> None:
    """Look into MODEL while it looks at a picture: every map, kernel, window and sum, in the browser.

    MODEL is a model folder, a network's name (see `foveate models`; weights are random where none are
    published), a blueprint (FILE.yaml), hf:OWNER/REPO or timm:NAME. The page answers on this machine only,
    and fetches nothing from elsewhere. Its second page designs networks and trains them.

    \b
    foveate inspect runs/pets cat.jpg
    foveate inspect resnet50 cat.jpg
    foveate inspect net.yaml --data fashion-mnist-mini --port 0 --no-open
    """
    try:
        from foveate.http.log import set_up_log
        from foveate.inspector.data_choices import choices
        from foveate.inspector.pictures import add_samples
        from foveate.inspector.server import inspector_settings, serve_inspector
        from foveate.inspector.session import Session
        from foveate.inspector.trainings import Trainings
        from foveate.resolve import resolve
    except ModuleNotFoundError as error:
        extra = "train" if error.name == "torch" else "serve"
        raise MissingExtraError("`foveate inspect`", extra) from error
    settings = inspector_settings(**address)
    net = resolve(model, untrained=True, download=download, say=note)
    session = Session(net)
    add_samples(session.pictures, net, image, data)
    set_up_log(as_json=False)

    def ready(url: str) -> None:
        if as_json:
            emit_json({"url": url, "model": net.name, "pid": os.getpid()})
        else:
            note(f"foveate: look into {printable(net.name)} at {url} (stop with Ctrl-C)")
        if open_page or (open_page is None and not as_json and interactive()):
            webbrowser.open(url)

    with tempfile.TemporaryDirectory(prefix="foveate-inspect-", ignore_cleanup_errors=True) as folder:
        trainings = Trainings(
            train_design,
            lambda: choices(data),
            Path(keep or folder),
            kept=keep is not None,
            shortest_seconds=SHORTEST_BUDGET_SECONDS,
            trained=session.add_trained,
        )
        serve_inspector(session, trainings, net.name, settings, ready)
