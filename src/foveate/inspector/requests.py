"""What a request asks for, read and checked: numbers of the query, JSON documents, node names."""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.requests import Request

from foveate.errors import RequestError
from foveate.inspector.runs import BiasEdit, Cover, Edit, KernelEdit

NODE = re.compile(r"n(\d{1,6})")
MAX_COVERS = 256
MAX_EDITS = 4096
MAX_NUMBER = 1e9
MISSING = object()


def query_number(request: Request, name: str, default: int, low: int, high: int) -> int:
    """A whole number of the query. Raises RequestError 400."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"\d{1,9}", text) or not low <= int(text) <= high:
        raise RequestError(400, f"{name}: expected a whole number from {low} to {high}.")
    return int(text)


def node_number(text: Any) -> int:
    """12 of "n12". Raises RequestError 404."""
    match = NODE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise RequestError(404, "Nodes are named n0, n1, ..., as in /api/network.")
    return int(match[1])


def query_nodes(request: Request, name: str, count: int) -> list[int]:
    """Numbers of nodes of the query, as in "n0,n3"; without, all ``count``. Raises RequestError 404."""
    text = request.query_params.get(name)
    if text is None:
        return list(range(count))
    numbers = [node_number(node) for node in text.split(",")]
    if max(numbers) >= count or len(numbers) > count:
        raise RequestError(404, f"{name}: this network has the nodes n0 to n{count - 1}.")
    return numbers


def json_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises RequestError 400."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise RequestError(400, "Expected a JSON object as the request's body.") from None
    if not isinstance(document, dict):
        raise RequestError(400, "Expected a JSON object as the request's body.")
    return document


def text(document: dict[str, Any], name: str, default: Any = MISSING) -> Any:
    """A text of a document; the default may be None. Raises RequestError 422."""
    value = document.get(name, default)
    if value is MISSING:
        raise RequestError(422, f"{name}: is missing.")
    if value is not default and not isinstance(value, str):
        raise RequestError(422, f"{name}: expected a text.")
    return value


def whole(document: Any, name: str, low: int, high: int, default: Any = MISSING) -> Any:
    """A whole number of a document. Raises RequestError 422."""
    value = document.get(name, default) if isinstance(document, dict) else MISSING
    if value is default and value is not MISSING:
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RequestError(422, f"{name}: expected a whole number from {low:,} to {high:,}.")
    return value


def flag(document: dict[str, Any], name: str, default: bool) -> bool:
    """True or false of a document. Raises RequestError 422."""
    value = document.get(name, default)
    if not isinstance(value, bool):
        raise RequestError(422, f"{name}: expected true or false.")
    return value


def number(value: Any, name: str) -> float:
    """A number of at most a billion. Raises RequestError 422."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RequestError(422, f"{name}: expected a number.")
    if not abs(value) <= MAX_NUMBER:  # nor is NaN, which compares false
        raise RequestError(422, f"{name}: expected a number of at most a billion.")
    return float(value)


def matrix(value: Any, name: str, most: int) -> list[list[float]]:
    """Rows of equal length of numbers, 1 to ``most`` on each side. Raises RequestError 422."""
    rows = value if isinstance(value, list) else []
    widths = {len(row) if isinstance(row, list) else 0 for row in rows}
    if not 1 <= len(rows) <= most or len(widths) != 1 or not 1 <= max(widths) <= most:
        raise RequestError(422, f"{name}: expected 1 to {most} rows of equal length, such as [[1, 0, -1]].")
    return [[number(cell, name) for cell in row] for row in rows]


def covers(document: dict[str, Any]) -> list[Cover]:
    """The rectangles to cover. Raises RequestError 422."""
    given = _list(document, "cover", MAX_COVERS)
    most = 1 << 20
    return [
        Cover(
            top=whole(one, "top", -most, most),
            left=whole(one, "left", -most, most),
            height=whole(one, "height", 0, most),
            width=whole(one, "width", 0, most),
        )
        for one in given
    ]


def edits(document: dict[str, Any]) -> list[Edit]:
    """What to change of the network for a run. Raises RequestError 422."""
    return [_edit(one) for one in _list(document, "edits", MAX_EDITS)]


def _edit(one: Any) -> Edit:
    if not isinstance(one, dict):
        raise RequestError(422, "edits: expected a list of objects.")
    node, most = node_number(one.get("node")), 1_000_000
    if isinstance(bias := one.get("bias"), dict):
        return BiasEdit(node, whole(bias, "channel", 0, most), number(bias.get("value"), "value"))
    return KernelEdit(
        node,
        whole(one, "output_channel", 0, most),
        whole(one, "input_channel", 0, most),
        matrix(one.get("kernel"), "kernel", 63),
    )


def _list(document: dict[str, Any], name: str, most: int) -> list[Any]:
    given = document.get(name) or []
    if not isinstance(given, list) or len(given) > most:
        raise RequestError(422, f"{name}: expected a list of at most {most:,}.")
    return given
