"""The `foveate` command: a group whose commands are imported only when they are called.

`foveate --help` must not import torch, NumPy or ONNX Runtime: it answers in the time Python takes to start.
"""

from __future__ import annotations

import errno
import importlib
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from foveate.cli import signals
from foveate.errors import FoveateError, MissingExtraError
from foveate.words import flags_spoken

# Command -> (module, one line for the overview). The line stands here so that --help imports no command.
COMMANDS: dict[str, tuple[str, str]] = {
    "train": (
        "foveate.cli.train",
        "Train a network on a folder of pictures; leaves a model folder with a report.",
    ),
    "predict": ("foveate.cli.predict", "Tell what a model says of pictures: classes, numbers, masks, boxes."),
    "evaluate": ("foveate.cli.evaluate", "Measure a model folder on a labelled data set."),
    "check": ("foveate.cli.check", "Tell what is wrong with a data set before you train on it."),
    "summary": ("foveate.cli.summary", "Show every layer's shape, parameters, cost and receptive field."),
    "models": ("foveate.cli.models", "List the networks that can be made by name."),
    "explain": (
        "foveate.cli.explain",
        "Show what in a picture speaks for a class, and whether that is true.",
    ),
    "inspect": (
        "foveate.cli.inspect",
        "Look into a network at work, in the browser; design one and train it.",
    ),
    "guide": ("foveate.cli.guide", "Read how such networks work, on pages that compute and can be touched."),
    "serve": ("foveate.cli.serve", "Answer over HTTP with a model folder: a page, an API, metrics."),
    "export": (
        "foveate.cli.export",
        "Copy the network out: one ONNX file, smaller in int8, a page by itself.",
    ),
    "push": ("foveate.cli.push", "Put a model folder on a hub, with its card, for others to use."),
    "filter": ("foveate.cli.filter", "Apply a convolution kernel to a picture."),
    "doctor": ("foveate.cli.doctor", "Tell what this installation has, and how to get what is missing."),
    "bench": ("foveate.cli.bench", "Measure this machine: this program and its rivals side by side."),
    "shard": ("foveate.cli.shard", "Write a data set as shards, into a folder or an object store."),
    "data": ("foveate.cli.data", "List and get known data sets; draw one with masks, boxes and sentences."),
    "weights": ("foveate.cli.weights", "Make a model of published weights that you have as a file."),
    "demo": ("foveate.cli.demo", "Train on Fashion-MNIST in a minute and look at the result."),
}


PURPOSES = {  # heading of the overview -> its commands
    "Make a model": "train demo weights",
    "Use it": "predict evaluate serve export push",
    "Look into it": "explain inspect summary models filter guide",
    "Pictures and this machine": "check data shard doctor bench",
}

# What the small install lacks -> the extra that brings it.
EXTRAS = {
    "torch": "train",
    "onnx": "train",
    "onnxscript": "train",
    "tensorboard": "tensorboard",
    "huggingface_hub": "hub",
    "starlette": "serve",
    "python_multipart": "serve",
}


class LazyGroup(click.Group):
    """Imports a command's module when the command is called, not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from foveate.errors import UnknownNameError

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise UnknownNameError("command", args[0], COMMANDS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for purpose, names in PURPOSES.items():
            with formatter.section(purpose):
                formatter.write_dl([(name, COMMANDS[name][1]) for name in names.split()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="foveate", message="foveate %(version)s")
@click.option("--config", metavar="FILE", help="Take flags from FILE instead of foveate.toml.")
@click.pass_context
def cli(context: click.Context, config: str | None) -> None:
    """A folder of pictures goes in; a trained, measured, explained network comes out.

    \b
    foveate demo                      a first network, in a minute
    foveate train photos/             your own pictures, one folder a class
    foveate predict runs/photos cat.jpg

    foveate.toml in the folder at hand sets flags, [train] epochs = 10; what is typed goes before it.
    """
    from pathlib import Path  # not needed for --help, nor is what follows

    from foveate.cli.command import check_sections, read_config

    context.default_map = read_config(Path(config) if config else None)
    check_sections(context.default_map, COMMANDS)


def fail(message: str, code: int) -> NoReturn:
    from foveate.cli.console import note
    from foveate.words import printable

    note(f"foveate: {printable(message)}")
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> Any:
    """Run the command line; every failure is one sentence and a documented exit code.

    0 done, 1 failed, 2 wrong input, 130 interrupted. A traceback is shown only with ``--debug``.
    """
    if argv is None:
        signals.own_process()
    arguments = list(sys.argv[1:] if argv is None else argv)
    with flags_spoken():
        _run(arguments)


def _run(arguments: list[str]) -> NoReturn:
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        code = cli.main(args=arguments, prog_name="foveate", standalone_mode=False)
    except Exception as error:
        signals.settle()
        if debug:
            raise
        _explain(error)
    except KeyboardInterrupt:
        signals.settle()
        if debug:
            raise
        fail("interrupted.", 130)
    signals.settle()
    sys.exit(code if isinstance(code, int) else 0)


def _explain(error: Exception) -> NoReturn:
    if isinstance(error, FoveateError):
        fail(str(error), error.exit_code)
    if isinstance(error, ModuleNotFoundError) and (name := str(error.name).partition(".")[0]) in EXTRAS:
        fail(str(MissingExtraError(f"This command uses {name}, which", EXTRAS[name])), 2)
    if isinstance(error, click.exceptions.Exit):
        sys.exit(error.exit_code)
    if isinstance(error, click.Abort):
        fail("interrupted.", 130)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()  # the help itself
        sys.exit(2)
    if isinstance(error, click.UsageError):
        where = f" See `{error.ctx.command_path} --help`." if error.ctx else ""
        fail(_sentence(error) + where, 2)
    if isinstance(error, click.ClickException):
        fail(_sentence(error), error.exit_code)
    if isinstance(error, BrokenPipeError):
        from foveate.cli.console import silence

        silence(sys.stdout)  # the reader left: nothing more to say
        sys.exit(0)
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS}:
        fail(f"Could not write {error.filename or 'a file'}: {error.strerror}.", 1)
    if isinstance(error, MemoryError):
        fail("Out of memory: try a smaller --batch-size or --image-size.", 1)
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        fail(f"{name}{error.strerror or error}.", 2)
    fail(f"internal error: {type(error).__name__}: {error} (run again with --debug for the traceback).", 1)


def _sentence(error: click.ClickException) -> str:
    """The message of one of click's errors as one line that ends as a sentence does."""
    text = " ".join(error.format_message().split())
    return text if text.endswith((".", "?", "!")) else f"{text}."


if __name__ == "__main__":
    main()
