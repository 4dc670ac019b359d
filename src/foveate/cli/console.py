"""What the commands share: JSON for machines on standard output, notes for people on standard error."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import click

from foveate.cli.signals import is_own_process
from foveate.runtime.names import AUTO, RUNTIMES
from foveate.words import printable

STDIN = "-"  # in place of a file's name: standard input


class Share(click.ParamType[float]):
    """A share of a whole: ``5%`` or ``0.05``."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 <= share <= 1:
            self.fail(f"expected a share such as 5% or 0.05, found {text!r}.", param, ctx)
        return share


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on standard output."
)


overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace what is there, if it is of the kind that this command writes."
)

beam_option = click.option(
    "--beam",
    type=click.IntRange(1, 20),
    metavar="N",
    help="Of sentences: how many a search follows at once; told is the one that the others agree with most.  "
    "[default: the likeliest word each time]",
)

runtime_option = click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    default=AUTO,
    show_default=True,
    help="What computes the network; auto: with OpenVINO installed, what is faster here for many pictures.",
)

ignore_option = click.option(
    "--ignore",
    multiple=True,
    metavar="NAME|NUMBER",
    help="Of masks: a class, or a number, whose pixels are left out, such as void or 255; may be repeated.",
)

unlabelled_option = click.option(
    "--unlabelled",
    type=click.Choice(["error", "background"]),
    default="error",
    show_default=True,
    help="Of annotations with a file a picture: what a picture without one is.",
)

download_option = click.option(
    "--download", is_flag=True, help="Let what is named hf:... or timm:NAME.TAG be fetched from its hub."
)


def emit_json(document: Any) -> None:
    """Print one JSON document: strict (no NaN) and ASCII, so that no name can break a reader."""
    import json  # costs --help two milliseconds

    click.echo(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=True))


def note(message: str) -> None:
    """Say something to the person; never mixes with a command's result on standard output.

    Where nobody can hear it any more (a closed pipe, a full disk), the work goes on.
    """
    try:
        click.echo(message, err=True)
    except OSError:
        silence(sys.stderr)


@contextmanager
def starting() -> Iterator[None]:
    """Around importing and opening what stays to the end: not looked through for garbage, now or later.

    Python would do it several times on the way, for 3 % of the time that predicting one picture takes. Only
    in the command's own process: another may hold garbage, which would stay as well.
    """
    if not is_own_process():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def after_writing() -> Iterator[None]:
    """Around telling what was made: standard output that takes nothing costs the words, not the success."""
    try:
        yield
    except OSError as error:
        silence(sys.stdout)
        if not isinstance(error, BrokenPipeError):  # there the reader has left on purpose
            note(f"note: standard output: {error.strerror or error}; what was made is in place.")


def silence(stream: TextIO) -> None:
    """Send what a stream still holds, and all that follows, nowhere: Python would fail on it at its end."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def said(context: click.Context, names: Iterable[str]) -> set[str]:
    """Those of a command's parameters that were set, be it to their default: on the command line or by
    foveate.toml.
    """
    unsaid = {click.core.ParameterSource.DEFAULT, None}
    return {name for name in names if context.get_parameter_source(name) not in unsaid}


def words_of(context: click.Context, leave_out: Container[str] = ()) -> list[str]:
    """The words of a command line that say what this one says, without the command's name."""
    words: list[str] = []
    for parameter in context.command.params:
        name = str(parameter.name)
        if name in leave_out or name not in context.params or not said(context, [name]):
            continue
        value = context.params[name]
        flags = parameter.opts[:1] if isinstance(parameter, click.Option) else []
        if isinstance(parameter, click.Option) and parameter.is_flag:
            words += flags if value else []
            continue
        for one in value if isinstance(value, tuple) else [value]:
            words += [*flags, str(one)]
    return words


def typed(path: Path) -> str:
    """A path as a person would type it here: relative where it lies below the folder at hand, and quoted."""
    import shlex

    here = Path.cwd()
    text = printable(str(path.relative_to(here) if path.is_relative_to(here) else path))
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def interactive() -> bool:
    """Whether bars make sense: standard error is a terminal."""
    return sys.stderr.isatty()
