"""JSON from strangers: parsed strictly, each value of the type that is expected, errors of one sentence.

Standard library only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from foveate.errors import InputError

MAX_VALUES = 4_000_000  # commas and brackets: what decides the memory that parsing takes
MAX_DEPTH = 32  # nesting of the free parts of a document (recipe, metrics, blueprint, ...)


def parse(data: bytes) -> Any:
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_VALUES:
        raise InputError(f"holds more than {MAX_VALUES} values; this is no model's configuration.")
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique_keys,
            parse_constant=lambda name: fail("numbers", "finite ones", name),
            parse_float=_finite,
        )
    except RecursionError:
        raise InputError(
            f"is nested deeper than {MAX_DEPTH} levels; this is no model's configuration."
        ) from None
    except InputError:
        raise
    except ValueError as error:
        raise InputError(
            f"is no valid JSON ({error}); copy the model folder again, or train again."
        ) from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise InputError("holds the same key twice; expected each once.")
    return document


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else fail("numbers", "finite ones", text)


def exact_keys(document: Any, keys: set[str], where: str) -> dict[str, Any]:
    need(isinstance(document, dict), where, "an object", document)
    missing, unknown = sorted(keys - document.keys()), sorted(document.keys() - keys)
    if missing:
        fail(where, f"the field {missing[0]!r}", "none")
    if unknown:
        fail(where, f"only the fields {', '.join(sorted(keys))}", unknown[0])
    return dict(document)


def plain(value: Any, where: str, depth: int = 0) -> Any:
    """A copy made of plain JSON values only; refuses anything else, non-finite numbers and deep nesting."""
    if depth > MAX_DEPTH:
        fail(where, f"at most {MAX_DEPTH} levels of nesting", "more")
    if isinstance(value, Mapping):
        need(all(isinstance(key, str) for key in value), where, "text keys", value)
        return {key: plain(item, where, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, where, depth + 1) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else fail(where, "finite numbers", value)
    need(value is None or isinstance(value, str | int), where, "plain JSON values", value)
    return value


def is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    return is_int(value) or isinstance(value, float)


def need(ok: bool, field: str, expected: str, found: Any) -> None:
    if not ok:
        fail(field, expected, found)


def fail(field: str, expected: str, found: Any) -> NoReturn:
    raise InputError(f"{field}: expected {expected}, found {short(found)}.")


def short(value: Any) -> str:
    """A value for an error sentence: escaped, and never longer than a line."""
    if isinstance(value, int) and value.bit_length() > 256:
        return "a huge number"
    if isinstance(value, list | tuple | dict):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."
