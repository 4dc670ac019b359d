"""The table itself, and what its entries share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foveate.export.emitter import Graph, NotInTable, Operator

TABLE: dict[str, Operator] = {}


def entry(*names: str) -> Any:
    """Put a function into the table under the names of torch's functions that it writes."""

    def put(function: Operator) -> Operator:
        TABLE.update(dict.fromkeys(names, function))
        return function

    return put


def only(ok: bool, what: str) -> None:
    """Leave the network to torch's exporter unless ``ok``."""
    if not ok:
        raise NotInTable(what)


def pair(value: Any) -> list[int]:
    """A size for both axes, as torch accepts it: 3, (3,) or (3, 5)."""
    values = [int(v) for v in value] if isinstance(value, Sequence) else [int(value)]
    return values * 2 if len(values) == 1 else values


@entry("flatten", "view", "reshape", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as")
def reshape(g: Graph, input: Any, *_: Any, **__: Any) -> str:
    # The recorder refuses a result whose first axis is not the batch; 0 means "as it is".
    return g.op("Reshape", input, g.integers([0, *g.out.shape[1:]]))
