"""`foveate evaluate`: how good a model folder is on labelled pictures. Starts without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from foveate.cli.console import emit_json, json_option, note
from foveate.cli.files import model_path
from foveate.words import listed, printable, shown, table

if TYPE_CHECKING:
    from foveate.tasks.classification.metrics import Evaluation

MAX_ROWS = 30  # classes in the table; of more, the worst
MAX_MATRIX = 12  # classes in the confusion table; of more, the most frequent mistakes
MAX_NAME = 24  # characters of a class name in a table


@click.command("evaluate")
@click.argument("model", type=click.Path())
@click.argument("data")
@click.option(
    "--split", type=click.Choice(["train", "val", "test"]), help="Which part; by default test or all."
)
@click.option("-b", "--batch-size", default=64, show_default=True, type=click.IntRange(1, 65536))
@json_option
def command(model: str, data: str, *, split: str | None, batch_size: int, as_json: bool) -> None:
    """Measure MODEL on DATA: accuracy, every class, what is taken for what.

    \b
    foveate evaluate runs/pets photos/test
    foveate evaluate runs/demo fashion-mnist --json

    MODEL is a model folder, or the name of a network that comes with weights. Classes are matched by name; a
    class that the model does not know is an error. Unreadable pictures are named and left out, up to 5 %.
    """
    from foveate.cli.predict import bar
    from foveate.modelfolder.read import load
    from foveate.runtime.measure import evaluate_predictor

    with bar() as progress:
        measured = evaluate_predictor(
            load(model_path(model)), data, split=split, batch_size=batch_size, progress=progress
        )
    for remark in measured.notes:
        note(printable(remark))
    for error in measured.unreadable:
        note(f"foveate: {printable(str(error))} Left out.")
    if as_json:
        left_out = [str(error) for error in measured.unreadable]
        found = {"model": model, "data": data, "split": measured.split, "unreadable": left_out}
        emit_json({**found, **measured.evaluation.to_dict()})
        return
    click.echo(_headline(measured.evaluation, measured.split))
    click.echo("\n" + _classes(measured.evaluation))
    click.echo("\n" + _confusion(measured.evaluation))


def _headline(found: Evaluation, split: str) -> str:

    low, high = found.accuracy_interval
    pictures = "pictures" if split == "all" else f"pictures of {split}"
    lines = [
        f"accuracy {found.accuracy:.2%} (95 % interval {low:.2%} to {high:.2%}): "
        f"{found.correct} of {found.samples} {pictures} right"
    ]
    if found.top5_accuracy is not None:
        lines.append(f"the right class is among the first five for {found.top5_accuracy:.2%}")
    lines.append(
        f"macro-F1 {found.macro_f1:.4f}, log-loss {found.nll:.4f}, Brier {found.brier:.4f}, "
        f"calibration error {found.ece:.4f}"
    )
    absent = [name for name, count in zip(found.classes, found.support, strict=True) if not count]
    if absent:
        lines.append(f"no picture of {listed(absent)}: macro-F1 runs over the classes that occur")
    return "\n".join(lines)


def _classes(found: Evaluation) -> str:
    """Precision, recall and F1 a class; of many classes those with the lowest F1."""
    order = list(range(len(found.classes)))
    title = ""
    if len(order) > MAX_ROWS:
        order = sorted((i for i in order if found.support[i]), key=lambda i: float(found.f1[i]))[:MAX_ROWS]
        title = f"the {len(order)} classes with the lowest F1 (--json has all)\n"
    rows = [
        (
            shown(found.classes[i], MAX_NAME),
            str(int(found.support[i])),
            *(f"{float(values[i]):.3f}" for values in (found.precision, found.recall, found.f1)),
        )
        for i in order
    ]
    return title + table(("class", "pictures", "precision", "recall", "F1"), rows, right=(1, 2, 3, 4))


def _confusion(found: Evaluation) -> str:
    """The confusion matrix of few classes, the most frequent mistakes of many."""
    if len(found.classes) <= MAX_MATRIX:
        counts = found.confusion.matrix().tolist()
        header = ("true \\ predicted", *(str(i) for i in range(len(found.classes))))
        rows = [
            (f"{i} {shown(name, MAX_NAME)}", *map(str, row))
            for i, (name, row) in enumerate(zip(found.classes, counts, strict=True))
        ]
        return table(header, rows, right=range(1, len(header)))
    mistakes = found.confusion.mistakes(10)
    if not mistakes:
        return "no mistakes"
    rows = [
        (str(n), shown(found.classes[t], MAX_NAME), shown(found.classes[p], MAX_NAME)) for t, p, n in mistakes
    ]
    return "most frequent mistakes\n" + table(("pictures", "true", "predicted"), rows, right=(0,))
