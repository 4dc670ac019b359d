"""`check`: what is wrong with a data set, before time is spent on training. No torch, but for ``labels``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from foveate.api.common import Progress, needs, unseen
from foveate.dataset.cache import decode
from foveate.dataset.quality.finding import Finding
from foveate.dataset.quality.findings import Findings, findings, in_order, refusals
from foveate.dataset.quality.scan import ScanResult, scan
from foveate.dataset.samples import DataSet
from foveate.dataset.sources.open import Data, Unlabelled, open_dataset
from foveate.errors import InputError
from foveate.files import replacing
from foveate.jobs.engines import Hands
from foveate.jobs.scanning import scanned
from foveate.kept import cache_folder
from foveate.outputs import check_file
from foveate.words import setting

if TYPE_CHECKING:
    from foveate.models.model import Model
    from foveate.transfer.label_report import LabelReport


@dataclass(frozen=True)
class Checked:
    """What a check found.

    Attributes:
        found: counts of the data set, and all findings.
        items: the findings, the most important first.
        refused: those for which training would refuse the data.
        labels: the doubtful labels, where they were asked for.
    """

    found: Findings
    items: Sequence[Finding]
    refused: Sequence[Finding]
    labels: LabelReport | None = None

    @property
    def usable(self) -> bool:
        """Whether training would accept the data."""
        return not self.refused

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: what `foveate check --json` prints."""
        listed = [item.to_dict() for item in self.items]
        document = {**self.found.to_dict(), "usable": self.usable, "findings": listed}
        return document if self.labels is None else {**document, "labels": self.labels.to_dict()}


def check(
    data: Data,
    *,
    val: Data | None = None,
    test: Data | None = None,
    task: str = "auto",
    ignore: str | int | Sequence[str | int] = (),
    unlabelled: Unlabelled = "error",
    html: str | Path | None = None,
    overwrite: bool = False,
    max_unreadable: float = 0.05,
    labels: bool = False,
    engine: Literal["local", "ray"] | None = None,
    workers: int | None = None,
    address: str | None = None,
    out: str | Path | None = None,
    progress: Progress = unseen,
) -> Checked:
    """Tell what is wrong with data: files that cannot be read, copies, leaks, small classes, odd names.

    >>> found = foveate.check("shapes")
    >>> found.usable, [item.kind for item in found.items]
    (True, [])

    Args:
        data, val, test, task, ignore, unlabelled: as for `open_dataset`; copies across splits are found.
        html: a file for a page with thumbnails; ``overwrite`` lets it replace one.
        max_unreadable: the share of broken pictures that training accepts.
        labels: rank the pictures whose label the other pictures contradict, by an ImageNet network.
        engine: who looks at shards, "local" (processes) or "ray"; what is found is the same.
        workers, address: of the engine, as for `predict_shards`.
        out: where what was seen of each shard is kept, so that a check that was stopped goes on.
        progress: called with pictures done and pictures in all.

    Raises DatasetError for what is no data set at all; MissingExtraError where ``labels`` lacks a package.
    """
    if html is not None:
        check_file(Path(html), (".html", ".htm"), name="html", overwrite=overwrite)
    backbone = _backbone() if labels else None
    dataset = open_dataset(data, val=val, test=test, task=task, ignore=ignore, unlabelled=unlabelled)
    _check_engine(engine, others=(workers, address, out) != (None, None, None), labels=labels)
    if labels:  # what has not one class a picture is refused before it is read
        for split in dataset.splits.values():
            dataset.task.class_numbers(split.targets)
    if engine is None:
        results, pixels = _read(dataset, backbone, progress)
    else:
        kept = None if out is None else str(out)
        how = Hands(engine, workers, address)
        results, pixels = scanned(dataset, str(data), kept, how, progress), {}
    found = findings(dataset, results)
    judged = None
    if backbone is not None:
        judged = _examined(dataset, results, pixels, found=found, backbone=backbone, progress=progress)
        found = replace(found, items=(*found.items, *judged.findings()))
    refused = refusals(found, max_unreadable)
    if html is not None:
        _write_page(Path(html), dataset, found, refused)
    return Checked(found, in_order(found, refused), refused, judged)


def _check_engine(engine: str | None, *, others: bool, labels: bool) -> None:
    """Raises InputError for wishes that do not go together. others: what belongs to an engine was given."""
    if engine is None and others:
        raise InputError("workers, address and out belong to an engine; name one: local or ray.")
    if engine is not None and labels:
        raise InputError(f"{setting('labels', True)}: labels are judged without {setting('engine', engine)}.")


def _backbone() -> Model:
    """The network that looks at the pictures. Raises MissingExtraError."""
    with needs("pretrained", "To judge labels `foveate check`"):
        from foveate.resolve import published
        from foveate.transfer.backbone import PACKAGED
    return published(PACKAGED[0])


def _read(
    dataset: DataSet, backbone: Model | None, progress: Progress
) -> tuple[dict[str, ScanResult], dict[str, NDArray[np.uint8]]]:
    """The scan of each split, and its pixels as the network takes them where one is to look at them."""
    total = sum(len(split) for split in dataset.splits.values())
    results: dict[str, ScanResult] = {}
    pixels: dict[str, NDArray[np.uint8]] = {}
    for key, split in dataset.splits.items():
        before = sum(len(result) for result in results.values())
        report = partial(_report, progress, before, total)
        fault = partial(dataset.task.fault, split.targets)
        if backbone is None:
            results[key] = scan(split.images, fault=fault, progress=report)
        else:
            pixels[key], results[key] = decode(
                split.images, backbone.preprocessing, fault=fault, progress=report
            )
    return results, pixels


def _report(progress: Progress, before: int, total: int, done: int, _: int) -> None:
    progress(before + done, total)


def _examined(
    dataset: DataSet,
    results: Mapping[str, ScanResult],
    pixels: Mapping[str, NDArray[np.uint8]],
    *,
    found: Findings,
    backbone: Model,
    progress: Progress,
) -> LabelReport:
    from foveate.transfer.label_report import examine_labels

    return examine_labels(
        dataset,
        results,
        pixels,
        found=found,
        backbone=backbone,
        folder=cache_folder() / "features",
        progress=progress,
    )


def _write_page(path: Path, dataset: DataSet, found: Findings, refused: Sequence[Finding]) -> None:
    from foveate.report.check_page import render_check_page

    page = render_check_page(dataset, found, refused)
    with replacing(path) as part:
        part.write_text(page, encoding="utf-8")
