"""Processes that train together, started with the variables that launchers set."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

SECONDS = 240  # for a busy machine


class Ended(NamedTuple):
    printed: str
    said: str
    code: int


def launch(words: Sequence[str], folders: Sequence[Path]) -> list[Ended]:
    """Run ``python WORDS`` in as many processes as there are folders, each in its own; wait for all."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    shared = {"WORLD_SIZE": str(len(folders)), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    shared |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
    processes = [
        subprocess.Popen(
            [sys.executable, *words],
            env={**os.environ, **shared, "RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
        )
        for rank, folder in enumerate(folders)
    ]
    try:
        return [Ended(*one.communicate(timeout=SECONDS), one.returncode) for one in processes]
    finally:
        for one in processes:
            one.kill()
