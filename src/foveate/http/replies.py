"""Answers: JSON that no label can break, and errors of one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from foveate.errors import RequestError

# Made once: `json.dumps` with these would make one for every answer.
_ENCODER = json.JSONEncoder(allow_nan=False, ensure_ascii=True, separators=(",", ":"))


def to_json(document: Any) -> bytes:
    """Strict JSON, ASCII only: a label may hold what UTF-8 cannot (an undecodable folder name)."""
    return _ENCODER.encode(document).encode("ascii")


def json_reply(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(to_json(document), status, headers, media_type="application/json")


def error_reply(error: RequestError) -> Response:
    """``{"error": sentence}``, which is also what the Open Inference Protocol asks for."""
    return json_reply({"error": str(error)}, error.status, error.headers)
