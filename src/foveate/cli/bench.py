"""`foveate bench`: this program and its rivals, side by side on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from foveate.cli.command import Command
from foveate.cli.console import json_option
from foveate.errors import InputError


@click.command("bench", cls=Command)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="Small and short: shows that it runs, and about what to expect.")
@click.option("--list", "listed", is_flag=True, help="Say what can be measured, and how long it takes.")
@click.option(
    "-o", "--out", type=click.Path(), help="A folder for benchmarks.json, benchmarks.md and charts."
)
@json_option
def command(names: tuple[str, ...], *, quick: bool, listed: bool, out: str | None, as_json: bool) -> None:
    """Measure this program and its rivals on this machine: all benchmarks, or those named.

    \b
    foveate bench --list
    foveate bench inference --quick
    foveate bench --out measured/

    Contestants take turns, each in a process of its own; every figure is the median of several turns, with
    its range. Rivals that are not installed are skipped and named. Leave the machine alone meanwhile.
    """
    arguments = [*names, *(["--quick"] if quick else []), *(["--list"] if listed else [])]
    arguments += [*(["--out", out] if out else []), *(["--json"] if as_json else [])]
    done = subprocess.run([sys.executable, os.fspath(_folder() / "run.py"), *arguments], check=False)
    sys.exit(done.returncode)


def _folder() -> Path:
    """Where the benchmarks lie: in the package, where it was installed; beside it, in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "benchmarks", package.parent.parent / "benchmarks"):
        if (folder / "run.py").is_file():
            return folder
    raise InputError("The benchmarks are not part of this installation; run `make bench` in a checkout.")
