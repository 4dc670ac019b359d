"""The log on standard error: a line for what goes wrong, or everything as JSON, one object a line."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """Each record as one JSON object: time (ISO 8601, UTC), level, message, details, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        document = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "details", {}),
        }
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=True, default=str)


def set_up_log(*, as_json: bool) -> None:
    """Send this server's records to standard error; with JSON each request is one of them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else logging.Formatter("foveate: %(message)s"))
    for name, level in (
        ("foveate.serve", logging.INFO if as_json else logging.WARNING),
        ("asyncio", logging.WARNING),
        ("python_multipart", logging.CRITICAL),  # wrong forms are answered and counted, not worth a line
    ):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False
