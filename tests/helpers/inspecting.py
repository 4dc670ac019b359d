"""`foveate inspect` as a user starts it: a process of its own, which ends well."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def inspecting(*words: object, **environment: str) -> Iterator[str]:
    """The address of the inspector while it runs, started with these words."""
    command = [sys.executable, "-m", "foveate.cli.main", "inspect", *map(str, words)]
    command += ["--port", "0", "--no-open", "--json"]
    with subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            said = "".join(iter(process.stdout.readline, "}\n")) + "}"
            yield json.loads(said)["url"].rstrip("/")
        finally:
            process.terminate()
        assert process.wait(timeout=20) == 0
