"""`foveate demo`: a first network, from nothing, in a minute."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import numpy as np

from foveate.cli.console import emit_json, json_option, note, printable, typed

SHOWN = 8


@click.command(epilog="\b\nExample:\n  foveate demo --budget 60s")
@click.option("--budget", default="60s", show_default=True, help="Wall time of the whole demonstration.")
@click.option("--out", "-o", default="runs/demo", show_default=True, metavar="DIR")
@click.option("--seed", type=int, default=0, show_default=True)
@json_option
def command(budget: str, out: str, seed: int, as_json: bool) -> None:
    """Train on Fashion-MNIST within a minute, measure on its test pictures, and show what came out."""
    from foveate.cli.progress import display
    from foveate.cli.train import as_document, in_words, stop_on_signal
    from foveate.pipeline import TrainRequest, train
    from foveate.pipeline.request import process_start_seconds

    request = TrainRequest(budget=budget, seed=seed)
    name = "fashion-mnist" if _fetch() else "fashion-mnist-mini"
    with stop_on_signal() as stop, display() as listener:
        finished = train(
            name,
            request,
            out=Path(out),
            listener=listener,
            should_stop=stop.is_set,
            started=process_start_seconds(),
        )
    if as_json:
        emit_json(as_document(finished))
        return
    from foveate.evaluation.terminal import terminal_confusion

    click.echo(in_words(finished))
    click.echo("\nWhat it takes for what (rows: true class, columns: its answers):\n")
    click.echo(terminal_confusion(finished.evaluation.confusion, finished.evaluation.classes))
    click.echo("\n" + _answers(finished.folder, name))
    click.echo("\n" + _next(finished.folder, name))


def _fetch() -> bool:
    """Whether the whole of Fashion-MNIST is here or could be had; says so if not."""
    from foveate.dataset import known
    from foveate.errors import DownloadError

    try:
        known.load("fashion-mnist")
    except DownloadError as error:
        note(f"note: {printable(str(error))}")
        note("note: going on with fashion-mnist-mini, the tenth of it that comes with foveate.")
        return False
    return True


def _answers(folder: Path, name: str) -> str:
    """The finished model on a few test pictures."""
    import foveate

    predictor = foveate.load(folder)
    test = foveate.open_dataset(name).splits["test"]
    rows = np.linspace(0, len(test) - 1, SHOWN).astype(int)
    lines = ["Some test pictures:"]
    for row, answer in zip(rows, predictor.predict([test.images.read(int(i)) for i in rows]), strict=True):
        true = predictor.classes_[test.labels[row]]
        mark = "right" if answer.label == true else f"wrong, it is {true}"
        lines.append(
            f"  {test.images.name(int(row)):<12} {answer.label:<12} {answer.probability:>6.1%}  {mark}"
        )
    return "\n".join(lines)


def _next(folder: Path, name: str) -> str:
    picture = _save_a_picture(folder, name)
    return "\n".join(
        [
            "Try next:",
            f"  open {typed(folder)}/report.html",
            f"  foveate predict {typed(folder)} {picture}",
            f"  foveate evaluate {typed(folder)} {name}",
            "  foveate summary convnet1",
            "  foveate train YOUR/PICTURES     one folder a class",
        ]
    )


def _save_a_picture(folder: Path, name: str) -> Path:
    """A test picture as a file, so that `foveate predict` has something to look at."""
    from PIL import Image

    import foveate

    path = Path(tempfile.gettempdir()) / "foveate-demo-picture.png"
    Image.fromarray(foveate.open_dataset(name).splits["test"].images.read(0)).save(path)
    return path
