"""On which side each picture of a run stood, so that it stays there when the run goes on with other pictures.

A picture is known by its content, and one that was changed in place by its name. What was trained on may
never be measured on, and neither may what the epochs were chosen by; so a picture may only come nearer to
training: test -> val -> train.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Protocol

import numpy as np
from numpy.lib.recfunctions import repack_fields
from numpy.typing import NDArray

from foveate.dataset.samples import NO_ANSWER, SPLITS
from foveate.errors import CheckpointError
from foveate.tasks.base import Task
from foveate.tasks.targets import Targets
from foveate.words import setting

Rows = NDArray[np.void]  # one row a picture, of type _ROW

UNKNOWN, LEFT_OUT = -1, -2
_ROW = np.dtype([("digest", "<u8", 2), ("name", "<u8"), ("label", "<i4"), ("side", "u1"), ("here", "?")])


class Placed(Protocol):
    """Pictures of one side, as `foveate.dataset.prepare.PreparedSplit` has them."""

    @property
    def targets(self) -> Targets: ...
    @property
    def names(self) -> Sequence[str]: ...
    @property
    def digests(self) -> NDArray[np.uint64]: ...


@dataclass(frozen=True, eq=False)
class Sides:
    """All pictures that a run has seen: 30 bytes each. ``here`` is false for those that are gone."""

    rows: Rows

    @classmethod
    def of(cls, splits: Mapping[str, Placed], before: Sides | None = None) -> Sides:
        """The pictures as they stand now, and those that stood anywhere before."""
        parts = [
            _rows(split.digests, split.names, split.targets.keys, SPLITS.index(side))
            for side, split in splits.items()
        ]
        if before is not None:
            gone = before.rows.copy()
            gone["here"] = False
            parts.append(gone)
        joined = np.concatenate(parts)
        _, first = np.unique(repack_fields(joined[["digest", "name", "side"]]).view("V25"), return_index=True)
        return cls(joined[np.sort(first)])  # a picture that is here comes before what it was

    def to_bytes(self) -> bytes:
        target = io.BytesIO()
        np.save(target, self.rows, allow_pickle=False)
        return target.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Sides:
        """Raises ``CheckpointError`` where it is not what ``to_bytes`` makes."""
        try:
            rows = np.load(io.BytesIO(data), allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise CheckpointError(
                f"The run's record of its pictures is damaged; start anew with {setting('overwrite', True)}."
            ) from error
        if rows.dtype != _ROW or rows.ndim != 1 or (rows["side"] >= len(SPLITS)).any():
            raise CheckpointError(
                f"The run's record of its pictures is damaged; start anew with {setting('overwrite', True)}."
            )
        return cls(rows)

    @classmethod
    def from_csv(cls, text: str, task: Task) -> Sides:
        """From the ``splits.csv`` of a model folder. Raises KeyError, ValueError where it is none."""
        lines = list(csv.DictReader(io.StringIO(text)))
        answers = [{key: line[key] for key in line if key not in NO_ANSWER} for line in lines]
        content = bytes.fromhex("".join(line["content"] for line in lines))
        rows = _rows(
            np.frombuffer(content, "<u8").reshape(len(lines), 2),
            [line["file_name"] for line in lines],
            task.targets(map(task.parsed, answers)).keys,
            0,
        )
        rows["side"] = [SPLITS.index(line["split"]) for line in lines]
        return cls(rows)

    def find(
        self, digests: NDArray[np.uint64], names: Sequence[str], groups: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The side that each of these pictures keeps: (N,) of ``SPLITS``' numbers, UNKNOWN for a new one.

        Args:
            digests: (N, 2). groups: (N,) pictures with the same number are copies of each other.

        A copy of a picture that keeps its side goes with it; one whose copies stand on several sides is
        LEFT_OUT, for wherever it stood it would tell of pictures on the other.
        """
        nearest = self._nearest_sides()
        found = np.array([nearest.get(key, UNKNOWN) for key in _keys(digests)], dtype=np.int64)
        replaced = self._replaced(digests)
        for i in np.flatnonzero(found == UNKNOWN).tolist():
            found[i] = replaced.get(_hashed(names[i]), UNKNOWN)
        return _with_copies(found, groups)

    def exposed(self, digests: NDArray[np.uint64], side: str) -> NDArray[np.bool_]:
        """(N,) pictures that cannot stand on this side: they stood nearer to training, and never here."""
        number, nearest = SPLITS.index(side), self._nearest_sides()
        stood = set(_keys(self.rows["digest"][self.rows["side"] == number]))
        return np.array(
            [nearest.get(key, number) < number and key not in stood for key in _keys(digests)], dtype=bool
        )

    def _nearest_sides(self) -> dict[bytes, int]:
        """By content, the nearest to training of the sides that a picture stood on."""
        nearest: dict[bytes, int] = {}
        for key, side in zip(_keys(self.rows["digest"]), self.rows["side"].tolist(), strict=True):
            nearest[key] = min(side, nearest.get(key, side))
        return nearest

    def _replaced(self, digests: NDArray[np.uint64]) -> dict[int, int]:
        """By name, the nearest side of what stood under it and is not among these contents any more."""
        now = set(_keys(digests))
        replaced: dict[int, int] = {}
        rows = zip(
            _keys(self.rows["digest"]), self.rows["name"].tolist(), self.rows["side"].tolist(), strict=True
        )
        for key, name, side in rows:
            if key not in now:
                replaced[name] = min(side, replaced.get(name, side))
        return replaced


@dataclass(frozen=True)
class Changes:
    """How many pictures differ from those that a run had; ``new`` by side."""

    new: Mapping[str, int]
    gone: int
    edited: int
    relabelled: int
    moved: int
    left_out: int

    @classmethod
    def between(cls, before: Sides, after: Sides, left_out: int) -> Changes:
        old, now = before.rows[before.rows["here"]], after.rows[after.rows["here"]]
        old_keys, now_keys = _keys(old["digest"]), _keys(now["digest"])
        here, ever = set(now_keys), _keys(before.rows["digest"])
        stood = set(zip(ever, before.rows["side"].tolist(), strict=True))
        known, had = set(ever), set(old_keys)
        labelled = set(zip(old_keys, old["label"].tolist(), strict=True))
        lost = {name for key, name in zip(old_keys, old["name"].tolist(), strict=True) if key not in here}
        new = dict.fromkeys(SPLITS, 0)
        edited = relabelled = moved = 0
        columns = (now[name].tolist() for name in ("name", "label", "side"))
        for key, name, label, side in zip(now_keys, *columns, strict=True):
            if key in known:
                relabelled += key in had and (key, label) not in labelled
                moved += (key, side) not in stood
            elif name in lost:
                edited += 1
            else:
                new[SPLITS[side]] += 1
        gone = sum(key not in here for key in old_keys) - edited
        counts = {side: count for side, count in new.items() if count}
        return cls(counts, gone, edited, relabelled, moved, left_out)

    def in_words(self) -> str:
        """One sentence for the user."""
        dealt = " and ".join(f"{count:,} to {side}" for side, count in self.new.items())
        parts = [f"{sum(self.new.values()):,} new" + (f" ({dealt})" if dealt else ""), f"{self.gone:,} gone"]
        for count, words in (
            (self.edited, "changed in place"),
            (self.relabelled, "with another label"),
            (self.moved, "now nearer to training"),
        ):
            parts += [f"{count:,} {words}"] * (count > 0)
        text = f"Pictures: {', '.join(parts)}; all others keep their side."
        if self.left_out:
            text += (
                f" Left out: {self.left_out:,}, which would be measured on, and were trained or chosen on "
                "before, or are copies of pictures on several sides."
            )
        return text


def _rows(digests: NDArray[np.uint64], names: Sequence[str], keys: NDArray[np.int64], side: int) -> Rows:
    rows = np.zeros(len(keys), _ROW)
    rows["digest"], rows["label"], rows["side"], rows["here"] = digests, keys, side, True
    rows["name"] = [_hashed(name) for name in names]
    return rows


def _hashed(name: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little"
    )


def _keys(digests: NDArray[np.uint64]) -> list[bytes]:
    """(N, 2) -> each picture's 16 bytes."""
    data = np.ascontiguousarray(digests, "<u8").tobytes()
    return [data[i : i + 16] for i in range(0, len(data), 16)]


def _with_copies(found: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Unknown pictures on the side of their copies; LEFT_OUT where these stand on several."""
    sides_of: dict[int, set[int]] = {}
    for group, side in zip(groups.tolist(), found.tolist(), strict=True):
        if side != UNKNOWN:
            sides_of.setdefault(group, set()).add(side)
    placed = found.copy()
    for i in np.flatnonzero(found == UNKNOWN):
        sides = sides_of.get(int(groups[i]), {UNKNOWN})
        placed[i] = next(iter(sides)) if len(sides) == 1 else LEFT_OUT
    return placed


def splits_csv(task: Task, splits: Mapping[str, Placed]) -> str:
    """Which picture stood on which side: the columns of a table that `foveate train` takes as a data set.

    ``content`` is the hash by which `foveate check --json` knows pictures, too.
    """
    tables = {side: task.table(split.targets) for side, split in splits.items()}
    answers = next(iter(tables.values()))
    rows = [("file_name", *answers, "split", "content")]
    for side, split in splits.items():
        contents = (digest.tobytes().hex() for digest in split.digests)
        sides = repeat(side, len(split.names))
        rows += zip(split.names, *tables[side].values(), sides, contents, strict=True)
    # csv leaves a carriage return without quotes, and reads it as the end of a row
    minimal = not any("\r" in cell for row in rows for cell in row)
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_MINIMAL if minimal else csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows(rows)
    return text.getvalue()
