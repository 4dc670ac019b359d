"""`foveate check`: what is wrong with a data set, before time is spent on training. Starts without torch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foveate.cli.command import Command
from foveate.cli.console import (
    Share,
    emit_json,
    ignore_option,
    json_option,
    note,
    overwrite_option,
    starting,
    unlabelled_option,
)
from foveate.cli.evaluate import drawn
from foveate.cli.labelled import To, check_to, to_option, write_doubts
from foveate.cli.predict import bar
from foveate.cli.sharded import engine_options
from foveate.errors import InputError
from foveate.words import plural, printable, some, table

if TYPE_CHECKING:
    from foveate.api.check import Checked
    from foveate.dataset.quality.finding import Finding
    from foveate.dataset.quality.findings import Findings
    from foveate.transfer.label_report import LabelReport

_SUSPECTS_SHOWN = 20
_CLASSES_SHOWN = 30
_GROUPS_SHOWN = 5
_COPIES_SHOWN = 4


@click.command("check", cls=Command)
@click.argument("data")
@click.option("--val", metavar="DATA", help="A validation set that lies elsewhere; copies across are found.")
@click.option("--test", metavar="DATA", help="A test set that lies elsewhere.")
@click.option("--task", default="auto", show_default=True, metavar="NAME", help="As for `foveate train`.")
@ignore_option
@unlabelled_option
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with thumbnails.")
@overwrite_option
@click.option(
    "--max-unreadable",
    type=Share(),
    default="5%",
    show_default=True,
    help="Broken pictures training accepts.",
)
@click.option("--labels", is_flag=True, help="Rank the pictures whose label the other pictures contradict.")
@engine_options
@click.option(
    "--out",
    metavar="PLACE",
    help="With --engine: where what was seen of each shard is kept, for another run.",
)
@to_option
@json_option
def command(data: str, *, html: Path | None, to: To | None, as_json: bool, **settings: Any) -> None:
    """Tell what is wrong with DATA: files that cannot be read, copies, leaks, small classes, odd names.

    \b
    foveate check photos/
    foveate check photos/ --html check.html
    foveate check train.csv --val val.csv --json > check.json
    foveate check photos/ --labels --html check.html
    foveate check s3://bucket/photos --engine ray
    foveate check photos/ --labels --to label-studio photos/doubts.json

    With --labels an ImageNet network (foveate[pretrained]) looks at every picture, and each label is held
    against what a classifier says that learnt from all the other pictures.

    With --engine shards are looked at by several processes, or by a cluster; what is found is the same.

    Nothing of yours is changed. The exit code is 0 if training would accept the data (warnings or not), 1 if
    it would refuse them, 2 if they are no data set at all.
    """
    with starting():
        from foveate.api.check import check

    if to is not None:
        if not settings["labels"]:
            raise InputError("--to: expected --labels as well, which finds what is doubtful.")
        check_to(to, overwrite=bool(settings["overwrite"]))
    with bar() as progress:
        found = check(data, html=html, progress=progress, **settings)
    for sentence in found.labels.notes if found.labels else ():
        note(sentence)
    if to is not None and found.labels is not None:
        doubts = plural(write_doubts(to, found.labels, tuple(found.found.classes)), "doubtful label")
        note(f"{doubts} for {to[0]}: {printable(str(to[1]))}.")
    if as_json:
        emit_json(found.to_dict())
    else:
        click.echo(_in_words(found))
        if html is not None:
            note(f"The page is {printable(str(html))}.")
    if not found.usable:
        sys.exit(1)


def _in_words(checked: Checked) -> str:
    items, found = checked.items, checked.found
    words = {severity: sum(item.severity == severity for item in items) for severity in ("error", "warning")}
    errors, warnings = (
        plural(number, severity) if number else f"no {severity}s" for severity, number in words.items()
    )
    if checked.refused:
        verdict = f"Training would refuse this data set: {errors}, {warnings}."
    elif words["warning"]:
        verdict = f"Training would accept this data set: {warnings} above."
    else:
        verdict = "Nothing is wrong with this data set that could be found."
    classes = [_classes(found)] if found.classes else []
    if found.shares is not None:
        classes = [drawn(found.shares)]
    blocks = [printable(found.name), _splits(found), *classes, *map(_finding, items)]
    if checked.labels is not None:
        blocks.append(_suspects(checked.labels))
    blocks.append(verdict)
    return "\n\n".join(blocks)


def _suspects(judged: LabelReport) -> str:
    """The most suspicious labels, doubtful or not: where a person begins to look."""
    header = ["", "picture", "label given", "suggested", "score"]
    rows = [
        [
            str(rank),
            printable(suspect.place.name),
            printable(suspect.place.label),
            printable(f"{suspect.suggested} ({suspect.suggested_probability:.0%})"),
            f"{suspect.score:.3f}",
        ]
        for rank, suspect in enumerate(judged.ranking[:_SUSPECTS_SHOWN], start=1)
    ]
    title = (
        f"The most suspicious of {len(judged.ranking):,} labels, {judged.doubtful:,} of them in doubt "
        "(--json ranks all):"
    )
    return f"{title}\n{table(header, rows, right=(0, 4))}"


def _splits(found: Findings) -> str:
    rows = [
        [
            key,
            f"{split.images:,}",
            f"{split.usable:,}",
            f"{split.grey:,}",
            ", ".join(f"{width} x {height}" for width, height in dict.fromkeys(split.sizes.values())),
            ", ".join(f"{count:,} {form}" for form, count in split.formats.items()),
        ]
        for key, split in found.splits.items()
    ]
    header = ["split", "pictures", "readable", "grey", "sizes (smallest, median, largest)", "formats"]
    return table(header, rows, right=(1, 2, 3))


def _classes(found: Findings) -> str:
    splits = list(found.splits.values())
    rows = [
        [printable(name), *(f"{split.per_class[c]:,}" for split in splits)]
        for c, name in enumerate(found.classes)
    ]
    shown = rows
    if len(rows) > _CLASSES_SHOWN:  # the extremes are what matters
        by_count = sorted(range(len(rows)), key=lambda c: -splits[0].per_class[c])
        half = _CLASSES_SHOWN // 2
        middle = [f"... {len(rows) - 2 * half} more", *["" for _ in splits]]
        shown = [*(rows[c] for c in by_count[:half]), middle, *(rows[c] for c in by_count[-half:])]
    return table(["class", *found.splits], shown, right=range(1, 1 + len(splits)))


def _finding(item: Finding) -> str:
    from foveate.dataset.quality.findings import FILES_NAMED

    lines = [f"{item.severity}: {printable(item.message)}"]
    if item.kind == "label" or (item.kind == "unreadable" and len(item.groups) <= FILES_NAMED):
        return lines[0]  # the table, or the sentence, names them all
    for group in item.groups[:_GROUPS_SHOWN]:
        names = [
            printable(place.name) + (f" ({printable(place.remark)})" if place.remark else "")
            for place in group
        ]
        lines.append("    " + some(names, _COPIES_SHOWN, " = "))
    if len(item.groups) > _GROUPS_SHOWN:
        lines.append(
            f"    ... and {len(item.groups) - _GROUPS_SHOWN} more (--json lists all, --html shows them)"
        )
    return "\n".join(lines)
