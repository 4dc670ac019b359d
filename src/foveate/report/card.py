"""The model card: README.md of a model folder, for people who meet the model without having trained it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from foveate import words
from foveate.report.data import ReportData

LABELS_LISTED = 100
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
        f"{markdown_text(data.result.purpose, SENTENCE_LIMIT)}{network}{size}. "
        f"Made by foveate on {markdown_text(words.moment(data.created))}.\n\n"
        f"{data.result.labels_are}: {_label_list(data.task.labels)}.\n"
    )


def _label_list(labels: Sequence[str]) -> str:
    names = [markdown_text(name) for name in labels[:LABELS_LISTED]]
    more = len(labels) - len(names)
    return ", ".join(names) + (f" and {more:,} more (all in `config.json`)" if more else "")


def _how_good(data: ReportData) -> str:
    result = data.result
    table = "\n".join(f"| {markdown_text(name)} | {markdown_text(value)} |" for name, value in result.scores)
    kind = markdown_text(words.split_word(result.split))
    return (
        f"## How good it is\n\n{markdown_text(result.verdict, SENTENCE_LIMIT)}\n\n"
        f"| on the {kind} pictures | |\n|---|---|\n{table}\n\n"
        f"{result.in_report} are in `report.html`.\n"
    )


def _on_what(data: ReportData) -> str:
    lines = [f"## What it was made from\n\nPictures: {markdown_text(data.dataset.name or 'not named')}."]
    if data.dataset.counts:
        amounts = (f"{n:,} {markdown_text(words.split_word(s))}" for s, n in data.dataset.counts.items())
        lines.append(f"Numbers of pictures: {', '.join(amounts)}.")
    if data.preprocessing:
        lines.append(f"What is done to every picture: {markdown_text(data.preprocessing, SENTENCE_LIMIT)}")
    return "\n\n".join(lines) + "\n"


def _use(data: ReportData) -> str:
    path = words.shown(data.model_path, 500)
    outputs = ", ".join(f"`{output.name}`" for output in data.task.outputs)
    return (
        f"## How to use it\n\n```sh\nfoveate predict {shlex.quote(path)} picture.jpg\n```\n\n"
        f"```python\nimport foveate\n\nmodel = foveate.load({path!r})\n"
        'print(model.predict("picture.jpg"))\n```\n\n'
        "`model.onnx` takes `images`, uint8 RGB of shape (N, height, width, 3) already of the model's size, "
        f"and gives {outputs}; {data.result.inside} are inside.\n{_proposals(data.proposals)}"
    )


def _proposals(count: int) -> str:
    """What a network needs that is told where to look."""
    if not count:
        return ""
    return (
        f"\nIt also takes `proposals`, float32 of shape (N, {count}, 4): where to look in each picture, as "
        "x1, y1, x2, y2 in pixels of the model's size, zeros for what fills up. `foveate` finds them by "
        "selective search (`foveate.images.selective_search`, NumPy), for which ONNX has no operator.\n"
    )


def _limits(data: ReportData) -> str:
    points = [markdown_text(sentence, SENTENCE_LIMIT) for sentence in data.result.warnings]
    points += [
        data.result.always,
        *(markdown_text(sentence, SENTENCE_LIMIT) for sentence in data.result.limits),
        "The numbers hold for pictures like those it was measured on; another camera, light or background "
        "can make it worse. Measure it on your own with `foveate evaluate`.",
    ]
    return "## Limits\n\n" + "\n".join(f"- {point}" for point in points) + "\n"


def _licence(data: ReportData) -> str:
    stated = markdown_text(data.licence) if data.licence else "none was stated by whoever trained it"
    rights = "The rights in the training pictures stay with their owners."
    return f"## Licence\n\nOf this model: {stated}. {rights}\n"
