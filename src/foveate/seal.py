"""A JSON document that carries its own SHA-256, so that a flipped bit or a changed value is noticed.

The hash is of what the document says, not of how it is spelt: white space and the order of keys are free.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

FIELD = "sha256"


def digest(document: Mapping[str, Any]) -> str:
    """The SHA-256, in hexadecimal, of a document of plain JSON values without its own field ``sha256``."""
    content = {key: value for key, value in document.items() if key != FIELD}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as JSON reads it back (tuples are lists), with its hash as the last field."""
    plain: dict[str, Any] = json.loads(json.dumps(document))
    plain.pop(FIELD, None)
    return {**plain, FIELD: digest(plain)}
