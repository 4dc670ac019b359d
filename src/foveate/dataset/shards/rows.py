"""A shard's own index: a line of JSON a picture."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from foveate.errors import DatasetError
from foveate.words import printable

Part = tuple[int, int, int]  # where in the tar it begins, its length, its CRC-32


class Row(NamedTuple):
    """One picture of a shard.

    number: of the picture in its split. name: what people call it. parts: the picture ("") and what else its
    answer needs, by ending. answer: the rest of it, as plain JSON values.
    """

    number: int
    name: str
    parts: Mapping[str, Part]
    answer: Mapping[str, Any]


def written(rows: Iterable[Row]) -> bytes:
    """One line a picture; names that are no text keep their bytes as surrogates, escaped."""
    lines = (
        json.dumps(
            {"row": row.number, "name": row.name, "parts": row.parts, "answer": row.answer},
            separators=(",", ":"),
        )
        for row in rows
    )
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def parsed(data: bytes, where: str, count: int) -> list[Row]:
    """The same again. Raises DatasetError for what is damaged; count: how many there must be."""
    try:
        found = [_row(json.loads(line)) for line in data.splitlines()]
    except (ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DatasetError(f"{printable(where)} is damaged ({error}); write the shards again.") from error
    if len(found) != count:
        raise DatasetError(
            f"{printable(where)}: expected {count:,} pictures, found {len(found):,}; write the shards again."
        )
    return found


class RowFile:
    """The same, of which a row is parsed when it is asked for: a shard's rows take the bytes of the file.

    Raises as `parsed`; a damaged row when it is asked for.
    """

    def __init__(self, data: bytes, where: str, count: int) -> None:
        self.data, self.where = data, where
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
        if len(ends) != count or (len(data) and not data.endswith(b"\n")):
            raise DatasetError(
                f"{printable(where)}: expected {count:,} pictures, found {len(ends):,}; write the shards "
                "again."
            )
        self._starts = np.concatenate([[0], ends + 1]).astype(np.uint32 if len(data) < 1 << 32 else np.uint64)

    @property
    def size(self) -> int:
        """Bytes of memory."""
        return len(self.data) + self._starts.nbytes

    def __getitem__(self, number: int) -> Row:
        start, end = self._starts[number : number + 2].tolist()
        return parsed(self.data[start:end], self.where, 1)[0]


def _row(document: Mapping[str, Any]) -> Row:
    parts = {str(key): (int(a), int(b), int(c)) for key, (a, b, c) in document["parts"].items()}
    if "" not in parts or not isinstance(document["name"], str) or not isinstance(document["answer"], dict):
        raise ValueError("a row lacks its picture")
    return Row(int(document["row"]), document["name"], parts, document["answer"])
