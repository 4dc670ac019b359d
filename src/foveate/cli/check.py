"""`foveate check`: what is wrong with a data set, before time is spent on training. Starts without torch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from foveate.cli.console import Share, emit_json, json_option, note, overwrite_option
from foveate.cli.predict import bar
from foveate.files import replacing
from foveate.outputs import check_file
from foveate.words import plural, printable, some, table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from foveate.dataset.quality.finding import Finding
    from foveate.dataset.quality.findings import Findings
    from foveate.dataset.quality.scan import ScanResult
    from foveate.dataset.samples import DataSet
    from foveate.models.model import Model
    from foveate.transfer.label_report import LabelReport

_SUSPECTS_SHOWN = 20
_CLASSES_SHOWN = 30
_GROUPS_SHOWN = 5
_COPIES_SHOWN = 4


@click.command("check")
@click.argument("data")
@click.option("--val", metavar="DATA", help="A validation set that lies elsewhere; copies across are found.")
@click.option("--test", metavar="DATA", help="A test set that lies elsewhere.")
@click.option("--task", default="auto", show_default=True, metavar="NAME", help="As for `foveate train`.")
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
@json_option
def command(
    data: str,
    *,
    val: str | None,
    test: str | None,
    task: str,
    html: Path | None,
    overwrite: bool,
    max_unreadable: float,
    labels: bool,
    as_json: bool,
) -> None:
    """Tell what is wrong with DATA: files that cannot be read, copies, leaks, small classes, odd names.

    \b
    foveate check photos/
    foveate check photos/ --html check.html
    foveate check train.csv --val val.csv --json > check.json
    foveate check photos/ --labels --html check.html

    With --labels an ImageNet network (foveate[pretrained]) looks at every picture, and each label is held
    against what a classifier says that learnt from all the other pictures.

    Nothing of yours is changed. The exit code is 0 if training would accept the data (warnings or not), 1 if
    it would refuse them, 2 if they are no data set at all.
    """
    from foveate.dataset.quality.findings import findings, in_order, refusals
    from foveate.dataset.sources.open import open_dataset

    if html is not None:
        check_file(html, (".html", ".htm"), flag="--html", overwrite=overwrite)
    backbone = _backbone() if labels else None
    dataset = open_dataset(data, val=val, test=test, task=task)
    results, pixels = _read(dataset, backbone)
    found = findings(dataset, results)
    judged = None if backbone is None else _examine(dataset, results, pixels, found, backbone)
    if judged is not None:
        found = replace(found, items=(*found.items, *judged.findings()))
    refused = refusals(found, max_unreadable)
    if html is not None:
        _write_page(html, dataset, found, refused)
    items = in_order(found, refused)
    if as_json:
        listed = [item.to_dict() for item in items]
        document = {**found.to_dict(), "usable": not refused, "findings": listed}
        emit_json(document if judged is None else {**document, "labels": judged.to_dict()})
    else:
        click.echo(_in_words(found, items, judged, refused=bool(refused)))
        if html is not None:
            note(f"The page is {printable(str(html))}.")
    if refused:
        sys.exit(1)


def _backbone() -> Model:
    """The network that looks at the pictures. Raises MissingExtraError."""
    from foveate.errors import MissingExtraError

    try:
        from foveate.resolve import published
        from foveate.transfer.backbone import PACKAGED
    except ImportError as error:
        raise MissingExtraError("To judge labels `foveate check`", "pretrained") from error
    return published(PACKAGED[0])


def _read(
    dataset: DataSet, backbone: Model | None
) -> tuple[dict[str, ScanResult], dict[str, NDArray[np.uint8]]]:
    """The scan of each split, and its pixels as the network takes them where one is to look at them."""
    from foveate.dataset.cache import decode
    from foveate.dataset.quality.scan import scan

    total = sum(len(split) for split in dataset.splits.values())
    results: dict[str, ScanResult] = {}
    pixels: dict[str, NDArray[np.uint8]] = {}
    with bar() as progress:
        for key, split in dataset.splits.items():
            before = sum(len(result) for result in results.values())
            report = partial(_report, progress, before, total)
            if backbone is None:
                results[key] = scan(split.images, progress=report)
            else:
                pixels[key], results[key] = decode(split.images, backbone.preprocessing, progress=report)
    return results, pixels


def _examine(
    dataset: DataSet,
    results: Mapping[str, ScanResult],
    pixels: Mapping[str, NDArray[np.uint8]],
    found: Findings,
    backbone: Model,
) -> LabelReport:
    from foveate.dataset.sources.fetch import cache_folder
    from foveate.transfer.label_report import examine_labels

    folder = cache_folder() / "features"
    with bar() as progress:
        report = examine_labels(
            dataset,
            results,
            pixels,
            found=found,
            backbone=backbone,
            folder=folder,
            mirrored=dataset.task.mirror_safe,
            progress=progress,
        )
    for sentence in report.notes:
        note(sentence)
    return report


def _report(progress: Callable[[int, int], None], before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def _write_page(path: Path, dataset: DataSet, found: Findings, refused: Sequence[Finding]) -> None:
    from foveate.report.check_page import render_check_page

    page = render_check_page(dataset, found, refused)
    with replacing(path) as part:
        part.write_text(page, encoding="utf-8")


def _in_words(found: Findings, items: Sequence[Finding], judged: LabelReport | None, *, refused: bool) -> str:
    words = {severity: sum(item.severity == severity for item in items) for severity in ("error", "warning")}
    errors, warnings = (
        plural(number, severity) if number else f"no {severity}s" for severity, number in words.items()
    )
    if refused:
        verdict = f"Training would refuse this data set: {errors}, {warnings}."
    elif words["warning"]:
        verdict = f"Training would accept this data set: {warnings} above."
    else:
        verdict = "Nothing is wrong with this data set that could be found."
    classes = [_classes(found)] if found.classes else []
    blocks = [printable(found.name), _splits(found), *classes, *map(_finding, items)]
    if judged is not None:
        blocks.append(_suspects(judged))
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
