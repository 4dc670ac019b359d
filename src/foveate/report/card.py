"""The model card: README.md of a model folder, for people who meet the model without having trained it."""

from __future__ import annotations

import re
import shlex

from foveate import words
from foveate.report import meaning
from foveate.report.data import ReportData

CLASSES_LISTED = 100
SENTENCE_LIMIT = 2000  # characters

# What Markdown (CommonMark and GitHub's tables and links) would read as a mark; < > & become entities.
_MARKS = re.compile(r"[\\`*_\[\]#|~!$^]|(?<=:)/|(?<=www)\.|@", re.IGNORECASE)


def markdown_text(text: object, limit: int = words.NAME_LIMIT) -> str:
    """A name as Markdown that shows exactly it: no mark-up, no HTML, no link that a name asked for."""
    marked = _MARKS.sub(lambda match: "\\" + match.group(), words.shown(text, limit).strip())
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def render_card(data: ReportData) -> str:
    """The card in Markdown: what it is, how good, on what, how to use, preprocessing, limits, licence."""
    parts = [_what(data), _how_good(data), _on_what(data), _use(data), _limits(data), _licence(data)]
    return "\n".join(parts)


def _what(data: ReportData) -> str:
    network = f" with the network {markdown_text(data.architecture)}" if data.architecture else ""
    size = f", {words.count(data.parameters)} parameters" if data.parameters is not None else ""
    return (
        f"# {markdown_text(data.title)}\n\n"
        f"Sorts pictures into {words.plural(len(data.classes), 'class', 'classes')}{network}{size}. "
        f"Made by foveate on {markdown_text(words.moment(data.created))}.\n\n"
        f"Classes: {_class_list(data)}.\n"
    )


def _class_list(data: ReportData) -> str:
    names = [markdown_text(name) for name in data.classes[:CLASSES_LISTED]]
    more = len(data.classes) - len(names)
    return ", ".join(names) + (f" and {more:,} more (all in `config.json`)" if more else "")


def _how_good(data: ReportData) -> str:
    result = data.evaluation
    low, high = result.accuracy_interval
    rows = [
        (
            "accuracy",
            f"{words.percent(result.accuracy)} (95 % interval {words.percent(low)} to {words.percent(high)})",
        ),
        ("macro-F1", words.percent(result.macro_f1)),
        ("balanced accuracy", words.percent(result.balanced_accuracy)),
        ("calibration error (ECE, 15 bins)", words.percent(result.ece)),
        ("pictures", words.count(result.samples)),
    ]
    if result.top5_accuracy is not None:
        rows.insert(1, ("top-5 accuracy", words.percent(result.top5_accuracy)))
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    kind = markdown_text(words.split_word(data.evaluated_on))
    return (
        f"## How good it is\n\n{markdown_text(meaning.headline(data), SENTENCE_LIMIT)}\n\n"
        f"| on the {kind} pictures | |\n|---|---|\n{table}\n\n"
        "Each class, the confusion matrix and the most confident mistakes are in `report.html`.\n"
    )


def _on_what(data: ReportData) -> str:
    lines = [f"## What it was made from\n\nPictures: {markdown_text(data.dataset.name or 'not named')}."]
    if data.dataset.counts:
        amounts = (f"{sum(n):,} {markdown_text(words.split_word(s))}" for s, n in data.dataset.counts.items())
        lines.append(f"Numbers of pictures: {', '.join(amounts)}.")
    if data.preprocessing:
        lines.append(f"What is done to every picture: {markdown_text(data.preprocessing, SENTENCE_LIMIT)}")
    return "\n\n".join(lines) + "\n"


def _use(data: ReportData) -> str:
    path = words.shown(data.model_path, 500)
    return (
        f"## How to use it\n\n```sh\nfoveate predict {shlex.quote(path)} picture.jpg\n```\n\n"
        f"```python\nimport foveate\n\nmodel = foveate.load({path!r})\n"
        'print(model.predict("picture.jpg"))\n```\n\n'
        "`model.onnx` takes `images`, uint8 RGB of shape (N, height, width, 3) already of the model's size, "
        "and gives `probabilities`; normalisation and temperature are inside.\n"
    )


def _limits(data: ReportData) -> str:
    points = [markdown_text(sentence, SENTENCE_LIMIT) for sentence in meaning.warnings(data)]
    points += [
        "It answers with one of its classes whatever the picture shows, also for things it has never seen.",
        *(markdown_text(sentence, SENTENCE_LIMIT) for sentence in meaning.knows_limits(data)),
        "The numbers hold for pictures like those it was measured on; another camera, light or background "
        "can make it worse. Measure it on your own with `foveate evaluate`.",
    ]
    return "## Limits\n\n" + "\n".join(f"- {point}" for point in points) + "\n"


def _licence(data: ReportData) -> str:
    stated = markdown_text(data.licence) if data.licence else "none was stated by whoever trained it"
    rights = "The rights in the training pictures stay with their owners."
    return f"## Licence\n\nOf this model: {stated}. {rights}\n"
