"""One thing to know about a data set, and the pictures that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from foveate.dataset.quality.scan import ScanResult
from foveate.dataset.samples import DataSet

Severity = Literal["error", "warning", "note"]
Results = Mapping[str, ScanResult]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Place:
    """One picture of a data set: which split, its number there, its name, its answer, and a remark."""

    split: str
    index: int
    name: str
    label: str
    remark: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing to know. ``kind`` is for programs, ``message`` a sentence for people.

    ``groups`` are the pictures concerned; those in one group belong together (copies of one picture).
    """

    kind: str
    severity: Severity
    message: str
    groups: tuple[tuple[Place, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data, strict JSON."""
        groups = [
            [
                {"split": p.split, "index": p.index, "name": p.name, "class": p.label, "remark": p.remark}
                for p in group
            ]
            for group in self.groups
        ]
        return {
            "kind": self.kind,
            "severity": self.severity,
            "message": self.message,
            "groups": groups,
        }


class View:
    """The splits laid end to end, so that pictures of all of them can be compared by one number."""

    def __init__(self, dataset: DataSet, results: Results) -> None:
        self.dataset, self.results = dataset, results
        self.keys = list(results)
        sizes = [len(results[key]) for key in self.keys]
        self.split = np.repeat(np.arange(len(sizes)), sizes)
        self.start = np.cumsum([0, *sizes])
        targets = [dataset.splits[key].targets for key in self.keys]
        self.answers: Integers = np.concatenate([np.empty(0, dtype=np.int64), *(t.keys for t in targets)])
        self.cells = [cell for t in targets for cell in dataset.task.cells(t)]

    def place(self, i: int, remark: str = "") -> Place:
        """Where picture ``i`` of all stands."""
        key = self.keys[self.split[i]]
        index = int(i - self.start[self.split[i]])
        images = self.dataset.splits[key].images
        return Place(key, index, images.name(index), self.cells[i], remark)

    def by_split(self, numbers: Integers) -> dict[str, Integers]:
        """(M,) one number a picture of every split, end to end -> (N,) by split."""
        return dict(zip(self.keys, np.split(numbers, self.start[1:-1]), strict=True))

    def placed(self, groups: Sequence[Integers]) -> tuple[tuple[Place, ...], ...]:
        """Groups of numbers -> groups of places."""
        return tuple(tuple(self.place(int(i)) for i in members) for members in groups)


def counted(number: int, noun: str) -> str:
    """ "1 picture", "2 pictures"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
