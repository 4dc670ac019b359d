"""`foveate guide`: what convolutional networks are, on pages that compute."""

from __future__ import annotations

import functools
import http.server
import webbrowser
from pathlib import Path

import click

from foveate.cli.command import Command
from foveate.cli.console import after_writing, emit_json, interactive, json_option, note, overwrite_option
from foveate.errors import InputError
from foveate.words import bytes_text, printable

HOST = "127.0.0.1"


@click.command("guide", cls=Command)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write it as a static site, for any web host.",
)
@click.option(
    "--notebooks",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the chapters as .ipynb files.",
)
@click.option(
    "--port", default=8002, show_default=True, type=click.IntRange(0, 65535), help="0: any that is free."
)
@click.option("--download", is_flag=True, help="Fetch the engine of networks in a browser, once (14 MB).")
@click.option("--open/--no-open", "open_page", default=None, help="Open the page [where a browser is found].")
@overwrite_option
@json_option
def command(
    out: Path | None,
    notebooks: Path | None,
    *,
    port: int,
    download: bool,
    open_page: bool | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Read how convolutional networks work, on pages whose numbers are computed and can be touched.

    The first time its programs are run and the pages made, which takes a minute; then they are kept. The
    pages are served on this machine only, and fetch nothing from elsewhere. Two of them run a trained network
    in the browser; --download fetches the engine for that.

    \b
    foveate guide
    foveate guide --out site/
    foveate guide --notebooks notebooks/
    """
    if out is not None and notebooks is not None:
        raise InputError("Give --out for a site or --notebooks for notebooks, not both at once.")
    if notebooks is not None:
        from foveate.guide.notebooks import write_notebooks

        files = write_notebooks(notebooks, overwrite=overwrite, say=note)
        _tell({"notebooks": [str(file) for file in files]}, as_json=as_json)
    elif out is not None:
        from foveate.guide.site import write_site

        size = write_site(out, overwrite=overwrite, download=download, say=note)
        _tell({"out": str(out), "bytes": size}, as_json=as_json)
    else:
        from foveate.guide.site import kept_site

        folder = kept_site(download=download, say=note)
        _serve(folder, port, open_page=interactive() if open_page is None else open_page, as_json=as_json)


def _tell(facts: dict[str, object], *, as_json: bool) -> None:
    with after_writing():
        if as_json:
            emit_json(facts)
        elif "out" in facts:
            click.echo(printable(f"{facts['out']} ({bytes_text(int(str(facts['bytes'])))})"))
        else:
            click.echo(printable("\n".join(map(str, facts["notebooks"]))))  # type: ignore[call-overload]


class _Pages(http.server.SimpleHTTPRequestHandler):
    """Files of one folder, without a line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        pass


def _serve(folder: Path, port: int, *, open_page: bool, as_json: bool) -> None:
    try:
        server = http.server.ThreadingHTTPServer(
            (HOST, port), functools.partial(_Pages, directory=str(folder))
        )
    except OSError as error:
        raise InputError(
            f"--port {port}: {error.strerror}; give another, or 0 for any that is free."
        ) from error
    with server:
        url = f"http://{HOST}:{server.server_address[1]}/"
        with after_writing():
            emit_json({"url": url}) if as_json else click.echo(f"The guide: {url}  (Ctrl-C ends it)")
        if open_page:
            webbrowser.open(url)
        server.serve_forever()
